"""A worker's start, which a database that goes away does not end, and its end, within its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, current_thread
from typing import Any

import psycopg
from sqlalchemy import Row
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from structlog.testing import capture_logs

from bot.adapters.x.stream import SILENCE_S
from bot.cli.http import STOP_WITHIN_S as WEB_ENDS_WITHIN_S
from bot.cli.serve import stop_together
from bot.cli.signals import WAKE_S
from bot.domain.errors import Unavailable
from bot.ports import XUser
from bot.services.deliver import LOOK_UP_AFTER_S
from bot.services.whoami import whoami
from bot.store import inbox, outbox
from bot.store.outbox import Letter
from bot.web.down import STOP_WITHIN_S as WATCH_ENDS_WITHIN_S
from bot.worker import Worker
from bot.worker.work import DRAIN_WITHIN_S, SIGN_OFF_WITHIN_S
from tests.fakes.clock import FakeClock
from tests.fakes.x import FakeDirectory
from tests.fakes.x_world import BOT
from tests.worker.hands import GARBLED, WITHIN_S, ScriptedStream, deps_on, post


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


class LeavingStore:
    """A database that is there, and goes away in some transactions of the thread that starts."""

    def __init__(self, store: Any, *errors: SQLAlchemyError | None) -> None:
        self._store = store
        self._errors = iter(errors)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the database's."""
        return getattr(self._store, name)

    @contextmanager
    def write(self) -> Iterator[Any]:
        """Open a transaction, whose commit fails by the next error."""
        with self._store.write() as session:
            yield session
            error = next(self._errors, None) if current_thread().name == "stream" else None
            if error is not None:
                raise error


def test_a_database_that_goes_away_in_a_start_does_not_end_the_worker(sqlite_url: str) -> None:
    """It is waited for, in whatever words it goes: a pooler's, or an answer that nobody can read.

    What a dead one had is freed first, and again; then the sign of life; then who the bot is.
    """
    deps = replace(deps_on(sqlite_url), directory=FakeDirectory())
    crashed = OperationalError("COMMIT", {}, psycopg.errors.ProtocolViolation("conn crashed?"))
    store: Any = LeavingStore(deps.store, crashed, None, None, GARBLED)
    ends: list[int] = []
    stream = ScriptedStream()
    worker = Worker(
        replace(deps, store=store),
        (),
        stream,
        name="test",
        on_end=lambda code, _sentence: ends.append(code),
    )
    with capture_logs() as said:
        worker.start()
        assert stream.rests.wait(WITHIN_S)
    assert worker.stop()
    assert ends == []
    down = [one.get("job") for one in said if one["event"] == "database_down"]
    assert down == [None, "whoami"]


def test_the_only_worker_that_can_be_takes_over_what_a_dead_one_had(sqlite_url: str) -> None:
    """What was being read at once; what may be out once X shows it, by who looks it up first."""
    deps = deps_on(sqlite_url)
    letter = Letter(key="reply:7", channel="reply", text="Hello", to_post_id="7")
    at = deps.clock.now()
    with deps.store.write() as session:
        inbox.write(session, [post(7)], at=at)
        outbox.put(session, [letter], at=at)
        assert inbox.lease(session, at=at, leased_at=at, limit=1)
        assert outbox.lease(session, at=at, leased_at=at, by_contract=False)
    worker = Worker(deps, (), ScriptedStream(), name="test", on_end=lambda *_: None)
    worker.start()
    assert worker.jobs_started.wait(WITHIN_S)
    assert worker.stop()
    at = deps.clock.now()
    shown_at = at + timedelta(seconds=LOOK_UP_AFTER_S)
    with deps.store.write() as session:
        assert inbox.lease(session, at=at, leased_at=at, limit=1)
        early = at + timedelta(seconds=1)
        assert outbox.lease(session, at=early, leased_at=early, by_contract=False) is None
        row = outbox.lease(session, at=shown_at, leased_at=shown_at, by_contract=False)
    assert isinstance(row, Row)
    assert row.in_doubt


def test_a_worker_that_was_here_before_hears_while_x_does_not_say_who_the_bot_is(
    sqlite_url: str,
) -> None:
    """The account is kept: X's limit on that one call keeps nobody waiting for an answer."""
    clock = FakeClock(datetime.now(UTC))
    deps = replace(deps_on(sqlite_url), directory=FakeDirectory(), clock=clock)
    whoami(deps)
    clock.advance(minutes=5)
    limited = FakeDirectory()
    limited.faults.add(Unavailable("rate_limited", clock.now() + timedelta(minutes=15)))
    stream = ScriptedStream()
    again = replace(deps, directory=limited)
    worker = Worker(again, (), stream, name="test", on_end=lambda _code, _sentence: None)
    worker.start()
    assert stream.rests.wait(WITHIN_S)
    assert worker.stop()
    assert (limited.bot(), limited.users_read) == (XUser(BOT.id, BOT.handle), 0)


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


class Part:
    """A part of a process that ends once the others are ending too."""

    def __init__(self, all_end: Barrier) -> None:
        self._all_end = all_end

    def stop(self) -> bool:
        """End."""
        self._all_end.wait(WITHIN_S)
        return True


def test_the_waits_of_an_end_add_up_to_ten_seconds_and_a_stream_may_be_silent_for_thirty() -> None:
    """Whatever hangs, a process is gone in time: worker and web end side by side, not in turn."""
    worker_s = WAKE_S + DRAIN_WITHIN_S + SIGN_OFF_WITHIN_S
    web_s = WAKE_S + WATCH_ENDS_WITHIN_S + WEB_ENDS_WITHIN_S
    assert max(worker_s, web_s) <= 10
    parts: list[Any] = [Part(Barrier(2))] * 2
    assert stop_together(*parts)
    assert SILENCE_S == 30, "X sends a sign of life each 20 s"
