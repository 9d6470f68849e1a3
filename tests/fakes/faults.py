"""How a fake is told to fail: one fault for each of its next calls, in order."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from bot.domain.errors import BotError, OutcomeUnknown, Unavailable


class LostAnswer(Exception):
    """The call does its work, and its answer never arrives."""


class Faults:
    """The faults that wait."""

    def __init__(self) -> None:
        self._waiting: deque[BotError | LostAnswer | None] = deque()

    @property
    def is_waiting(self) -> bool:
        """Whether a fault is left that no call has met."""
        return bool(self._waiting)

    def add(self, *errors: BotError) -> None:
        """Let each of the next calls fail with one of these, before it does anything."""
        self._waiting.extend(errors)

    def pass_over(self, calls: int = 1) -> None:
        """Let so many calls go well before the faults that are added next."""
        self._waiting.extend([None] * calls)

    def lose_answer(self) -> None:
        """Let the next call do its work and say nothing."""
        self._waiting.append(LostAnswer())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make a call that may be repeated: a lost answer is `Unavailable`."""
        lost = self._take()
        yield
        if lost:
            raise Unavailable("no_answer")

    @contextmanager
    def creating(self, key: str) -> Iterator[None]:
        """Make a call that must not be repeated: a lost answer is `OutcomeUnknown`."""
        lost = self._take()
        yield
        if lost:
            raise OutcomeUnknown(key)

    def _take(self) -> bool:
        fault = self._waiting.popleft() if self._waiting else None
        if isinstance(fault, BotError):
            raise fault
        return fault is not None
