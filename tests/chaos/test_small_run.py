"""The small runs of `make chaos`: every part of them, in seconds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import disk, flood, x_weather
from tests.chaos.plan import small
from tests.chaos.run import Verdict, run
from tests.logs import log_plainly

SEED = 1


def ignore(_line: str) -> None:
    """Take what a run says on its way."""


@pytest.mark.timeout(170)
def test_books_hold_through_kills_a_crash_of_the_database_and_a_faulty_card_network(
    tmp_path: Path,
) -> None:
    """Nothing is lost or doubled, nothing stays open, and the network's books are equal to ours."""
    verdict = _done(partial(run, small(SEED)), tmp_path)
    assert min(verdict.orders, verdict.kills, verdict.restarts) > 0, verdict.story


@pytest.mark.timeout(170)
@pytest.mark.parametrize(
    ("wanted", "struck"),
    [
        (partial(x_weather.limits, x_weather.small(SEED)), 1),
        (partial(flood.flood, flood.small(SEED)), 0),
        (partial(disk.disk, disk.small(SEED)), 0),
    ],
    ids=["limits", "flood", "disk"],
)
def test_each_mention_is_answered_once_whatever_x_and_the_machine_do(
    wanted: Callable[[Path, Callable[[str], None]], Verdict], struck: int, tmp_path: Path
) -> None:
    """In bad weather within X's limits, in a flood, on a full disk; what is dropped is a hint.

    The weather kills and restarts; the disk is full until the bot says so.
    """
    verdict = _done(wanted, tmp_path)
    assert min(verdict.kills, verdict.restarts) >= struck, verdict.story


def _done(wanted: Callable[[Path, Callable[[str], None]], Verdict], folder: Path) -> Verdict:
    """Do a run on which nothing may be wrong."""
    try:
        verdict = wanted(folder, ignore)
    finally:
        log_plainly()
    wrong, story = "\n- ".join(verdict.wrong), "\n".join(verdict.story)
    assert not verdict.wrong, f"with seed {SEED} something is wrong:\n- {wrong}\n\n{story}"
    return verdict
