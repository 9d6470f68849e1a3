"""A card is kept from the page: with a mandate, by a captured payment, once, and no further."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, text
from sqlalchemy.exc import IntegrityError

from bot.domain.cards import MANDATE_VERSION, read_permission
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.sca import Authenticated, Basis
from bot.services import confirm, guarded, mandates, settle, strong, topup
from bot.services.confirm import GoToCard, Settled
from bot.services.views import OrderView
from bot.store import cards
from tests.builders import CODE
from tests.world import World

GOOD = "4242424242424242"
DECLINED = "4000000000000002"
BRITISH = "4000008260000000"
ASKS_ONCE = "4000002500003155"


@pytest.fixture
def world(world: World) -> World:
    """Bob and alice have wallets, and no card is kept."""
    world.join("bob")
    world.join("alice")
    return world


def pay(world: World, number: str | None = GOOD, *, keep: bool = True, amount: str = "10€") -> str:
    """Let bob pay alice by card, with the box ticked, and come back; return the reference."""
    reference = world.order("bob", "alice", amount)
    assert isinstance(world.confirm("bob", reference, funding="card", keep=keep), GoToCard)
    if number is not None:
        world.cards.submit(world.topup(reference).session_id, number)
    if number == ASKS_ONCE:
        world.cards.secure(world.topup(reference).session_id, passed=True)
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=True)
    return reference


def offered(world: World, reference: str) -> list[tuple[int, str]]:
    """Return the saved cards that an order's page offers bob."""
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    return [(one.id, one.last4) for one in page.to_confirm.saved] if page.to_confirm else []


def given(world: World) -> Sequence[Row[Any]]:
    """Return all mandates, oldest first."""
    with world.store.read() as session:
        return session.execute(select(cards.mandates).order_by(cards.mandates.c.id)).all()


def at_the_acquirer(world: World) -> list[str]:
    """Return the last figures of the cards that the acquirer keeps for somebody."""
    return [card.number[-4:] for owner, card in world.cards.kept.values() if owner is not None]


def test_a_captured_card_is_kept_and_pays_with_one_tap(world: World) -> None:
    """What was permitted is a row: the words, the most of one charge, its end, and when."""
    world.pass_time(seconds=1)
    at = world.clock.now()
    pay(world, ASKS_ONCE)
    (mandate,) = given(world)
    day = datetime(at.year, at.month, at.day, tzinfo=UTC)
    assert (mandate.version, mandate.limit_cents) == (MANDATE_VERSION, 3000)
    assert (mandate.consented_at, mandate.ends_at) == (at, day + timedelta(days=365))
    reference = world.order("bob", "alice", "30€")
    ((card_id, last4),) = offered(world, reference)
    assert last4 == "3155"
    outcome = world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == Settled(reference)
    assert world.balance("alice") == 4000
    assert offered(world, world.order("bob", "alice", "30.01€")) == []


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("number", "keep"),
    [(GOOD, False), (BRITISH, True), (DECLINED, True), (None, True)],
    ids=["not ticked", "foreign", "declined", "abandoned"],
)
def test_nothing_is_kept_without_the_box_or_without_money(
    world: World, number: str | None, keep: bool
) -> None:
    """What the acquirer holds of a card that was voided is removed there."""
    pay(world, number, keep=keep)
    assert offered(world, world.order("bob", "alice", "11€")) == []
    assert [one.saved_card_id for one in given(world) if one.revoked_at is None] == []
    assert at_the_acquirer(world) == (["0000"] if number == BRITISH else [])
    assert topup.forget_removed(world.deps) == (number == BRITISH)
    assert at_the_acquirer(world) == []


def test_a_card_saved_twice_is_one_card_with_the_newer_mandate(world: World) -> None:
    """By its fingerprint; the acquirer keeps it once, and another card is another."""
    pay(world)
    pay(world, ASKS_ONCE, amount="12€")
    first, second = offered(world, world.order("bob", "alice", "11€"))
    world.pass_time(days=2)
    pay(world, amount="13€")
    third, fourth = offered(world, world.order("bob", "alice", "14€"))
    assert third == second
    assert (fourth[1], fourth[0] == first[0]) == ("4242", False)
    assert topup.forget_removed(world.deps) == 1
    assert sorted(at_the_acquirer(world)) == ["3155", "4242"]
    assert [one.revoked_at is None for one in given(world)] == [False, True, True]
    assert len({card.customer_id for card in kept(world)}) == 1


def kept(world: World) -> Sequence[Row[Any]]:
    """Return the rows of all cards."""
    with world.store.read() as session:
        return session.execute(select(cards.saved_cards)).all()


def test_only_the_permission_that_was_shown_can_be_given(world: World) -> None:
    """The page may be a day old, and no older; nobody raises the limit by a form."""
    reference = world.order("bob", "alice")
    at, policy = world.clock.now(), world.deps.policy
    yesterday = mandates.offered(policy, at - timedelta(days=1)).text
    for name in (yesterday.replace("3000", "9000"), mandates.offered(policy, at).text[2:], "x"):
        with pytest.raises(Refusal) as refused:
            confirm.confirm(world.deps, will(world, reference, name))
        assert refused.value.reply.key == "refusal.other_mandate"
    assert world.statuses(reference) == ["pending"]
    assert isinstance(confirm.confirm(world.deps, will(world, reference, yesterday)), GoToCard)
    assert [one.ends_at.date() - at.date() for one in given(world)] == [timedelta(days=364)]


