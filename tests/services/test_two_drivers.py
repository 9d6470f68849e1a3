"""Two drivers at one top-up: what one has done since the other looked is seen before it ends."""

from typing import Any

from sqlalchemy import Row

from bot.domain.transfer import Reason
from bot.services import hosted, settle
from bot.services.steps import Step
from bot.store import wishes
from tests.world import World


def test_a_page_that_was_opened_meanwhile_is_closed_before_its_top_up_ends(world: World) -> None:
    """Somebody may be paying on it: an end that leaves it open would leave an authorization."""
    world.join("bob")
    reference = world.order("bob", "alice")
    seen: list[Row[Any]] = []
    world.on_step = (Step.CHECKOUT_OPENED, lambda: seen.append(world.topup(reference)))
    world.confirm("bob", reference, funding="card")
    (stale,) = seen
    assert (stale.session_id, world.topup(reference).session_id is None) == (None, False)
    transfer = world.transfers(reference)[0]
    with world.store.write() as session:
        wishes.write(
            session,
            [transfer.id],
            kind="cancel",
            by=world.x_id("bob"),
            reason=Reason.CANCELLED_BY_OWNER,
            at=world.clock.now(),
        )
    assert hosted.open_page(world.deps, stale), "the page that is there has to be looked at"
    assert world.statuses(reference) == ["funding"]
    settle.drive(world.deps, stale.id)
    assert world.statuses(reference) == ["cancelled"]
    assert world.cards.checkout.read(world.topup(reference).session_id).status == "expired"
