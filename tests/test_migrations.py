"""The schema: made from nothing by the migrations, and the one that the models describe."""

import re
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from bot import migrations
from bot.migrations import BrokenReferences
from bot.store import workers
from bot.store.engine import Store
from bot.store.orders import transfers
from bot.store.tables import metadata
from bot.store.types import FILL, IN_SETS
from tests import builders
from tests.builders import NOON
from tests.servers import PgBouncer, PostgreSQL


def constraints(store: Store, table: str) -> dict[str, set[str]]:
    """Return the names of a table's constraints and indexes as the database has them."""
    looked = inspect(store.engine)
    return {
        "check": {str(row["name"]) for row in looked.get_check_constraints(table)},
        "foreign key": {str(row["name"]) for row in looked.get_foreign_keys(table)},
        "unique": {str(row["name"]) for row in looked.get_unique_constraints(table)},
    }


def is_declared_for(store: Store, one: object) -> bool:
    """Whether a constraint of the models is one of this database's: PostgreSQL has triggers."""
    return store.is_sqlite or not getattr(one, "info", {}).get(IN_SETS, False)


def test_a_migrated_database_is_at_the_head(database_url: str) -> None:
    """After `upgrade` the database stands at the newest revision."""
    assert migrations.current(database_url) == migrations.head()


def test_a_second_migration_changes_nothing(database_url: str) -> None:
    """`upgrade` may run at every release."""
    migrations.upgrade(database_url)
    assert migrations.current(database_url) == migrations.head()


@pytest.mark.filterwarnings("ignore:Computed default on transfer.due_at")  # said otherwise there
def test_models_and_migrations_agree(store: Store) -> None:
    """Autogenerate finds nothing to do to tables, columns, types, indexes and keys."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": lambda one, *_about: is_declared_for(store, one),
            },
        )
        differences = compare_metadata(context, metadata)
    assert differences == [], "write a revision: make revision MESSAGE='what changed'"


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_the_database_holds_each_named_constraint(store: Store, table: str) -> None:
    """What autogenerate does not compare: the CHECKs are there, and under the models' names."""
    in_models: dict[str, set[str]] = {"check": set(), "foreign key": set(), "unique": set()}
    kinds = {
        "CheckConstraint": "check",
        "ForeignKeyConstraint": "foreign key",
        "UniqueConstraint": "unique",
    }
    for constraint in metadata.tables[table].constraints:
        kind = kinds.get(type(constraint).__name__)
        if kind and is_declared_for(store, constraint):
            in_models[kind].add(str(constraint.name))
    assert constraints(store, table) == in_models


def test_pages_are_filled_as_the_models_say(postgresql_url: str) -> None:
    """Else each payment would rewrite its rows elsewhere, and every index of theirs."""
    store = Store(postgresql_url)
    asked = "SELECT relname, reloptions[1] FROM pg_class WHERE relkind = 'r' AND reloptions <> '{}'"
    with store.read() as session:
        filled = dict(session.execute(text(asked)).tuples().all())
    store.close()
    assert filled == {
        table.name: f"fillfactor={table.info[FILL]}"
        for table in metadata.tables.values()
        if FILL in table.info
    }


def words_of_checks(store: Store) -> dict[str, frozenset[str]]:
    """Return the quoted words of every CHECK, by its name."""
    looked = inspect(store.engine)
    return {
        str(row["name"]): frozenset(re.findall(r"'([^']*)'", str(row["sqltext"])))
        for table in metadata.tables
        for row in looked.get_check_constraints(table)
    }


def test_the_checks_hold_the_words_of_the_models(store: Store) -> None:
    """A status that was added to an enum is in the database's CHECK too."""
    in_models = {
        str(constraint.name): frozenset(re.findall(r"'([^']*)'", str(constraint.sqltext)))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert words_of_checks(store) == in_models


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
        "INSERT INTO outbox (key, channel, text, exclude_x_user_ids, priority, status, attempts,"
        " in_doubt, created_at, next_attempt_at, order_id)"
        " VALUES ('l', 'dm', '', '', 5, 'waiting', 0, false, :at, :at, 9)",
        "INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)"
        " VALUES (9, 1, 'pending', 'ordered', :at)",
        "UPDATE transfer_event SET transfer_id = 9",
        "DELETE FROM transfer",
        "UPDATE transfer SET id = 9",
    ],
)
def test_a_reference_of_the_books_is_kept_by_the_database(store: Store, statement: str) -> None:
    """Neither end can be missing, by foreign keys on SQLite and by triggers on PostgreSQL."""
    with suppress(Undone), store.write() as session:
        for one in WHOLE_BOOKS.split(";"):
            session.execute(text(one), {"at": NOON})
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), session.begin_nested():
            session.execute(text(statement), {"at": NOON} if ":at" in statement else {})
        raise Undone


