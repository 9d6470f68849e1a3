"""The migrated databases that tests copy: made once for a run, whichever of its processes asks."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self

import psycopg

from bot import migrations
from bot.store.engine import Store
from tests.servers import START_TIMEOUT_S, PostgreSQL, quick_folder

POSTGRESQL_TEMPLATE: Final = "smoney_template"
"""The name of the migrated database on the server."""
VACUUM_EVERY: Final = 50
"""After how many tests what they deleted is cleared away, so that nobody reads through it."""


@dataclass
class Templates:
    """A migrated SQLite file, and a PostgreSQL server with a migrated database."""

    sqlite: Path
    server: PostgreSQL
    making: Thread | None = None

    @classmethod
    def make(cls) -> Self:
        """Begin to make them; other processes may look for their tests meanwhile."""
        made = cls(quick_folder() / "template.db", PostgreSQL())
        made.making = Thread(target=made._make)
        made.making.start()
        return made

    def _make(self) -> None:
        """Run the migrations on both."""
        url = f"sqlite:///{self.sqlite}"
        migrations.upgrade(url)
        store = Store(url)
        with store.engine.connect() as connection:
            # What is still in the write-ahead log would not be copied.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        # To plan anew what is prepared takes longer than what is planned.
        self.server.start(plan_cache_mode="force_generic_plan")
        migrations.upgrade(self.server.create(POSTGRESQL_TEMPLATE))
        self._ready.touch()

    @property
    def _ready(self) -> Path:
        return self.sqlite.with_name("ready")

    def wait(self) -> Self:
        """Return them when they are made."""
        give_up_at = time.monotonic() + 2 * START_TIMEOUT_S
        while not self._ready.exists():
            assert time.monotonic() < give_up_at, "no databases to copy: what the run said is above"
            time.sleep(0.05)
        return self

    @property
    def address(self) -> tuple[str, str, int]:
        """Where another process finds them."""
        return str(self.sqlite), str(self.server.folder), self.server.port

    @classmethod
    def at(cls, address: tuple[str, str, int]) -> Self:
        """Those that another process makes, which also removes them."""
        sqlite, folder, port = address
        return cls(Path(sqlite), PostgreSQL(folder=Path(folder), port=port))

    def fresh(self, name: str) -> "Fresh":
        """Make a copy on the server that can be as it was at the beginning, again and again."""
        return Fresh(self.server.create(name, template=POSTGRESQL_TEMPLATE))

    def fresh_file(self, folder: Path) -> "FreshFile":
        """Make a copy of the file in a folder, of the same kind."""
        return FreshFile(self.sqlite, folder / "smoney.db")

    def remove(self) -> None:
        """Stop the server and leave nothing."""
        if self.making is not None:
            self.making.join()
        self.server.stop()
        shutil.rmtree(self.sqlite.parent, ignore_errors=True)


class Fresh:
    """A PostgreSQL database that is used by one test after another.

    To make a database, and to learn its tables on a new connection, is most of what a small test
    costs the server: so what a test wrote is deleted, and the connections stay.
    """

    def __init__(self, url: str) -> None:
        """Look at the tables and sequences of a database that nobody has used yet."""
        self.url = url
        self.used = 0
        self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        reset = ";".join([*self._rows(self.connection), *self._sequences(self.connection)])
        self.connection.execute("SET session_replication_role = replica")  # no foreign keys
        self.connection.execute(  # a function's statements are planned once
            "CREATE FUNCTION pg_temp.reset() RETURNS void LANGUAGE plpgsql"
            f" AS $$BEGIN {reset}; END$$"
        )

    @staticmethod
    def _rows(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[str]:
        """Delete what a test wrote: nothing but the revision stands in a table at the beginning."""
        tables = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace"
        )
        for (table,) in connection.execute(tables, ["public"]):
            if table != "alembic_version":
                assert connection.execute(f'SELECT * FROM "{table}"').fetchone() is None, table
                yield f'DELETE FROM "{table}"'

    @staticmethod
    def _sequences(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[str]:
        for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'S'"):
            yield f"""PERFORM setval('"{name}"', 1, false)"""

    def again(self) -> None:
        """Be as at the beginning. Who still writes is ended: a test is to leave nobody."""
        with self.connection.transaction():
            self.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
                " AND pid <> pg_backend_pid()"
            )
            self.connection.execute("SELECT pg_temp.reset()")
        self.used += 1
        if self.used % VACUUM_EVERY == 0:
            self.connection.execute("VACUUM")

    def close(self) -> None:
        """Be used no more."""
        self.connection.close()


class FreshFile:
    """A SQLite database that is used by one test after another, as `Fresh` is.

    A new file's connection reads the schema and prepares each statement anew.
    """

    def __init__(self, template: Path, path: Path) -> None:
        """Copy the template, and look at its tables."""
        self.template = template
        self.path = path
        self.url = f"sqlite:///{path}"
        self._copy()

    def _copy(self) -> None:
        shutil.copyfile(self.template, self.path)
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")
        self.version = self._version()
        tables = self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        self.reset = [f'DELETE FROM "{table}"' for (table,) in tables if table != "alembic_version"]

    def _version(self) -> int:
        """Return a number that changes with the schema."""
        version: int = self.connection.execute("PRAGMA schema_version").fetchone()[0]
        return version

    def again(self) -> bool:
        """Be as at the beginning; False where a test changed the schema: it is another file now."""
        if self._version() != self.version:
            self.connection.close()
            for one in self.path.parent.glob(f"{self.path.name}*"):
                one.unlink()
            self._copy()
            return False
        self.connection.execute("BEGIN IMMEDIATE")
        for statement in self.reset:
            self.connection.execute(statement)
        self.connection.execute("COMMIT")
        return True

    def close(self) -> None:
        """Be used no more."""
        self.connection.close()
