"""How fast posts come into the inbox, beside a bare insert of the same rows in as many commits.

What is timed is `take_in`, as the stream's intake calls it in a rush: whatever has come since its
last commit, at most `AT_ONCE` posts. The peer is the driver alone, on a database like ours.
"""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from benchmarks.books import Books
from benchmarks.measure import RUNS, rate, row
from benchmarks.peers import durable_server
from bot import migrations
from bot.ports import RawEvent
from bot.services import receive
from bot.worker.intake import AT_ONCE

POSTS: Final = 40 * AT_ONCE
"""Posts of one run: what X sends at most in 40 seconds."""
UNIT: Final = "posts/s"
COLUMNS: Final = (
    *("source", "source_id", "body", "happened_at", "received_at", "status", "attempts"),
    "next_attempt_at",
)
WHEN_RECEIVED: Final = {"received_at", "next_attempt_at"}
"""The columns that tell of our own clock."""
_INSERT: Final = f"INSERT INTO inbox ({', '.join(COLUMNS)}) VALUES ({{}}) ON CONFLICT DO NOTHING"


def sqlite(count: int = POSTS, runs: int = RUNS) -> dict[str, object]:
    """On SQLite, beside Python's own driver with the same safety."""
    with tempfile.TemporaryDirectory(prefix="smoney-bench-") as folder:
        urls = [f"sqlite:///{folder}/{name}.db" for name in ("ours", "bare")]
        migrations.upgrade(urls[1])
        with closing(sqlite3.connect(f"{folder}/bare.db")) as bare:
            bare.execute("PRAGMA journal_mode = WAL")
            bare.execute("PRAGMA synchronous = FULL")
            sql = _INSERT.format(", ".join("?" * len(COLUMNS)))

            def insert(rows: Sequence[tuple[Any, ...]]) -> None:
                with bare:
                    bare.executemany(sql, rows)

            name = "sqlite3, the same rows in as many commits"
            return _measured("inbox-sqlite", urls[0], insert, name, count, runs)


def postgresql(count: int = POSTS, runs: int = RUNS) -> dict[str, object]:
    """On PostgreSQL that loses nothing, beside psycopg alone."""
    with durable_server() as server:
        ours, bare = server.create("inbox"), server.create("bare")
        migrations.upgrade(bare)
        with psycopg.connect(bare.replace("+psycopg", "")) as driver:
            sql = _INSERT.format(", ".join(["%s"] * len(COLUMNS)))

            def insert(rows: Sequence[tuple[Any, ...]]) -> None:
                with driver.cursor() as cursor:
                    cursor.executemany(sql, rows)
                driver.commit()

            name = "psycopg, the same rows in as many commits, the same server"
            return _measured("inbox-postgresql", ours, insert, name, count, runs)


def _measured(
    name: str,
    url: str,
    insert: Callable[[Sequence[tuple[Any, ...]]], None],
    peer_name: str,
    count: int,
    runs: int,
) -> dict[str, object]:
    """Take posts in and insert as many in turn; return the row of the table."""
    books = Books(url)
    is_sqlite = books.is_sqlite
    ours, peer = [], []
    for number in range(runs + 1):
        batches = list(rush(number * count, count))
        rows = [[bare_row(one, is_sqlite=is_sqlite) for one in batch] for batch in batches]

        def take_in(batches: Sequence[Sequence[RawEvent]] = batches) -> int:
            return sum(receive.take_in(books.deps, batch) for batch in batches)

        def bare(rows: Sequence[Sequence[tuple[Any, ...]]] = rows) -> int:
            for batch in rows:
                insert(batch)
            return count

        figures = rate(take_in), rate(bare)
        if number:  # the first is a warm-up
            ours.append(figures[0])
            peer.append(figures[1])
    books.deps.store.close()
    return row(name, ours, peer, peer_name=peer_name, unit=UNIT)


def rush(first: int, count: int) -> Iterator[list[RawEvent]]:
    """Yield posts of the stream, as many together as are written together."""
    at = datetime(2026, 11, 26, 9, tzinfo=UTC)
    for start in range(first, first + count, AT_ONCE):
        yield [
            RawEvent("post", str(10**18 + number), _body(number), at + timedelta(seconds=number))
            for number in range(start, min(start + AT_ONCE, first + count))
        ]


def _body(number: int) -> str:
    post = {
        "id": str(10**18 + number),
        "author_id": str(7_000_000 + number % 5000),
        "conversation_id": str(10**18 + number),
        "created_at": "2026-11-26T09:00:00.000Z",
        "edit_history_tweet_ids": [str(10**18 + number)],
        "text": "@smoney pay @alice 10€ pour la pizza d’hier soir, merci encore",
        "entities": {
            "mentions": [
                {"start": 0, "end": 7, "username": "smoney", "id": "1"},
                {"start": 12, "end": 18, "username": "alice", "id": "2"},
            ]
        },
    }
    author = {"id": post["author_id"], "name": "Bob Martin", "username": f"bob{number % 5000}"}
    return json.dumps({"data": post, "includes": {"users": [author]}}, ensure_ascii=False)


def bare_row(event: RawEvent, *, is_sqlite: bool) -> tuple[Any, ...]:
    """Return the columns of an inbox row, as its driver takes them."""
    at: Any = event.happened_at
    if is_sqlite:
        at = at.replace(tzinfo=None).isoformat(" ", "microseconds")
    return (event.source, event.id, event.body, at, at, "waiting", 0, at)
