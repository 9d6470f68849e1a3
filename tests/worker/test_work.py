"""A worker's end: within its time, whatever hangs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

from structlog.testing import capture_logs

from bot.worker import Worker
from tests.worker.hands import WITHIN_S, ScriptedStream, deps_on


class HangingStore:
    """A database that takes no transaction to its end, from the moment when it `hangs`."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.hangs = False
        self.goes_on = Event()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the database's."""
        return getattr(self._store, name)

    @contextmanager
    def write(self) -> Iterator[Any]:
        """Open a transaction, once the database goes on."""
        if self.hangs:
            self.goes_on.wait(WITHIN_S)
        with self._store.write() as session:
            yield session


def test_a_database_that_hangs_does_not_keep_a_worker_from_its_end(sqlite_url: str) -> None:
    """It says that it could not drain, and the process ends; its lead ends with its lease."""
    deps = deps_on(sqlite_url)
    store: Any = HangingStore(deps.store)
    ends: list[int] = []
    worker = Worker(
        replace(deps, store=store),
        (),
        ScriptedStream(),
        name="test",
        on_end=lambda code, _sentence: ends.append(code),
    )
    worker.start()
    assert worker.jobs_started.wait(WITHIN_S)
    store.hangs = True
    with capture_logs() as said:
        assert not worker.stop()
    assert said[-1] == {
        "event": "worker_ended",
        "worker": "test",
        "drained": False,
        "log_level": "info",
    }
    store.goes_on.set()
    for thread in worker._threads:
        thread.join(WITHIN_S)
    assert ends == []
