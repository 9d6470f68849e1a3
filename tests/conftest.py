"""Fixtures that every test may ask for: databases, and an environment without settings.

Each test gets a fresh database, migrated, on SQLite and on PostgreSQL. The migrations run once for
each; a test's database is a copy of the result.
"""

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import settings

from bot.services.check import prove
from bot.store.engine import Store
from tests.logs import log_plainly
from tests.servers import PgBouncer, PostgreSQL, quick_folder
from tests.templates import Fresh, FreshFile, Templates

# The quick profile tries the same examples each time, so that a red run can be run again; the long
# one, of `make fuzz`, looks for new ones. Neither measures time: the machine is shared.
settings.register_profile("quick", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=20_000, print_blob=True)
settings.load_profile("quick")

log_plainly()
gc.disable()  # until everything is collected: nothing of it is garbage

TEMPLATES = pytest.StashKey[Templates]()


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix the files of a run in several processes, the longest first (pytest-xdist).

    Those that wait for a process or a socket stand in folders of their own: one after the other
    they would leave the machine idle. The mix is the same in every process and each time.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda one: (one.path.parent.name != "e2e", crc32(one.path.name.encode())))


def pytest_collection_finish() -> None:
    """Keep what was collected out of the garbage collector's rounds: it stays to the end."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the processes of a run share one PostgreSQL server and what they copy (pytest-xdist)."""
    stash = node.config.stash
    if TEMPLATES not in stash:
        stash[TEMPLATES] = Templates.make()
    node.workerinput["templates"] = stash[TEMPLATES].address


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the processes shared."""
    if TEMPLATES in config.stash:
        config.stash[TEMPLATES].remove()


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest) -> Iterator[Templates]:
    """The migrated databases that tests copy, and the server of one of them."""
    given = getattr(request.config, "workerinput", {}).get("templates")
    if given is not None:
        yield Templates.at(given).wait()
        return
    made = Templates.make()
    yield made.wait()
    made.remove()


@pytest.fixture(scope="session")
def postgresql(templates: Templates) -> PostgreSQL:
    """A PostgreSQL server for the whole run."""
    return templates.server


@pytest.fixture(scope="session")
def pgbouncer(postgresql: PostgreSQL) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode before that server."""
    with PgBouncer() as pooler:
        yield pooler.start(postgresql)


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """Where this process's SQLite files are."""
    folder = quick_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def copied(templates: Templates, folder: Path) -> Iterator[str]:
    """Copy the migrated SQLite file into a folder of its own; return the copy's address."""
    folder.mkdir()
    shutil.copyfile(templates.sqlite, folder / "smoney.db")
    yield f"sqlite:///{folder}/smoney.db"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(templates: Templates, database_folder: Path) -> Iterator[str]:
    """A fresh migrated SQLite database, in a file of its own, which a test may do anything to.

    For whoever opens it themselves: the `store` keeps its connections, and takes the other one.
    """
    with copied(templates, database_folder / "fresh") as url:
        yield url


@pytest.fixture(scope="session")
def fresh_file(templates: Templates, database_folder: Path) -> Iterator[FreshFile]:
    """A SQLite database that this process's tests use one after another."""
    fresh = templates.fresh_file(database_folder)
    yield fresh
    fresh.close()


@pytest.fixture
def kept_sqlite_url(fresh_file: FreshFile, engines: dict[str, Store]) -> Iterator[str]:
    """A fresh migrated SQLite database, whose file and connections stay."""
    yield fresh_file.url
    if not fresh_file.again() and fresh_file.url in engines:
        engines[fresh_file.url].close()


@pytest.fixture(scope="session")
def fresh_postgresql(templates: Templates) -> Iterator[Fresh]:
    """A PostgreSQL database of this process's own."""
    fresh = templates.fresh(f"smoney_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")
    yield fresh
    fresh.close()


@pytest.fixture
def postgresql_url(fresh_postgresql: Fresh) -> Iterator[str]:
    """A fresh migrated PostgreSQL database."""
    yield fresh_postgresql.url
    fresh_postgresql.again()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database, on each of the two in turn."""
    names = {"sqlite": "kept_sqlite_url", "postgresql": "postgresql_url"}
    url: str = request.getfixturevalue(names[request.param])
    return url


@pytest.fixture(scope="session")
def engines() -> Iterator[dict[str, Store]]:
    """A store for each address: fresh databases bear the same name, one after another.

    An engine keeps the statements that it compiled, which is half of a test's time: so it stays.
    """
    made: dict[str, Store] = {}
    yield made
    for one in made.values():
        one.close()


@contextmanager
def opened(url: str, engines: dict[str, Store]) -> Iterator[Store]:
    """Open the store of an address; prove its books at the end."""
    if url not in engines:
        engines[url] = Store(url)
    yield engines[url]
    assert prove(engines[url]).problems == []


@pytest.fixture
def store(database_url: str, engines: dict[str, Store]) -> Iterator[Store]:
    """A store on a fresh migrated database, on each of the two in turn; its books are proven."""
    with opened(database_url, engines) as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database that no migration has seen."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path}/empty.db")
    else:
        name = f"empty_{os.getpid()}"
        store = Store(request.getfixturevalue("postgresql").create(name))
    yield store
    store.close()
    if request.param == "postgresql":
        request.getfixturevalue("postgresql").drop(name)


@pytest.fixture(scope="session")
def fresh_stores(
    templates: Templates, database_folder: Path, engines: dict[str, Store]
) -> Callable[[], AbstractContextManager[Store]]:
    """Open a store on a fresh SQLite database for each example of a property."""

    @contextmanager
    def fresh() -> Iterator[Store]:
        with copied(templates, database_folder / "example") as url:
            try:
                with opened(url, engines) as one:
                    yield one
            finally:
                engines[url].close()  # its file is going to be another

    return fresh


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    """Take the developer's own settings out of the environment: the tests bring theirs."""
    from bot.config import VARIABLES

    for name in VARIABLES:
        os.environ.pop(name, None)
