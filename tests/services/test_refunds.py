"""Refunds: from payee to payer by an operator's word, and on to the card that paid."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.limits import Policy
from bot.services import operate, receive, reconcile, refunds, settle
from bot.services.views import OrderView
from bot.store import ledger
from bot.store.engine import Store
from tests.world import World, wordings

GOOD = "4242424242424242"


def by_card(world: World, amount: str = "10€") -> str:
    """Let bob pay alice by card; return the reference."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice", amount)
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    assert world.statuses(reference) == ["posted"]
    return reference


def refused(world: World, reference: str, to: str = "wallet") -> str:
    """Try a refund; return why not."""
    with pytest.raises(Refusal) as caught:
        operate.refund_order(world.deps, reference, to="card" if to == "card" else "wallet")
    return caught.value.reply.key


def cards_cents(world: World) -> int:
    """Return what the acquirer has of ours, as the books say."""
    with world.store.read() as session:
        return dict(ledger.balances(session)).get("cards", 0)


def card_status(world: World, reference: str) -> str:
    """Return where the newest refund of an order to a card stands."""
    return str(operate.show_order(world.deps, reference)[-1]["to_card"])


def test_a_refund_is_a_transfer_of_the_order_posted_at_birth(world: World) -> None:
    """From payee to payer, numbered on, with its reason; both are told and see it."""
    world.join("bob", cents=5000)
    world.join("alice")
    for handle in ("bob", "alice"):
        world.dm(handle, "help")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    operate.refund_order(world.deps, reference.lower(), to="wallet")
    assert (world.balance("bob"), world.balance("alice")) == (5000, 0)
    first, back = operate.show_order(world.deps, reference)
    assert (back["reference"], back["refund_of"]) == (f"{reference}-2", f"{reference}-1")
    assert (back["status"], back["payer"]["handle"], back["payee"]["handle"]) == (
        "posted",
        "alice",
        "bob",
    )
    assert [line["reason"] for line in back["history"]] == ["refunded"]
    assert (first["status"], first["refund_of"], back["to_card"]) == ("posted", None, None)
    world.react()
    values: dict[str, Any] = {"amount_cents": 1000, "reference": reference}
    url = f"{world.deps.public_url}/t/{reference}"
    for handle, side, other in (("bob", "payer", "alice"), ("alice", "payee", "bob")):
        key = f"news.{side}.refunded"
        said = wordings(key, handle=other, url=url, **values) | wordings(
            key, lang="fr", handle=other, url=url, **values
        )
        assert world.messages_to(handle)[-1] in said
        page = world.page(handle, reference)
        assert isinstance(page, OrderView)
        (seen,) = (one for one in (*page.pays, *page.gets) if one.is_refund)
        assert seen.other_handle == other
        assert "refunded" in [
            line.reason for one in (*page.pays, *page.gets) for line in one.history
        ]


def test_a_refund_is_made_once(world: World) -> None:
    """Nor is a refund refunded."""
    world.join("bob", cents=5000)
    world.join("alice", cents=1000)
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    operate.refund_order(world.deps, reference, to="wallet")
    assert refused(world, reference) == "refusal.nothing_to_refund"
    assert refused(world, f"{reference}-2") == "refusal.nothing_to_refund"
    assert refused(world, f"{reference}-9") == "refusal.nothing_to_refund"
    assert refused(world, "222222") == "refusal.unknown_reference"
    assert world.balance("alice") == 1000


def test_what_the_payee_has_spent_is_not_refunded(world: World) -> None:
    """A wallet never goes below zero: nothing at all moves."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    world.join("carol")
    world.confirm("alice", world.order("alice", "carol", "0.01€"))
    assert refused(world, reference) == "refusal.payee_spent_it"
    assert (world.balance("bob"), world.balance("alice")) == (4000, 999)


def test_one_of_several_is_refunded_by_its_own_reference(world: World) -> None:
    """And what is pending or held is not."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.join("carol")
    reply = world.post("bob", "@smoney pay @alice @carol @new 5€ each")
    assert reply is not None
    reference = reply.partition("/t/")[2][:6]
    world.confirm("bob", reference)
    operate.refund_order(world.deps, f"{reference}-2", to="wallet")
    assert (world.balance("alice"), world.balance("carol")) == (500, 0)
    assert refused(world, f"{reference}-3") == "refusal.nothing_to_refund"
    operate.refund_order(world.deps, reference, to="wallet")
    assert (world.balance("bob"), world.balance("alice")) == (4500, 0)


def test_what_was_refunded_no_longer_counts_and_giving_back_is_no_payment(store: Store) -> None:
    """The 30 days of the payer are free again, those of the payee were never touched."""
    policy = replace(Policy(), in_30_days_cents=1000)
    world = World(store, policy)
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    operate.refund_order(world.deps, reference, to="wallet")
    again = world.order("bob", "alice", "10€ again")
    world.confirm("bob", again)
    assert world.statuses(again) == ["posted"]
    world.confirm("alice", world.order("alice", "bob", "10€"))
    assert (world.balance("bob"), world.balance("alice")) == (5000, 0)


