"""What our ledger is measured beside: pgbench's TPC-B, and a bare `sqlite3` program.

The bare program writes to a copy of the database the very rows that ours wrote, in as many commits.
"""

import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tests.servers import PostgreSQL, find_server, for_server

PGBENCH_S: Final = 5
"""How long one run of pgbench takes (seconds)."""


class DurableServer(PostgreSQL):
    """A PostgreSQL server on the disk that loses nothing at a crash."""

    OPTIONS: ClassVar[Mapping[str, str]] = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": "1GB",
        "max_wal_size": "8GB",  # the disk is measured, not when a checkpoint falls
        "checkpoint_timeout": "1h",
        "maintenance_work_mem": "256MB",
        "autovacuum": "off",  # nor when it comes: `Books.settle_down` does what it would do
    }


@contextmanager
def durable_server() -> Iterator[DurableServer]:
    """Start such a server, in a folder that is gone afterwards."""
    with DurableServer(folder=for_server(Path(tempfile.mkdtemp(prefix="smoney-bench-")))) as server:
        yield server.start()


class PgBench:
    """pgbench's TPC-B, `-c 8 -j 2`, scale 10, in a database of its own on a server."""

    NAME: ClassVar = "pgbench TPC-B, -c 8 -j 2, scale 10, the same server"

    def __init__(self, server: PostgreSQL) -> None:
        server.create("pgbench")
        self._address = ("-h", "127.0.0.1", "-p", str(server.port), "-U", "smoney")
        self._run("-i", "-s", "10", "-q")

    def _run(self, *options: str) -> str:
        command = [find_server("pgbench", "postgresql"), *self._address, *options, "pgbench"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def rate(self, seconds: int = PGBENCH_S) -> float:
        """Return its transactions a second."""
        said = self._run("-c", "8", "-j", "2", "-n", "-T", str(seconds))
        found = re.search(r"tps = ([0-9.]+)", said)
        assert found is not None, said
        return float(found[1])


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite database, whoever has it open."""
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    one.close()
    other.close()


_WRITTEN: Final = ("transfer_event", "journal_entry", "posting", "outbox")
_CHANGED: Final = {
    "transfer": ("status", "sequence", "funding", "payee_person_id", "posted_at"),
    "account": ("balance_cents",),
    "confirmation": ("settled_at", "outcome", "sca_basis"),
    "person": ("since_sca_cents",),
}


class BareProgram:
    """What ours wrote between two states of a database, as rows for a bare program."""

    NAME: ClassVar = "a bare sqlite3 program that writes the same rows, synchronous=FULL"

    def __init__(self, before: Path, after: Path) -> None:
        self._work: list[tuple[str, list[tuple[object, ...]]]] = []
        with sqlite3.connect(after) as db:
            db.execute("ATTACH ? AS old", (str(before),))
            for table, columns in _CHANGED.items():
                names = ", ".join(f"n.{one}" for one in columns)
                differs = " OR ".join(f"n.{one} IS NOT o.{one}" for one in columns)
                rows = db.execute(
                    f"SELECT {names}, n.id FROM {table} n JOIN old.{table} o ON o.id = n.id"
                    f" WHERE {differs} ORDER BY n.id"
                ).fetchall()
                sets = ", ".join(f"{one} = ?" for one in columns)
                self._work.append((f"UPDATE {table} SET {sets} WHERE id = ?", rows))
            for table in _WRITTEN:
                rows = db.execute(
                    f"SELECT * FROM {table} WHERE id > (SELECT COALESCE(MAX(id), 0)"
                    f" FROM old.{table}) ORDER BY id"
                ).fetchall()
                places = ", ".join("?" * len(rows[0]))
                self._work.append((f"INSERT INTO {table} VALUES ({places})", rows))
        db.close()

    @property
    def rows(self) -> int:
        """How many rows it writes."""
        return sum(len(rows) for _statement, rows in self._work)

    @contextmanager
    def ready(self, path: Path) -> Iterator[Callable[[], None]]:
        """Open a database as ours is open, and yield what writes the rows in one commit."""
        db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}")

        def write() -> None:
            db.execute("BEGIN IMMEDIATE")
            for statement, rows in self._work:
                db.executemany(statement, rows)
            db.execute("COMMIT")

        yield write
        db.close()
