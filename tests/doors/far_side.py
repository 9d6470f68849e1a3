"""The bot as processes of its own, with a local X and a local card network beside them."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
from click.testing import CliRunner

from bot.cli import main
from bot.cli.sandbox import SECRET_KEY, STRIPE_KEY, WEBHOOK_SECRET
from bot.sandbox.card_network.app import create_app as card_network
from bot.sandbox.serve import serve
from bot.sandbox.x_server.app import create_app as local_x
from bot.sandbox.x_server.credentials import Credentials
from tests.doors.program import Forked
from tests.logs import log_plainly
from tests.servers import free_ports

ROOT = Path(__file__).parents[2]
WITHIN_S = 60
"""How long a test waits for a process (seconds); on a busy machine a start takes a few."""


@dataclass(frozen=True)
class FarSide:
    """Where the local servers are, and the settings that use them."""

    x_url: str
    settings: Mapping[str, str]


@contextmanager
def far_side(database_url: str) -> Iterator[FarSide]:
    """Run a local X and a local card network, for a bot on a database."""
    known = Credentials.sandbox()
    port, x_port, cards_port = free_ports(3)
    cards = card_network(
        api_key=STRIPE_KEY,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url=f"http://127.0.0.1:{port}/webhooks/stripe",
    )
    with serve(local_x(), port=x_port) as x, serve(cards, port=cards_port) as acquirer:
        yield FarSide(
            x.url,
            {
                "ENVIRONMENT": "sandbox",
                "DATABASE_URL": database_url,
                "PUBLIC_URL": f"http://localhost:{port}",
                "PORT": str(port),
                "SECRET_KEY": SECRET_KEY,
                "X_API_BASE_URL": x.url,
                "X_AUTHORIZE_URL": f"{x.url}/i/oauth2/authorize",
                "X_BEARER_TOKEN": known.bearer_token,
                "X_API_KEY": known.api_key,
                "X_API_SECRET": known.api_secret,
                "X_ACCESS_TOKEN": known.access_token,
                "X_ACCESS_TOKEN_SECRET": known.access_token_secret,
                "X_CLIENT_ID": known.client_id,
                "X_CLIENT_SECRET": known.client_secret,
                "STRIPE_API_KEY": STRIPE_KEY,
                "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
                "STRIPE_API_BASE": acquirer.url,
                "SMS_BASE_URL": x.url,
            },
        )


def post(far: FarSide, text: str) -> str:
    """Post as bob on the local X; return the post's id."""
    said = {"as": "bob", "text": text}
    answer = httpx.post(f"{far.x_url}/_sandbox/posts", json=said, trust_env=False, verify=False)
    return str(answer.raise_for_status().json()["id"])


def replies(far: FarSide, post_id: str) -> list[str]:
    """Return the replies to a post, once there is one."""
    found: list[str] = []
    for _ in range(WITHIN_S * 10):
        posts = httpx.get(f"{far.x_url}/_sandbox/posts", trust_env=False, verify=False).json()
        found = [
            one["text"]
            for one in posts
            if any(parent["id"] == post_id for parent in one.get("referenced_tweets", []))
        ]
        if found:
            break
        Event().wait(0.1)
    return found


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process: what every machine has, and its settings."""
    usual = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**usual, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def smoney(
    *arguments: str, settings: Mapping[str, str], folder: Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env=environment(settings),
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def door(*arguments: str, settings: Mapping[str, str]) -> Ended:
    """Run a command to its end in this process: quicker than one of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        ended = CliRunner().invoke(main, arguments, env=dict(settings))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        log_plainly()
    unexpected = ended.exception
    if unexpected is not None and not isinstance(unexpected, SystemExit):
        raise unexpected
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@contextmanager
def process(
    *arguments: str, settings: Mapping[str, str], folder: Path, log: str = "log"
) -> Iterator["Process"]:
    """Run a command that stays, with its output in a file; kill what is left of it."""
    path = folder / log
    path.touch()
    forked = Forked(arguments, environment(settings), folder, path)
    with _ended(Process(forked, path)) as started:
        yield started


@contextmanager
def program(
    *arguments: str, settings: Mapping[str, str], folder: Path, log: str = "log"
) -> Iterator["Process"]:
    """Do as `process` does, by `python -m bot`, as a person starts it."""
    with (folder / log).open("w") as out:
        popen = subprocess.Popen(
            [sys.executable, "-m", "bot", *arguments],
            env=environment(settings),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches pytest alone, which then stops us
        )
        with _ended(Process(popen, folder / log)) as started:
            yield started


@contextmanager
def _ended(started: "Process") -> Iterator["Process"]:
    try:
        yield started
    finally:
        started.kill()


@dataclass(frozen=True)
class Process:
    """A command that stays until it is told to end, and the file of what it says."""

    _popen: subprocess.Popen[bytes] | Forked
    _log: Path

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it says something; fail with its output where it ends or does not."""
        for _ in range(WITHIN_S * 20):
            if text in self.said:
                return
            try:
                self._popen.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        assert text in self.said, f"it did not say {text!r} but:\n{self.said}"

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def end(self) -> int:
        """Wait for the end; return the exit code. Fail with its output where there is none."""
        try:
            return self._popen.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.said}") from None

    def living(self) -> list[str]:
        """Return what lives of it and of all that it started, by Linux's table of processes."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                head, _, rest = path.read_text().rpartition(")")
                state, _, _, session = rest.split()[:4]
                if int(session) == self._popen.pid and state != "Z":
                    found.append(f"{head})")
        return found

    def kill(self) -> None:
        """End it at once, where it has not ended."""
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()
