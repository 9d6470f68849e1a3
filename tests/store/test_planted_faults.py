"""Each rule of the check finds the fault that is planted against it, and names it."""

import re
import sqlite3
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from bot.domain import books
from bot.services import check
from bot.store import ledger, proofs
from bot.store.engine import Store
from tests import builders
from tests.servers import PostgreSQL
from tests.templates import POSTGRESQL_TEMPLATE


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A database that nobody uses again: what is planted takes its constraints away."""
    name = f"smoney_{uuid4().hex}"
    yield postgresql.create(name, template=POSTGRESQL_TEMPLATE)
    postgresql.drop(name)


@pytest.fixture
def broken(database_url: str) -> Iterator[Store]:
    """Books that balance: bob with a captured top-up, a pending transfer, one that is held."""
    opened = Store(database_url)
    with opened.write() as session:
        bob = builders.person(session, "bob", cents=1000)
        alice = builders.person(session, "alice")
        assert (bob, alice) == (1, 2)
        assert builders.order(session, "4F7K2Q", "bob", "alice", 300, 200) == [1, 2]
        builders.hold(session, 2, bob, 200)
        builders.fund(session, "topup-b", alice, 100)
        builders.pay_out(session, bob, "bob", 50)
        builders.paid_by_acquirer(session, 100, 40)
    assert check.prove(opened).balanced
    yield opened
    opened.close()


def sabotage(store: Store, *statements: str) -> None:
    """Change rows behind the bot's back, and behind the database's own rules where they forbid."""
    if not store.is_sqlite:
        with store.write() as session:
            session.execute(text("SET session_replication_role = replica"))
            for rule in UNRULED:
                session.execute(text(rule))
            for statement in statements:
                session.execute(text(statement))
        return
    store.close()
    connection = sqlite3.connect(store.url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA ignore_check_constraints = ON")
    if any("INSERT INTO journal_entry" in one for one in statements):
        connection.executescript(WITHOUT_KEY)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


UNRULED = (
    "ALTER TABLE account DROP CONSTRAINT ck_account_never_below_zero",
    "ALTER TABLE payout DROP CONSTRAINT ck_payout_in_file",
    "ALTER TABLE journal_entry DROP CONSTRAINT uq_journal_entry_key",
)
WITHOUT_KEY = """
CREATE TABLE copied AS SELECT * FROM journal_entry;
DROP TABLE journal_entry;
ALTER TABLE copied RENAME TO journal_entry;
"""
CENT = "UPDATE posting SET amount_cents = amount_cents + 1"
OF_HOLD = "entry_id = (SELECT id FROM journal_entry WHERE key = 'transfer:2:hold')"
FORGED = f"transfer:{10**20}:hold"
OF_CAPTURE = "entry_id = (SELECT id FROM journal_entry WHERE key = 'topup:topup-b:capture')"

FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    "a leg has a cent more": (
        (f"{CENT} WHERE amount_cents = 200 AND {OF_HOLD}",),
        "entry transfer:2:hold does not sum to zero but to 1 cents",
    ),
    "a leg is gone": (
        (f"DELETE FROM posting WHERE amount_cents = 200 AND {OF_HOLD}",),
        "entry transfer:2:hold has fewer than two postings",
    ),
    "an entry has no legs at all": (
        (f"DELETE FROM posting WHERE {OF_HOLD}",),
        "entry transfer:2:hold has fewer than two postings",
    ),
    "a balance drifts": (
        ("UPDATE account SET balance_cents = 751 WHERE name = 'wallet:1'",),
        "account wallet:1 shows 751 cents but its postings say 750",
    ),
    "a wallet is below zero": (
        ("UPDATE account SET balance_cents = -5 WHERE name = 'wallet:2'",),
        "account wallet:2 is below zero: -5 cents",
    ),
    "the whole is not zero": (
        ("UPDATE account SET balance_cents = balance_cents + 7 WHERE name = 'cards'",),
        "all balances together are 7 cents, not zero",
    ),
    "a held transfer's money is in another's account": (
        ("UPDATE account SET name = 'held:1' WHERE name = 'held:2'",),
        "transfer 2 is held but its account held:2 has 0 cents of 200",
    ),
    "a transfer that is over still holds money": (
        ("UPDATE transfer SET status = 'returned' WHERE id = 2",),
        "transfer 2 is returned but its account held:2 has 200 cents of 200",
    ),
    "money is held for nothing": (
        ("UPDATE account SET name = 'held:99' WHERE name = 'held:2'",),
        "account held:99 holds money for no transfer",
    ),
    "a posted transfer has no entry": (
        ("UPDATE transfer SET status = 'posted', payer_person_id = 1 WHERE id = 1",),
        "entry transfer:1:post lacks its -300 cents on wallet:1",
    ),
    "a captured top-up has no entry": (
        ("UPDATE journal_entry SET key = 'topup:other:capture' WHERE key LIKE 'topup:topup-b%'",),
        "entry topup:topup-b:capture lacks its 100 cents on wallet:2",
    ),
    "a top-up says it was never captured": (
        ("UPDATE topup SET status = 'declined' WHERE id = 'topup-b'",),
        "entry topup:topup-b:capture has 100 cents on wallet:2 that no fact explains",
    ),
    "an entry is there twice under one key": (
        (
            """INSERT INTO journal_entry (id, key, hash, written_at)
            SELECT 900, key, hash, written_at FROM journal_entry WHERE key = 'transfer:2:hold'""",
        ),
        "key transfer:2:hold stands on 2 entries",
    ),
    "a posting belongs to no entry": (
        (
            """INSERT INTO posting (id, entry_id, account_id, amount_cents)
            VALUES (900, 4711, 1, 5)""",
        ),
        "posting 900 of 5 cents belongs to no entry or to no account",
    ),
    "a top-up's status has no event": (
        ("DELETE FROM topup_event WHERE topup_id = 'topup-b' AND sequence = 2",),
        "top-up topup-b is captured but its latest event says None",
    ),
    "a top-up says that it was refunded": (
        ("UPDATE topup SET refunded_cents = 40 WHERE id = 'topup-b'",),
        "top-up topup-b says that 40 cents are refunded but its refunds say 0",
    ),
    "a top-up is called refunded that is not": (
        ("UPDATE topup SET status = 'refunded' WHERE id = 'topup-b'",),
        "top-up topup-b is called refunded but only 0 of its 100 cents are",
    ),
    "a transfer's status has no event": (
        ("UPDATE transfer SET status = 'cancelled' WHERE id = 1",),
        "transfer 1 is cancelled but its latest event says pending",
    ),
    "a transfer is in funding by itself": (
        ("UPDATE transfer SET status = 'funding' WHERE id = 1",),
        "transfer 1 is in funding but no unfinished top-up is behind it",
    ),
    "a payout says that it was cancelled": (
        ("UPDATE payout SET status = 'cancelled'",),
        "entry payout:1:cancel lacks its 50 cents on wallet:1",
    ),
    "a payout says that it has left": (
        ("UPDATE payout SET status = 'settled', settled_at = requested_at, file_id = 1",),
        "entry payout:1:settle lacks its 50 cents on bank",
    ),
    "a payout's status has no event": (
        ("UPDATE payout SET status = 'cancelled'",),
        "payout 1 is cancelled but its latest event says requested",
    ),
    "money is under way for no payout": (
        ("UPDATE account SET balance_cents = 49 WHERE name = 'payouts'",),
        "account payouts has 49 cents but the payouts under way are 50",
    ),
    "a payout left without a file": (
        ("UPDATE payout SET status = 'exported'",),
        "payout 1 is exported but in no file",
    ),
    "an acquirer's payout says another amount": (
        ("UPDATE acquirer_payout SET amount_cents = 61",),
        "acquirer payout 1 is of 61 cents but its movements say 60",
    ),
    "an acquirer's payout is not in the bank": (
        ("UPDATE acquirer_payout SET amount_cents = 61",),
        "entry acquirer_payout:1:paid lacks its -61 cents on bank",
    ),
    "an acquirer's fee is not in the costs": (
        ("UPDATE acquirer_payout SET fee_cents = 41",),
        "entry acquirer_payout:1:paid lacks its -41 cents on own:costs",
    ),
    "an acquirer's payout left cards with another sum": (
        ("UPDATE acquirer_payout SET fee_cents = 41",),
        "entry acquirer_payout:1:paid lacks its 101 cents on cards",
    ),
    "own funds say that they came": (
        ("UPDATE acquirer_payout SET topup_cents = 41",),
        "entry acquirer_payout:1:topup lacks its 41 cents on own:funds",
    ),
    "own funds came to no bank": (
        ("UPDATE acquirer_payout SET topup_cents = 41",),
        "entry acquirer_payout:1:topup lacks its -41 cents on bank",
    ),
    "an acquirer's payout is no longer there": (
        ("DELETE FROM acquirer_line", "DELETE FROM acquirer_payout"),
        "entry acquirer_payout:1:paid has -60 cents on bank that no fact explains",
    ),
    "a difference says that it was booked": (
        ("UPDATE difference SET booked_to = 'costs', booked_at = listed_at",),
        "entry difference:1:book lacks its 3 cents on own:costs",
    ),
    "a difference was booked to no account": (
        ("UPDATE difference SET booked_to = 'costs', booked_at = listed_at",),
        "entry difference:1:book lacks its -3 cents on bank",
    ),
    "a forged key holds a number that no transfer can have": (
        (f"UPDATE journal_entry SET key = '{FORGED}' WHERE key = 'transfer:2:hold'",),
        f"entry {FORGED} has 200 cents on held:2 that no fact explains",
    ),
    "both legs are changed alike": (
        (f"UPDATE posting SET amount_cents = amount_cents * 2 WHERE {OF_CAPTURE}",),
        "entry topup:topup-b:capture is not as it was written: its postings have another hash",
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_planted_fault_is_found_and_named(broken: Store, fault: str) -> None:
    """The very sentence, with the entry, account, transfer or top-up that it is about."""
    statements, sentence = FAULTS[fault]
    sabotage(broken, *statements)
    report = check.prove(broken)
    shared = check.prove(broken, shared_from=0)
    assert shared == report, "two connections find what one finds"
    assert not report.balanced
    assert sentence in report.problems


def test_what_is_odd_is_a_problem_even_where_no_rule_names_it(broken: Store) -> None:
    """The rules ask anew, in other words: books with an odd entry never pass for balanced."""
    doubled = books.hash_of([("wallet:1", -400), ("held:2", 400)])
    sabotage(
        broken,
        f"UPDATE posting SET amount_cents = amount_cents * 2 WHERE {OF_HOLD}",
        f"UPDATE journal_entry SET hash = '{doubled}' WHERE key = 'transfer:2:hold'",
    )
    report = check.prove(broken, rules=())
    assert not report.balanced
    sentence = "entry transfer:2:hold is odd: its transfer or top-up asks for another"
    assert report.problems == [sentence]


def test_every_rule_has_a_fault_planted_against_it() -> None:
    """A rule that no fault trips is not known to work."""
    found = [sentence for _statements, sentence in FAULTS.values()]
    for rule, _query in proofs.RULES:
        shape = re.compile(re.sub(r"\\\{\d\\\}", ".+", re.escape(rule)))
        assert any(shape.fullmatch(one) for one in found), f"plant a fault against: {rule}"


def test_a_problem_that_stands_everywhere_is_named_some_times_only(broken: Store) -> None:
    """Of many broken rows enough are said to see what is wrong, in memory that stays small."""
    with broken.write() as session:
        names = [f"own:{number}" for number in range(proofs.AT_MOST + 20)]
        ledger.open_accounts(session, names)
    sabotage(broken, "UPDATE account SET balance_cents = 1 WHERE name LIKE 'own:%'")
    drifts = [one for one in check.prove(broken).problems if "its postings say" in one]
    assert len(drifts) == proofs.AT_MOST


def test_books_with_nothing_in_them_balance(database_url: str) -> None:
    """A new installation's first proof."""
    store = Store(database_url)
    report = check.prove(store)
    store.close()
    assert (report.balanced, report.entries, report.problems) == (True, 0, [])
