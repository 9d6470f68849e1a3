"""X's windows: what a call leaves of them, and how the last quarter of one is spread."""

from datetime import timedelta

from bot.domain.pace import DAY, QUARTER, Budget, Window, first_budget
from tests.builders import NOON

END = NOON + timedelta(minutes=10)


def test_what_is_left_of_a_window_is_spread_to_its_end() -> None:
    """Ten minutes of it are left; the last quarter goes evenly, and a new window begins whole."""
    for most, left, after, wait_s in (
        (100, 100, 99, 0),
        (100, 26, 25, 0),
        (100, 25, 24, 24),  # 25 spans of 24 seconds
        (100, 10, 9, 60),
        (100, 2, 1, 300),
        (100, 1, 0, 600),
        (15, 5, 4, 0),
        (15, 4, 3, 150),
        (1, 1, 0, 600),
    ):
        taken = Budget(Window(most, left, END)).taken(NOON)
        assert taken.quarter == Window(most, after, END), (most, left)
        assert taken.paced_until(NOON) == NOON + timedelta(seconds=wait_s), (most, left)


def test_a_window_that_is_over_gives_way_to_the_next() -> None:
    """X counts from the first call on; the tighter of two windows sets the pace."""
    over = Budget(Window(100, 0, NOON), Window(8, 2, END)).taken(NOON)
    assert over.quarter == Window(100, 99, NOON + QUARTER)
    assert over.paced_until(NOON) == NOON + timedelta(minutes=5)
    assert Budget().taken(NOON).paced_until(NOON) == NOON


def test_what_x_documents_counts_until_it_says_more() -> None:
    """Of posts and direct messages; with a contract of one's own nobody knows before X says it."""
    assert first_budget("reply", NOON, by_contract=False) == Budget(
        Window(100, 100, NOON + QUARTER), Window(10_000, 10_000, NOON + DAY)
    )
    assert first_budget("dm", NOON, by_contract=False) == Budget(
        Window(15, 15, NOON + QUARTER), Window(1_440, 1_440, NOON + DAY)
    )
    assert first_budget("reply", NOON, by_contract=True) == Budget()
