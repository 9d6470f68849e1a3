"""The migrated databases that tests copy: made once for a run, whichever of its processes asks."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from bot import migrations
from bot.store.engine import Store
from tests.servers import PostgreSQL, quick_folder

POSTGRESQL_TEMPLATE: Final = "smoney_template"
"""The name of the migrated database on the server."""


@dataclass
class Templates:
    """A migrated SQLite file, and a PostgreSQL server with a migrated database."""

    sqlite: Path
    given: PostgreSQL | None = None

    @classmethod
    def make(cls) -> Self:
        """Run the migrations on SQLite; the server starts when it is first asked for."""
        made = cls(quick_folder() / "template.db")
        url = f"sqlite:///{made.sqlite}"
        migrations.upgrade(url)
        store = Store(url)
        with store.engine.connect() as connection:
            # What is still in the write-ahead log would not be copied.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        return made

    @cached_property
    def server(self) -> PostgreSQL:
        """The server: another process's, or our own."""
        if self.given is not None:
            return self.given
        started = PostgreSQL().start()
        migrations.upgrade(started.create(POSTGRESQL_TEMPLATE))
        return started

    @property
    def address(self) -> tuple[str, str, int]:
        """Where another process finds them."""
        return str(self.sqlite), str(self.server.folder), self.server.port

    @classmethod
    def at(cls, address: tuple[str, str, int]) -> Self:
        """Those that another process made, which also removes them."""
        sqlite, folder, port = address
        return cls(Path(sqlite), PostgreSQL(folder=Path(folder), port=port))

    def remove(self) -> None:
        """Stop the server and leave nothing."""
        if "server" in self.__dict__:
            self.server.stop()
        shutil.rmtree(self.sqlite.parent, ignore_errors=True)
