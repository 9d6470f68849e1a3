"""Fixtures that every test may ask for: databases, and an environment without settings.

Each test gets a database of its own, migrated, on SQLite and on PostgreSQL. The migrations run
once for each; a test's database is a copy of the result.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from bot import migrations
from bot.services.check import prove
from bot.store.engine import Store
from tests.logs import log_plainly
from tests.servers import PgBouncer, PostgreSQL, quick_folder

# The quick profile tries the same examples each time, so that a red run can be run again; the long
# one, of `make fuzz`, looks for new ones. Neither measures time: the machine is shared.
settings.register_profile("quick", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=20_000, print_blob=True)
settings.load_profile("quick")

log_plainly()

TEMPLATE = "smoney_template"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one: what cannot run must be seen."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a test was skipped, which counts as failed: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the whole run."""
    with PostgreSQL() as server:
        yield server.start()


@pytest.fixture(scope="session")
def pgbouncer(postgresql: PostgreSQL) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode before that server."""
    with PgBouncer() as pooler:
        yield pooler.start(postgresql)


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """Where the run's SQLite files are."""
    folder = quick_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(database_folder: Path) -> Path:
    """A migrated SQLite file, to be copied."""
    path = database_folder / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    store = Store(f"sqlite:///{path}")
    with store.engine.connect() as connection:
        # What is still in the write-ahead log would not be copied.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL) -> str:
    """The name of a migrated database, to be copied."""
    migrations.upgrade(postgresql.create(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """A fresh migrated SQLite database, in a folder of its own."""
    folder = sqlite_template.parent / uuid4().hex
    folder.mkdir()
    shutil.copyfile(sqlite_template, folder / "smoney.db")
    yield f"sqlite:///{folder}/smoney.db"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL, postgresql_template: str) -> Iterator[str]:
    """A fresh migrated PostgreSQL database."""
    name = f"test_{uuid4().hex}"
    yield postgresql.create(name, template=postgresql_template)
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database, on each of the two in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on a fresh migrated database, on each of the two in turn; its books are proven."""
    opened = Store(database_url)
    yield opened
    problems = prove(opened).problems
    opened.close()
    assert problems == []


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    """Take the developer's own settings out of the environment: the tests bring theirs."""
    from bot.config import VARIABLES

    for name in VARIABLES:
        os.environ.pop(name, None)
