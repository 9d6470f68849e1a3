"""What the stream missed is read from the timeline: nothing lost, nothing twice, never the past."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.domain.errors import Unavailable
from bot.ports import RawEvent
from bot.services import hear, receive
from bot.services.steps import Step
from bot.store import inbox
from bot.store.engine import Store
from bot.store.inbox import read_cursor
from tests.world import ProcessDied, World


class Shows:
    """A timeline that shows these, and may end in trouble, as X does between two pages."""

    def __init__(self, events: list[RawEvent], trouble: Exception | None = None) -> None:
        self._events = events
        self._trouble = trouble

    def mentions(self, *, since_id: str | None, since: datetime) -> Iterator[RawEvent]:
        """Return them, whatever is asked for."""
        _ = (since_id, since)
        yield from self._events
        if self._trouble is not None:
            raise self._trouble

    def deleted(self, post_ids: Iterable[str]) -> set[str]:
        """Miss none of them."""
        _ = post_ids
        return set()


def fact(store: Store, name: str) -> str | None:
    """Return a remembered fact."""
    with store.read() as session:
        return read_cursor(session, name)


def cursor(world: World) -> str | None:
    """Return how far the timeline was read."""
    return fact(world.store, receive._SINCE_ID)


def waiting(world: World) -> list[str]:
    """Return the posts that wait to be read, in the order in which they will be."""
    with world.store.read() as session:
        return list(
            session.execute(
                select(inbox.inbox.c.source_id)
                .where(inbox.inbox.c.status == "waiting")
                .order_by(inbox.inbox.c.id)
            ).scalars()
        )


def test_what_x_shows_newest_first_is_read_oldest_first(world: World) -> None:
    """An answer follows its question; more than one commit may hold are taken too."""
    count = receive.WRITTEN_AT_ONCE + 20
    shown = [RawEvent("post", str(number), "{}", None) for number in range(count, 0, -1)]
    deps = replace(world.deps, mentions=Shows(shown))
    new = [one.id for one in receive.backfill(deps)]
    assert new == waiting(world) == [str(number) for number in range(1, count + 1)]
    assert receive.backfill(deps) == []


def test_a_long_inbox_is_read_in_several_calls(world: World) -> None:
    """So that a worker that is told to end does; the bell rings for the next one."""
    at_once, bell = receive.BATCH * receive.BATCHES_AT_MOST, world.deps.bells.inbox
    shown = [RawEvent("post", str(number), "{}", None) for number in range(at_once + 1)]
    receive.take_in(world.deps, shown)
    for done, rings in ((at_once, True), (1, False)):
        bell.clear()
        assert (receive.read_inbox(world.deps), bell.is_set()) == (done, rings)


def test_a_backfill_that_breaks_off_keeps_what_came_and_not_its_place(world: World) -> None:
    """The newest two of four are written; the next reading brings the others."""
    posts = [world.x.post("bob", f"@smoney pay @alice {cents}€") for cents in range(2, 6)]
    newest_first = [world.x.event(one) for one in posts[::-1]]
    world.pass_time(minutes=3)
    trouble = Unavailable("server_error")
    with pytest.raises(Unavailable):
        receive.backfill(replace(world.deps, mentions=Shows(newest_first[:2], trouble)))
    assert (waiting(world), cursor(world)) == (posts[2:], None)
    assert [one.id for one in receive.backfill(world.deps)] == posts[:2]
    assert cursor(world) == posts[-1]


def test_the_cursor_moves_with_rows_that_are_committed_and_never_back(world: World) -> None:
    """The process dies once they are written; a slow reader that ends later finds it moved on."""
    first = world.x.post("bob", "@smoney pay @alice 2€")
    world.pass_time(minutes=3)
    world.die_at = Step.INBOX_WRITTEN
    with pytest.raises(ProcessDied):
        receive.backfill(world.deps)
    assert (waiting(world), cursor(world)) == ([first], None)
    assert receive.backfill(world.deps) == []
    assert cursor(world) == first
    second = world.x.post("bob", "@smoney pay @alice 3€")
    world.pass_time(minutes=3)

    def be_overtaken() -> None:
        world.on_step = (None, lambda: None)
        third = world.x.post("bob", "@smoney pay @alice 4€")
        world.pass_time(minutes=3)
        receive.backfill(world.deps)
        assert cursor(world) == third

    world.on_step = (Step.INBOX_WRITTEN, be_overtaken)
    receive.backfill(world.deps)
    assert int(cursor(world) or 0) > int(second)


def test_the_past_is_never_answered(world: World) -> None:
    """What was posted before the first start is not asked for; where X brings it, it is ignored."""
    began = world.clock.now()
    world.clock.set(began - timedelta(hours=1))
    old = world.x.post("bob", "@smoney pay @alice 10€")
    world.clock.set(began)
    new = world.x.post("bob", "@smoney pay @alice 11€")
    assert [one.id for one in receive.backfill(world.deps)] == [new]
    receive.take_in(world.deps, [world.x.event(old)])
    world.react()
    assert (world.answer_to(old), len(world.involving("bob"))) == (None, 1)


def test_what_is_read_too_late_is_counted(world: World) -> None:
    """Commands alone: who only named the bot was owed nothing."""
    assert fact(world.store, hear.READ_TOO_LATE) is None
    for text in ("@smoney pay @alice 10€", "@smoney pay @alice", "nice weather, @smoney"):
        world.x.post("bob", text)
    world.pass_time(hours=7)
    receive.backfill(world.deps)
    world.react()
    assert fact(world.store, hear.READ_TOO_LATE) == "2"
    assert world.outbox() == []


def test_a_slow_reader_that_wakes_up_does_nothing_twice(world: World) -> None:
    """Its lease ran out and another has read the post: one order, one reply, whatever it finds.

    Nor does one that fails take the row out of the hands of who has it now.
    """
    post_id = world.take_post("bob", "@smoney pay @alice 10€")

    def sleep() -> None:
        world.on_step = (None, lambda: None)
        world.pass_time(seconds=inbox.LEASE_S + 1)
        world.react()
        assert world.answer_to(post_id) is not None

    world.on_step = (Step.INBOX_LEASED, sleep)
    receive.read_inbox(world.deps)
    world.react()
    assert (len(world.involving("bob")), world.outbox()) == (1, [("reply", "sent")])

    world.take_post("bob", "@smoney pay @alice 11€")
    with world.store.write() as session:
        (slow,) = inbox.lease(session, at=world.clock.now(), leased_at=world.clock.now(), limit=1)
        world.pass_time(seconds=inbox.LEASE_S + 1)
        at = world.clock.now()
        (quick,) = inbox.lease(session, at=at, leased_at=at, limit=1)
        inbox.try_later(session, slow, at=at, reason="slow")
        assert not inbox.finish(
            session, slow.id, at=at, status="dead", reason="slow", attempts=slow.attempts
        )
        assert inbox.finish(session, quick.id, at=at, status="done", attempts=quick.attempts)
