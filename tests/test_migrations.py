"""The schema: made from nothing by the migrations, and the one that the models describe."""

import re
from contextlib import nullcontext, suppress
from datetime import timedelta
from threading import Thread

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bot import migrations
from bot.migrations import BrokenReferences
from bot.store import workers
from bot.store.engine import Store
from bot.store.tables import metadata
from bot.store.types import FILL, IN_SETS
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


def test_the_last_migration_can_be_taken_back(empty_database: Store) -> None:
    """And made again: with foreign keys in between, on PostgreSQL as on SQLite."""
    for there in ("head", "0023", "head"):
        with empty_database.engine.connect() as connection:
            getattr(command, "downgrade" if there == "0023" else "upgrade")(
                migrations.config(connection), there
            )
            connection.commit()
        tables = ("posting", "transfer_event", "outbox")
        keys = [constraints(empty_database, one)["foreign key"] for one in tables]
        has_keys = empty_database.is_sqlite or there == "0023"
        assert set().union(*keys) == (IN_SETS_SINCE_0024 if has_keys else set())
        if not empty_database.is_sqlite:
            functions = text(
                "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            )
            with empty_database.read() as session:
                assert session.execute(functions).scalar_one() == (0 if has_keys else 7)


IN_SETS_SINCE_0024 = {
    "fk_posting_entry_id",
    "fk_posting_account_id",
    "fk_transfer_event_transfer_id",
    "fk_outbox_order_id",
}


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
