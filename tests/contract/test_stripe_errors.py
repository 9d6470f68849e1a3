"""What becomes of Stripe's errors in the adapter: the four branches, and repetition within it."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.adapters.stripe_api import StripeApi
from bot.adapters.stripe_cards import StripeCheckout, StripePayments, StripeVault
from bot.adapters.stripe_webhooks import StripeWebhooks
from bot.domain.cards import SavedCard
from bot.domain.errors import Rejected, Unavailable
from bot.sandbox.card_network.webhooks import signature
from tests.sandbox.card_world import API_KEY, WEBHOOK_SECRET, CardWorld, card_world


@pytest.fixture(scope="module")
def world() -> Iterator[CardWorld]:
    """One network for the module: each test uses objects and keys of its own."""
    with card_world() as world:
        yield world


def api(world: CardWorld, **options: Any) -> StripeApi:
    """An impatient client that tries once."""
    return StripeApi(
        **{
            "api_key": API_KEY,
            "base_url": world.url,
            "tries": 1,
            "read_timeout_s": 0.5,
            **options,
        }
    )


def kept(world: CardWorld, token: str = "pm_card_fr") -> SavedCard:
    """Keep a card."""
    vault = StripeVault(api(world, read_timeout_s=5))
    customer_id = vault.customer(person_id="7", key="person-7")
    return vault.keep(customer_id=customer_id, payment_method=token, key=f"keep-{token}")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("429", "rate_limited"),
        ("409", "busy"),
        ("500", "server_error"),
        ("timeout_after_success", "no_answer"),
    ],
)
def test_what_may_be_repeated_is_unavailable(world: CardWorld, fault: str, reason: str) -> None:
    """The call was keyed: repeating it with its key then does it once."""
    payments = StripePayments(api(world))
    intent = world.authorized()
    world.fault(fault, path=f"/v1/payment_intents/{intent.id}/capture")
    with pytest.raises(Unavailable) as caught:
        payments.capture(intent.id, amount_cents=1200, key=f"capture-{intent.id}")
    assert caught.value.reason == reason
    payment = payments.capture(intent.id, amount_cents=1200, key=f"capture-{intent.id}")
    assert (payment.status, payment.captured_cents) == ("captured", 1200)


def test_a_closing_that_timed_out_is_unavailable(world: CardWorld) -> None:
    """Without a key of ours, but it may be repeated by its nature."""
    checkout = StripeCheckout(api(world))
    session = world.open_session()
    world.fault("timeout_after_success", path=f"/v1/checkout/sessions/{session.id}/expire")
    with pytest.raises(Unavailable):
        checkout.close(session.id)
    assert checkout.close(session.id).status == "expired"


def test_a_forgetting_that_timed_out_is_unavailable(world: CardWorld) -> None:
    """The second time it is gone already."""
    vault = StripeVault(api(world))
    card = kept(world, "pm_card_gb")
    world.fault("timeout_after_success", path=f"/v1/payment_methods/{card.payment_method_id}")
    with pytest.raises(Unavailable):
        vault.forget(card.payment_method_id)
    vault.forget(card.payment_method_id)


def test_nobody_there_is_unavailable() -> None:
    """The connection is refused."""
    with card_world() as gone:
        client = api(gone)
    with pytest.raises(Unavailable) as caught:
        StripePayments(client).read("pi_1")
    assert caught.value.reason == "no_answer"


def test_a_wrong_key_is_rejected(world: CardWorld) -> None:
    """With a word of its own, so that nobody takes it for the card's."""
    with pytest.raises(Rejected) as caught:
        StripePayments(api(world, api_key="sk_test_wrong_wrong")).read("pi_1")
    assert caught.value.code == "wrong_credentials"
    assert "wrong_wrong" not in str(caught.value)


def test_the_adapter_tries_three_times(world: CardWorld) -> None:
    """Two failures in a row are not noticed; three are."""
    payments = StripePayments(api(world, tries=3))
    intent = world.authorized()
    world.fault("429", path=f"/v1/payment_intents/{intent.id}", times=2)
    assert payments.read(intent.id).status == "authorized"
    world.fault("500", path=f"/v1/payment_intents/{intent.id}", times=3)
    with pytest.raises(Unavailable):
        payments.read(intent.id)
    assert world.browser.get("/_sandbox/faults").json() == []


def test_what_is_rejected_is_not_tried_again(world: CardWorld) -> None:
    """Counted by a fault that does nothing but count: one request was made."""
    payments = StripePayments(api(world, tries=3))
    world.fault("slow", path="/v1/payment_intents/pi_nothing", seconds=0, times=5)
    with pytest.raises(Rejected):
        payments.read("pi_nothing")
    assert [fault["times"] for fault in world.browser.get("/_sandbox/faults").json()] == [4]
    world.browser.delete("/_sandbox/faults")


