"""The benchmarks are those of the contract, and those of the ledger prove their books."""

from pathlib import Path

import pytest

from benchmarks import inbox, ledger, long_books, peers
from benchmarks.__main__ import BENCHMARKS
from benchmarks.books import Books
from bot.services import receive
from bot.services.check import prove
from bot.store.engine import Store
from tests.servers import PostgreSQL

OF_THE_CONTRACT = {
    *("parse", "cold-start", "inbox-sqlite", "inbox-postgresql"),
    *("reply-latency", "webhook-answer", "worker-memory", "worker-start"),
    *("ledger-batch-postgresql", "ledger-single-postgresql", "ledger-sqlite"),
    *("ledger-hot", "ledger-flat", "ledger-check"),
}


def test_every_benchmark_bears_a_name_of_the_contract() -> None:
    """`make bench ONLY=name` is called from outside: the names stay."""
    assert set(BENCHMARKS) == OF_THE_CONTRACT


def test_the_bare_program_writes_what_ours_wrote(tmp_path: Path) -> None:
    """On SQLite: the same books come of the same rows, or the two are no peers."""
    row = ledger.sqlite(count=20, runs=1)
    assert row["name"] == "ledger-sqlite"
    path, before, bare = (tmp_path / name for name in ("ours.db", "before.db", "bare.db"))
    books = Books(f"sqlite:///{path}")
    books.join(20)
    ids = books.confirm(10, payers=10, payees=10)
    books.settle_down()
    peers.copy(path, before)
    peers.copy(path, bare)
    ledger.settled(books, ids)
    books.deps.store.close()
    with peers.BareProgram(before, path).ready(bare) as write:
        write()
    store = Store(f"sqlite:///{bare}")
    report = prove(store)
    store.close()
    assert (report.balanced, report.entries) == (True, 30)


def test_the_bare_insert_writes_what_ours_wrote(tmp_path: Path) -> None:
    """Of a rush the same rows are in both inboxes, save when each was received."""
    assert inbox.sqlite(count=20, runs=1)["name"] == "inbox-sqlite"
    books = Books(f"sqlite:///{tmp_path}/ours.db")
    (batch,) = inbox.rush(0, 20)
    assert receive.take_in(books.deps, batch) == len(batch)
    with books.deps.store.read() as session:
        columns = ", ".join(inbox.COLUMNS)
        found = session.connection().exec_driver_sql(f"SELECT {columns} FROM inbox ORDER BY id")
        written = [dict(row._mapping) for row in found]
    books.deps.store.close()
    for mine, bare in zip(
        written, (inbox.bare_row(one, is_sqlite=True) for one in batch), strict=True
    ):
        theirs = dict(zip(inbox.COLUMNS, bare, strict=True))
        assert {name: theirs[name] for name in mine if name not in inbox.WHEN_RECEIVED} == {
            name: mine[name] for name in mine if name not in inbox.WHEN_RECEIVED
        }


def test_books_of_a_benchmark_are_settled_and_proven(
    database_url: str, request: pytest.FixtureRequest
) -> None:
    """A past, a batch, one by one from threads, and many to one organisation."""
    with ledger.proven(database_url) as books:
        books.join(20)
        books.live(200, among=20)
        ledger.settled(books, books.confirm(10, payers=10, payees=10))
        ledger.settled_one_by_one(books, books.confirm(10, payers=10, payees=10))
        one = books.organise()
        ledger.settled(books, books.confirm(10, payers=10, payees=10, payee=one))
    store = Store(database_url)
    with store.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM posting").scalar() == 502
    store.close()


def test_the_check_of_long_books_is_the_operators_own(postgresql: PostgreSQL) -> None:
    """Time and memory are those of `smoney ledger check` in a process of its own."""
    url = postgresql.create("benchmark_check")
    books = long_books.fill(url, 200, 20, among=20)
    books.deps.store.close()
    checked = long_books._checked(url)
    postgresql.drop("benchmark_check")
    assert checked.postings == 440
    assert checked.memory_mb > 0
