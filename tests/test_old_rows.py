"""What an older release wrote is there after a migration, and means what it meant."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot import migrations
from bot.store.engine import Store
from tests.builders import NOON


def at(store: Store, revision: str) -> Store:
    """Bring an empty database to a revision, at which an installation may have it."""
    with store.engine.connect() as connection:
        command.upgrade(migrations.config(connection), revision)
        connection.commit()
    return store


def test_who_ordered_before_there_was_a_language_keeps_theirs(empty_database: Store) -> None:
    """Of the newest order, on both databases; who ordered nothing has none yet."""
    store = at(empty_database, "0001")
    with store.write() as session:
        for x_user_id in ("1", "2"):
            session.execute(
                text("INSERT INTO x_account (x_user_id, name, seen_at) VALUES (:id, '', :at)"),
                {"id": x_user_id, "at": NOON},
            )
        for reference, lang in (("AAAAA2", "fr"), ("AAAAA3", "en")):
            session.execute(
                text(
                    "INSERT INTO orders"
                    " (reference, kind, source, source_id, owner_x_user_id, lang, created_at)"
                    " VALUES (:reference, 'pay', 'post', :reference, '1', :lang, :at)"
                ),
                {"reference": reference, "lang": lang, "at": NOON},
            )
    migrations.upgrade(store.url)
    with store.read() as session:
        rows = session.execute(text("SELECT x_user_id, lang FROM x_account ORDER BY x_user_id"))
        assert [tuple(row) for row in rows] == [("1", "en"), ("2", None)]


def test_a_mandate_that_was_given_without_two_factors_ends(empty_database: Store) -> None:
    """With the revision that asks for them; nothing else of the card changes."""
    store = at(empty_database, "0011")
    with store.write() as session:
        for statement in KEPT_CARDS.split(";"):
            session.execute(text(statement), {"at": "2026-11-23 12:00:00"})
    migrations.upgrade(store.url)
    with store.read() as session:
        rows = session.execute(text("SELECT id, revoked_at IS NULL FROM mandate ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, False), (2, True)]


KEPT_CARDS = """
INSERT INTO person (id, phone, consented_at, terms_version, created_at, level, is_organisation,
    confirms_by_dm, since_sca_cents, sca_failures, sca_locks)
VALUES (1, '+33600000001', :at, '1', :at, 'declared', false, false, 0, 0, 0);
INSERT INTO topup (id, person_id, amount_cents, status, sequence, three_d_secure, abandoned,
    failed_attempts, refunded_cents, attempts, created_at, expires_at, next_attempt_at)
VALUES ('t1', 1, 1000, 'captured', 1, false, false, 0, 0, 0, :at, :at, :at);
INSERT INTO saved_card (id, person_id, customer_id, payment_method_id, brand, last4, exp_month,
    exp_year, created_at)
VALUES (1, 1, 'cus_1', 'pm_1', 'visa', '4242', 12, 2030, :at);
INSERT INTO mandate (id, saved_card_id, topup_id, version, limit_cents, consented_at, ends_at)
VALUES (1, 1, 't1', '2026-11', 3000, :at, :at), (2, 1, NULL, 'sandbox', 3000, :at, :at)
"""
"""A card of the page with its mandate, and one that the sandbox made."""


OLD_ROWS = """
INSERT INTO person (id, phone, consented_at, terms_version, created_at, level, is_organisation,
    confirms_by_dm, since_sca_cents)
VALUES (1, '+33600000001', :at, '1', :at, 'unverified', false, false, 0);
INSERT INTO x_account (x_user_id, person_id, name, seen_at)
VALUES ('1', 1, '', :at), ('2', NULL, '', :at);
INSERT INTO orders (id, reference, kind, source, source_id, owner_x_user_id, lang, created_at)
VALUES (1, '4F7K2Q', 'pay', 'post', '10', '1', 'fr', :at);
INSERT INTO confirmation (id, order_id, person_id, payer_x_user_id, funding, method, terms_hash,
    total_cents, created_at)
VALUES (1, 1, 1, '1', 'wallet', 'page', 'hash', 1000, :at);
INSERT INTO transfer (id, order_id, number, payer_x_user_id, payee_x_user_id, amount_cents,
    currency, status, sequence, terms_hash, confirmation_id, created_at, confirm_by)
VALUES (1, 1, 1, '1', '2', 1000, 'EUR', 'pending', 1, 'hash', 1, :at, :at),
    (2, 1, 2, '1', '2', 250, 'EUR', 'pending', 1, 'hash', NULL, :at, :at);
INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)
VALUES (1, 1, 'pending', 'ordered', :at), (2, 1, 'pending', 'ordered', :at);
INSERT INTO inbox (source, source_id, body, received_at, status, attempts, next_attempt_at)
VALUES ('dm', '90', NULL, :at, 'done', 1, :at), ('dm', '100', NULL, :at, 'done', 1, :at),
    ('post', '200', NULL, :at, 'done', 1, :at)
"""
"""What a database at the first revision may hold."""


def test_what_is_there_stays_when_the_schema_moves_on(empty_database: Store) -> None:
    """A transfer with its confirmation and its history, on SQLite though its table is rebuilt.

    Messages that were read before it was written down how far are not read, and paid, again.
    """
    store = at(empty_database, "0001")
    with store.write() as session:
        for statement in OLD_ROWS.split(";"):
            session.execute(text(statement), {"at": "2026-11-23 12:00:00"})
    migrations.upgrade(store.url)
    assert migrations.current(store.url) == migrations.head()
    found = (
        "SELECT transfer.id, amount_cents, confirmation_id, due_at IS NULL, transfer_event.reason "
        "FROM transfer JOIN transfer_event ON transfer_id = transfer.id ORDER BY transfer.id"
    )
    with store.read() as session:
        rows = [tuple(row) for row in session.execute(text(found))]
        read = session.execute(text("SELECT name, value FROM cursor")).all()
    assert rows == [(1, 1000, 1, True, "ordered"), (2, 250, None, False, "ordered")]
    assert [tuple(row) for row in read] == [("messages.read", '{"read_to": "100", "gaps": []}')]
    with pytest.raises(IntegrityError), store.write() as session:
        session.execute(text("UPDATE transfer SET confirmation_id = 4711"))
