"""Turns: the threads of a process that write on SQLite do so one after another, as they came.

SQLite itself has them ask again, ever more seldom, and a plain lock may be taken again by whoever
has just let it go: beside a thread that writes one thing after another the others would wait.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from sqlalchemy.exc import OperationalError


class Turns:
    """One may be in turn; whoever asks meanwhile waits in line, and is handed the turn by name."""

    def __init__(self, *, within_s: float) -> None:
        self.within_s = within_s
        self._guard = Lock()
        self._is_taken = False
        self._line: deque[Lock] = deque()
        """A lock for each who waits, taken until it is their turn."""

    @property
    def waiting(self) -> int:
        """How many wait in line."""
        return len(self._line)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and be in it. Raises `OperationalError` where none comes in time."""
        self._take()
        try:
            yield
        finally:
            self._hand_on()

    def _take(self) -> None:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = Lock()
            mine.acquire()
            self._line.append(mine)
        try:
            if mine.acquire(timeout=self.within_s):
                return
        except BaseException:  # somebody interrupts the program while it waits
            if not self._leave(mine):
                self._hand_on()
            raise
        if self._leave(mine):
            raise OperationalError("BEGIN IMMEDIATE", {}, self._why())

    def _leave(self, mine: Lock) -> bool:
        """Wait no longer; False where the turn was handed to us at this very moment."""
        with self._guard:
            if mine not in self._line:
                return False
            self._line.remove(mine)
            return True

    def _why(self) -> sqlite3.OperationalError:
        # As where another process held the database: whoever knows that one knows this one.
        within = f"within {self.within_s:g} s"
        return sqlite3.OperationalError(f"no turn to write came {within}: another thread has it")

    def _hand_on(self) -> None:
        with self._guard:
            if self._line:
                self._line.popleft().release()
            else:
                self._is_taken = False
