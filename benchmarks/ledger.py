"""How fast confirmed transfers are settled, beside pgbench and a bare SQLite program.

What is timed is `settle_waiting` and `settle_one`, as the recovery job and the request call them,
with all that belongs to a settlement: the guarded change of status, its event, the entry with its
postings, two balances, the confirmation, the payer's counter, the message in the outbox, the
commit. Of the two people one may be written to. The books are proven after every benchmark.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from benchmarks.books import Books
from benchmarks.measure import RUNS, rate, row
from benchmarks.peers import BareProgram, PgBench, copy, durable_server
from bot.services import settle
from bot.services.check import prove

BATCH = 1000
"""Confirmations that wait in the batches."""
ONE_BY_ONE = 2000
"""Confirmations that the threads settle one at a time."""
THREADS = 8
HOT = 10_000
"""Transfers to one organisation, and to as many payees."""
UNIT = "settlements/s"


def settled(books: Books, ids: range) -> float:
    """Settle what waits, all of it; return the rate."""

    def work() -> int:
        count = settle.settle_waiting(books.deps)
        assert count == len(ids), f"{count} settled"
        return count

    return rate(work)


def settled_one_by_one(books: Books, ids: range) -> float:
    """Settle confirmations one at a time from each of eight threads; return the rate."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for one in ids:
        waiting.put(one)

    def run() -> None:
        while True:
            try:
                one = waiting.get_nowait()
            except Empty:
                return
            settle.settle_one(books.deps, one)

    def work() -> int:
        threads = [Thread(target=run) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(ids)

    measured = rate(work)
    assert settle.settle_waiting(books.deps) == 0, "some still wait"
    return measured


@contextmanager
def proven(url: str) -> Iterator[Books]:
    """Open books on a new database; fail where they do not balance at the end."""
    books = Books(url)
    yield books
    report = prove(books.deps.store)
    books.deps.store.close()
    assert report.balanced, report.problems


def batch_postgresql(count: int = BATCH, runs: int = RUNS, seconds: int = 5) -> dict[str, object]:
    """A thousand confirmations that wait, beside pgbench."""
    ours, peer = [], []
    with durable_server() as server, proven(server.create("batch")) as books:
        pgbench = PgBench(server)
        books.join(2 * count)
        for number in range(runs + 1):
            ids = books.confirm(count, payers=count, payees=count)
            books.settle_down()
            if number:  # the first is a warm-up
                peer.append(pgbench.rate(seconds))
                ours.append(settled(books, ids))
            else:
                settled(books, ids)
    return row("ledger-batch-postgresql", ours, peer, peer_name=PgBench.NAME, unit=UNIT)


def single_postgresql(
    count: int = ONE_BY_ONE, runs: int = RUNS, seconds: int = 5
) -> dict[str, object]:
    """Confirmations that eight threads settle one at a time, as eight requests do at once.

    What they ask for at the same moment shares a commit, as pgbench's eight clients share a flush.
    """
    ours, peer = [], []
    with durable_server() as server, proven(server.create("single")) as books:
        pgbench = PgBench(server)
        books.join(2 * count)
        for _ in range(runs):
            ids = books.confirm(count, payers=count, payees=count)
            books.settle_down()
            peer.append(pgbench.rate(seconds))
            ours.append(settled_one_by_one(books, ids))
    return row("ledger-single-postgresql", ours, peer, peer_name=PgBench.NAME, unit=UNIT)


def sqlite(count: int = BATCH, runs: int = RUNS) -> dict[str, object]:
    """A thousand confirmations that wait, beside a bare program that writes the same rows."""
    ours, peer = [], []
    with tempfile.TemporaryDirectory(prefix="smoney-bench-") as folder:
        path, before, bare = (Path(folder) / name for name in ("ours.db", "before.db", "bare.db"))
        with proven(f"sqlite:///{path}") as books:
            books.join(2 * count)
            for number in range(runs + 1):
                ids = books.confirm(count, payers=count, payees=count)
                books.settle_down()
                copy(path, before)
                copy(path, bare)
                ours.append(settled(books, ids))
                program = BareProgram(before, path)
                assert program.rows >= 9 * count, "all of a settlement is counted"
                with program.ready(bare) as write:
                    peer.append(rate(lambda: write() or count))
                if not number:  # the first is a warm-up
                    ours, peer = [], []
    return row("ledger-sqlite", ours, peer, peer_name=BareProgram.NAME, unit=UNIT)


def hot(count: int = HOT, runs: int = RUNS) -> dict[str, object]:
    """Transfers to one organisation, beside as many to as many payees, in batches both."""
    ours, peer = [], []
    with durable_server() as server, proven(server.create("hot")) as books:
        books.join(2 * count)
        for _ in range(runs):
            spread = books.confirm(count, payers=count, payees=count)
            books.settle_down()
            peer.append(settled(books, spread))
            one = books.organise()
            to_one = books.confirm(count, payers=count, payees=count, payee=one)
            books.settle_down()
            ours.append(settled(books, to_one))
    peer_name = f"{count:,} transfers to as many payees"
    return row("ledger-hot", ours, peer, peer_name=peer_name, unit=UNIT)
