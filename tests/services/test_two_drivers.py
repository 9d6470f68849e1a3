"""Two drivers at one top-up: what one has done since the other looked is seen before it ends."""

from typing import Any

from sqlalchemy import Row

from bot.domain.topup import TopupStatus
from bot.domain.transfer import Reason
from bot.services import cancel, hosted, settle, topup, topup_end
from bot.services.confirm import Settled
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


def test_a_page_of_a_top_up_that_ended_meanwhile_is_not_asked_for_again(world: World) -> None:
    """The permission to keep the card ended with it: its key would ask for another page."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    seen: list[Row[Any]] = []
    world.on_step = (Step.CONFIRMATION_WRITTEN, lambda: seen.append(world.topup(reference)))
    world.confirm("bob", reference, funding="card", keep=True)
    (stale,) = seen
    cancel.cancel(world.deps, reference, world.x_id("bob"))
    assert world.topup(reference).status == "expired"
    assert hosted.open_page(world.deps, stale), "what became of it has to be read"
    assert world.statuses(reference) == ["cancelled"]


def test_a_card_that_is_charged_meanwhile_is_not_refused(world: World) -> None:
    """Its mandate was revoked between the looks of two drivers: what the first wrote stands."""
    bob = world.join("bob")
    world.join("alice")
    card_id = world.save_card(bob, "pm_card_fr", limit_cents=2000)
    reference = world.order("bob", "alice", "10€")

    def look() -> None:
        """Look before the first driver has written, and write after it has."""
        stale = world.topup(reference)
        world.on_step = (Step.DECISION_RECORDED, lambda: write(stale))

    def write(stale: Row[Any]) -> None:
        world.on_step = (None, lambda: None)
        topup.remove_card(world.deps, bob, card_id)
        settle.permit(world.deps, stale)

    world.on_step = (Step.CONFIRMATION_WRITTEN, look)
    outcome = world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == Settled(reference)
    assert world.topup(reference).status == "captured"
    assert (world.statuses(reference), world.balance("alice")) == (["posted"], 1000)


def test_a_charge_that_another_driver_ended_is_looked_at_again(world: World) -> None:
    """Its transfers are let go by then: there is nothing left to ask the limits about."""
    bob = world.join("bob")
    world.join("alice")
    card_id = world.save_card(bob, "pm_card_fr", limit_cents=2000)
    reference = world.order("bob", "alice", "10€")
    seen: list[Row[Any]] = []
    world.on_step = (Step.CONFIRMATION_WRITTEN, lambda: seen.append(world.topup(reference)))
    outcome = world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == Settled(reference)
    (stale,) = seen
    assert settle.permit(world.deps, stale), "what became of it has to be read"
    assert world.topup(reference).status == "captured"


def test_what_was_paid_meanwhile_is_not_called_declined(world: World) -> None:
    """One driver saw the page without money, another has the authorization by now."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    stale = world.topup(reference)
    world.cards.submit(stale.session_id, "4242424242424242")
    goes_on: list[bool] = []

    def decline() -> None:
        """End what was seen before it was paid."""
        no = (TopupStatus.DECLINED, "refusal.card_declined", Reason.CARD_DECLINED)
        goes_on.append(topup_end.ended(world.deps, stale, *no))

    world.on_step = (Step.AUTHORIZATION_RECORDED, decline)
    settle.drive(world.deps, stale.id)
    assert goes_on == [True]
    assert (world.statuses(reference), world.topup(reference).status) == (["posted"], "captured")
