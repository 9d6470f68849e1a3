"""What threads of a process want at the same moment is done by one of them, for all who wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

GATHER_S: Final = 0.002
"""How long who begins waits for as many others as the last had (seconds): less than a commit."""


def _taken() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Wish:
    """What a thread wants done; its `turn` comes when it is done, or when the thread is to begin.

    Each waits at a lock of its own: woken all at once at one, they would wait for each other.
    """

    wanted: int
    is_done: bool = False
    turn: Lock = field(default_factory=_taken)


class Together:
    """One thread works at a time, for all that ask meanwhile; the next begins when it ends."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: list[_Wish] = []
        self._is_busy = False
        self._at_once = 1
        self._enough: Lock | None = None

    @property
    def waiting(self) -> int:
        """How many wait for who works now to end."""
        return len(self._waiting)

    def do(self, wanted: int, work: Callable[[set[int]], object], *, most: int) -> None:
        """Have `work` done on what is wanted, together with at most so many in all.

        By this thread, whose error it is where that fails, or by another, which has done it then.
        """
        own = _Wish(wanted)
        with self._guard:
            self._waiting.append(own)
            begins, self._is_busy = not self._is_busy, True
            if self._enough is not None and len(self._waiting) >= self._at_once:
                self._enough.release()
                self._enough = None
        if not begins:
            own.turn.acquire()
            if own.is_done:
                return
        batch = self._gather(most)
        done: Sequence[_Wish] = [own]  # where it fails the others try by themselves
        try:
            work({one.wanted for one in batch})
            done = batch
        finally:
            self._end(own, batch, done)

    def _gather(self, most: int) -> Sequence[_Wish]:
        """Wait a little for as many as the last had, who will want something again; take them."""
        with self._guard:
            enough = self._enough = None if len(self._waiting) >= self._at_once else _taken()
        if enough is not None:
            enough.acquire(timeout=GATHER_S)
        with self._guard:
            self._enough = None
            batch, self._waiting = self._waiting[:most], self._waiting[most:]
        return batch

    def _end(self, own: _Wish, batch: Sequence[_Wish], done: Sequence[_Wish]) -> None:
        with self._guard:
            self._at_once = len(batch)
            self._waiting = [one for one in batch if one not in done] + self._waiting
            following = self._waiting[0] if self._waiting else None
            self._is_busy = following is not None
        for one in done:
            if one is not own:
                one.is_done = True
                one.turn.release()
        if following is not None:
            following.turn.release()
