"""X's windows of calls, read from the headers of its answers."""

from datetime import UTC, datetime

import pytest

from bot.adapters.x.limits import granted, reset_at
from bot.domain.pace import Budget, Window


@pytest.mark.parametrize(
    ("headers", "reset"),
    [
        ({}, None),
        ({"x-rate-limit-reset": "soon"}, None),
        ({"x-rate-limit-reset": "100"}, 100),
        ({"x-rate-limit-reset": "100", "x-rate-limit-remaining": "0"}, 100),
        (
            {
                "x-rate-limit-remaining": "3",
                "x-rate-limit-reset": "100",
                "x-app-limit-24hour-remaining": "0",
                "x-app-limit-24hour-reset": "900",
                "x-user-limit-24hour-remaining": "8",
                "x-user-limit-24hour-reset": "950",
            },
            900,
        ),
    ],
)
def test_the_reset_is_that_of_the_window_that_is_spent(
    headers: dict[str, str], reset: int | None
) -> None:
    """The day's, where the day is spent and the quarter of an hour is not; a second later.

    X names it in whole seconds: `100` may be anything before 101.
    """
    expected = None if reset is None else datetime.fromtimestamp(reset + 1, UTC)
    assert reset_at(headers) == expected


def test_what_x_grants_is_read_from_its_headers() -> None:
    """Each window where all of it is told; of two windows of a day, the one that ends us first."""

    def told(name: str, most: str, left: str) -> dict[str, str]:
        named = {"limit": most, "remaining": left, "reset": "900"}
        return {f"{name}-{what}": text for what, text in named.items()}

    def window(most: int, left: int) -> Window:
        return Window(most, left, datetime.fromtimestamp(901, UTC))

    quarter = told("x-rate-limit", "100", "97")
    user, app = told("x-user-limit-24hour", "1440", "800"), told("x-app-limit-24hour", "1440", "7")
    for headers, budget in (
        ({}, Budget()),
        (quarter, Budget(window(100, 97))),
        (quarter | user, Budget(window(100, 97), window(1440, 800))),
        (quarter | user | app, Budget(window(100, 97), window(1440, 7))),
        (quarter | {"x-rate-limit-limit": "many"}, Budget()),
        (quarter | {"x-rate-limit-remaining": "9" * 10}, Budget()),
        ({"x-rate-limit-limit": "100", "x-rate-limit-remaining": "97"}, Budget()),
    ):
        assert granted(headers) == budget, headers
