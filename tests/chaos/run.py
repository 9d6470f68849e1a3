"""A run from its start to its verdict."""

import time
from collections.abc import Callable
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
    orders: int
    kills: int
    restarts: int


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Do a run; its logs stay in `folder`."""
    began = time.monotonic()
    log = (folder / "parent.log").open("w")
    telemetry.configure(log_format="json", level="INFO", stream=log)
    with log, PayingHouse(plan, folder) as house:
        say(f"{plan.processes} processes, {plan.orders} orders, seed {plan.seed}: logs in {folder}")
        house.live(say)
        say(f"the faults are over after {time.monotonic() - began:.0f} s: recovery runs")
        ending.end(house)
        say(f"everything came to rest after {time.monotonic() - began:.0f} s: the proof")
        wrong = [*house.seen.wrong, *report.wrong_in_logs(house), *proof.problems(house)]
        both = proof.totals(house)
        return Verdict(
            story=list(report.story(house, both, time.monotonic() - began)),
            wrong=wrong,
            orders=report.count(house, "orders"),
            kills=house.seen.killed.total() + house.seen.died.total(),
            restarts=len(house.seen.restarts),
        )