@pytest.mark.parametrize("call", ["capture", "void"])
def test_a_server_error_after_the_work_is_seen_through(world: CardWorld, call: str) -> None:
    """Stripe repeats the 500 for the key; the payment itself says that it was done."""
    payments = StripePayments(api(world))
    intent = world.authorized()
    path = {"capture": "capture", "void": "cancel"}[call]
    world.fault("500_after_success", path=f"/v1/payment_intents/{intent.id}/{path}")
    for _ in range(2):
        if call == "capture":
            payment = payments.capture(intent.id, amount_cents=1200, key=f"c-{intent.id}")
            assert payment.captured_cents == 1200
        else:
            assert payments.void(intent.id, key=f"v-{intent.id}").status == "voided"


def test_a_server_error_after_a_charge_finds_the_charge(world: CardWorld) -> None:
    """By the top-up that its payment names: no second charge is made."""
    payments = StripePayments(api(world))
    card = kept(world)
    world.fault("500_after_success", path="/v1/payment_intents", method="POST")
    found = payments.charge(card, topup_id="t500", amount_cents=700, key="t500-charge")
    assert (found.status, found.captured_cents, found.topup_id) == ("captured", 700, "t500")
    assert payments.charge(card, topup_id="t500", amount_cents=700, key="t500-charge") == found


def test_a_server_error_before_a_charge_is_unavailable(world: CardWorld) -> None:
    """Nothing was made, so nothing is found."""
    payments = StripePayments(api(world))
    card = kept(world)
    world.fault("500", path="/v1/payment_intents", method="POST")
    with pytest.raises(Unavailable):
        payments.charge(card, topup_id="t501", amount_cents=700, key="t501-charge")
    made = payments.charge(card, topup_id="t501", amount_cents=700, key="t501-charge")
    assert made.status == "captured"


def test_a_server_error_after_a_refund_finds_the_refund(world: CardWorld) -> None:
    """By the key that it bears."""
    payments = StripePayments(api(world))
    intent = world.captured()
    world.fault("500_after_success", path="/v1/refunds", method="POST")
    refund_id = payments.refund(intent.id, amount_cents=300, key=f"r-{intent.id}")
    assert payments.refund(intent.id, amount_cents=300, key=f"r-{intent.id}") == refund_id
    assert payments.read(intent.id).refunded_cents == 300


def test_one_key_for_two_calls_is_rejected(world: CardWorld) -> None:
    """Our own mistake is told to the operator, not repeated."""
    vault = StripeVault(api(world))
    vault.customer(person_id="1", key="one-key")
    with pytest.raises(Rejected) as caught:
        vault.customer(person_id="2", key="one-key")
    assert caught.value.code == "idempotency_error"


def test_an_old_webhook_is_rejected() -> None:
    """A signature is good for five minutes: it cannot be kept and played again."""
    body = b'{"id": "evt_1", "object": "event", "type": "x", "data": {"object": {}}}'
    webhooks = StripeWebhooks(secret=WEBHOOK_SECRET)
    with pytest.raises(Rejected) as caught:
        webhooks.verify(body, signature(body.decode(), WEBHOOK_SECRET, 1_700_000_000))
    assert caught.value.code == "bad_signature"


def test_a_webhook_that_is_no_text_is_rejected() -> None:
    """Bytes that nobody signed."""
    with pytest.raises(Rejected) as caught:
        StripeWebhooks(secret=WEBHOOK_SECRET).verify(b"\xff\xfe", "t=1,v1=00")
    assert caught.value.code == "bad_signature"


@pytest.mark.parametrize(
    "about",
    [
        "{}",
        '{"object": "v2.core.thing", "id": 7, "metadata": ["no", "names"]}',
        '{"object": "charge", "id": {"no": "text"}, "payment_intent": {}, "metadata": null}',
        '{"object": "payout", "id": "po_1", "metadata": {"topup_id": {"id": 3}}}',
    ],
)
def test_a_webhook_of_an_unknown_object_leads_nowhere(about: str) -> None:
    """Whatever shape it has, it is an event without ids."""
    body = f'{{"id": "evt_1", "type": "something.new", "data": {{"object": {about}}}}}'
    event = StripeWebhooks(secret=WEBHOOK_SECRET).decode(body)
    assert (event.type, event.dispute_id, event.refund_id) == ("something.new", None, None)
    assert (event.topup_id, event.session_id, event.payment_id) == (None, None, None)
