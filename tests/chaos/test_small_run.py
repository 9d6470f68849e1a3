"""The small run of `make chaos`: every part of it, in seconds."""

from pathlib import Path

import pytest

from tests.chaos.plan import small
from tests.chaos.run import run
from tests.logs import log_plainly

SEED = 1


@pytest.mark.timeout(170)
def test_books_hold_through_kills_a_crash_of_the_database_and_a_faulty_card_network(
    tmp_path: Path,
) -> None:
    """Nothing is lost or doubled, nothing stays open, and the network's books are equal to ours."""
    try:
        verdict = run(small(SEED), tmp_path)
    finally:
        log_plainly()
    wrong = "\n- ".join(verdict.wrong)
    story = "\n".join(verdict.story)
    assert min(verdict.orders, verdict.kills, verdict.restarts) > 0, story
    assert not verdict.wrong, f"with seed {SEED} something is wrong:\n- {wrong}\n\n{story}"
