"""How fast confirmed transfers are settled, beside pgbench and a bare SQLite program.

What is timed is `services.settle.settle_waiting`, as the request and the recovery job call it, with
everything that belongs to a settlement: the guarded change of status, its event, the entry with its
postings, two balances, the confirmation, the payer's counter, the message in the outbox, the commit.
The books are proven after every benchmark.
"""

from queue import SimpleQueue
from threading import Thread

from benchmarks.books import Books
from benchmarks.measure import RUNS, rate, row
from benchmarks.peers import PgBench, durable_server
from bot.services import settle
from bot.services.check import prove

BATCH = 1000
"""Confirmations that wait in the batches."""
ONE_BY_ONE = 2000
"""Confirmations that the threads settle one at a time."""
THREADS = 8
HOT = 10_000
"""Transfers to one organisation, and to as many payees."""


def settled(books: Books, ids: range) -> float:
    """Settle what waits, all of it; return the rate."""

    def work() -> int:
        count = settle.settle_waiting(books.deps)
        assert count == len(ids), f"{count} settled"
        return count

    return rate(work)


def settled_one_by_one(books: Books, ids: range) -> float:
    """Settle each of some confirmations by itself, from eight threads; return the rate."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for one in ids:
        waiting.put(one)
    done: list[int] = []

    def run() -> None:
        while not waiting.empty():
            done.append(settle.settle_waiting(books.deps, only=waiting.get()))

    def work() -> int:
        threads = [Thread(target=run) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(done) == len(ids), f"{sum(done)} settled"
        return len(ids)

    return rate(work)


def prove_books(books: Books) -> None:
    """Fail where the measured books do not balance."""
    report = prove(books.deps.store)
    assert report.balanced, report.problems


def batch_postgresql(count: int = BATCH, runs: int = RUNS) -> dict[str, object]:
    """A thousand confirmations that wait, beside pgbench."""
    ours, peer = [], []
    with durable_server() as server:
        pgbench = PgBench(server)
        books = Books(server.create("batch"))
        books.join(2 * count)
        settled(books, books.confirm(count, payers=count, payees=count))
        books.settle_down()
        for _ in range(runs):
            ids = books.confirm(count, payers=count, payees=count)
            books.settle_down()
            peer.append(pgbench.rate())
            ours.append(settled(books, ids))
        prove_books(books)
        books.deps.store.close()
    return row("ledger-batch-postgresql", ours, peer, peer_name=PgBench.NAME, unit="settlements/s")