def test_what_nothing_refers_to_may_go(store: Store) -> None:
    """An account without a posting is no part of the books."""
    with store.write() as session:
        session.execute(text("INSERT INTO account (name, balance_cents) VALUES ('wallet:1', 0)"))
        session.execute(text("DELETE FROM account"))


def test_the_last_migration_can_be_taken_back(empty_database: Store) -> None:
    """And made again: with foreign keys in between, on PostgreSQL as on SQLite."""
    for there in ("head", "0023", "head"):
        with empty_database.engine.connect() as connection:
            getattr(command, "downgrade" if there == "0023" else "upgrade")(
                migrations.config(connection), there
            )
            connection.commit()
        keys = constraints(empty_database, "posting")["foreign key"]
        has_keys = empty_database.is_sqlite or there == "0023"
        assert keys == ({"fk_posting_entry_id", "fk_posting_account_id"} if has_keys else set())


def test_two_migrations_at_once_end_in_one_schema(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two releases that start together wait for each other, on both databases."""
    name = "two_at_once"
    urls = [postgresql.create(name), f"sqlite:///{tmp_path_factory.mktemp('two')}/two.db"]
    for url in urls:
        failures: list[Exception] = []

        def migrate(url: str = url, failures: list[Exception] = failures) -> None:
            try:
                migrations.upgrade(url)
            except Exception as failure:  # noqa: BLE001 (told to the test, which fails)
                failures.append(failure)

        threads = [Thread(target=migrate) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert migrations.current(url) == migrations.head()
    postgresql.drop(name)


def test_a_database_without_schema_has_no_revision(tmp_path: object) -> None:
    """`current` tells a database that was never migrated."""
    assert migrations.current(f"sqlite:///{tmp_path}/empty.db") is None


def test_rows_that_point_at_nothing_stop_a_migration(sqlite_url: str) -> None:
    """On SQLite references are checked before the migration is committed."""
    store = Store(sqlite_url)
    with store.engine.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.execute(
            text("INSERT INTO posting (entry_id, account_id, amount_cents) VALUES (9, 9, 1)")
        )
    store.close()
    with pytest.raises(BrokenReferences, match="posting"):
        migrations.upgrade(sqlite_url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_who_ordered_before_there_was_a_language_keeps_theirs(
    kind: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """Of the newest order, on both databases; who ordered nothing has none yet."""
    name = "before_lang"
    url = postgresql.create(name) if kind == "postgresql" else f"sqlite:///{tmp_path}/old.db"
    store = Store(url)
    with store.engine.connect() as connection:
        command.upgrade(migrations.config(connection), "0001")
        connection.commit()
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
    migrations.upgrade(url)
    with store.read() as session:
        rows = session.execute(text("SELECT x_user_id, lang FROM x_account ORDER BY x_user_id"))
        assert [tuple(row) for row in rows] == [("1", "en"), ("2", None)]
    store.close()
    if kind == "postgresql":
        postgresql.drop(name)


def test_the_schema_and_a_transaction_work_behind_pgbouncer(
    postgresql: PostgreSQL, pgbouncer: PgBouncer
) -> None:
    """Nothing of the store needs more than PgBouncer's transaction mode gives."""
    postgresql.create("pooled")
    url = pgbouncer.url("pooled")
    migrations.upgrade(url)
    store = Store(url)
    for number in range(20):
        with store.write() as session:
            session.execute(
                text("INSERT INTO account (name, balance_cents) VALUES (:name, 0)"),
                {"name": f"wallet:{number}"},
            )
    with store.read() as session:
        assert session.execute(text("SELECT count(*) FROM account")).scalar_one() == 20
        assert _plans_kept(session) == 0, "who has the session next knows nothing of them"
    _lead_in_turn(store)
    store.close()


def _lead_in_turn(store: Store) -> None:
    """Let one worker lead for several transactions, whoever's session they get, then another."""
    with store.write() as session:
        assert workers.take_lease(session, "stream", "one", seen=None, until=NOON) == 1
    with store.read() as session:
        seen = workers.read_lease(session, "stream")
    later = NOON + timedelta(seconds=2)
    with store.write() as session:
        assert workers.keep_lease(session, "stream", "one", fence=1, until=later)
    for taken in (None, 2):
        with store.write() as session:
            fence = workers.take_lease(session, "stream", "two", seen=seen, until=later)
            assert fence == taken
            seen = workers.read_lease(session, "stream")
    with store.write() as session:
        assert not workers.keep_lease(session, "stream", "one", fence=1, until=later)


def test_plans_are_kept_where_nobody_stands_between(postgresql_url: str) -> None:
    """What is asked again and again is planned once on a connection of our own.

    It is kept when we refuse something, of which a part or all is rolled back; not when the server
    does, as where another process migrates the table beside us.
    """
    store, asked = Store(postgresql_url), text("SELECT count(*) FROM account WHERE name = :name")
    for _ in range(20):
        with store.read() as session:
            session.execute(asked, {"name": "a"})
    with suppress(LookupError), store.write() as session:
        with suppress(KeyError), session.begin_nested():
            raise KeyError
        raise LookupError
    with store.read() as session:
        assert session.execute(asked, {"name": "a"}).scalar_one() == 0
        assert _plans_kept(session) == 1
    read = text("SELECT next_path FROM sign_in_attempt")
    for _ in range(20):
        with store.read() as session:
            session.execute(read)
    other = Store(postgresql_url)
    for kind, in_part in (("varchar(3000)", True), ("varchar(2000)", False)):
        with other.write() as session:
            session.execute(text(f"ALTER TABLE sign_in_attempt ALTER next_path TYPE {kind}"))
        with (
            pytest.raises(DBAPIError, match="must not change"),
            store.write() as session,
            session.begin_nested() if in_part else nullcontext(),
        ):
            session.execute(read)
        for _ in range(20):
            with store.read() as session:
                assert session.execute(read).all() == []
    other.close()
    store.close()


def _plans_kept(session: Session) -> int:
    count: int = session.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
    return count


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


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database that no migration has seen."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path}/old.db")
    else:
        store = Store(request.getfixturevalue("postgresql").create("empty"))
    yield store
    store.close()
    if request.param == "postgresql":
        request.getfixturevalue("postgresql").drop("empty")


