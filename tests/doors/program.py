"""The program as a process of its own, forked from one that has imported it already.

Most of what a process costs is to import the bot. `python -m bot` does so each time, as a person
starts it; here it is done once, in `multiprocessing`'s server of forks, for all tests of a run.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import bot.app
import bot.web
import bot.worker  # noqa: F401  (imported for those that are forked)
from bot.cli import main

CONTEXT = multiprocessing.get_context("forkserver")


def run(arguments: tuple[str, ...], settings: Mapping[str, str], folder: Path, log: Path) -> None:
    """Be `smoney` with these arguments, in a session of its own, until it ends."""
    os.setsid()  # Ctrl-C reaches pytest alone, which then stops us
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(settings)
    os.chdir(folder)
    with log.open("a") as out:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(out.fileno(), stream.fileno())
    main(list(arguments), prog_name="smoney")


class Forked:
    """A process as `subprocess.Popen` shows one."""

    def __init__(
        self, arguments: tuple[str, ...], settings: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        """Start it; what it says goes to its log."""
        CONTEXT.set_forkserver_preload([__name__])
        self._process = CONTEXT.Process(
            target=run, args=(arguments, settings, folder, log), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number, which is its session's too."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Return its exit code, once it has one."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit code. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("smoney", timeout or 0)
        return self._process.exitcode

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
