"""Saved cards: charged under a mandate and no further, and taken out of the wallet at once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal, Unavailable
from bot.domain.limits import Policy
from bot.services import settle, topup
from bot.services.confirm import GoToCard, Settled, UnderWay
from bot.services.steps import Step
from bot.services.views import OrderView
from bot.store import people
from bot.store.engine import Store
from tests.world import ProcessDied, World


def ordered(world: World, token: str = "pm_card_fr", *, limit_cents: int = 2000) -> tuple[int, str]:
    """Let bob have a saved card and order 10 € to alice; return the card and the reference."""
    bob = world.join("bob")
    world.join("alice")
    card_id = world.save_card(bob, token, limit_cents=limit_cents)
    return card_id, world.order("bob", "alice", "10€")


def refused(world: World, reference: str, card_id: int | None, who: str = "bob") -> str:
    """Confirm with a saved card; return why not."""
    with pytest.raises(Refusal) as caught:
        world.confirm(who, reference, funding="card", saved_card_id=card_id)
    return caught.value.reply.key


def offered(world: World, reference: str) -> list[str]:
    """Return the saved cards that an order's page offers bob."""
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    return [one.last4 for one in page.to_confirm.saved] if page.to_confirm else []


def test_a_saved_card_pays_an_order_with_one_tap(world: World) -> None:
    """The page names it; the money passes through the wallet, as from the acquirer's page."""
    card_id, reference = ordered(world)
    assert offered(world, reference) == ["0003"]
    outcome = world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == Settled(reference)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (0, 1000)
    assert world.topup(reference).status == "captured"


def test_above_the_mandate_the_card_is_not_offered_and_not_charged(world: World) -> None:
    """Its limit is checked when the page is shown, when it is confirmed and before the charge."""
    card_id, reference = ordered(world, limit_cents=999)
    assert offered(world, reference) == []
    assert refused(world, reference, card_id) == "refusal.no_mandate"
    assert world.cards.paid == {}


def test_a_mandate_has_an_end(world: World) -> None:
    """After it the card is asked for on the acquirer's page again."""
    card_id, _reference = ordered(world)
    world.pass_time(days=366)
    reference = world.order("bob", "alice", "11€")
    assert offered(world, reference) == []
    assert refused(world, reference, card_id) == "refusal.no_mandate"
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)


def test_nobody_pays_with_the_card_of_somebody_else(world: World) -> None:
    """Whatever number a form says."""
    card_id, _reference = ordered(world)
    world.join("eve")
    reference = world.order("eve", "alice", "10€")
    assert refused(world, reference, card_id, "eve") == "refusal.no_mandate"


def test_an_issuer_that_wants_the_person_sends_them_to_the_page(world: World) -> None:
    """`authentication_required`: declined with a sentence of its own, the link, and no failure."""
    card_id, reference = ordered(world, "pm_card_authenticationRequired")
    world.dm("bob", "help")
    assert refused(world, reference, card_id) == "refusal.card_needs_person"
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "declined"
    world.react()
    told = world.messages_to("bob")[-1]
    assert f"/t/{reference}" in told
    assert "banque veut vérifier" in told or "bank wants to check" in told
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.last_refusal == "refusal.card_needs_person"
    assert page.to_confirm is not None
    assert (page.to_confirm.card_first, page.to_confirm.saved) == (True, ())
    assert offered(world, world.order("bob", "alice", "11€")) == ["3184"]
    with world.store.read() as session:
        assert session.execute(text("SELECT count(*) FROM card_failure")).scalar_one() == 0
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)


def test_a_declined_saved_card_is_a_failure_like_any_other(world: World) -> None:
    """It counts against card testing."""
    card_id, reference = ordered(world, "pm_card_chargeCustomerFail")
    assert refused(world, reference, card_id) == "refusal.card_declined"
    assert world.topup(reference).failed_attempts == 1


def test_above_the_exemption_a_saved_card_does_not_do(store: Store) -> None:
    """Off-session no issuer checks the payer, whatever the operator's switch says."""
    world = World(store, Policy(card_sca_covers_transfer=True, low_value_cents=900))
    card_id, reference = ordered(world)
    assert offered(world, reference) == []
    assert refused(world, reference, card_id) == "refusal.needs_card"


