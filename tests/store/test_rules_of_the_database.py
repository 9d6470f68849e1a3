"""What the database itself refuses, and what it works out: on SQLite and PostgreSQL alike."""

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from bot.store.engine import Store
from bot.store.orders import transfers
from tests import builders
from tests.builders import NOON


def test_a_check_is_kept_by_the_database(store: Store) -> None:
    """A wallet below zero is refused by the database itself, under the rule's name."""
    with (
        pytest.raises(IntegrityError, match="ck_account_never_below_zero"),
        store.write() as session,
    ):
        session.execute(text("INSERT INTO account (name, balance_cents) VALUES ('wallet:1', -1)"))


class Undone(Exception):
    """Takes back what a test wrote of the books, which would not be proven."""


WHOLE_BOOKS = """
INSERT INTO journal_entry (id, key, hash, written_at) VALUES (1, 'k', 'h', :at);
INSERT INTO account (id, name, balance_cents) VALUES (1, 'wallet:1', 0);
INSERT INTO posting (entry_id, account_id, amount_cents) VALUES (1, 1, 1), (1, 1, -1);
INSERT INTO x_account (x_user_id, name, seen_at) VALUES ('1', '', :at), ('2', '', :at);
INSERT INTO orders (id, reference, kind, source, source_id, owner_x_user_id, lang, created_at)
VALUES (1, '4F7K2Q', 'pay', 'post', '10', '1', 'fr', :at);
INSERT INTO transfer (id, order_id, number, payer_x_user_id, payee_x_user_id, amount_cents,
    currency, status, sequence, terms_hash, created_at, confirm_by)
VALUES (1, 1, 1, '1', '2', 1000, 'EUR', 'pending', 1, 'hash', :at, :at);
INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)
VALUES (1, 1, 'pending', 'ordered', :at);
INSERT INTO outbox (key, channel, text, exclude_x_user_ids, priority, status, attempts, in_doubt,
    created_at, next_attempt_at, order_id)
VALUES ('k', 'dm', '', '', 5, 'waiting', 0, false, :at, :at, 1),
    ('of no order', 'dm', '', '', 5, 'waiting', 0, false, :at, :at, NULL)
"""


def write_whole_books(session: Session) -> None:
    """Write a row of each kind that refers, and those that they refer to."""
    for one in WHOLE_BOOKS.split(";"):
        session.execute(text(one), {"at": NOON})


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO posting (entry_id, account_id, amount_cents) VALUES (9, 1, 1)",
        "INSERT INTO posting (entry_id, account_id, amount_cents) VALUES (1, 1, 1), (1, 9, 1)",
        "UPDATE posting SET entry_id = 9",
        "UPDATE posting SET account_id = 9",
        "DELETE FROM journal_entry",
        "UPDATE journal_entry SET id = 9",
        "DELETE FROM account",
        "UPDATE account SET id = 9",
        "UPDATE outbox SET order_id = 9",
        (
            "INSERT INTO outbox (key, channel, text, exclude_x_user_ids, priority, status,"
            " attempts, in_doubt, created_at, next_attempt_at, order_id)"
            " VALUES ('l', 'dm', '', '', 5, 'waiting', 0, false, :at, :at, 9)"
        ),
        (
            "INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)"
            " VALUES (9, 1, 'pending', 'ordered', :at)"
        ),
        "UPDATE transfer_event SET transfer_id = 9",
        "DELETE FROM transfer",
        "UPDATE transfer SET id = 9",
    ],
)
def test_a_reference_of_the_books_is_kept_by_the_database(store: Store, statement: str) -> None:
    """Neither end can be missing, by foreign keys on SQLite and by triggers on PostgreSQL."""
    with suppress(Undone), store.write() as session:
        write_whole_books(session)
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), session.begin_nested():
            session.execute(text(statement), {"at": NOON} if ":at" in statement else {})
        raise Undone


