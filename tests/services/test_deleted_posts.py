"""What a deleted post asked for is not paid, and our reply to it goes; at one look-up a day."""

from dataclasses import replace

import pytest

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.x_bill import XUse
from bot.services import gone
from bot.telemetry import Tally
from tests.world import World, reference_in


def ordered(world: World) -> tuple[str, str]:
    """Let bob order by a post; return the post's id and the reference."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    return post_id, reference_in(world.answer_to(post_id))


def test_a_post_is_looked_up_once_on_another_day_and_never_on_its_own(world: World) -> None:
    """By whoever comes first, the payer or the job; nobody else's word costs a look-up."""
    post_id, reference = ordered(world)
    gone.clear(world.deps)
    gone.look(world.deps, reference, world.x_id("bob"))
    assert world.roles.mentions.looked_up == 0, "it was read today"
    world.pass_time(hours=12)
    gone.look(world.deps, reference, world.x_id("alice"))
    gone.look(world.deps, "222222", world.x_id("bob"))
    assert world.roles.mentions.looked_up == 0, "it is not theirs to pay"
    world.confirm("bob", reference)
    gone.clear(world.deps)
    assert world.roles.mentions.looked_up == 1
    assert world.statuses(reference) == ["posted"]
    world.x.delete(post_id)
    world.pass_time(days=1)
    assert gone.clear(world.deps) == 0, "it is paid: the reply is its receipt's"
    assert world.answer_to(post_id) is not None


@pytest.mark.parametrize("way", ["page", "dm", "job"])
def test_what_a_deleted_post_asked_for_is_not_paid_and_our_reply_goes(
    world: World, way: str
) -> None:
    """By the page and by a message it is refused in a sentence; the job does it by itself."""
    post_id, reference = ordered(world)
    world.x.delete(post_id)
    world.pass_time(hours=12)
    match way:
        case "page":
            with pytest.raises(Refusal, match="post_gone"):
                world.confirm("bob", reference)
        case "dm":
            (said,) = world.dm("bob", f"oui {reference}")
            assert "supprimé" in said
    assert gone.clear(world.deps) == 1
    assert (world.statuses(reference), world.reasons(reference)[-1]) == (["cancelled"], "post_gone")
    assert (world.answer_to(post_id), world.balance("bob")) == (None, 5000)
    assert gone.clear(world.deps) == 0
    assert world.roles.mentions.looked_up == 1


def test_where_x_does_not_say_or_the_budget_is_short_the_post_is_taken_to_stand(
    world: World,
) -> None:
    """A payment is not kept from its payer for that, and what is optional costs nothing."""
    _post_id, reference = ordered(world)
    world.pass_time(hours=12)
    world.roles.mentions.faults.add(Unavailable("server_error"))
    gone.look(world.deps, reference, world.x_id("bob"))
    deps = replace(world.deps, tally=Tally(), x_budget_mills=100)
    deps.tally.count(XUse.REPLY, 9)
    gone.look(deps, reference, world.x_id("bob"))
    gone.clear(deps)
    assert world.roles.mentions.looked_up == 0
    assert world.statuses(reference) == ["pending"]


def test_a_reply_that_is_not_out_yet_is_taken_back_with_a_draft(world: World) -> None:
    """A reply that X does not let go now is tried again; one that it refuses blocks no other."""
    world.join("bob", cents=5000)
    post_id = world.take_post("bob", "@smoney split 10€ with @alice")
    world.react()
    other_id = world.take_post("bob", "@smoney pay @alice 1€")
    world.roles.publisher.faults.add(
        Unavailable("rate_limited", world.clock.now().replace(hour=23))
    )
    world.react()
    world.x.delete(post_id)
    world.x.delete(other_id)
    world.pass_time(hours=12)
    faults = world.roles.publisher.faults
    for error in (Unavailable("server_error"), Rejected("unauthorized")):
        faults.add(error)
        with pytest.raises(type(error)):
            gone.clear(world.deps)
        assert world.outbox() == [("reply", "sent"), ("reply", "dropped")]
    faults.add(Rejected("not_allowed"))
    assert gone.clear(world.deps) == 0
    assert gone.clear(world.deps) == 0, "it was refused for good"
    assert world.answer_to(post_id) is not None
    assert world.roles.mentions.looked_up == 1
