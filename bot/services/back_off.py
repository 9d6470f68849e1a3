"""When something that the outside delayed is tried again."""

from datetime import datetime, timedelta
from typing import Final

BACK_OFF_AT_MOST_S: Final = 300
"""The longest wait between two tries that we choose ourselves (seconds)."""


def next_try_at(at: datetime, attempts: int, named: datetime | None) -> datetime:
    """Return when to try again what was tried so many times: each time twice as late.

    Where the outside `named` a later moment, then. One that is over by our clock was named by
    another: to believe it would be to hammer X until its own clock has come so far.
    """
    back_off = timedelta(seconds=min(BACK_OFF_AT_MOST_S, 2 ** min(attempts, 10)))
    return max(named or at, at + back_off)
