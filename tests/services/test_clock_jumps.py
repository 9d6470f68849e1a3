"""A process whose clock is put on or back, as a machine's is by its owner or by a time server."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import product

from bot.domain.errors import Unavailable
from bot.services.steps import Step
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
