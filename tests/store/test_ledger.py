"""The books in the database: keyed, immutable, cached balances that agree, wallets above zero."""

import threading
import tracemalloc
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from bot.domain import books
from bot.services.check import prove
from bot.store import ledger
from bot.store.engine import Store
from tests import builders
from tests.builders import NOON


def test_an_entry_moves_what_its_postings_say(store: Store) -> None:
    """Balances follow the postings in the same commit."""
    with store.write() as session:
        bob = builders.person(session, "bob", cents=1000)
        alice = builders.person(session, "alice")
        builders.order(session, "4F7K2Q", "bob", "alice", 300)
    with store.read() as session:
        assert ledger.balance(session, books.wallet(bob)) == 1000
        assert ledger.balance(session, books.wallet(alice)) == 0
        assert dict(ledger.balances(session))["cards"] == 1000


def test_the_same_key_with_the_same_postings_again_changes_nothing(store: Store) -> None:
    """A repetition is a success, within one batch and after it."""
    entry = books.capture("t", 1, 500)
    with store.write() as session:
        bob = builders.person(session, "bob")
        entry = books.capture(builders.fill(session, bob, 500), bob, 500)
        ledger.record(session, [entry], now=lambda: NOON)
    with store.write() as session:
        ledger.record(session, [entry], now=lambda: NOON)
    with store.read() as session:
        assert ledger.balance(session, books.wallet(bob)) == 500
        assert ledger.counts(session)[:2] == (1, 2)


def test_a_batch_that_repeats_an_entry_writes_it_once(store: Store) -> None:
    """Its postings are not doubled under its one key; a contradiction is a bug here as well."""
    entry = books.capture("t", 1, 500)

    def repeat_and_contradict() -> None:
        with store.write() as session:
            ledger.record(session, [entry, entry], now=lambda: NOON)
            assert ledger.balance(session, books.wallet(1)) == 500
            assert ledger.counts(session)[:2] == (1, 2)
            contradiction = [books.capture("u", 1, cents) for cents in (1, 2)]
            ledger.record(session, contradiction, now=lambda: NOON)

    # No fact stands behind what is written: the error takes all of it back.
    with pytest.raises(AssertionError, match="other postings"):
        repeat_and_contradict()


def test_the_same_key_with_other_postings_is_a_bug_and_changes_nothing(store: Store) -> None:
    """A contradiction under a key rolls everything back."""
    with store.write() as session:
        bob = builders.person(session, "bob")
        topup_id = builders.fill(session, bob, 500)
    with pytest.raises(AssertionError, match="other postings"), store.write() as session:
        ledger.record(session, [books.capture(topup_id, bob, 501)], now=lambda: NOON)
    with store.read() as session:
        assert ledger.balance(session, books.wallet(bob)) == 500


def test_a_wallet_can_never_be_below_zero(store: Store) -> None:
    """The database itself refuses, by a named constraint."""
    with store.write() as session:
        bob = builders.person(session, "bob", cents=100)
        alice = builders.person(session, "alice")
    never = pytest.raises(IntegrityError, match="ck_account_never_below_zero")
    with never, store.write() as session:
        ledger.record(session, [books.post(1, bob, alice, 101)], now=lambda: NOON)


def test_two_writers_at_once_lose_no_cent(store: Store) -> None:
    """Ten threads bring a cent each a hundred times in all; the balance has them all."""
    with store.write() as session:
        bob = builders.person(session, "bob")

    def bring() -> None:
        for _ in range(10):
            with store.write() as session:
                builders.fill(session, bob, 1)

    threads = [threading.Thread(target=bring) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert ledger.balance(session, books.wallet(bob)) == 100


SABOTAGE = {
    "a posting is changed": (
        "UPDATE posting SET amount_cents = amount_cents + 1 WHERE amount_cents > 0",
        "does not sum to zero",
    ),
    "a posting is gone": ("DELETE FROM posting WHERE amount_cents > 0", "fewer than two postings"),
    "a balance is changed": (
        "UPDATE account SET balance_cents = balance_cents + 1 WHERE name LIKE 'wallet:%'",
        "its postings say",
    ),
    "an entry belongs to no fact": (
        "UPDATE journal_entry SET key = 'topup:elsewhere:capture'",
        "that no fact explains",
    ),
    "a captured top-up is of another amount": (
        "UPDATE topup SET amount_cents = amount_cents + 1",
        "lacks its",
    ),
    "the money is in another wallet": (
        """UPDATE posting SET account_id = (SELECT id FROM account WHERE name = 'wallet:2')
        WHERE amount_cents > 0""",
        "that no fact explains",
    ),
    "both legs of an entry are changed": (
        "UPDATE posting SET amount_cents = amount_cents * 2",
        "another hash",
    ),
    "a transfer claims to be posted": ("UPDATE transfer SET status = 'posted'", "latest event"),
    "a transfer claims to be held": ("UPDATE transfer SET status = 'held'", "has 0 cents of 300"),
    "a transfer is in funding by itself": (
        "UPDATE transfer SET status = 'funding'",
        "no unfinished top-up",
    ),
    "a status has no event": (
        "UPDATE transfer SET status = 'cancelled'",
        "its latest event says pending",
    ),
}


@pytest.mark.parametrize("name", list(SABOTAGE))
def test_the_check_finds_each_way_to_break_the_books(database_url: str, name: str) -> None:
    """Whoever changes a row behind the bot's back is found, with a sentence that names it."""
    statement, sentence = SABOTAGE[name]
    broken = Store(database_url)
    with broken.write() as session:
        builders.person(session, "bob", cents=1000)
        builders.person(session, "alice")
        builders.order(session, "4F7K2Q", "bob", "alice", 300)
    assert prove(broken).balanced
    with broken.write() as session:
        session.execute(text(statement))
    report = prove(broken)
    broken.close()
    assert not report.balanced
    assert any(sentence in problem for problem in report.problems), report.problems


def test_the_proof_keeps_no_more_legs_in_memory_than_it_streams(database_url: str) -> None:
    """Of thousands whose entries are hashed one by one, a hundred at a time.

    Neither Python nor PostgreSQL's driver, whose memory Python does not count, holds them.
    """
    store, held = Store(database_url), [0]

    @event.listens_for(store.engine, "after_cursor_execute")
    def _note(_connection: Any, cursor: Any, *_rest: Any) -> None:
        result = getattr(cursor, "pgresult", None)  # SQLite's driver fetches row by row
        held.append(0 if result is None else result.ntuples)

    legs = (books.Posting(books.CARDS, -1), books.Posting(books.FUNDS, 1))

    def peak(*numbers: int) -> int:
        batch = [books.Entry(f"difference:{one}:book", legs) for one in range(*numbers)]
        with store.write() as session:
            ledger.record(session, batch, now=lambda: NOON)
        tracemalloc.start()
        assert prove(store, rules=(), at_a_time=100).postings == 2 * (numbers[1] - 1)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(1, 2)  # what is loaded once is loaded
    few, many = peak(2, 500), peak(500, 3000)
    store.close()
    assert many < few * 2
    assert max(held) <= 100
