"""What the processes of a run share: a page of memory that outlives whoever is killed.

The parent writes the phase; each process writes what it is doing, so that the parent can say what
it was killed during, and how many posts its people have made.
"""

import mmap
import struct
from enum import IntEnum
from pathlib import Path
from typing import Final

SLOT: Final = 64
"""Bytes of a process: a count, and what it is doing."""
MOST: Final = 62
"""Processes that have a slot."""
_COUNT: Final = struct.Struct("<I")
_CLOCK: Final = struct.Struct("<d")
_CLOCK_AT: Final = 8
_PAGES_AT: Final = 16


class Phase(IntEnum):
    """What people and processes do."""

    POST = 1  # people order and pay, processes die
    WAIT = 2  # the same, but the bot reads too slowly for more orders
    PAY = 3  # there are enough orders: people end what they began, processes die
    CALM = 4  # nobody does anything new and nobody dies


class Board:
    """The shared page."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOT * (MOST + 1)))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 0)

    @property
    def phase(self) -> Phase:
        """The phase of the run."""
        return Phase(self._page[0])

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._page[0] = phase

    @property
    def clock_ahead_s(self) -> float:
        """How far the processes' clock is ahead of the true one (seconds)."""
        (ahead_s,) = _CLOCK.unpack_from(self._page, _CLOCK_AT)
        return float(ahead_s)

    @clock_ahead_s.setter
    def clock_ahead_s(self, ahead_s: float) -> None:
        _CLOCK.pack_into(self._page, _CLOCK_AT, ahead_s)

    @property
    def pages(self) -> int:
        """How many pages a SQLite file may have; 0: as many as it likes."""
        (pages,) = _COUNT.unpack_from(self._page, _PAGES_AT)
        return int(pages)

    @pages.setter
    def pages(self, pages: int) -> None:
        _COUNT.pack_into(self._page, _PAGES_AT, pages)

    def note(self, index: int, doing: str) -> None:
        """Say what a process is doing."""
        start = SLOT * (index + 1) + _COUNT.size
        room = SLOT - _COUNT.size
        self._page[start : start + room] = doing.encode()[:room].ljust(room, b"\0")

    def doing(self, index: int) -> str:
        """Return what a process said last."""
        start = SLOT * (index + 1)
        return self._page[start + _COUNT.size : start + SLOT].rstrip(b"\0").decode() or "its start"

    def posted(self, index: int) -> None:
        """Count a post that people of a process made."""
        start = SLOT * (index + 1)
        (count,) = _COUNT.unpack_from(self._page, start)
        _COUNT.pack_into(self._page, start, count + 1)

    def posts(self) -> int:
        """Return how many posts were made."""
        return sum(_COUNT.unpack_from(self._page, SLOT * (one + 1))[0] for one in range(MOST))
