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
class _Caller:
    """A thread with what it wants done; its `turn` comes when that is done, or when it is to begin.

    Each waits at a lock of its own: woken all at once at one, they would wait for each other.
    """

    wanted: int
    is_done: bool = False
    begins: bool = False
    turn: Lock = field(default_factory=_taken)


class Together:
    """One thread works at a time, for all that ask meanwhile; the next begins when it ends."""

    def __init__(self, gather_s: float = GATHER_S) -> None:
        self._gather_s = gather_s
        self._guard = Lock()
        self._waiting: list[_Caller] = []
        self._batch: Sequence[_Caller] = ()
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
        own = _Caller(wanted)
        with self._guard:
            self._waiting.append(own)
            own.begins, self._is_busy = not self._is_busy, True
            if self._enough is not None and len(self._waiting) >= self._at_once:
                self._enough.release()
                self._enough = None
        if not own.begins:
            self._wait(own)
            if own.is_done:
                return
        is_done = False
        try:
            work({one.wanted for one in self._gather(most)})
            is_done = True
        finally:
            self._end(own, is_done=is_done)

    def _wait(self, own: _Caller) -> None:
        """Wait for a turn; who is interrupted leaves it to the next."""
        try:
            own.turn.acquire()
        except BaseException:
            with self._guard:
                self._waiting = [one for one in self._waiting if one is not own]
                following = self._next() if own.begins else None
            if following is not None:
                following.turn.release()
            raise

    def _gather(self, most: int) -> Sequence[_Caller]:
        """Wait a little for as many as the last had, who will want something again; take them."""
        with self._guard:
            enough = self._enough = None if len(self._waiting) >= self._at_once else _taken()
        if enough is not None:
            enough.acquire(timeout=self._gather_s)
        with self._guard:
            self._enough = None
            self._batch, self._waiting = self._waiting[:most], self._waiting[most:]
        return self._batch

    def _end(self, own: _Caller, *, is_done: bool) -> None:
        """Tell those for whom it is done, and let the next begin; what failed each tries alone."""
        with self._guard:
            batch, self._batch, self._enough = self._batch, (), None
            self._at_once = max(1, len(batch))
            told = {*batch, own} if is_done else {own}
            self._waiting = [one for one in (*batch, *self._waiting) if one not in told]
            following = self._next()
        for one in told - {own}:
            one.is_done = True
            one.turn.release()
        if following is not None:
            following.turn.release()

    def _next(self) -> _Caller | None:
        """Choose who begins next, of those who wait; the guard is held."""
        following = self._waiting[0] if self._waiting else None
        self._is_busy = following is not None
        if following is not None:
            following.begins = True
        return following
