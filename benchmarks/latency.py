"""How long the bot takes from the stream's byte to its reply's request, while nothing else waits.

A worker in a process of its own, on PostgreSQL that loses nothing, hears the local X, which notes
when it hands on a post and when the reply's request is there. The parts are told by the rows.
"""

import os
import queue
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, Final

import httpx
from sqlalchemy import select

from benchmarks import measure
from benchmarks.peers import durable_server
from bot import migrations
from bot.sandbox.serve import serve
from bot.sandbox.x_server.app import create_app, make_site
from bot.store.engine import Store
from bot.store.inbox import inbox
from tests import builders
from tests.chaos.far_side import x_settings

RUNS: Final = 5
MENTIONS: Final = 200
"""Mentions of one run, one after another: two of them are beyond its p99."""
TARGET_MS: Final = 150
"""The goal of the issue on X's weather (milliseconds)."""
REST_S: Final = 0.02
"""Between a reply and the next mention (seconds), so that whatever follows a reply is over."""
PATIENCE_S: Final = 60
"""How long the worker may take for something (seconds) before the benchmark has failed."""
PAYERS: Final = tuple(f"payer{number}" for number in range(20))
PARTS: Final = ("heard", "read", "said")
"""From the byte to the inbox's row, from it to the command's facts, from these to the request."""


class Watch:
    """Stands before the local X: when a post left by the stream, when a reply's request came."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.left_at = 0.0
        self.asked: queue.SimpleQueue[float] = queue.SimpleQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note what is of interest, and hand everything on."""
        where = scope.get("method"), scope.get("path")
        if where == ("POST", "/2/tweets"):
            self.asked.put(time.time())
        if where != ("GET", "/2/tweets/search/stream"):
            await self._app(scope, receive, send)
            return

        async def noting(message: Any) -> None:
            if len(message.get("body", b"")) > len(b"\r\n"):  # no keep-alive
                self.left_at = time.time()
            await send(message)

        await self._app(scope, receive, noting)


def run() -> dict[str, object]:
    """Measure, and return the row of the table."""
    with durable_server() as server, installation(server.create("latency")) as (watch, x, store):
        _mentions(watch, x, store, len(PAYERS))  # connections are open by now, and plans kept
        runs = [_mentions(watch, x, store, MENTIONS) for _ in range(RUNS)]
    worst = [p99([sum(one) for one in each]) for each in runs]
    parts = {
        name: round(statistics.median(one[place] for each in runs for one in each), 1)
        for place, name in enumerate(PARTS)
    }
    return measure.row(
        "reply-latency",
        worst,
        [float(TARGET_MS)],
        peer_name="target",
        unit="ms, p99",
        less_is_better=True,
        median_ms=round(statistics.median(sum(one) for each in runs for one in each), 1),
        parts_ms=parts,
    )


def p99(figures: list[float]) -> float:
    """Return what one in a hundred figures is above."""
    return sorted(figures)[-(-99 * len(figures) // 100) - 1]


@contextmanager
def installation(url: str, **more: str) -> Iterator[tuple[Watch, httpx.Client, Store]]:
    """Run a local X whose people have wallets, and a worker that hears it; with a `PORT`, a web.

    `more`: settings beside the usual ones.
    """
    migrations.upgrade(url)
    store = Store(url)
    app = create_app(make_site(people=(*PAYERS, "alice")))
    watches: list[Watch] = []

    def watched(inner: Any) -> Watch:
        watches.append(Watch(inner))
        return watches[0]

    app.add_middleware(watched)
    with serve(app) as running, httpx.Client(base_url=running.url, trust_env=False) as x:
        x.post("/_sandbox/limits", json={"scale": 10_000}).raise_for_status()
        known = {one["handle"]: str(one["id"]) for one in x.get("/_sandbox/people").json()}
        with store.write() as session:
            for payer in PAYERS:
                builders.person(session, payer, cents=10_000, x_user_id=known[payer])
        settings = {
            "ENVIRONMENT": "sandbox",
            "DATABASE_URL": url,
            "PUBLIC_URL": "http://localhost:8000",
            "SECRET_KEY": "a secret of the benchmark alone",
            "LOG_LEVEL": "ERROR",
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_API_BASE": "http://127.0.0.1:9",  # nobody: no card is in this
            "COMMANDS_AN_HOUR": "100000",
            "MAX_PENDING": "100000",
            **x_settings(running.url),
            **more,
        }
        with ExitStack() as processes:
            if "PORT" in more:
                processes.enter_context(_process("web", settings))
                _wait_for_web(more["PORT"])
            processes.enter_context(_process("worker", settings))
            while not x.get("/_sandbox/state").json()["stream"]:
                time.sleep(0.05)
            yield watches[0], x, store
    store.close()


def _wait_for_web(port: str) -> None:
    """Wait until the web process answers."""
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the web process does not answer")


@contextmanager
def _process(door: str, settings: Mapping[str, str]) -> Iterator[None]:
    """Run a worker or a web in a process of its own."""
    usual = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    command = [sys.executable, "-m", "bot", door]
    process = subprocess.Popen(command, env=usual | dict(settings))
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _mentions(
    watch: Watch, x: httpx.Client, store: Store, count: int
) -> list[tuple[float, float, float]]:
    """Let people post, each when the last one has its reply; return the parts of each (ms)."""
    moments: list[tuple[str, float, float]] = []
    for number in range(count):
        said = {"as": PAYERS[number % len(PAYERS)], "text": "@smoney pay @alice 1€"}
        post = x.post("/_sandbox/posts", json=said).raise_for_status().json()
        asked_at = watch.asked.get(timeout=PATIENCE_S)
        moments.append((str(post["id"]), watch.left_at, asked_at))
        time.sleep(REST_S)
    with store.read() as session:
        columns = inbox.c.source_id, inbox.c.received_at, inbox.c.done_at
        rows = {row.source_id: row for row in session.execute(select(*columns))}
    return [_parts(rows[post_id], left_at, asked_at) for post_id, left_at, asked_at in moments]


def _parts(row: Any, left_at: float, asked_at: float) -> tuple[float, float, float]:
    marks = (left_at, row.received_at.timestamp(), row.done_at.timestamp(), asked_at)
    heard, read, said = (1000 * (b - a) for a, b in pairwise(marks))
    return heard, read, said