@pytest.fixture
def first_schema(empty_database: Store) -> Store:
    """A database at the first revision, as an installation may have it."""
    with empty_database.engine.connect() as connection:
        command.upgrade(migrations.config(connection), "0001")
        connection.commit()
    return empty_database


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_mandate_that_was_given_without_two_factors_ends(
    kind: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """With the revision that asks for them; nothing else of the card changes."""
    name = "before_sca"
    url = postgresql.create(name) if kind == "postgresql" else f"sqlite:///{tmp_path}/old.db"
    store = Store(url)
    with store.engine.connect() as connection:
        command.upgrade(migrations.config(connection), "0011")
        connection.commit()
    with store.write() as session:
        for statement in KEPT_CARDS.split(";"):
            session.execute(text(statement), {"at": "2026-11-23 12:00:00"})
    migrations.upgrade(url)
    with store.read() as session:
        rows = session.execute(text("SELECT id, revoked_at IS NULL FROM mandate ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, False), (2, True)]
    store.close()
    if kind == "postgresql":
        postgresql.drop(name)


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


def test_what_is_there_stays_when_the_schema_moves_on(first_schema: Store) -> None:
    """A transfer with its confirmation and its history, on SQLite though its table is rebuilt.

    Messages that were read before it was written down how far are not read, and paid, again.
    """
    with first_schema.write() as session:
        for statement in OLD_ROWS.split(";"):
            session.execute(text(statement), {"at": "2026-11-23 12:00:00"})
    migrations.upgrade(first_schema.url)
    assert migrations.current(first_schema.url) == migrations.head()
    found = (
        "SELECT transfer.id, amount_cents, confirmation_id, transfer_event.reason "
        "FROM transfer JOIN transfer_event ON transfer_id = transfer.id ORDER BY transfer.id"
    )
    with first_schema.read() as session:
        rows = [tuple(row) for row in session.execute(text(found))]
        read = session.execute(text("SELECT name, value FROM cursor")).all()
    assert rows == [(1, 1000, 1, "ordered"), (2, 250, None, "ordered")]
    assert [tuple(row) for row in read] == [("messages.read", '{"read_to": "100", "gaps": []}')]
    with pytest.raises(IntegrityError), first_schema.write() as session:
        session.execute(text("UPDATE transfer SET confirmation_id = 4711"))
