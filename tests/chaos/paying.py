"""The house of the run of money: with a card network, its weather, and people who pay."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from sqlalchemy import text

from tests.chaos.board import Phase
from tests.chaos.card_weather import CardWeather
from tests.chaos.far_side import Network
from tests.chaos.house import House
from tests.chaos.plan import Plan

SAY_EVERY_S: Final = 20
"""How often the parent says how far everything is (seconds)."""
LOOK_EVERY_S: Final = 0.5
"""How often the parent asks the database how far everything is (seconds)."""


class PayingHouse(House):
    """People order and pay while processes die and cards fail."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        super().__init__(
            plan, folder, {"worker": plan.workers, "web": plan.webs, "people": plan.hands}
        )
        self.plan = plan

    def __enter__(self) -> Self:
        """Start the card network as well."""
        super().__enter__()
        port = urlsplit(self.place.cards_url).port
        assert port is not None
        self.start_far("cards", port, f"http://127.0.0.1:{self.settings.port}/webhooks/stripe")
        self.network = Network(self.place.cards_url)
        self._stack.callback(self.network.close)
        self.weather = CardWeather(self.plan, self.network)
        return self

    def live(self, say: Callable[[str], None]) -> None:
        """Let people pay while processes die, until there are enough orders and no more to do."""
        self.start_bot()
        began = time.monotonic()
        give_up_at = began + self.plan.minutes * 60
        restarts = self._restarts()
        kill_at, look_at, say_at, quiet_since = began + 1, began, began + SAY_EVERY_S, began
        while (now := time.monotonic()) < give_up_at:
            self.raise_the_dead()
            if now >= kill_at:
                self.kill()
                kill_at = now + self.random.expovariate(1 / self.plan.kill_every_s)
            if now < look_at:
                self.rest()
                continue
            look_at = now + LOOK_EVERY_S
            self.weather.blow(LOOK_EVERY_S)
            made, waiting, open_ones = self._look()
            done = max(made / self.plan.orders, (now - began) / (self.plan.minutes * 60))
            if restarts and done >= restarts[0]:
                del restarts[0]
                self.restart_database()
            if made >= self.plan.orders and self.board.phase is not Phase.PAY:
                self.board.phase = Phase.PAY
            if now >= say_at:
                say_at = now + SAY_EVERY_S
                said = f"{made} orders, {waiting} events to be read, {open_ones} to be ended"
                say(f"{now - began:5.0f} s: {said}, {self.seen.killed.total()} kills")
            if open_ones or self.board.phase is not Phase.PAY:
                quiet_since = now
            elif now - quiet_since > self.plan.quiet_for_s:
                return

    def _restarts(self) -> list[float]:
        """Return after which parts of the orders, or of the time, the database is restarted."""
        parts = self.plan.database_restarts + 1
        return [one / parts for one in range(1, parts)]

    def _look(self) -> tuple[int, int, int]:
        """Return how many orders there are, events to be read, and things for people to do.

        People wait with new orders where the bot reads more slowly than they write.
        """
        with self.deps.store.read() as session:
            made, read, waiting, open_ones = session.execute(
                text(
                    "SELECT (SELECT count(*) FROM orders),"
                    " (SELECT count(*) FROM inbox WHERE source = 'post' AND status <> 'ignored'),"
                    " (SELECT count(*) FROM inbox WHERE status = 'waiting'),"
                    " (SELECT count(*) FROM transfer t WHERE t.status = 'funding' OR"
                    "  (t.status = 'pending' AND t.order_id % 25 <> 0)"
                    "  OR (t.status = 'held' AND t.id % 5 <> 0))"
                )
            ).one()
        unheard = self.board.posts() - read
        if self.board.phase in (Phase.POST, Phase.WAIT):
            too_many = max(unheard, waiting, open_ones) > self.plan.ahead
            self.board.phase = Phase.WAIT if too_many else Phase.POST
        return made, waiting, open_ones

    def calm_down(self) -> None:
        """End the faults as well."""
        self.weather.calm()
        super().calm_down()
