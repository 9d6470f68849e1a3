"""The acquirer's own books: fees, balance, payouts, disputes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from bot.sandbox.card_network.balance import charge_fee_cents
from bot.sandbox.card_network.texts import money
from tests.sandbox.card_world import CardWorld, Sink, card_world

PAYOUT_EVENTS = ["payout.created", "payout.paid", "payout.reconciliation_completed"]


@pytest.fixture
def world() -> Iterator[CardWorld]:
    """A network of its own for each test: they count the whole balance."""
    with card_world() as world:
        yield world


def available(world: CardWorld) -> int:
    """What could be paid out (cents)."""
    amount = world.stripe.v1.balance.retrieve().available[0].amount
    assert isinstance(amount, int)
    return amount


@pytest.mark.parametrize(
    ("amount_cents", "fee_cents"), [(50, 26), (1000, 40), (1033, 40), (1034, 41), (25000, 400)]
)
def test_the_fee_is_one_and_a_half_percent_and_25_cents(amount_cents: int, fee_cents: int) -> None:
    """Rounded half up to the cent."""
    assert charge_fee_cents(amount_cents) == fee_cents


@pytest.mark.parametrize(
    ("cents", "lang", "text"),
    [
        (1200, "en", "€12.00"),
        (-3157, "en", "-€31.57"),
        (123456, "fr", "1\u202f234,56\u00a0€"),
        (-5, "fr", "-0,05\u00a0€"),
    ],
)
def test_amounts_are_written_in_both_languages(cents: int, lang: str, text: str) -> None:
    """Below zero too: a dispute may take more than the balance holds."""
    assert money(cents, lang) == text


def test_a_captured_charge_is_in_the_balance_less_its_fee(world: CardWorld) -> None:
    """12 € less 0.43 €."""
    world.authorized()
    assert available(world) == 0
    world.captured()
    assert available(world) == 1157
    [transaction] = world.stripe.v1.balance_transactions.list()
    assert (transaction.amount, transaction.fee, transaction.net) == (1200, 43, 1157)
    assert transaction.fee_details[0].amount == 43
    assert transaction.reporting_category == "charge"


def test_a_payout_takes_all_and_names_what_it_was_made_of(world: CardWorld) -> None:
    """Its transactions, its own included, add up to nothing."""
    first, second = world.captured(), world.captured()
    world.stripe.v1.refunds.create({"payment_intent": first.id, "amount": 200})
    payout = world.control("payouts")
    assert (payout["amount"], payout["status"]) == (2114, "paid")
    assert available(world) == 0
    parts = world.stripe.v1.balance_transactions.list({"payout": payout["id"]}).data
    assert sorted(part.type for part in parts) == ["charge", "charge", "payout", "refund"]
    assert sum(part.net for part in parts) == 0
    assert {second.latest_charge, first.latest_charge} <= {part.source for part in parts}
    assert world.stripe.v1.payouts.retrieve(payout["id"]).balance_transaction in {
        part.id for part in parts
    }
    assert [p.id for p in world.stripe.v1.payouts.list()] == [payout["id"]]
    assert world.event_types()[-3:] == PAYOUT_EVENTS


def test_there_is_no_payout_of_nothing(world: CardWorld) -> None:
    """Nor one of less than nothing."""
    answer = world.browser.post("/_sandbox/payouts")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "balance_insufficient"


def test_money_settles_before_it_is_paid_out() -> None:
    """With a delay it is pending first."""
    with card_world(settlement_delay=timedelta(days=2)) as world:
        world.captured()
        balance = world.stripe.v1.balance.retrieve()
        assert (balance.available[0].amount, balance.pending[0].amount) == (0, 1157)
        assert world.browser.post("/_sandbox/payouts").status_code == 400
        world.clock.advance(days=2)
        assert world.control("payouts")["amount"] == 1157


def test_a_day_pays_out_by_itself_and_says_so() -> None:
    """As the acquirer's daily payouts: nobody asks for it, and the webhooks tell of it."""
    sink = Sink()
    try:
        with card_world(webhook_url=sink.url) as world:
            world.captured()
            world.clock.advance(hours=23, minutes=50)
            assert world.stripe.v1.payouts.list().data == []
            world.clock.advance(minutes=20)
            [event] = sink.wait_for(1, "payout.reconciliation_completed")
            [payout] = world.stripe.v1.payouts.list()
            assert event.data.object["id"] == payout.id
            assert sorted(one.type for one in sink.wait_for(3, "payout.")) == PAYOUT_EVENTS
            assert (payout.amount, payout.status, payout.automatic) == (1157, "paid", True)
            assert payout.arrival_date == payout.created
            parts = world.stripe.v1.balance_transactions.list({"payout": payout.id}).data
            assert sorted(part.type for part in parts) == ["charge", "payout"]
            assert available(world) == 0
    finally:
        sink.close()


def test_each_day_pays_out_what_came_since_the_last(world: CardWorld) -> None:
    """Days over which the clock was moved at once are paid out together, and none pays twice."""
    world.captured()
    world.clock.advance(days=3)
    assert available(world) == 0
    world.captured()
    assert available(world) == 1157
    world.captured()
    world.clock.advance(days=1)
    assert available(world) == 0
    world.clock.advance(days=1)
    assert available(world) == 0
    assert [one.amount for one in world.stripe.v1.payouts.list()] == [2314, 1157]


