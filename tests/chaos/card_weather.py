"""The card network's weather: what goes wrong there, how often, and where."""

import random
from collections import Counter
from typing import Any, Final

from tests.chaos.far_side import Network
from tests.chaos.plan import Plan

REQUESTS: Final = ("409", "429", "500", "500_after_success", "timeout_after_success", "slow")
WEBHOOKS: Final = ("webhook_twice", "webhook_late", "webhook_out_of_order", "webhook_never")
PATHS: Final = ("/v1/checkout/sessions", "/v1/payment_intents", "/v1/refunds", "/v1/")
"""Where a request meets a fault."""
TIMES_AT_MOST: Final = 3
"""How often one fault strikes: three times in a row is more than the adapter's patience."""
SLOW_S: Final = 0.5
LATE_S: Final = 2.0


class CardWeather:
    """Asks the network for faults, and counts them by kind."""

    def __init__(self, plan: Plan, network: Network) -> None:
        self._plan = plan
        self._network = network
        self._random = random.Random(f"{plan.seed} weather")
        self.asked: Counter[str] = Counter()
        self.left = 0
        """Faults that were asked for and never struck."""

    def blow(self, seconds: float) -> None:
        """Ask for what goes wrong in the next seconds."""
        count = self._plan.faults_a_second * seconds
        faults = [self._fault() for _ in range(int(count + self._random.random()))]
        if faults:
            self._network.control("faults", faults)
        for fault in faults:
            self.asked[str(fault["fault"])] += int(fault["times"])

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.left = self._network.forget_faults()

    def _fault(self) -> dict[str, Any]:
        times = self._random.randint(1, TIMES_AT_MOST)
        if self._random.random() < 0.5:
            seconds = {"seconds": LATE_S}
            return {"fault": self._random.choice(WEBHOOKS), "times": times, **seconds}
        kind = self._random.choice(REQUESTS)
        fault = {"fault": kind, "times": times, "path": self._random.choice(PATHS)}
        if kind == "slow":
            fault["seconds"] = SLOW_S
        if kind == "timeout_after_success":
            # The adapter tries again: each strike costs it its whole patience.
            fault |= {"seconds": 4 * self._plan.card_timeout_s, "times": 1}
        return fault