def test_a_foreign_saved_card_is_not_charged(world: World) -> None:
    """The country is known before the charge, so nothing has to be given back."""
    card_id, reference = ordered(world, "pm_card_gb")
    assert offered(world, reference) == []
    assert refused(world, reference, card_id) == "refusal.card_country"
    assert world.cards.paid == {}


def test_a_card_that_is_taken_out_is_charged_no_more(world: World) -> None:
    """At once, here and at the acquirer; twice is a success."""
    card_id, reference = ordered(world)
    bob = world.visitor("bob").person_id
    assert bob is not None
    for _ in range(2):
        topup.remove_card(world.deps, bob, card_id)
    assert offered(world, reference) == []
    assert refused(world, reference, card_id) == "refusal.no_mandate"
    assert [owner for owner, _card in world.cards.kept.values()] == [None]


def test_nobody_takes_out_the_card_of_somebody_else(world: World) -> None:
    """It stays as it is."""
    card_id, reference = ordered(world)
    eve = world.join("eve")
    with pytest.raises(Refusal):
        topup.remove_card(world.deps, eve, card_id)
    assert offered(world, reference) == ["0003"]


def test_an_acquirer_that_is_down_does_not_keep_a_mandate_alive(world: World) -> None:
    """Revoked in our rows; the job removes the card at the acquirer once it answers."""
    card_id, reference = ordered(world)
    bob = world.visitor("bob").person_id
    assert bob is not None
    world.cards.fail("vault.forget", Unavailable("down"))
    topup.remove_card(world.deps, bob, card_id)
    assert refused(world, reference, card_id) == "refusal.no_mandate"
    assert topup.forget_removed(world.deps) == 1
    assert topup.forget_removed(world.deps) == 0


def test_a_mandate_revoked_between_confirmation_and_charge_stops_it(world: World) -> None:
    """The process died after the confirmation was written: nothing is charged."""
    card_id, reference = ordered(world)
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    bob = world.visitor("bob").person_id
    assert bob is not None
    topup.remove_card(world.deps, bob, card_id)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).refusal == "refusal.no_mandate"
    assert world.cards.paid == {}
    assert topup.forget_removed(world.deps) == 1


def test_a_charge_whose_answer_was_lost_is_asked_for_again(world: World) -> None:
    """One charge under one key, even where the mandate was revoked meanwhile."""
    card_id, reference = ordered(world)
    bob = world.visitor("bob").person_id
    assert bob is not None
    world.cards.fail("payments.charge", Unavailable("no answer"), after=True)
    outcome = world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == UnderWay(reference)
    topup.remove_card(world.deps, bob, card_id)
    world.pass_time(minutes=2)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["posted"]
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]
    assert topup.forget_removed(world.deps) == 1


def test_a_charge_of_more_than_a_day_ago_is_looked_for_before_it_is_made(world: World) -> None:
    """The acquirer may have forgotten its key: asked for again it would be a second charge."""
    card_id, reference = ordered(world)
    world.cards.fail("payments.charge", Unavailable("no answer"), after=True)
    world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    world.cards.forget_keys()
    world.pass_time(hours=25)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["posted"]
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]


def test_a_limit_that_shrank_stops_a_charge_before_it_is_made(world: World) -> None:
    """The last look is under the person's lock, and nothing has to be refunded."""
    card_id, reference = ordered(world)
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    world.deps = replace(world.deps, policy=replace(world.deps.policy, in_30_days_cents=999))
    world.clock.advance(timedelta(minutes=1).total_seconds())
    settle.recover(world.deps)
    assert world.topup(reference).refusal == "refusal.above_30_days"
    assert world.cards.paid == {}


def test_a_saved_card_is_not_charged_for_a_payee_who_blocked_the_payer(world: World) -> None:
    """Though it was confirmed before: no money leaves the card, and the order waits again."""
    card_id, reference = ordered(world)
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    with world.store.write() as session:
        alice, bob = world.x_id("alice"), world.x_id("bob")
        people.block(session, alice, bob, at=world.clock.now(), turns_money_away=True)
    world.pass_time(minutes=10)
    world.react()
    assert world.statuses(reference) == ["pending"]
    assert (world.balance("bob"), world.balance("alice")) == (0, 0)
    assert world.topup(reference).status != "captured"