@pytest.mark.parametrize("table", ["journal_entry", "account", "transfer", "orders"])
def test_no_table_is_emptied_that_another_refers_to(postgresql_url: str, table: str) -> None:
    """Neither where a foreign key stands nor where a trigger does."""
    store = Store(postgresql_url)
    with suppress(Undone), store.write() as session:
        write_whole_books(session)
        with pytest.raises(DBAPIError, match="foreign key"), session.begin_nested():
            session.execute(text(f"TRUNCATE {table}"))
        raise Undone
    store.close()


@pytest.mark.parametrize("path", ["''", "pg_temp, public"])
def test_references_are_kept_whatever_names_mean_to_who_writes(
    postgresql_url: str, path: str
) -> None:
    """A restore has no search path, and a table of one's own stands before ours."""
    store = Store(postgresql_url)
    posting = "INSERT INTO public.posting (entry_id, account_id, amount_cents) VALUES "
    with suppress(Undone), store.write() as session:
        write_whole_books(session)
        session.execute(text("CREATE TEMP TABLE journal_entry AS SELECT 9 AS id"))
        session.execute(text(f"SET LOCAL search_path = {path}"))
        session.execute(text(posting + "(1, 1, 1), (1, 1, -1)"))
        for wrong in (posting + "(9, 1, 1)", "DELETE FROM public.account"):
            with pytest.raises(IntegrityError, match="foreign key"), session.begin_nested():
                session.execute(text(wrong))
        raise Undone
    store.close()


def test_what_nothing_refers_to_may_go(store: Store) -> None:
    """An account without a posting is no part of the books."""
    with store.write() as session:
        session.execute(text("INSERT INTO account (name, balance_cents) VALUES ('wallet:1', 0)"))
        session.execute(text("DELETE FROM account"))


def test_a_transfer_cannot_point_at_a_confirmation_that_is_not_there(store: Store) -> None:
    """The books' proof joins them: what is covered by nothing would vanish from it."""
    with store.write() as session:
        builders.order(session, "4F7K2Q", "bob", "alice", 1000)
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), store.write() as session:
        session.execute(text("UPDATE transfer SET confirmation_id = 4711"))


@pytest.mark.parametrize(
    ("status", "confirmation", "due"),
    [
        ("pending", None, "confirm_by"),
        ("pending", 1, None),
        ("funding", 1, None),
        ("held", 1, "claim_by"),
        *((status, 1, None) for status in ("posted", "returned")),
        *((status, None, None) for status in ("cancelled", "declined", "expired")),
    ],
)
def test_what_a_job_has_to_end_is_due_by_the_database_itself(
    store: Store, status: str, confirmation: int | None, due: str | None
) -> None:
    """What is pending until it is confirmed, what is held until it is claimed, and nothing else."""
    until = {"confirm_by": NOON + timedelta(days=1), "claim_by": NOON + timedelta(days=2)}
    with suppress(Undone), store.write() as session:
        builders.order(session, "4F7K2Q", "bob", "alice", 1000)
        for statement in CONFIRMED.split(";"):
            session.execute(text(statement), {"at": NOON})
        session.execute(
            update(transfers).values(status=status, confirmation_id=confirmation, **until)
        )
        found = session.execute(select(transfers.c.due_at)).scalar_one()
        assert found == (until[due] if due else None)
        raise Undone


CONFIRMED = """
INSERT INTO person (id, phone, consented_at, terms_version, created_at, level, is_organisation,
    confirms_by_dm, since_sca_cents, sca_failures, sca_locks)
VALUES (1, '+33600000001', :at, '1', :at, 'declared', false, false, 0, 0, 0);
INSERT INTO confirmation (id, order_id, person_id, payer_x_user_id, funding, method, terms_hash,
    total_cents, created_at)
SELECT 1, id, 1, owner_x_user_id, 'wallet', 'page', 'hash', 1000, :at FROM orders
"""
