"""The schema's history: brings a database to the newest revision, and says where it stands.

Alembic, configured here in code: there is no ini file, and the address of the database never passes
through one. A migration is one transaction on SQLite and PostgreSQL alike, so it happens whole or
not at all; of two processes that migrate at once one waits for the other and then finds it done.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text

from bot.store.engine import Store

_HERE: Final = Path(__file__).parent
_LOCK: Final = 0x5330_4E45_59
"""The advisory lock of a migration on PostgreSQL; any number that is nobody else's serves."""


class NewerSchema(Exception):
    """The database is at a revision that this code does not know; nothing was changed."""


class BrokenReferences(Exception):
    """A migration left rows that point at nothing; it was rolled back."""


def upgrade(url: str) -> None:
    """Bring the database to the newest revision; one that is there stays as it is.

    Raises `NewerSchema` and `BrokenReferences`, with the words for a sentence.
    """
    store = Store(url)
    try:
        _migrate(store)
    finally:
        store.close()


def current(url: str) -> str | None:
    """Return the database's revision; None where no migration has run."""
    store = Store(url)
    try:
        return revision(store)
    finally:
        store.close()


def revision(store: Store) -> str | None:
    """Return the revision of a database that is open; None where no migration has run."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the newest revision."""
    newest = ScriptDirectory.from_config(config()).get_current_head()
    assert newest is not None, "bot/migrations/versions holds no revision"
    return newest


def mend(found: str | None) -> str:
    """Say what brings this code and a database at another revision together."""
    if found is None or found in _known():
        return "run `smoney migrate`"
    return "a newer release made it, so run that one again, or restore the backup from before it"


def revise(message: str) -> Path:
    """Write the revision that brings the newest schema to the models (for developers)."""
    number = f"{int(ScriptDirectory.from_config(config()).get_current_head() or '0') + 1:04d}"
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/newest.db"
        store = Store(url)
        with store.engine.connect() as connection:
            if number != "0001":
                command.upgrade(config(connection), "head")
            written = command.revision(
                config(connection), message=message, autogenerate=True, rev_id=number
            )
        store.close()
    assert not isinstance(written, list), "one revision was asked for"
    assert written is not None, "one revision was asked for"
    return Path(written.path)


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration: where the scripts are, and the connection they run on."""
    made = Config()
    # Alembic reads `%` as the start of a substitution.
    made.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    made.attributes["connection"] = connection
    return made


def _known() -> set[str]:
    return {one.revision for one in ScriptDirectory.from_config(config()).walk_revisions()}


def _migrate(store: Store) -> None:
    if store.is_sqlite:
        event.listen(store.engine, "connect", _without_foreign_keys)
    with store.engine.connect() as connection:
        if store.is_sqlite:
            connection.execute(text("BEGIN IMMEDIATE"))
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in _known():
            raise NewerSchema(f"its schema is at {found}, not at {head()}: {mend(found)}")
        command.upgrade(config(connection), "head")
        if store.is_sqlite:
            _check_references(connection)
        connection.commit()


def _without_foreign_keys(connection: object, _record: object) -> None:
    # A batch migration drops a table and renames its copy, which would cascade. The setting is
    # ignored inside a transaction, so it is made at connection; the references are checked after.
    connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[attr-defined]  # sqlite3's own


def _check_references(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise BrokenReferences(f"rows of {tables} point at rows that are not there")
