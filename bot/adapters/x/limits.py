"""X's windows of calls, as its headers tell of them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.pace import Budget, Window

RESET_MARGIN: Final = timedelta(seconds=1)
"""X names resets in whole seconds, so that a window may end as much later: each reset that is read
here has it, and nobody adds another."""

_QUARTER: Final = "x-rate-limit"
_DAYS: Final = ("x-user-limit-24hour", "x-app-limit-24hour")
_WINDOWS: Final = (_QUARTER, *_DAYS)
"""Headers' beginnings: each of X's windows has `-limit`, `-remaining` and `-reset`."""


def reset_at(headers: Mapping[str, str]) -> datetime | None:
    """Return when X takes calls again: when the last of its spent windows ends."""
    return spent_until(headers) or _over_at(headers.get(f"{_QUARTER}-reset"))


def spent_until(headers: Mapping[str, str]) -> datetime | None:
    """Return when the last of the windows ends that an answer says are spent; None: none is."""
    resets = [
        _over_at(headers.get(f"{window}-reset"))
        for window in _WINDOWS
        if headers.get(f"{window}-remaining") == "0"
    ]
    return max((one for one in resets if one is not None), default=None)


def has_calls_left(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that calls are left in the window of 15 minutes."""
    return bool(_count(headers.get(f"{_QUARTER}-remaining")))


def granted(headers: Mapping[str, str]) -> Budget:
    """Return what X grants still after an answer: of its windows of a day the tighter one."""
    days = [window for name in _DAYS if (window := _window(headers, name)) is not None]
    return Budget(
        _window(headers, _QUARTER),
        min(days, key=lambda window: (window.left, -window.most), default=None),
    )


def _window(headers: Mapping[str, str], name: str) -> Window | None:
    most, left = (_count(headers.get(f"{name}-{what}")) for what in ("limit", "remaining"))
    resets_at = _over_at(headers.get(f"{name}-reset"))
    if most is None or left is None or resets_at is None:
        return None
    return Window(most, left, resets_at)


def _count(text: str | None) -> int | None:
    """Read a count; one of more than nine digits is as good as none, and no column holds it."""
    return int(text) if text is not None and re.fullmatch("[0-9]{1,9}", text) else None


def _over_at(text: str | None) -> datetime | None:
    """Read a reset: when the window that it ends is over for sure."""
    if text is None or not re.fullmatch("[0-9]{1,11}", text):
        return None
    return datetime.fromtimestamp(int(text), UTC) + RESET_MARGIN