def test_to_the_card_is_a_second_step_with_a_key_of_its_own(world: World) -> None:
    """The wallet's refund first, then the card's row; whole, the top-up is refunded."""
    reference = by_card(world)
    world.dm("bob", "help")
    operate.refund_order(world.deps, reference, to="card")
    assert card_status(world, reference) == "succeeded"
    assert (world.topup(reference).status, world.topup(reference).refunded_cents) == (
        "refunded",
        1000,
    )
    assert (world.balance("bob"), world.balance("alice"), cards_cents(world)) == (0, 0, 0)
    (payment,) = world.cards.paid.values()
    assert payment.refunded_cents == 1000
    assert refused(world, reference, "card") == "refusal.nothing_to_refund"
    world.react()
    assert any("carte" in one or "card" in one for one in world.messages_to("bob")[-1:])


def test_a_refund_in_the_wallet_can_go_on_to_the_card_later(world: World) -> None:
    """As long as the wallet holds it."""
    reference = by_card(world)
    operate.refund_order(world.deps, reference, to="wallet")
    assert (world.balance("bob"), card_status(world, reference)) == (1000, "None")
    operate.refund_order(world.deps, reference, to="card")
    assert (world.balance("bob"), card_status(world, reference)) == (0, "succeeded")


def test_what_the_payer_has_spent_does_not_go_to_the_card(world: World) -> None:
    """It was theirs again, and they used it."""
    reference = by_card(world)
    operate.refund_order(world.deps, reference, to="wallet")
    world.confirm("bob", world.order("bob", "alice", "1€"))
    assert refused(world, reference, "card") == "refusal.payer_spent_it"


def test_money_that_no_card_brought_goes_to_no_card(world: World) -> None:
    """Nothing moves at all: not even into the wallet."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    assert refused(world, reference, "card") == "refusal.no_card_to_refund"
    assert (world.balance("bob"), world.balance("alice")) == (4000, 1000)


def test_a_disputed_payment_is_not_refunded_to_its_card(world: World) -> None:
    """Its holder has the money back already."""
    reference = by_card(world)
    dispute_id = world.cards.dispute(world.topup(reference).payment_id)
    body = world.cards.events[-1][0]
    assert dispute_id.encode() in body
    receive.take_in(world.deps, [world.deps.webhooks.verify(body, world.cards.sign(body))])
    receive.read_inbox(world.deps)
    assert refused(world, reference, "card") == "refusal.no_card_to_refund"
    assert world.balance("alice") == 1000


def test_a_refund_that_is_refused_at_once_is_back_in_the_wallet(world: World) -> None:
    """The row says why, the top-up counts nothing."""
    reference = by_card(world)
    world.cards.fail("payments.refund", Rejected("charge_disputed"))
    operate.refund_order(world.deps, reference, to="card")
    assert card_status(world, reference) == "failed"
    assert (world.balance("bob"), cards_cents(world)) == (1000, 1000)
    assert (world.topup(reference).status, world.topup(reference).refunded_cents) == ("captured", 0)


def test_a_refund_that_comes_back_days_later_is_in_the_wallet_again(world: World) -> None:
    """The issuer's no arrives by webhook, once or twice; the top-up is captured again."""
    reference = by_card(world)
    operate.refund_order(world.deps, reference, to="card")
    (refund_id,) = world.cards.refunds
    world.cards.send_back(refund_id)
    for body, signature in world.cards.events[-2:] * 2:
        receive.take_in(world.deps, [world.deps.webhooks.verify(body, signature)])
        receive.read_inbox(world.deps)
    assert refunds.look(world.deps, refund_id)
    assert card_status(world, reference) == "failed"
    assert (world.balance("bob"), cards_cents(world)) == (1000, 1000)
    assert (world.topup(reference).status, world.topup(reference).refunded_cents) == ("captured", 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_is_asked_for_again_and_refunds_once(world: World, after: bool) -> None:
    """By the job, under the same key, whether or not the acquirer had made it."""
    reference = by_card(world)
    world.cards.fail("payments.refund", Unavailable("no answer"), after=after)
    operate.refund_order(world.deps, reference, to="card")
    assert card_status(world, reference) == "created"
    assert refunds.recover(world.deps) == 1
    assert refunds.recover(world.deps) == 0
    assert card_status(world, reference) == "succeeded"
    assert len(world.cards.refunds) == 1


def test_a_refund_that_came_back_before_its_answer_has_failed_and_explains_itself(
    world: World,
) -> None:
    """Its money is in the wallet, and neither of its movements is left for an operator to book."""
    reference = by_card(world)
    world.cards.fail("payments.refund", Unavailable("no answer"), after=True)
    operate.refund_order(world.deps, reference, to="card")
    (made,) = world.cards.refunds
    world.cards.send_back(made)
    for body, signature in world.cards.events[-2:]:  # before our row knows whose it is
        receive.take_in(world.deps, [world.deps.webhooks.verify(body, signature)])
        receive.read_inbox(world.deps)
    assert card_status(world, reference) == "created"
    assert refunds.recover(world.deps) == 1
    assert card_status(world, reference) == "failed"
    assert (world.balance("bob"), cards_cents(world)) == (1000, 1000)
    assert (world.topup(reference).status, world.topup(reference).refunded_cents) == ("captured", 0)
    assert len(world.cards.refunds) == 1
    world.cards.pay_out()
    assert reconcile.reconcile_books(world.deps).differences == []


def test_a_mistake_of_ours_is_no_answer_of_the_card(world: World) -> None:
    """The row waits for an operator, and others go on."""
    reference = by_card(world)
    world.cards.fail("payments.refund", Rejected("wrong_credentials"))
    operate.refund_order(world.deps, reference, to="card")
    assert card_status(world, reference) == "created"
    world.pass_time(minutes=20)
    refunds.recover(world.deps)
    assert card_status(world, reference) == "succeeded"
