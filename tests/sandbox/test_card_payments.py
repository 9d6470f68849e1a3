"""The local card network's payments: capture, cancel, off-session charges, refunds, saved cards."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.card_world import CardWorld, card_world, error_body


@pytest.fixture(scope="module")
def world() -> Iterator[CardWorld]:
    """One network for the module: each test uses objects of its own."""
    with card_world() as world:
        yield world


def saved(world: CardWorld, token: str) -> dict[str, Any]:
    """Keep a card with a customer; return what charges it off-session."""
    customer = world.stripe.v1.customers.create({"metadata": {"person_id": "7"}})
    method = world.stripe.v1.payment_methods.attach(token, {"customer": customer.id})
    return {
        "amount": 1500,
        "currency": "eur",
        "customer": customer.id,
        "payment_method": method.id,
        "off_session": True,
        "confirm": True,
    }


def test_capturing_takes_what_was_authorized(world: CardWorld) -> None:
    """The intent succeeds, its charge is captured and has a balance transaction."""
    intent = world.captured()
    assert (intent.status, intent.amount_received, intent.amount_capturable) == (
        "succeeded",
        1200,
        0,
    )
    charge = world.stripe.v1.charges.retrieve(
        intent.latest_charge, {"expand": ["balance_transaction"]}
    )
    assert (charge.captured, charge.amount_captured) == (True, 1200)
    assert charge.balance_transaction.source == charge.id


def test_less_can_be_captured_but_never_more(world: CardWorld) -> None:
    """`amount_to_capture` up to what is capturable."""
    intent = world.authorized()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1201})
    assert caught.value.code == "amount_too_large"
    taken = world.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 900})
    assert (taken.status, taken.amount_received) == ("succeeded", 900)


def test_a_captured_payment_is_not_captured_again(world: CardWorld) -> None:
    """Without its key a second capture is an error that shows the intent."""
    intent = world.captured()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.payment_intents.capture(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert error_body(caught.value)["payment_intent"]["status"] == "succeeded"


def test_cancelling_frees_an_authorization(world: CardWorld) -> None:
    """Nothing can be captured then, and nothing was ever in the balance."""
    intent = world.authorized()
    cancelled = world.stripe.v1.payment_intents.cancel(intent.id)
    assert (cancelled.status, cancelled.amount_capturable) == ("canceled", 0)
    assert cancelled.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        world.stripe.v1.payment_intents.capture(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        world.stripe.v1.payment_intents.cancel(intent.id)
    charge = world.stripe.v1.charges.retrieve(intent.latest_charge)
    assert (charge.captured, charge.balance_transaction) == (False, None)


def test_a_captured_payment_cannot_be_cancelled(world: CardWorld) -> None:
    """It can be refunded."""
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        world.stripe.v1.payment_intents.cancel(world.captured().id)


def test_an_authorization_lapses_after_seven_days() -> None:
    """By the clock, as the card networks have it."""
    with card_world() as world:
        intent = world.authorized()
        world.clock.advance(days=6)
        assert world.stripe.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
        world.clock.advance(days=1, minutes=1)
        lapsed = world.stripe.v1.payment_intents.retrieve(intent.id)
        assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")
        assert world.event_types()[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_a_saved_card_is_charged_off_session(world: CardWorld) -> None:
    """Captured at once."""
    charged = world.stripe.v1.payment_intents.create(saved(world, "pm_card_fr"))
    assert (charged.status, charged.amount_received) == ("succeeded", 1500)


def test_a_saved_card_that_needs_the_person_says_so(world: CardWorld) -> None:
    """`authentication_required`, with the intent left waiting for a card."""
    params = saved(world, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as caught:
        world.stripe.v1.payment_intents.create(params)
    error = error_body(caught.value)
    assert caught.value.http_status == 402
    assert (error["code"], error["decline_code"]) == ("authentication_required",) * 2
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_method"]["id"] == params["payment_method"]


def test_the_card_that_attaches_is_declined_when_charged(world: CardWorld) -> None:
    """4000 0000 0000 0341."""
    params = saved(world, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as caught:
        world.stripe.v1.payment_intents.create(params)
    assert caught.value.code == "card_declined"


def test_a_card_that_declines_at_once_cannot_be_kept(world: CardWorld) -> None:
    """4000 0000 0000 0002."""
    with pytest.raises(stripe.CardError) as caught:
        saved(world, "pm_card_visa_chargeDeclined")
    assert error_body(caught.value)["decline_code"] == "generic_decline"


def test_a_card_of_another_customer_cannot_be_charged(world: CardWorld) -> None:
    """A saved card belongs to whom it was kept for."""
    params = saved(world, "pm_card_fr")
    params["customer"] = world.stripe.v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        world.stripe.v1.payment_intents.create(params)


def test_a_detached_card_is_gone_for_good(world: CardWorld) -> None:
    """It is charged no more and detached no more."""
    params = saved(world, "pm_card_fr")
    world.stripe.v1.payment_methods.detach(params["payment_method"])
    assert not world.stripe.v1.payment_methods.list({"customer": params["customer"]}).data
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.v1.payment_intents.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        world.stripe.v1.payment_methods.detach(params["payment_method"])


def test_an_intent_can_be_confirmed_later_with_three_d_secure(world: CardWorld) -> None:
    """Outside Checkout the call says where the issuer's page is."""
    intent = world.stripe.v1.payment_intents.create(
        {"amount": 1000, "currency": "eur", "payment_method": "pm_card_threeDSecure2Required"}
    )
    assert intent.status == "requires_confirmation"
    waiting = world.stripe.v1.payment_intents.confirm(
        intent.id, {"return_url": "http://localhost:8000/back"}
    )
    where = waiting.next_action.redirect_to_url.url
    answer = world.browser.post(where, data={"result": "succeed"})
    assert answer.headers["location"] == "http://localhost:8000/back"
    assert world.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_is_made_from_its_number(world: CardWorld) -> None:
    """Its fingerprint is the number's: the same card twice has the same."""
    card = {"number": "4000002500000003", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    one, two = (
        world.stripe.v1.payment_methods.create({"type": "card", "card": card}) for _ in range(2)
    )
    assert one.id != two.id
    assert one.card.fingerprint == two.card.fingerprint
    assert (one.card.last4, one.card.country, one.card.exp_year) == ("0003", "FR", 2034)
    with pytest.raises(stripe.CardError) as caught:
        world.stripe.v1.payment_methods.create(
            {"type": "card", "card": {**card, "number": "4242424242424241"}}
        )
    assert caught.value.code == "incorrect_number"


def test_refunds_add_up_to_the_capture_at_most(world: CardWorld) -> None:
    """Part, the rest, and nothing more."""
    intent = world.captured()
    first = world.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert (first.status, first.amount, first.charge) == ("succeeded", 500, intent.latest_charge)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        world.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 701})
    world.stripe.v1.refunds.create({"charge": intent.latest_charge})
    charge = world.stripe.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (1200, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    listed = world.stripe.v1.refunds.list({"payment_intent": intent.id})
    assert [refund.amount for refund in listed] == [700, 500]
    assert world.stripe.v1.refunds.retrieve(first.id).amount == 500


def test_what_was_not_captured_cannot_be_refunded(world: CardWorld) -> None:
    """An authorization is cancelled instead."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.refunds.create({"payment_intent": world.authorized().id})
    assert caught.value.code == "payment_intent_unexpected_state"


def test_an_issuer_can_send_a_refund_back(world: CardWorld) -> None:
    """The refund fails, and the money is on the balance again."""
    intent = world.captured()
    before = world.stripe.v1.balance.retrieve().available[0].amount
    refund = world.stripe.v1.refunds.create({"payment_intent": intent.id})
    failed = world.control("refunds", {"refund": refund.id})
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert world.stripe.v1.balance.retrieve().available[0].amount == before
    assert world.stripe.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0


def test_the_refund_fail_card_sends_refunds_back_by_itself() -> None:
    """4000 0000 0000 5126, a moment later."""
    with card_world() as world:
        intent = world.captured("4000000000005126")
        refund = world.stripe.v1.refunds.create({"payment_intent": intent.id})
        assert refund.status == "succeeded"
        world.clock.advance(seconds=2)
        assert world.stripe.v1.refunds.retrieve(refund.id).status == "failed"
        assert "refund.failed" in world.event_types()


def test_customers_are_kept_changed_and_deleted(world: CardWorld) -> None:
    """Deleting one forgets its cards."""
    params = saved(world, "pm_card_fr")
    customers = world.stripe.v1.customers
    changed = customers.update(params["customer"], {"name": "Bob", "metadata": {"person_id": ""}})
    assert changed.name == "Bob"
    assert changed.metadata.to_dict() == {}
    assert [m.id for m in customers.payment_methods.list(params["customer"])] == [
        params["payment_method"]
    ]
    assert customers.delete(params["customer"]).deleted
    with pytest.raises(stripe.InvalidRequestError) as caught:
        customers.retrieve(params["customer"])
    assert caught.value.code == "resource_missing"


def test_a_payment_below_50_cents_is_refused(world: CardWorld) -> None:
    """Stripe's least amount."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.payment_intents.create({"amount": 49, "currency": "eur"})
    assert caught.value.code == "amount_too_small"
