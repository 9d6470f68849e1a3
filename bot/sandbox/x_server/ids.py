"""Ids as X makes them: growing with time, as strings of digits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

EPOCH_MS = 1_288_834_974_657  # X's own epoch: 4 November 2010
SEQUENCE_BITS = 22  # what X leaves below the milliseconds


class Snowflakes:
    """Makes ids, each larger than the one before, whatever the clock does."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._last = 0

    def next(self) -> str:
        """The next id."""
        milliseconds = int(self._now().timestamp() * 1000) - EPOCH_MS
        self._last = max(milliseconds << SEQUENCE_BITS, self._last + 1)
        return str(self._last)
