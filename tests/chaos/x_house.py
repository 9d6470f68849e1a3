"""The house of X's weather: workers, a crowd that mentions the bot, an X that errs, and kills."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.chaos.far_side import Obj
from tests.chaos.house import House
from tests.chaos.mentions import MOSTLY_ORDERS, Crowd, Sort
from tests.chaos.messages import Writers
from tests.chaos.plan import Basis

SAY_EVERY_S: Final = 20.0
LOOK_EVERY_S: Final = 0.5
POST_EVERY_S: Final = 0.1
WRITE_EVERY_S: Final = 1.0

LOST: Final[Obj] = {"fault": "time-out after success", "path": "/2/tweets", "method": "POST"}
FAULTS: Final[tuple[Obj, ...]] = (
    {"fault": "duplicate", "share": 0.01},
    {"fault": "reorder", "share": 0.01, "times": 2, "seconds": 2},
    {"fault": "5xx", "share": 0.02},
    {"fault": "429", "share": 0.002, "seconds": 2},
    # Most end as a 504 soon, some say nothing for longer than the bot waits.
    {**LOST, "share": 0.008, "seconds": 0.5},
    {**LOST, "share": 0.002, "seconds": 8},
    {**LOST, "path": "/2/dm_conversations/with/*/messages", "share": 0.01, "seconds": 0.5},
)
"""What goes wrong, as shares of X's posts and calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherPlan(Basis):
    """The figures of a run of X's weather."""

    mentions: int
    writers: int = 0
    """People who order by direct message, and mostly confirm by one."""
    a_second: float
    weights: Mapping[Sort, int] = field(default_factory=lambda: MOSTLY_ORDERS)
    limits: Obj
    """X's, as `/_sandbox/limits` takes them."""
    kill_every_s: float
    disconnect_every_s: float
    jumps_h: tuple[float, ...] = ()
    """How far the bot's clock is ahead of the true one in each further part of the run (hours)."""
    louder: float = 1.0
    """How many times as often X errs: a short run would see little of it."""


class Every:
    """Says when a span has passed again, for the first time after half of it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds / 2

    def is_due(self) -> bool:
        """Whether it has passed; the next one begins then."""
        now = time.monotonic()
        if now < self._at:
            return False
        self._at = now + self._seconds
        return True


class WeatherHouse(House):
    """Workers and a crowd in bad weather."""

    def __init__(self, plan: WeatherPlan, folder: Path) -> None:
        super().__init__(plan, folder, {"worker": plan.workers})
        self.plan = plan
        self.struck: Counter[str] = Counter()
        """How often each fault struck."""
        self.disconnects = 0

    def __enter__(self) -> Self:
        """Let people move in, and the weather begin."""
        super().__enter__()
        people = max(8, self.plan.mentions // 100)
        self.crowd = Crowd(self, self.plan.seed, payers=people, newcomers=5 * people)
        self.crowd.move_in()
        self.writers = Writers(self, self.plan.seed, self.plan.writers)
        self.writers.move_in()
        self.x.limit(**self.plan.limits)
        for number, fault in enumerate(FAULTS):
            share = min(0.5, fault["share"] * self.plan.louder)
            self.x.fault(**fault | {"share": share, "seed": self.plan.seed + number})
        return self

    def live(self, say: Callable[[str], None]) -> None:
        """Let people post at their pace while everything goes wrong, until all is said."""
        self.start_bot()
        plan, began = self.plan, time.monotonic()
        kill, cut = Every(plan.kill_every_s), Every(plan.disconnect_every_s)
        look, tell, write = Every(LOOK_EVERY_S), Every(SAY_EVERY_S), Every(WRITE_EVERY_S)
        restarts = self._restarts()
        behind, owed, last = 0, 0.0, began
        while (said := len(self.crowd.said)) < plan.mentions:
            if time.monotonic() - began > plan.minutes * 60:
                self.seen.wrong.append(f"only {said} mentions in {plan.minutes} minutes")
                return
            self.raise_the_dead()
            if kill.is_due():
                self._kill_any()
            if cut.is_due():
                self.x.fault(fault="disconnect")
                self.disconnects += 1
            if restarts and said >= restarts[0]:
                del restarts[0]
                self.restart_database()
            hours = (0.0, *plan.jumps_h)
            self.board.clock_ahead_s = 3600 * hours[said * len(hours) // plan.mentions]
            if write.is_due():
                self.writers.order(plan.writers * said // plan.mentions)
                self.writers.confirm()
            if look.is_due():
                behind = self.behind()
            if tell.is_due():
                how = f"{said} mentions, {behind} behind, {self.seen.killed.total()} kills"
                say(f"{time.monotonic() - began:5.0f} s: {how}")
            # At most a second's worth at once, however long something took.
            owed = min(plan.a_second, owed + (time.monotonic() - last) * plan.a_second)
            last = time.monotonic()
            count = max(0, min(int(owed), plan.mentions - said, plan.ahead - behind))
            self.crowd.post(count, plan.weights)
            owed, behind = owed - count, behind + count
            self.rest(POST_EVERY_S)

    def _restarts(self) -> list[int]:
        """Return after how many mentions the database is restarted."""
        parts = self.plan.database_restarts + 1
        return [self.plan.mentions * one // parts for one in range(1, parts)]

    def _kill_any(self) -> None:
        """Kill a worker or the pooler, each as likely as another."""
        if self.pooler is not None and self.random.randrange(len(self.seats) + 1) == 0:
            self.kill_pooler()
        else:
            self.kill()

    def behind(self) -> int:
        """Return how much the bot is behind: not heard, not read, or not answered."""
        (row,) = self.figures(
            "SELECT (SELECT count(*) FROM inbox WHERE source = 'post') AS heard,"
            " (SELECT count(*) FROM inbox WHERE status = 'waiting') AS unread,"
            " (SELECT count(*) FROM outbox WHERE status = 'waiting') AS unsaid"
        )
        unheard = len(self.crowd.said) - row.heard + self.writers.unheard()
        return int(unheard + row.unread + row.unsaid)

    def end(self) -> None:
        """End the weather and the killing; let the workers finish what they can, and end.

        Who writes direct messages goes on until all is said.
        """
        for one in self.x.forget_faults():
            self.struck[one["kind"]] += one["struck"]
        self.calm_down()
        give_up_at = time.monotonic() + self.plan.catch_up_s
        while (self.behind() or self.writers.unsaid()) and time.monotonic() < give_up_at:
            self.writers.order(self.plan.writers)
            self.writers.confirm()
            self.rest(LOOK_EVERY_S)
        self.stop_bot()
