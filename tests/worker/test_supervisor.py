"""The stream's supervisor outlives every end of a connection, and the backfill closes the gaps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot.domain.errors import Rejected, Unavailable
from bot.services.deps import Deps
from bot.store.inbox import inbox
from bot.worker.beat import Pulse
from bot.worker.stream import Filler, Supervisor
from tests.fakes.clock import FakeClock
from tests.worker.hands import (
    GARBLED,
    WITHIN_S,
    OnByte,
    OnEvent,
    ScriptedStream,
    Timeline,
    deps_on,
    post,
    wait_for,
)


class FailingStore:
    """A database that is down while a test says so."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.is_down = False
        self.error: Exception = OSError()
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the database's."""
        return getattr(self._store, name)

    @contextmanager
    def write(self) -> Iterator[Any]:
        """Open a transaction, where the database is up."""
        if self.is_down:
            raise self.error
        with self._store.write() as session:
            yield session
        self.commits += 1


def ids(deps: Deps) -> set[str]:
    """Return the posts that are in the inbox."""
    with deps.store.read() as session:
        return set(session.execute(select(inbox.c.source_id)).scalars())


@contextmanager
def supervised(deps: Deps, stream: ScriptedStream) -> Iterator[tuple[Supervisor, Pulse]]:
    """Run a supervisor and its filler until the script is over."""
    pulse = Pulse(deps, worker="test", alone=True)
    supervisor = Supervisor(deps, pulse, stream)
    filler = Filler(deps, pulse, supervisor.gap)
    threads = [Thread(target=supervisor.run), Thread(target=filler.run)]
    for thread in threads:
        thread.start()
    try:
        assert stream.rests.wait(WITHIN_S), "the supervisor gave up"
        yield supervisor, pulse
    finally:
        supervisor.stop()
        filler.stop()
        for thread in threads:
            thread.join(WITHIN_S)
        assert not any(thread.is_alive() for thread in threads)


def lost(_on_event: OnEvent, _on_byte: OnByte) -> None:
    """The connection breaks off."""
    raise Unavailable("connection_lost")


def test_a_post_is_written_and_seen(sqlite_url: str) -> None:
    """A post of the stream is in the inbox, and the state says when it came."""

    def bring(on_event: OnEvent, _on_byte: OnByte) -> None:
        on_event(post(7))
        raise Unavailable("ended_by_x")

    deps = deps_on(sqlite_url)
    with supervised(deps, ScriptedStream(bring)) as (_supervisor, pulse):
        assert ids(deps) == {"7"}
        assert pulse.stream.post_at is not None
        assert pulse.stream.connected_at is not None
        assert pulse.stream.reconnects == 1


def test_what_came_while_the_stream_was_away_is_read_from_the_timeline(sqlite_url: str) -> None:
    """After a reconnect the posts of the gap are in the inbox."""
    timeline = Timeline()

    def vanish(_on_event: OnEvent, _on_byte: OnByte) -> None:
        timeline.posts = [post(number) for number in range(100, 120)]
        raise Unavailable("connection_lost")

    deps = deps_on(sqlite_url, timeline)
    with supervised(deps, ScriptedStream(vanish)):
        wait_for(lambda: len(ids(deps)) == 20)


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError("the database is gone"), "inbox_cannot_write"), (GARBLED, "database_down")],
    ids=["file", "database"],
)
def test_a_post_that_cannot_be_written_ends_the_connection_and_is_not_lost(
    sqlite_url: str, error: Exception, told: str
) -> None:
    """The database is down, on a silent stream or a busy one: the backfill brings it again."""
    timeline = Timeline()
    deps = deps_on(sqlite_url, timeline)
    store: Any = FailingStore(deps.store)
    stream: ScriptedStream
    refused = []

    def bring(on_event: OnEvent, _on_byte: OnByte) -> None:
        store.error = error
        store.is_down = True
        timeline.posts = [post(7), post(8)]
        on_event(post(7))
        assert stream.was_closed.wait(WITHIN_S), "from beside: X may be silent"
        store.is_down = False
        try:
            on_event(post(8))
        except Exception as refusal:
            refused.append(refusal)
            raise

    stream = ScriptedStream(bring)
    with capture_logs() as said, supervised(replace(deps, store=store), stream):
        wait_for(lambda: ids(deps) == {"7", "8"})
    assert told in [one["event"] for one in said]
    assert len(refused) == 1, "nothing more is taken of a connection that has failed"
    assert stream.connections == 2


def test_posts_that_come_in_a_rush_are_written_many_a_commit(sqlite_url: str) -> None:
    """In the order in which they came; what was handed on is written before the connection ends."""
    deps = deps_on(sqlite_url)
    store: Any = FailingStore(deps.store)
    numbers = [str(number) for number in range(1, 201)]

    def bring(on_event: OnEvent, _on_byte: OnByte) -> None:
        for number in numbers:
            on_event(post(int(number)))
        raise Unavailable("ended_by_x")

    pulse = Pulse(deps, worker="test", alone=True)
    Supervisor(replace(deps, store=store), pulse, ScriptedStream(bring))._connect()
    with deps.store.read() as session:
        written = select(inbox.c.source_id).order_by(inbox.c.id)
        assert list(session.execute(written).scalars()) == numbers
    assert store.commits < len(numbers) / 2
    assert pulse.stream.post_at is not None