def will(
    world: World, reference: str, keep: str, agreed: str | None = None, basis: Basis = Basis.CODE
) -> confirm.Will:
    """Return bob's will to pay by a card that is kept, by two factors for what he agreed to."""
    shown = world.terms("bob", reference)
    known = read_permission(keep, world.deps.policy.low_value_cents, world.clock.now())
    if agreed is None and known is not None:
        agreed = known.agreed_with(shown)
    return confirm.Will(
        reference=reference,
        x_user_id=world.x_id("bob"),
        terms_hash=shown,
        funding="card",
        method="page",
        keep=keep,
        proof=Authenticated("a-key", agreed, basis) if agreed else None,
    )


def test_a_mandate_is_given_by_two_factors_bound_to_it_and_to_its_payment(world: World) -> None:
    """PSD2 art. 97 (1) (c): not without them, not by those for the payment or another mandate."""
    reference, other = world.order("bob", "alice"), world.order("bob", "alice", "11€")
    at, policy = world.clock.now(), world.deps.policy
    given_now = mandates.offered(policy, at)
    yesterday = mandates.offered(policy, at - timedelta(days=1))
    shown, elsewhere = world.terms("bob", reference), world.terms("bob", other)
    without = replace(will(world, reference, given_now.text), proof=None)
    others = (shown, yesterday.agreed_with(shown), given_now.agreed_with(elsewhere))
    for wanted, why in (
        (without, "refusal.mandate_needs_sca"),
        *((will(world, reference, given_now.text, one), "refusal.other_mandate") for one in others),
    ):
        with pytest.raises(Refusal) as refused:
            confirm.confirm(world.deps, wanted)
        assert refused.value.reply.key == why
    assert (given(world), world.statuses(reference)) == ([], ["pending"])
    assert isinstance(confirm.confirm(world.deps, will(world, reference, given_now.text)), GoToCard)
    assert [one.sca_basis for one in given(world)] == ["code"]
    with (
        pytest.raises(IntegrityError, match="ck_mandate_sca"),
        world.store.write() as session,
    ):
        session.execute(text("UPDATE mandate SET sca_basis = NULL"))


def test_two_codes_that_name_the_limit_keep_a_card(world: World) -> None:
    """What is shown and texted names what may be charged; after them comes the card's page."""
    reference = world.order("bob", "alice")
    offer = mandates.offered(world.deps.policy, world.clock.now())
    bob, wanted = world.visitor("bob"), will(world, reference, offer.text)
    asked = guarded.to_keep_card(world.deps, replace(wanted, proof=None))
    challenge = strong.begin(world.deps, bob, asked, lang="fr")
    assert "30\u00a0€ au plus" in world.sms.texts_to(world.phone("bob"))[-1]
    page = strong.page(world.deps, bob, challenge)
    assert page is not None
    proof = strong.prove(
        world.deps,
        bob,
        challenge,
        wallet_code_text=CODE,
        text_code_text=world.newest_code("bob"),
    )
    address = guarded.do(world.deps, bob, page, proof, lang="fr", address=None)
    assert address == world.topup(reference).url
    assert [one.sca_basis for one in given(world)] == ["code"]


def test_a_mandate_that_ended_while_its_payment_was_under_way_keeps_no_card(world: World) -> None:
    """What the acquirer has kept of it is removed there."""
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card", keep=True)
    with world.store.write() as session:
        session.execute(text("UPDATE mandate SET revoked_at = consented_at"))
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    assert world.statuses(reference) == ["posted"]
    assert offered(world, world.order("bob", "alice", "11€")) == []
    assert topup.forget_removed(world.deps) == 1
    assert at_the_acquirer(world) == []


def test_an_expired_card_is_neither_offered_nor_charged(world: World) -> None:
    """The last look is before the charge; it pays to the end of its last month."""
    pay(world)
    reference = world.order("bob", "alice", "11€")
    ((card_id, _last4),) = offered(world, reference)
    now = world.clock.now()
    for month, count in ((now.month, 1), (now.month - 1, 0)):
        with world.store.write() as session:
            session.execute(
                text("UPDATE saved_card SET exp_year = :y, exp_month = :m"),
                {"y": now.year, "m": month},
            )
        assert len(offered(world, reference)) == count
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert refused.value.reply.key == "refusal.no_mandate"


def test_a_customer_that_cannot_be_made_yet_only_delays_the_page(world: World) -> None:
    """Asked for again under its key; one whom the acquirer no longer knows is made anew."""
    world.cards.fail("vault.customer", Unavailable("no_answer"), after=True)
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card", keep=True)
    world.pass_time(minutes=1)
    settle.recover(world.deps)
    assert isinstance(page := world.page("bob", reference), OrderView)
    assert page.card_url is not None
    assert sum(b'"customer.created"' in body for body, _ in world.cards.events) == 1
    other = world.order("bob", "alice", "11€")
    world.cards.fail("checkout.open", Rejected("resource_missing"))
    with pytest.raises(Refusal):
        world.confirm("bob", other, funding="card", keep=True)
    assert isinstance(world.confirm("bob", other, funding="card", keep=True), GoToCard)
    assert sum(b'"customer.created"' in body for body, _ in world.cards.events) == 2


def test_a_card_is_no_longer_offered_after_three_attempts(world: World) -> None:
    """Each payer of an order has three, by whichever card: then no button leads to a no."""
    reference = world.order("bob", "alice")
    for _ in range(3):
        page = world.page("bob", reference)
        assert isinstance(page, OrderView)
        assert page.to_confirm is not None
        assert page.to_confirm.card.offered
        world.confirm("bob", reference, funding="card")
        settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=True)
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None
    assert page.to_confirm.card.refusal == "refusal.too_many_attempts"
