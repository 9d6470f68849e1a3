"""Five business days, counted back: week-ends are none of them."""

from datetime import UTC, datetime

import pytest

from bot.domain.safeguarding import captured_before


@pytest.mark.parametrize(
    ("today", "before"),
    [
        ((2026, 11, 27), (2026, 11, 20)),  # a Friday
        ((2026, 11, 28), (2026, 11, 23)),  # a Saturday: from Monday on, five days were business
        ((2026, 11, 29), (2026, 11, 23)),
        ((2026, 11, 30), (2026, 11, 23)),
        ((2026, 12, 1), (2026, 11, 24)),
    ],
)
def test_five_business_days_are_counted_back(
    today: tuple[int, int, int], before: tuple[int, int, int]
) -> None:
    """At the same time of day."""
    assert captured_before(datetime(*today, 9, tzinfo=UTC)) == datetime(*before, 9, tzinfo=UTC)