@pytest.mark.parametrize(
    "trouble",
    [Unavailable("connection_lost"), Unavailable("ended_by_x"), ValueError("a bug")],
    ids=["lost", "ended", "bug"],
)
def test_no_end_of_a_connection_ends_the_supervisor(sqlite_url: str, trouble: Exception) -> None:
    """Whatever `listen` raises, there is a next connection."""

    def fail(_on_event: OnEvent, _on_byte: OnByte) -> None:
        raise trouble

    deps = deps_on(sqlite_url)
    pulse = Pulse(deps, worker="test", alone=True)
    stream = ScriptedStream(fail)
    supervisor = Supervisor(deps, pulse, stream)
    # Without the wait, which for a bug is 5 seconds.
    wait_s = supervisor._connect()
    assert wait_s == (5.0 if isinstance(trouble, ValueError) else 0.25)
    assert pulse.stream.connected_at is None
    thread = Thread(target=supervisor.run)
    thread.start()
    assert stream.rests.wait(WITHIN_S)
    supervisor.stop()
    thread.join(WITHIN_S)
    assert not thread.is_alive()


def test_each_end_of_a_connection_waits_by_its_own_rule(sqlite_url: str) -> None:
    """Network linearly, HTTP exponentially, a limit until the reset that X named or for a minute.

    Where the connection that is over was the last one of X's window, until the next begins.
    """
    clock = FakeClock()
    deps = replace(deps_on(sqlite_url), clock=clock)
    soon, past = clock.now() + timedelta(minutes=7), clock.now() - timedelta(minutes=7)
    cases = (
        (Unavailable("no_connection"), 0.25),
        (Unavailable("connection_lost"), 0.25),
        (Unavailable("server_error"), 5.0),
        (Unavailable("too_many_connections"), 5.0),
        (Rejected("unauthorized"), 5.0),
        (Unavailable("rate_limited"), 60.0),
        (Unavailable("rate_limited", soon), 420.0),
        (Unavailable("rate_limited", past), 60.0),
        (Unavailable("connection_lost", soon), 420.0),
        (Unavailable("connection_lost", past), 0.25),
    )
    pulse = Pulse(deps, worker="test", alone=True)
    for trouble, wait_s in cases:

        def fail(_on_event: OnEvent, _on_byte: OnByte, trouble: Exception = trouble) -> None:
            raise trouble

        assert Supervisor(deps, pulse, ScriptedStream(fail))._connect() == wait_s, repr(trouble)


def test_a_worker_that_leads_no_longer_lets_the_stream_go(sqlite_url: str) -> None:
    """Neither a byte nor a post is taken by a worker whose lead is over."""
    seen: list[str] = []

    def go_on(on_event: OnEvent, on_byte: OnByte) -> None:
        pulse._alone = False
        try:
            on_byte()
        except Exception as error:
            seen.append(type(error).__name__)
            raise

    deps = deps_on(sqlite_url)
    pulse = Pulse(deps, worker="test", alone=True)
    supervisor = Supervisor(deps, pulse, ScriptedStream(go_on))
    supervisor._connect()
    assert seen == ["LeadLost"]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [(Unavailable("server_error"), "backfill_waits"), (GARBLED, "database_down")],
    ids=["x", "database"],
)
def test_a_backfill_that_fails_is_tried_again(
    sqlite_url: str, trouble: Exception, told: str
) -> None:
    """The gap stays until it was read."""
    timeline = Timeline(post(7))
    timeline.trouble = [trouble]
    deps = deps_on(sqlite_url, timeline)
    with capture_logs() as said, supervised(deps, ScriptedStream(lost)):
        wait_for(lambda: ids(deps) == {"7"})
    assert timeline.reads >= 2
    assert told in [one["event"] for one in said]


def test_what_the_stream_never_brings_is_found_and_the_connection_renewed(sqlite_url: str) -> None:
    """X may have lost a post, or our rule: the timeline is read while the stream stands as well.

    What is younger than the stream's worst delay, or older than the connection, proves nothing.
    """
    clock, timeline = FakeClock(), Timeline()
    deps = replace(deps_on(sqlite_url, timeline), clock=clock)
    pulse, renewed = Pulse(deps, worker="test", alone=True), []
    filler = Filler(deps, pulse, Event(), lambda: renewed.append(clock.now()))
    before = replace(post(1), happened_at=clock.now())
    pulse.stream.connected_at = clock.advance(seconds=1)
    assert not filler._is_time_to_look()
    clock.advance(minutes=2)
    assert filler._is_time_to_look()
    young = replace(post(2), happened_at=clock.now())
    timeline.posts = [before, young]
    assert filler._fill(is_look=True) is None
    assert (ids(deps), renewed) == ({"1", "2"}, [])
    assert not filler._is_time_to_look()
    lost_one = replace(post(3), happened_at=clock.now())
    clock.advance(minutes=1)
    timeline.posts.append(lost_one)
    assert filler._fill(is_look=True) is None
    assert (ids(deps), renewed) == ({"1", "2", "3"}, [clock.now()])
    clock.advance(hours=-1)
    assert filler._is_time_to_look(), "a clock that is put back keeps nobody from looking"
