"""A run from its start to its verdict, and the run of money."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import telemetry
from tests.chaos import ending, proof, report
from tests.chaos.paying import PayingHouse
from tests.chaos.plan import Plan


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was done, and what is wrong: nothing, where all holds."""

    story: list[str]
    wrong: list[str]
    orders: int = 0
    kills: int = 0
    restarts: int = 0


@contextmanager
def told(folder: Path) -> Iterator[Callable[[], float]]:
    """Write the parent's log to a run's folder; give what says how long it has lasted (seconds)."""
    began = time.monotonic()
    with (folder / "parent.log").open("w") as log:
        telemetry.configure(log_format="json", level="INFO", stream=log)
        yield lambda: time.monotonic() - began


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Do a run of money; its logs stay in `folder`."""
    with told(folder) as clock, PayingHouse(plan, folder) as house:
        say(f"{plan.processes} processes, {plan.orders} orders, seed {plan.seed}: logs in {folder}")
        house.live(say)
        say(f"the faults are over after {clock():.0f} s: recovery runs")
        ending.end(house)
        say(f"everything came to rest after {clock():.0f} s: the proof")
        wrong = [*house.seen.wrong, *report.wrong_in_logs(house), *proof.problems(house)]
        both = proof.totals(house)
        return Verdict(
            story=list(report.story(house, both, clock())),
            wrong=wrong,
            orders=report.count(house, "orders"),
            kills=house.seen.killed.total() + house.seen.died.total(),
            restarts=len(house.seen.restarts),
        )
