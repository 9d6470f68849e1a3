"""A process whose clock is put on or back, as a machine's is by its owner or by a time server."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product

from bot.domain.errors import Unavailable
from bot.services import deliver, poll, receive
from bot.services.steps import Step
from bot.store.engine import Store
from tests.fakes.clock import FakeClock
from tests.world import ProcessDied, World, reference_in


def test_a_clock_that_jumps_loses_nothing_and_says_nothing_twice(world: World) -> None:
    """Ours alone, three hours ahead or back, wherever a process was: each post has its one reply.

    What was leased, limited or put off by the other clock waits for as long at most.
    """
    faults, deps = world.roles.publisher.faults, world.deps
    died = (Step.INBOX_LEASED, Step.OUTBOX_LEASED, Step.MESSAGE_SENT)
    for hours, when in product((3, -3), (*died, "not read yet", "its answer lost", "limited")):
        ours = FakeClock(world.clock.now())
        world.deps = replace(deps, clock=ours)
        post_id = world.take_post("bob", "@smoney pay @alice 10€")
        if isinstance(when, Step):
            world.die_at = when
        elif when == "its answer lost":
            faults.lose_answer()
        elif when == "limited":
            faults.add(Unavailable("429", ours.now() + timedelta(minutes=15)))
        with suppress(ProcessDied):
            if when != "not read yet":
                world.react()
        ours.advance(hours=hours)
        for span in (timedelta(), timedelta(minutes=16), timedelta(hours=3), timedelta(minutes=1)):
            world.clock.advance(span.total_seconds())
            ours.advance(span.total_seconds())
            world.react()
            world.expire()
        reply = world.answer_to(post_id)
        assert reply, (hours, when)
        assert world.statuses(reference_in(reply)) == ["pending"], (hours, when)
        world.clock.set(max(world.clock.now(), ours.now()) + timedelta(hours=1))


def test_a_worker_whose_clock_runs_ahead_takes_nothing_out_of_anothers_hands(
    postgresql_url: str,
) -> None:
    """Neither while it is sent nor while X may not show it yet: there is one clock for leases."""
    store = Store(postgresql_url)
    world = World(store)
    world.join("bob", cents=5000, by_dm=True)
    early = FakeClock(world.clock.now() + timedelta(minutes=5))
    ahead = replace(world.deps, clock=early, step=lambda _step: None)
    with store.read() as session:
        assert store.time_of_all(session, early.now()) != early.now(), "the server has its own"

    def rival() -> None:
        deliver.deliver(ahead)

    world.on_step = (Step.OUTBOX_LEASED, rival)
    assert len(world.dm("bob", "solde")) == 1
    world.roles.publisher.faults.lose_answer()
    assert len(world.dm("bob", "solde")) == 1
    deliver.deliver(ahead)
    assert world.outbox() == [("dm", "sent"), ("dm", "waiting")], "nobody has looked yet"
    world.pass_time(seconds=16)
    deliver.deliver(ahead)
    assert world.outbox() == [("dm", "sent")] * 2
    assert len(world.messages_to("bob")) == 2

    world.x.write("bob", "aide")
    poll.poll_messages(ahead)
    receive.read_said(ahead)
    world.roles.publisher.faults.lose_answer()
    for _ in range(2):
        deliver.deliver(ahead)
        world.pass_time(minutes=10)
        early.advance(minutes=10)
    assert world.outbox() == [("dm", "sent")] * 3, "what it wrote by its own clock is found at X"
    assert len(world.messages_to("bob")) == 3
    store.close()


def test_a_limit_that_is_over_by_our_clock_alone_does_not_make_us_hammer_x(world: World) -> None:
    """X's reset is not waited for: each try waits twice as long as the one before.

    Whether it says something or, of as many messages as are read at once and more, looks payees up.
    """
    sent, looked_up = world.roles.publisher.faults, world.roles.directory.faults
    past = Unavailable("429", world.clock.now() - timedelta(minutes=5))
    post_id = world.take_post("carol", "@smoney help")
    receive.read_said(world.deps)
    for wait_s in (1, 2, 4, 8):
        sent.add(past)
        deliver.deliver(world.deps)
        assert not sent.is_waiting, wait_s
        world.pass_time(seconds=wait_s - 0.5)
        deliver.deliver(world.deps)
        assert world.answer_to(post_id) is None, wait_s
        world.pass_time(seconds=0.5)
    deliver.deliver(world.deps)
    assert world.answer_to(post_id)

    world.join("bob", cents=5000, by_dm=True)
    for euros in range(receive.BATCH + 2):
        looked_up.add(past)
        world.x.write("bob", f"pay @zoe {euros + 1}€")
    poll.poll_messages(world.deps)
    receive.read_said(world.deps)
    said = world.outbox()
    assert (looked_up.is_waiting, said) == (False, [("reply", "sent")]), "each was looked up once"
    world.pass_time(seconds=2)
    receive.read_said(world.deps)
    assert len(world.outbox()) == len(said) + receive.BATCH + 2
