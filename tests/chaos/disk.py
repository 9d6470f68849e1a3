"""A disk that fills: SQLite's file may not grow for a while. The bot says so, waits, and recovers.

What people say meanwhile is answered once there is room: nothing is lost, nothing said twice.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.store.down import DISK_FULL
from tests.chaos import report, x_proof
from tests.chaos.ending import work_ahead
from tests.chaos.house import House
from tests.chaos.mentions import MOSTLY_ORDERS, Crowd
from tests.chaos.plan import Basis
from tests.chaos.run import Verdict, told

PART_AT_ONCE: Final = 10
LOOK_EVERY_S: Final = 0.2
NO_PAGE_MORE: Final = 1
"""SQLite takes a limit below the file's size for that size (pages)."""
LEASES_ARE_OVER: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan(Basis):
    """The figures of a run: a third of the mentions before, while, and after the disk is full."""

    mentions: int
    fills: int = 1
    """How often the disk fills."""


def whole(seed: int) -> DiskPlan:
    """Return the run of `make chaos ONLY=disk`."""
    return DiskPlan(
        seed=seed,
        workers=1,
        database="sqlite",
        catch_up_s=90,
        mentions=700,
        fills=3,
    )


def small(seed: int) -> DiskPlan:
    """Return the run of `make test`."""
    return replace(whole(seed), mentions=60, fills=1)


def disk(plan: DiskPlan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Do the run."""
    with told(folder), House(plan, folder, {"worker": 1}) as house:
        say(
            f"{plan.mentions} mentions, {plan.fills} full disks, seed {plan.seed}: logs in {folder}"
        )
        crowd = Crowd(house, plan.seed, payers=20, newcomers=40)
        crowd.move_in()
        house.start_bot()
        part, story = plan.mentions // (2 * plan.fills + 1), []
        _say_some(crowd, part)
        for _ in range(plan.fills):
            story.append(_fill(house, crowd, part))
        _wait(house, lambda: not _behind(house, crowd))
        house.calm_down()
        house.stop_bot()
        work_ahead(house, LEASES_ARE_OVER)
        story.append(f"{_complaints(folder)} lines of the log say that the disk is full")
        wrong = [*house.seen.wrong, *report.wrong_in_logs(house), *x_proof.problems(house, crowd)]
        return Verdict(story=[*report.columns(crowd.sorts()), *story], wrong=wrong)


def _fill(house: House, crowd: Crowd, part: int) -> str:
    """Let the disk be full while people go on, until the bot says so; then there is room again."""
    _wait(house, lambda: not _behind(house, crowd))
    complaints = _complaints(house.place.folder)
    house.board.pages = NO_PAGE_MORE
    _say_some(crowd, part)
    if not _wait(house, lambda: _complaints(house.place.folder) > complaints):
        house.seen.wrong.append("the disk is full, and the log does not say so")
    unanswered = _behind(house, crowd)
    house.board.pages = 0
    _say_some(crowd, part)
    return f"full at {len(crowd.said)} mentions, {unanswered} unanswered"


def _say_some(crowd: Crowd, count: int) -> None:
    while count > 0:
        crowd.post(min(PART_AT_ONCE, count), MOSTLY_ORDERS)
        count -= PART_AT_ONCE


def _behind(house: House, crowd: Crowd) -> int:
    (row,) = house.figures(
        "SELECT (SELECT count(*) FROM inbox WHERE source = 'post' AND status <> 'waiting') AS read,"
        " (SELECT count(*) FROM outbox WHERE status = 'waiting') AS unsaid"
    )
    return int(len(crowd.said) - row.read + row.unsaid)


def _complaints(folder: Path) -> int:
    """Count the lines of the worker's log that say what to do about a full disk."""
    return sum(1 for line in _lines(folder) if line.get("mend") == DISK_FULL)


def _lines(folder: Path) -> Iterator[dict[str, object]]:
    for line in (folder / "worker0.log").read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _wait(house: House, is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; False where it never is."""
    give_up_at = time.monotonic() + house.basis.catch_up_s
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        house.rest(LOOK_EVERY_S)
        house.raise_the_dead()
    return True
