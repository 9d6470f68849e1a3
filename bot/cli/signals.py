"""Signals: the first SIGTERM or SIGINT asks the process to end, the second ends it at once.

Imports the standard library alone: signals are caught before anything heavy is loaded.
"""

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Final, Self

CAUGHT: Final = (signal.SIGTERM, signal.SIGINT)
KILLED_BY: Final = 128
"""What a shell adds to a signal's number in the exit code of a process that it ended."""
WAKE_S: Final = 1.0
"""The longest sleep of the main thread (seconds): Python runs a handler once it is awake, and a
signal that comes at the moment when it falls asleep does not wake it."""
LOOK_S: Final = 0.05
"""How often a condition that is waited for is looked at (seconds)."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process is to end; `sentence` says why, where something is wrong."""

    code: int
    sentence: str | None = None


class Signals:
    """Catches signals in the main thread while its block lasts, and waits for them."""

    def __init__(self) -> None:
        # A SimpleQueue may be filled from a signal's handler, whatever the main thread is at.
        self._endings: SimpleQueue[Ending] = SimpleQueue()
        self._caught = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Catch signals from now on."""
        self._before = {one: signal.signal(one, self._catch) for one in CAUGHT}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave signals as they were."""
        for one, before in self._before.items():
            signal.signal(one, before)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught += 1
        if self._caught > 1:
            os._exit(KILLED_BY + number)
        self._endings.put(Ending(0))

    @property
    def were_caught(self) -> bool:
        """Whether somebody asked the process to end."""
        return self._caught > 0

    def end(self, code: int, sentence: str | None = None) -> None:
        """Ask the process to end, from any thread."""
        self._endings.put(Ending(code, sentence))

    def wait(self, timeout_s: float | None = None) -> Ending | None:
        """Wait for the first ending; None where none came in time."""
        give_up_at = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = give_up_at - time.monotonic()
            try:
                return self._endings.get(timeout=max(0.0, min(left_s, WAKE_S)))
            except Empty:
                if left_s <= WAKE_S:
                    return None

    def wait_until(self, is_so: Callable[[], bool], within_s: float) -> Ending | None:
        """Wait for a condition; return the ending that came before, None where none did."""
        give_up_at = time.monotonic() + within_s
        while not is_so() and time.monotonic() < give_up_at:
            ending = self.wait(LOOK_S)
            if ending is not None:
                return ending
        return None
