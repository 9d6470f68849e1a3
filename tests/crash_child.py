"""A use case in a process of its own that kills itself, by SIGKILL, at the step that it was told.

The process is forked from the test, which has imported the bot, and opens the database anew. What
lies outside the bot stays with the test and is spoken to over a pipe: like the true X and the true
acquirer it outlives whoever calls it, and remembers what was asked for.
"""

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Never

from bot.domain.errors import BotError
from bot.services.steps import Step
from tests.world import ProcessDied, World

FAR_SIDE = (
    *("chance", "directory", "mentions", "messages", "publisher", "sign_in", "sms"),
    *("checkout", "payments", "reversals", "acquirer", "vault"),
)
"""What of `Deps` stays with the test; chance as well, so that no two processes draw the same."""

QUIET_ROUNDS = 2
"""How often a worker must have come through alive before its work counts as done: the second finds
what the first left for later."""


@dataclass
class Stage:
    """Where a story is played; the process dies once at each step in `die_at`, by an exception."""

    world: World
    folder: Path
    """Where files for the bank go."""
    die_at: set[Step] = field(default_factory=set)
    planned: frozenset[Step] = frozenset()
    """What `die_at` was at first."""
    is_on: bool = False
    """Whether a deed is being done: what a story prepares beside that is not interrupted."""

    def __post_init__(self) -> None:
        """Hear of every step."""
        self.planned = frozenset(self.die_at)
        self.world.deps = replace(self.world.deps, step=self.reach)

    def reach(self, step: Step) -> None:
        """Die where it is time."""
        if self.is_on and step in self.die_at:
            self.die(step)

    def die(self, last: Step) -> None:
        """Die at a step, once."""
        self.die_at.remove(last)
        raise ProcessDied(last)

    def again(self, *steps: Step) -> None:
        """Let the process die once more at those of these that it was to die at."""
        self.die_at |= self.planned & set(steps)

    def once(self, action: Callable[[], object]) -> None:
        """Let somebody do something; if the process dies under it, they do not try again."""
        self.is_on = True
        with suppress(ProcessDied):
            action()
        self.is_on = False

    def until_done(self, action: Callable[[], object]) -> None:
        """Let the worker go on; if it dies, another takes over once the leases have run out."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            left = len(self.die_at)
            self.once(action)
            self.world.pass_time(minutes=2)
            quiet = quiet + 1 if len(self.die_at) == left else 0


@dataclass
class Processes(Stage):
    """A stage on which each deed is a process of its own, and dies by SIGKILL."""

    wire: Connection | None = None
    """In a process: to the test."""

    def die(self, last: Step) -> None:
        """Say where, and die: nothing is caught, flushed, closed or rolled back."""
        assert self.wire is not None, "the test itself stays alive"
        self.wire.send(last)
        os.kill(os.getpid(), signal.SIGKILL)

    def once(self, action: Callable[[], object]) -> None:
        """Do something in a new process, and be its far side until it has ended."""
        self.world.store.close()  # no connection may be in two processes
        here, there = Pipe()
        child = os.fork()
        if child == 0:
            here.close()
            self._live(there, action)
        there.close()
        try:
            last = self._serve(here)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            here.close()
            _, status = os.waitpid(child, 0)
        if isinstance(last, Step):
            assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            self.die_at.remove(last)
        else:
            assert (last, os.waitstatus_to_exitcode(status)) == (None, 0), last

    def _live(self, wire: Connection, action: Callable[[], object]) -> Never:
        """Be the process: it returns to nobody, and flushes nothing that belongs to the test."""
        try:
            self.wire, self.is_on = wire, True
            far: Any = {name: Remote(wire, name) for name in FAR_SIDE}
            self.world.deps = replace(self.world.deps, **far)
            action()
            wire.send(None)
        except BaseException:  # noqa: BLE001 (the test says it: this process has nobody to tell)
            wire.send(traceback.format_exc())
        finally:
            os._exit(0)

    def _serve(self, wire: Connection) -> Step | str | None:
        """Answer the process's calls; return its last word."""
        while isinstance(message := wire.recv(), Call):
            try:
                result = message.on(self.world.deps, wire)
            except BotError as error:
                wire.send(Raised(error))
            else:
                wire.send(list(result) if isinstance(result, Iterator) else result)
        return message  # type: ignore[no-any-return]  # `_live` and `reach` send nothing else


@dataclass(frozen=True)
class Call:
    """A call to the far side; an argument that is a function is asked back for over the pipe."""

    port: str
    method: str
    arguments: tuple[object, ...]
    named: dict[str, object]

    def on(self, deps: object, wire: Connection) -> Any:
        """Make the call."""

        def ask(given: Any) -> Any:
            wire.send(AskedBack(list(given)))
            return wire.recv()

        arguments = [ask if one is AskedBack else one for one in self.arguments]
        return getattr(getattr(deps, self.port), self.method)(*arguments, **self.named)


@dataclass(frozen=True)
class AskedBack:
    """What the far side gives to the function that it was called with; the class stands for it."""

    given: list[object]


@dataclass(frozen=True)
class Raised:
    """The far side said no, or nothing."""

    error: BotError


class Remote:
    """A port of the far side, as the process has it."""

    def __init__(self, wire: Connection, port: str) -> None:
        self._wire = wire
        self._port = port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return a call to the test."""

        def call(*arguments: Any, **named: object) -> Any:
            function = next((one for one in arguments if callable(one)), None)
            sent = tuple(AskedBack if callable(one) else one for one in arguments)
            self._wire.send(Call(self._port, method, sent, named))
            while True:
                answer = self._wire.recv()
                if isinstance(answer, AskedBack):
                    assert function is not None
                    self._wire.send(function(answer.given))
                elif isinstance(answer, Raised):
                    raise answer.error
                else:
                    return answer

        return call
