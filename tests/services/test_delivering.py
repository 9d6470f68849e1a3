"""Out: each message once, whatever X answers or fails to answer."""

from datetime import timedelta

import pytest

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.services.steps import Step
from tests.world import ProcessDied, World, reference_in


def test_a_limit_of_x_makes_the_channel_wait_until_its_reset(world: World) -> None:
    """Nothing is tried before; then everything goes, once."""
    reset = world.clock.now() + timedelta(minutes=5)
    world.roles.publisher.faults.add(Unavailable("429", reset))
    first = world.take_post("bob", "@smoney pay @alice 10€")
    second = world.take_post("carol", "@smoney pay @alice 10€")
    world.react()
    assert (world.answer_to(first), world.answer_to(second)) == (None, None)
    world.pass_time(minutes=4)
    world.react()
    assert world.answer_to(second) is None
    world.pass_time(minutes=2)
    world.react()
    assert world.answer_to(first)
    assert world.answer_to(second)


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(world: World) -> None:
    """X had posted it: our own reply is found, and its id recorded."""
    world.roles.publisher.faults.lose_answer()
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert world.outbox() == [("reply", "waiting")]
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "sent")]
    assert world.answer_to(post_id)


def test_what_did_not_go_out_after_all_is_sent(world: World) -> None:
    """The look-up finds nothing: then it is sent."""
    world.roles.publisher.faults.add(OutcomeUnknown("reply"))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(seconds=16)
    world.react()
    assert world.answer_to(post_id)


def test_a_process_that_dies_between_the_post_and_its_record_does_not_post_twice(
    world: World,
) -> None:
    """The row stays in doubt; whoever takes it over looks first."""
    world.die_at = Step.MESSAGE_SENT
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    with pytest.raises(ProcessDied):
        world.react()
    world.pass_time(minutes=2)
    world.react()
    assert world.answer_to(post_id)
    assert world.outbox() == [("reply", "sent")]


def test_a_no_for_good_makes_the_message_dead_and_leaves_the_order(world: World) -> None:
    """Listed with its reason; the payer finds the order in their wallet."""
    world.roles.publisher.faults.add(Rejected("not_allowed", "the post is gone"))
    world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert world.outbox() == [("reply", "dead")]


def test_a_reply_that_x_shows_late_is_still_recognised(world: World) -> None:
    """Looked up, not found, sent again, refused as a duplicate: it waits until X shows it."""
    faults = world.roles.publisher.faults
    faults.lose_answer()
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    (hidden,) = [one for one in world.x.posts.values() if one.reply_to == post_id]
    hidden.is_deleted = True
    faults.pass_over()
    faults.add(Rejected("duplicate"))
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "waiting")]
    hidden.is_deleted = False
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "sent")]
    (row,) = world.transfers(reference_in(world.answer_to(post_id)))
    assert row.confirm_by == world.clock.now() + timedelta(hours=24)


def test_looking_up_under_a_limit_waits_and_leaves_the_channel_open(world: World) -> None:
    """What X limits then is the looking: other replies go on."""
    faults = world.roles.publisher.faults
    faults.lose_answer()
    first = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    faults.add(Unavailable("429", world.clock.now() + timedelta(minutes=15)))
    world.pass_time(seconds=16)
    second = world.take_post("carol", "@smoney pay @alice 10€")
    world.react()
    assert world.answer_to(second) is not None
    world.pass_time(minutes=15)
    world.react()
    assert world.answer_to(first) is not None
    assert world.outbox() == [("reply", "sent"), ("reply", "sent")]


def test_the_time_to_confirm_starts_with_the_reply(world: World) -> None:
    """Not with the post: a reply that X delayed by two hours takes nothing from the payer."""
    world.roles.publisher.faults.add(Unavailable("429", world.clock.now() + timedelta(hours=2)))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(hours=2, minutes=1)
    world.react()
    reference = reference_in(world.answer_to(post_id))
    (row,) = world.transfers(reference)
    assert row.confirm_by == world.clock.now() + timedelta(hours=24)


def test_nobody_gets_a_direct_message_who_never_wrote_one(world: World) -> None:
    """The payee reads it in the wallet; the payer, who wrote, is told."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    world.dm("bob", f"oui {reference}")
    assert world.messages_to("alice") == []
    assert any(reference in text for text in world.messages_to("bob"))


def test_two_hints_to_two_people_are_never_the_same_text(world: World) -> None:
    """X refuses a duplicate of the same account: each ends with a link of its own."""
    first = world.post("bob", "@smoney help")
    second = world.post("carol", "@smoney help")
    third = world.post("dave", "@smoney cancel")
    fourth = world.post("erin", "@smoney cancel")
    texts = [first, second, third, fourth]
    assert None not in texts
    assert len(set(texts)) == 4
