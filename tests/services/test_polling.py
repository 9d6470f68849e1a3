"""Direct messages are read by polls: none is lost to a limit, a death, or whoever else reads."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import BotError, Rejected, Unavailable
from bot.services import poll, receive
from bot.services.steps import Step
from bot.store import inbox
from tests.fakes.x import PAGE, FakeMessageReader
from tests.world import ProcessDied, World

MORE_THAN_A_POLL = poll.PAGES_A_POLL * PAGE + 5


def came_in(world: World) -> set[str]:
    """Return the ids of the messages in the inbox."""
    every = [one.id for one in world.x.messages]
    with world.store.read() as session:
        return inbox.known(session, "dm", every)


def restart(world: World) -> FakeMessageReader:
    """Let another process read from now on, which remembers nothing; return its reader."""
    reader = FakeMessageReader(world.x)
    world.deps = replace(world.deps, messages=reader)
    return reader


def write(world: World, count: int) -> list[str]:
    """Let bob write so many messages, and X have shown them for long enough."""
    written = [world.x.write("bob", f"hello {number}") for number in range(count)]
    world.pass_time(minutes=1)
    return written


@pytest.mark.parametrize("trouble", [None, "rate_limited", "bad_request"])
def test_a_poll_that_was_cut_short_is_continued_by_any_worker(
    world: World, trouble: str | None
) -> None:
    """By its number of pages or by X; also where X has forgotten the page at which it goes on.

    What came in meanwhile is read first, and what was read once is not read again.
    """
    written = write(world, MORE_THAN_A_POLL)
    reader = restart(world)
    if trouble == "rate_limited":
        reader.faults.pass_over(2)
        reader.faults.add(Unavailable(trouble))
        with pytest.raises(Unavailable):
            poll.poll_messages(world.deps)
    else:
        poll.poll_messages(world.deps)
    read = 2 if trouble == "rate_limited" else poll.PAGES_A_POLL
    assert came_in(world) == set(written[-read * PAGE :])
    (newer,) = write(world, 1)
    reader = restart(world)
    if trouble == "bad_request":
        reader.faults.pass_over(1)
        reader.faults.add(Rejected(trouble))
        poll.poll_messages(world.deps)
        reader = restart(world)
    poll.poll_messages(world.deps)
    assert came_in(world) == {*written, newer}
    reader = restart(world)
    assert poll.poll_messages(world.deps) == 0
    assert reader.pages_read == 1, "all is read: the newest page says so"


def test_a_start_does_not_poll_before_its_time(world: World) -> None:
    """Whoever polled last: X's 15 calls in 15 minutes are for one poll a minute.

    A tick comes a little sooner or later; a clock that was put back keeps nobody waiting.
    """
    for after_s, polls in ((0, 1), (20, 0), (20, 0), (19.5, 1), (54, 0), (-600, 1), (60, 1)):
        world.clock.advance(after_s)
        reader = restart(world)
        poll.poll_messages(world.deps, every_s=60)
        assert reader.pages_read == polls, after_s


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_start_does_not_poll_while_x_takes_no_poll(world: World, is_refused: bool) -> None:
    """It said so with the last page that it gave, or refused one; the rest is read later.

    No wait is longer than X's window: of such a one another clock has spoken.
    """
    written = write(world, 3 * PAGE)
    until = world.clock.now() + timedelta(minutes=10)
    reader = restart(world)
    if is_refused:
        reader.faults.pass_over(2)
        reader.faults.add(Unavailable("rate_limited", until))
        with pytest.raises(Unavailable):
            poll.poll_messages(world.deps)
    else:
        reader.closes = (2, until)
        poll.poll_messages(world.deps)
    for minutes, pages in ((0, 0), (9.9, 0), (0.1, 2)):
        world.clock.advance(minutes=minutes)
        reader = restart(world)
        poll.poll_messages(world.deps)
        assert reader.pages_read == pages, minutes
    assert came_in(world) == set(written)
    reader = restart(world)
    reader.closes = (1, world.clock.now() + timedelta(hours=1))
    poll.poll_messages(world.deps)
    poll.poll_messages(world.deps)
    assert reader.pages_read == 2


def test_a_gap_does_not_wait_for_a_rush_to_end(world: World) -> None:
    """While more comes than a poll reads, each poll reads some of the oldest gap as well."""
    rushes = [write(world, MORE_THAN_A_POLL)]
    poll.poll_messages(world.deps)
    for _ in range(2):
        rushes.append(write(world, MORE_THAN_A_POLL))
        poll.poll_messages(world.deps)
        assert came_in(world) >= set(rushes[-2]), "before what came after it"
    for _ in range(2):
        poll.poll_messages(world.deps)
    assert came_in(world) == {one for rush in rushes for one in rush}


def test_a_rush_leaves_each_gap_once(world: World) -> None:
    """Also where it is so dense that a poll sees nothing that was shown for long enough."""
    reader = restart(world)
    write(world, 1)
    poll.poll_messages(world.deps)
    for _ in range(4):
        for number in range(MORE_THAN_A_POLL):
            world.x.write("bob", f"hello {number}")
        poll.poll_messages(world.deps)
        world.clock.advance(2)
    for _ in range(6):
        world.clock.advance(60)
        poll.poll_messages(world.deps)
    assert len(came_in(world)) == 4 * MORE_THAN_A_POLL + 1
    assert reader.pages_read < 10 * poll.PAGES_A_POLL, "the last polls have nothing more to read"


def test_what_an_event_brought_hides_no_older_message(world: World) -> None:
    """X gave an event up, and brought newer ones by webhook: the poll reads down to its own last.

    No page is read that lies below, and none of the past: the first start is as good an end.
    """
    world.clock.advance(-7200)
    past = write(world, 2 * PAGE)
    world.clock.advance(7200)
    first = write(world, 1)
    reader = restart(world)
    assert poll.poll_messages(world.deps) == PAGE
    assert reader.pages_read == 1
    lost = write(world, 2)
    brought = write(world, 2 * PAGE)
    events = [world.x.message_event(one) for one in world.x.messages if one.id in brought]
    receive.take_in(world.deps, events)
    reader = restart(world)
    assert poll.poll_messages(world.deps) == len(lost)
    assert reader.pages_read == 3
    assert came_in(world) >= {*first, *lost, *brought}
    assert not came_in(world) & set(past[:PAGE])


def test_how_far_messages_are_read_moves_with_rows_that_are_committed(world: World) -> None:
    """A process dies in between, another reads at the same time: what is read twice is one row."""
    written = write(world, PAGE + 5)
    world.die_at = Step.INBOX_WRITTEN
    with pytest.raises(ProcessDied):
        poll.poll_messages(world.deps)
    reader = restart(world)
    assert poll.poll_messages(world.deps) == 0
    assert reader.pages_read == 2, "nothing was remembered"
    later = write(world, PAGE + 5)

    def be_overtaken() -> None:
        world.on_step = (None, lambda: None)
        write(world, 1)
        assert poll.poll_messages(world.deps) == 1

    world.on_step = (Step.INBOX_WRITTEN, be_overtaken)
    assert poll.poll_messages(world.deps) == len(later)
    reader = restart(world)
    assert poll.poll_messages(world.deps) == 0
    assert reader.pages_read == 1, "the quicker one's word stands"
    assert len(came_in(world)) == len(written) + len(later) + 1


def test_a_message_that_x_shows_late_is_found_behind_newer_ones(world: World) -> None:
    """What X has shown for seconds alone counts as the end of what is new."""
    written = [world.x.write("bob", f"hello {number}") for number in range(2 * PAGE)]
    late = world.x.messages.pop(0)
    assert poll.poll_messages(world.deps) == 2 * PAGE - 1
    world.x.messages.insert(0, late)
    world.pass_time(seconds=5)
    assert poll.poll_messages(world.deps) == 1
    assert came_in(world) == set(written)


def test_a_poll_that_x_refuses_says_so(world: World) -> None:
    """Nothing is read, and nothing forgotten."""
    write(world, 1)
    for error in (Unavailable("server_error"), Rejected("unauthorized"), Rejected("bad_request")):
        restart(world).faults.add(error)
        with pytest.raises(BotError, match=str(error)):
            poll.poll_messages(world.deps)
    assert poll.poll_messages(world.deps) == 1