def test_a_day_without_money_passes_quietly(world: CardWorld) -> None:
    """Nothing there, or less after a lost dispute: no payout and no error; a later one makes up."""
    world.clock.advance(days=1)
    assert available(world) == 0
    intent = world.captured()
    world.control("disputes", {"payment_intent": intent.id, "outcome": "lost"})
    world.clock.advance(days=1)
    assert available(world) == -2043
    assert not [name for name in world.event_types() if name.startswith("payout.")]
    world.captured()
    world.captured()
    world.clock.advance(days=1)
    [payout] = world.stripe.v1.payouts.list()
    assert payout.amount == 2 * 1157 - 2043


def test_a_day_leaves_what_is_pending() -> None:
    """Money that settles after two days is in the payout of the day that follows."""
    with card_world(settlement_delay=timedelta(days=2)) as world:
        world.captured()
        world.clock.advance(days=1)
        assert world.stripe.v1.payouts.list().data == []
        world.clock.advance(days=2)
        [payout] = world.stripe.v1.payouts.list()
        assert payout.amount == 1157


def test_a_dispute_takes_amount_and_fee_at_once(world: CardWorld) -> None:
    """The charge is disputed, and cannot be refunded any more."""
    intent = world.captured()
    dispute = world.control("disputes", {"payment_intent": intent.id})
    assert (dispute["amount"], dispute["status"]) == (1200, "needs_response")
    assert available(world) == 1157 - 1200 - 2000
    charge = world.stripe.v1.charges.retrieve(intent.latest_charge)
    assert charge.disputed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"
    read = world.stripe.v1.disputes.retrieve(dispute["id"])
    assert (read.charge, read.payment_intent) == (charge.id, intent.id)
    [moved] = read.balance_transactions
    assert (moved.amount, moved.fee, moved.reporting_category) == (-1200, 2000, "dispute")


@pytest.mark.parametrize(("outcome", "left_cents"), [("won", 1157 - 2000), ("lost", -2043)])
def test_a_dispute_ends_won_or_lost(world: CardWorld, outcome: str, left_cents: int) -> None:
    """Won, the amount comes back; the fee never does."""
    intent = world.captured()
    dispute = world.control("disputes", {"charge": intent.latest_charge})
    closed = world.control("disputes", {"dispute": dispute["id"], "outcome": outcome})
    assert closed["status"] == outcome
    assert available(world) == left_cents
    events = [name for name in world.event_types() if "dispute" in name]
    assert events[0] == "charge.dispute.created"
    assert events[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in events) == (outcome == "won")


def test_a_dispute_can_be_opened_and_closed_in_one_call(world: CardWorld) -> None:
    """With `outcome`."""
    body: dict[str, Any] = {"payment_intent": world.captured().id, "outcome": "lost"}
    assert world.control("disputes", body)["status"] == "lost"


def test_the_disputing_card_disputes_by_itself(world: CardWorld) -> None:
    """4000 0000 0000 0259, as soon as it is captured."""
    intent = world.captured("4000000000000259")
    [dispute] = world.stripe.v1.disputes.list({"payment_intent": intent.id})
    assert (dispute.reason, dispute.amount) == ("fraudulent", 1200)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "charge"),
        ({"charge": "ch_nothing"}, "charge"),
        ({"dispute": "dp_nothing", "outcome": "won"}, "dispute"),
        ({"charge": "ch_nothing", "outcome": "draw"}, "outcome"),
        ({"charge": "ch_nothing", "colour": "red"}, "colour"),
        ({"charge": "ch_nothing", "amount": "abc"}, "amount"),
        ({"charge": "ch_nothing", "amount": 1.5}, "amount"),
    ],
)
def test_test_control_says_what_is_wrong(
    world: CardWorld, body: dict[str, str | float], param: str
) -> None:
    """With the name of the field; and of what is no JSON, that it is none."""
    answer = world.browser.post("/_sandbox/disputes", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    for path in ("disputes", "faults", "webhook"):
        assert world.browser.post(f"/_sandbox/{path}", content=b"{").status_code == 400


def test_an_authorization_cannot_be_disputed(world: CardWorld) -> None:
    """Only what was captured can be."""
    body = {"payment_intent": world.authorized().id}
    assert world.browser.post("/_sandbox/disputes", json=body).status_code == 400


def test_evidence_is_taken_and_a_dispute_given_up(world: CardWorld) -> None:
    """Through the API, as an operator would."""
    dispute = world.control("disputes", {"payment_intent": world.captured().id})
    told = world.stripe.v1.disputes.update(
        dispute["id"], {"evidence": {"uncategorized_text": "Confirmed with 3-D Secure"}}
    )
    assert told.status == "under_review"
    assert told.evidence.uncategorized_text == "Confirmed with 3-D Secure"
    assert world.stripe.v1.disputes.close(dispute["id"]).status == "lost"
