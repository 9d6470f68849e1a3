"""What ten million postings cost: settling beside books of ten thousand, and `ledger check`.

Filling them takes minutes and some ten gigabytes of disk, once for both benchmarks of a run.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.books import Books
from benchmarks.ledger import UNIT, settled
from benchmarks.measure import RUNS, row, say
from benchmarks.peers import durable_server
from bot.services.check import prove
from tests.servers import PostgreSQL

TRANSFERS = 5_000_000
"""Of two postings each."""
PEOPLE = 100_000
FEW_TRANSFERS = 5_000
FEW_PEOPLE = 2_000
BATCH = 1000
FLAT_RUNS = 11
"""Batches measured in each of the two: each is a third of a second, in which a machine stumbles."""
CHECK_TARGET_S = 60
"""The goal of the issue on money (seconds)."""
ROOM_BYTES = 20 * 1024**3
"""What has to be free on the disk (bytes): rows, indexes, the write-ahead log."""


class LongBooks(NamedTuple):
    """Books with a long past, on a server."""

    server: PostgreSQL
    url: str
    books: Books


@cache
def long_books(transfers: int = TRANSFERS, people: int = PEOPLE) -> LongBooks:
    """Fill books with a long past; they are there until the program ends."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    needed = ROOM_BYTES * transfers // TRANSFERS
    if free < needed:
        sys.exit(f"make bench: {free // 1024**3} GB are free, {needed // 1024**3} are needed.")
    say(f"filling the books with {2 * transfers:,} postings: this takes minutes")
    began = time.perf_counter()
    stack = ExitStack()
    atexit.register(stack.close)
    server = stack.enter_context(durable_server())
    url = server.create("long")
    books = fill(url, transfers, people, among=people)
    stack.callback(books.deps.store.close)
    say(f"filled in {time.perf_counter() - began:.0f} s")
    return LongBooks(server, url, books)


def fill(url: str, transfers: int, people: int, *, among: int) -> Books:
    """Return new books with so many transfers in their past."""
    books = Books(url)
    books.join(people)
    books.live(transfers, among=among)
    books.settle_down()
    return books


def flat(given: LongBooks | None = None, runs: int = FLAT_RUNS) -> dict[str, object]:
    """The rate of batches in long books, beside that in books of ten thousand postings.

    As many people have wallets in both, and pay one another: what differs is how much is written.
    """
    server, _url, long = given or long_books()
    few = fill(server.create("few"), FEW_TRANSFERS, long.people, among=FEW_TRANSFERS // 10)
    rates: dict[int, list[float]] = {id(few): [], id(long): []}
    for number in range(runs + 1):
        for books in (few, long):
            half = books.people // 2
            ids = books.confirm(BATCH, payers=half, payees=half)
            rate = settled(books, ids)
            if number:  # the first is a warm-up
                rates[id(books)].append(rate)
    report = prove(few.deps.store)
    assert report.balanced, report.problems
    few.deps.store.close()
    peer_name = f"the same with {report.postings:,} postings in the books"
    return row("ledger-flat", rates[id(long)], rates[id(few)], peer_name=peer_name, unit=UNIT)


def check(given: LongBooks | None = None, runs: int = RUNS) -> dict[str, object]:
    """`smoney ledger check` over long books, as an operator calls it, beside its target."""
    server, url, _long = given or long_books()
    small = server.create("small")
    fill(small, FEW_TRANSFERS, FEW_PEOPLE, among=FEW_TRANSFERS // 10).deps.store.close()
    few = _checked(small)
    checked = [_checked(url) for _ in range(runs)]
    last = checked[-1]
    say(
        f"ledger check: {last.postings:,} postings in {last.took_s:.1f} s and"
        f" {last.memory_mb} MB; {few.postings:,} in {few.took_s:.1f} s and {few.memory_mb} MB"
    )
    return row(
        "ledger-check",
        [one.took_s for one in checked],
        [CHECK_TARGET_S],
        peer_name="target",
        unit="seconds",
        less_is_better=True,
        postings=last.postings,
        memory_mb=max(one.memory_mb for one in checked),
        memory_of_few_mb=few.memory_mb,
    )


class Checked(NamedTuple):
    """What one `ledger check` took: time, and the most memory that its process held."""

    postings: int
    took_s: float
    memory_mb: int


def _checked(url: str) -> Checked:
    command = [sys.executable, "-m", "bot", "ledger", "check", "--json"]
    settings = {"ENVIRONMENT": "sandbox", "DATABASE_URL": url}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=said, cwd=Path(__file__).parents[1]
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took_s = time.perf_counter() - began
        said.seek(0)
        report = json.loads(said.read())
    assert process.returncode == 0, report
    assert report["balanced"], report
    return Checked(report["postings"], took_s, usage.ru_maxrss // 1024)
