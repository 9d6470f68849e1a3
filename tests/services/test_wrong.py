"""To the wrong person, or not by its payer: what goes back, what is locked, what an operator sees.

On SQLite alone: the locks are those of cancelling, which are tried on both.
"""

import pytest

from bot.domain.errors import Refusal
from bot.services import cases, claim, wrong
from bot.services.views import OrderView
from bot.store import payouts
from tests import builders
from tests.world import World, reference_in, wordings


def kinds(world: World) -> list[tuple[str, str]]:
    """Return the open cases: kind and what they are about."""
    return [(one["kind"], one["about"]) for one in cases.list_cases(world.deps)]


def test_what_is_held_for_the_wrong_person_comes_back_alone(world: World) -> None:
    """One transfer of an order, at once, and no operator is needed."""
    world.join("bob", cents=5000)
    reference = reference_in(world.post("bob", "@smoney pay @carol @dave 5€ each"))
    world.confirm("bob", reference)
    wrong.say_wrong(world.deps, reference, 2, world.x_id("bob"))
    assert world.statuses(reference) == ["held", "returned"]
    assert world.balance("bob") == 4500
    assert kinds(world) == []


def test_what_was_posted_is_asked_for_once_and_an_operator_looks(world: World) -> None:
    """The payee is told, and decides; nothing is taken from them."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.dm("alice", "help")
    world.confirm("bob", reference := world.order("bob", "alice"))
    for _ in range(2):
        wrong.say_wrong(world.deps, reference, 1, world.x_id("bob"))
    world.react()
    (found,) = cases.list_cases(world.deps)
    assert found["kind"] == "wrong_person"
    assert f"transfer refund {reference}-1" in found["detail"]
    url = f"{world.deps.public_url}/t/{reference}"
    told = wordings(
        "news.payee.wrong", handle="bob", amount_cents=1000, reference=reference, url=url
    )
    assert len([one for one in world.messages_to("alice") if one in told]) == 1
    for handle in ("bob", "alice"):
        page = world.page(handle, reference)
        assert isinstance(page, OrderView)
        assert [one.wrong_case for one in (*page.pays, *page.gets)] == [found["case"]]
    assert world.balance("alice") == 1000
    cases.close_case(world.deps, found["case"])
    page = world.page("alice", reference)
    assert isinstance(page, OrderView)
    assert page.gets[0].wrong_case is None


def test_only_its_payer_can_say_so_and_only_of_what_left(world: World) -> None:
    """Not the payee, not a stranger, not of what is pending; and a guess learns nothing."""
    world.join("bob", cents=5000)
    world.join("alice")
    pending = world.order("bob", "alice")
    paid = world.order("bob", "alice", "11€")
    world.confirm("bob", paid)
    tries = [("alice", paid), ("mallory", paid), ("bob", pending), ("bob", "222222")]
    for handle, reference in tries:
        assert wrong.mistake(world.deps, reference, 1, world.x_id(handle)) is None
        with pytest.raises(Refusal) as refused:
            wrong.say_wrong(world.deps, reference, 1, world.x_id(handle))
        assert refused.value.reply.key == "refusal.unknown_reference"
    assert kinds(world) == []


def test_it_was_not_me_locks_at_once_and_stops_what_can_be_stopped(world: World) -> None:
    """What is held is back, nothing leaves, payouts wait, the phone is told, a case is open."""
    bob = world.join("bob", cents=5000)
    held = world.order("bob", "carol")
    other = world.order("bob", "carol", "11€")
    world.confirm("bob", held)
    with world.store.write() as session:
        builders.pay_out(
            session, bob, "bob", 500, at=world.clock.now(), x_user_id=world.x_id("bob")
        )
    for _ in range(2):
        wrong.disown(world.deps, held, world.x_id("bob"))
    world.react()
    assert world.statuses(held) == ["returned"]
    assert world.balance("bob") == 4500
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", other)
    assert refused.value.reply.key == "refusal.locked_by_you"
    with world.store.write() as session:
        assert payouts.lock_requested(session, limit=10) == []
    assert [kind for kind, _about in kinds(world)] == ["not_me"]
    page = world.page("bob", held)
    assert isinstance(page, OrderView)
    assert (page.locked, page.says_not_me) == (refused.value.reply, True)


def test_that_case_stays_open_while_the_wallet_is_locked(world: World) -> None:
    """Save where an operator says so."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.confirm("bob", reference := world.order("bob", "alice"))
    wrong.disown(world.deps, reference, world.x_id("bob"))
    assert world.statuses(reference) == ["posted"]
    (found,) = cases.list_cases(world.deps)
    with pytest.raises(Refusal) as refused:
        cases.close_case(world.deps, found["case"])
    assert refused.value.reply.key == "refusal.case_locked"
    world.unlock("bob")
    assert cases.close_case(world.deps, found["case"])["closed_at"] is not None
    wrong.disown(world.deps, reference, world.x_id("bob"))  # whoever it was is there again
    assert [(one["case"], one["closed_at"]) for one in cases.list_cases(world.deps)] == [
        (found["case"], None)
    ]


def test_nobody_locks_the_wallet_of_another(world: World) -> None:
    """Nor by an order in which they only receive."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.confirm("bob", reference := world.order("bob", "alice"))
    for handle in ("alice", "mallory"):
        assert not wrong.may_disown(world.deps, reference, world.x_id(handle))
        with pytest.raises(Refusal):
            wrong.disown(world.deps, reference, world.x_id(handle))
    assert kinds(world) == []
    claimed = world.order("bob", "carol", "11€")
    world.confirm("bob", claimed)
    assert claim.take_back(world.deps, claimed, world.x_id("bob")) == 1
