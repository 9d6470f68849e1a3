"""Cards behind `bot.ports`: the same tests on the fake and on Stripe's adapter."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.contract.card_bench import (
    Bench,
    captured,
    kept,
    open_bench,
    opened,
    order_for,
    paid,
    refusal,
)
from tests.sandbox.card_world import DECLINED, PLAIN, SECURE

FOREIGN = "4000 0082 6000 0000"
SECURE_ONCE = "4000 0025 0000 3155"


@pytest.fixture(params=["fake", "stripe"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each of the two, new for each test."""
    with open_bench(request.param) as bench:
        yield bench


# --- the hosted page -----------------------------------------------------------------------------


def test_a_page_is_open_and_has_no_payment(bench: Bench) -> None:
    """Opening it makes no payment."""
    state = bench.checkout.open(order_for(bench), key="topup-t1-checkout")
    assert (state.status, state.payment, state.failed_attempts) == ("open", None, 0)
    assert state.url
    assert bench.checkout.read(state.session_id) == state


def test_one_key_opens_one_page(bench: Bench) -> None:
    """The same order again is the same page, also once it is paid; another order is refused."""
    order = order_for(bench)
    first = bench.checkout.open(order, key="k")
    assert bench.checkout.open(order, key="k") == first
    other = replace(order, amount_cents=1300)
    assert refusal(lambda: bench.checkout.open(other, key="k")) == "idempotency_error"


def test_a_paid_page_is_complete_with_an_authorized_payment(bench: Bench) -> None:
    """The card's country, fingerprint and last figures are known before the capture."""
    session_id = opened(bench)
    bench.submit(session_id, PLAIN)
    state = bench.checkout.read(session_id)
    assert (state.status, state.url) == ("complete", None)
    payment = state.payment
    assert payment is not None
    assert (payment.status, payment.amount_cents, payment.captured_cents) == (
        "authorized",
        1200,
        0,
    )
    assert (payment.card_country, payment.card_last4, payment.card_brand) == (
        "FR",
        "4242",
        "visa",
    )
    assert payment.card_fingerprint
    assert payment.topup_id == "t1"
    assert not payment.three_d_secure
    assert payment.kept is None
    assert bench.payments.read(payment.id) == payment


def test_a_foreign_card_says_where_it_is_from(bench: Bench) -> None:
    """So that it can be voided before anything is taken."""
    assert paid(bench, FOREIGN).card_country == "GB"


def test_three_d_secure_under_way_is_an_action(bench: Bench) -> None:
    """The page stays open meanwhile, and the card is known already."""
    session_id = opened(bench)
    bench.submit(session_id, SECURE)
    state = bench.checkout.read(session_id)
    assert state.status == "open"
    assert state.payment is not None
    assert (state.payment.status, state.payment.card_last4) == ("action", "3184")


def test_three_d_secure_that_passed_is_on_the_payment(bench: Bench) -> None:
    """The issuer has authenticated the payer."""
    session_id = opened(bench)
    bench.submit(session_id, SECURE)
    bench.secure(session_id, passed=True)
    state = bench.checkout.read(session_id)
    assert state.payment is not None
    assert (state.status, state.payment.status) == ("complete", "authorized")
    assert state.payment.three_d_secure


def test_three_d_secure_that_failed_is_a_failed_attempt(bench: Bench) -> None:
    """Another card can be tried."""
    session_id = opened(bench)
    bench.submit(session_id, SECURE)
    bench.secure(session_id, passed=False)
    state = bench.checkout.read(session_id)
    assert (state.status, state.failed_attempts) == ("open", 1)
    assert state.payment is not None
    assert state.payment.status == "waiting"
    assert state.payment.decline_code == "payment_intent_authentication_failure"


def test_each_declined_card_is_counted(bench: Bench) -> None:
    """The last reason stands, and the next card may do."""
    session_id = opened(bench)
    bench.submit(session_id, DECLINED)
    bench.submit(session_id, "4000 0000 0000 9995")
    state = bench.checkout.read(session_id)
    assert (state.status, state.failed_attempts) == ("open", 2)
    assert state.payment is not None
    assert (state.payment.status, state.payment.decline_code) == ("waiting", "insufficient_funds")
    bench.submit(session_id, PLAIN)
    state = bench.checkout.read(session_id)
    assert (state.status, state.failed_attempts) == ("complete", 2)
    assert state.payment is not None
    assert state.payment.decline_code is None


def test_each_failure_has_a_name_and_its_cards_fingerprint(bench: Bench) -> None:
    """The same each time it is read, oldest first; of 3-D Secure only one that failed last."""
    session_id = opened(bench)
    bench.submit(session_id, SECURE)
    bench.secure(session_id, passed=False)
    (secure,) = bench.checkout.read(session_id).failures
    for number in (DECLINED, "4000 0000 0000 9995", DECLINED):
        bench.submit(session_id, number)
    failures = bench.checkout.read(session_id).failures
    assert bench.checkout.read(session_id).failures == failures
    assert len({one.key for one in (secure, *failures)}) == 4
    prints = [one.card_fingerprint for one in failures]
    assert None not in prints
    assert prints[0] == prints[2] != prints[1]
    assert secure.card_fingerprint not in (None, *prints)


def test_a_closed_page_takes_no_card(bench: Bench) -> None:
    """Its payment is voided; closing it again changes nothing."""
    session_id = opened(bench)
    bench.submit(session_id, DECLINED)
    closed = bench.checkout.close(session_id)
    assert (closed.status, closed.url) == ("expired", None)
    assert closed.payment is not None
    assert closed.payment.status == "voided"
    bench.submit(session_id, PLAIN)
    assert bench.checkout.close(session_id) == bench.checkout.read(session_id) == closed


def test_closing_a_paid_page_leaves_it_paid(bench: Bench) -> None:
    """It ended before us."""
    session_id = opened(bench)
    bench.submit(session_id, PLAIN)
    state = bench.checkout.close(session_id)
    assert state.status == "complete"
    assert state.payment is not None
    assert state.payment.status == "authorized"


def test_a_page_ends_by_the_clock(bench: Bench) -> None:
    """At the time that its order named."""
    session_id = opened(bench)
    bench.clock.advance(minutes=32)
    assert bench.checkout.read(session_id).status == "expired"


def test_an_unknown_page_or_payment_is_rejected(bench: Bench) -> None:
    """There is nothing to wait for."""
    assert refusal(lambda: bench.checkout.read("cs_test_nothing")) == "resource_missing"
    assert refusal(lambda: bench.payments.read("pi_nothing")) == "resource_missing"
    assert (
        refusal(lambda: bench.payments.capture("pi_nothing", amount_cents=1200, key="k"))
        == "resource_missing"
    )


# --- payments ------------------------------------------------------------------------------------


def test_a_capture_takes_the_money_once(bench: Bench) -> None:
    """Under its key, and under another, it stays one capture."""
    payment = captured(bench)
    assert (payment.status, payment.captured_cents) == ("captured", 1200)
    for key in ("topup-t1-capture", "another"):
        again = bench.payments.capture(payment.id, amount_cents=1200, key=key)
        assert again == payment
    assert bench.payments.read(payment.id) == payment


def test_a_lapsed_authorization_is_rejected(bench: Bench) -> None:
    """After seven days there is nothing to take."""
    payment = paid(bench)
    bench.clock.advance(days=8)
    assert (
        refusal(lambda: bench.payments.capture(payment.id, amount_cents=1200, key="late"))
        == "payment_intent_unexpected_state"
    )
    assert bench.payments.read(payment.id).status == "voided"


def test_more_than_was_authorized_is_not_captured(bench: Bench) -> None:
    """And nothing less is taken instead."""
    payment = paid(bench)
    assert (
        refusal(lambda: bench.payments.capture(payment.id, amount_cents=1201, key="more"))
        == "amount_too_large"
    )
    assert bench.payments.read(payment.id).status == "authorized"


def test_a_void_gives_the_authorization_back(bench: Bench) -> None:
    """Twice is a success."""
    payment = paid(bench)
    assert bench.payments.void(payment.id, key="topup-t1-void").status == "voided"
    assert bench.payments.void(payment.id, key="topup-t1-void").status == "voided"
    assert bench.payments.void(payment.id, key="another").status == "voided"


def test_a_captured_payment_cannot_be_voided(bench: Bench) -> None:
    """It stays captured."""
    payment = captured(bench)
    assert (
        refusal(lambda: bench.payments.void(payment.id, key="void"))
        == "payment_intent_unexpected_state"
    )
    assert bench.payments.read(payment.id).status == "captured"


# --- saved cards ---------------------------------------------------------------------------------


def test_a_kept_card_says_what_it_is(bench: Bench) -> None:
    """One key makes one customer and keeps one card."""
    card = kept(bench)
    assert (card.last4, card.country, card.brand) == ("0003", "FR", "visa")
    assert (card.exp_month, card.exp_year) == (12, 2034)
    assert kept(bench) == card


def test_a_saved_card_is_charged_once(bench: Bench) -> None:
    """Captured at once, under one key."""
    card = kept(bench)
    first, again = (
        bench.payments.charge(card, topup_id="t9", amount_cents=1500, key="topup-t9-charge")
        for _ in range(2)
    )
    assert (first.status, first.captured_cents, first.topup_id) == ("captured", 1500, "t9")
    assert first.card_country == "FR"
    assert again == first
    late, other = (
        bench.payments.charge(card, topup_id=one, amount_cents=1500, key=one, look_first=True)
        for one in ("t9", "t10")
    )
    assert late == first
    assert other.id != first.id


@pytest.mark.parametrize(
    ("token", "decline_code"),
    [
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_chargeCustomerFail", "generic_decline"),
    ],
)
def test_a_saved_cards_no_is_a_value(bench: Bench, token: str, decline_code: str) -> None:
    """A payment that waits, with the reason; under its key it stays the same no."""
    card = kept(bench, token)
    first, again = (
        bench.payments.charge(card, topup_id="t9", amount_cents=1500, key="topup-t9-charge")
        for _ in range(2)
    )
    assert (first.status, first.captured_cents) == ("waiting", 0)
    assert first.decline_code == decline_code
    assert first.topup_id == "t9"
    assert again == first


def test_a_card_that_declines_at_once_is_not_kept(bench: Bench) -> None:
    """The issuer says no when it is attached."""
    assert refusal(lambda: kept(bench, "pm_card_visa_chargeDeclined")) == "card_declined"


def test_a_page_for_a_customer_keeps_the_card_that_pays(bench: Bench) -> None:
    """Its 3-D Secure was then; a card that was declined before, or only tried, is not kept."""
    customer_id = bench.vault.customer(person_id="7", key="customer-k")
    order = replace(order_for(bench), customer_id=customer_id)
    session_id = bench.checkout.open(order, key="topup-t1-checkout").session_id
    bench.submit(session_id, DECLINED)
    bench.submit(session_id, SECURE_ONCE)
    trying = bench.checkout.read(session_id).payment
    assert trying is not None
    assert trying.kept is None
    bench.secure(session_id, passed=True)
    payment = bench.checkout.read(session_id).payment
    assert payment is not None
    card = payment.kept
    assert card is not None
    assert (card.customer_id, card.last4, card.brand) == (customer_id, "3155", "visa")
    assert (card.country, card.exp_month, card.exp_year) == ("FR", 12, 2034)
    assert card.fingerprint == payment.card_fingerprint
    taken = bench.payments.capture(payment.id, amount_cents=1200, key="topup-t1-capture")
    assert taken.kept == card
    again = bench.payments.charge(card, topup_id="t9", amount_cents=1500, key="topup-t9-charge")
    assert (again.status, again.kept) == ("captured", card)
    bench.vault.forget(card.payment_method_id)
    refusal(lambda: bench.payments.charge(card, topup_id="t9", amount_cents=1500, key="k"))


def test_a_voided_payment_says_which_card_is_still_kept(bench: Bench) -> None:
    """So that it can be removed."""
    customer_id = bench.vault.customer(person_id="7", key="customer-k")
    order = replace(order_for(bench), customer_id=customer_id)
    session_id = bench.checkout.open(order, key="topup-t1-checkout").session_id
    bench.submit(session_id, FOREIGN)
    payment = bench.checkout.read(session_id).payment
    assert payment is not None
    assert payment.kept is not None
    assert bench.payments.void(payment.id, key="topup-t1-void").kept == payment.kept
    bench.vault.forget(payment.kept.payment_method_id)


def test_a_forgotten_card_is_charged_no_more(bench: Bench) -> None:
    """Forgetting it twice, or one that never was, is a success."""
    card = kept(bench)
    bench.vault.forget(card.payment_method_id)
    bench.vault.forget(card.payment_method_id)
    bench.vault.forget("pm_nothing")
    refusal(lambda: bench.payments.charge(card, topup_id="t9", amount_cents=1500, key="k"))


# --- webhooks ------------------------------------------------------------------------------------


def test_a_webhook_that_is_signed_says_where_to_look(bench: Bench) -> None:
    """The page, its payment and the top-up; a second reading is the same event."""
    session_id = opened(bench)
    bench.submit(session_id, PLAIN)
    payment = bench.checkout.read(session_id).payment
    assert payment is not None
    body, signature = bench.event("checkout.session.completed")
    raw = bench.webhooks.verify(body, signature)
    event = bench.webhooks.decode(raw.body)
    assert (raw.source, raw.id) == ("stripe", event.id)
    assert raw.happened_at is not None
    assert (event.type, event.topup_id) == ("checkout.session.completed", "t1")
    assert (event.session_id, event.payment_id) == (session_id, payment.id)


def test_a_failed_attempt_has_a_webhook_of_its_own(bench: Bench) -> None:
    """It names the payment and the top-up."""
    payment = paid(bench, DECLINED)
    event = bench.webhooks.decode(bench.event("payment_intent.payment_failed")[0].decode())
    assert (event.payment_id, event.topup_id, event.session_id) == (payment.id, "t1", None)


def test_a_webhook_of_something_else_has_no_ids(bench: Bench) -> None:
    """It is read, and leads nowhere."""
    kept(bench)
    event = bench.webhooks.decode(bench.event("customer.created")[0].decode())
    assert (event.topup_id, event.session_id, event.payment_id) == (None, None, None)


@pytest.mark.parametrize("forged", ["", "t=1,v1=00", "t=now", "nonsense"])
def test_a_forged_webhook_is_rejected(bench: Bench, forged: str) -> None:
    """Another signature, a changed body, or none."""
    kept(bench)
    body, signature = bench.event("customer.created")
    assert refusal(lambda: bench.webhooks.verify(body, forged)) == "bad_signature"
    assert refusal(lambda: bench.webhooks.verify(body + b" ", signature)) == "bad_signature"


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '"text"', '{"id": "evt_1"}'])
def test_a_webhook_that_is_no_event_is_undecodable(bench: Bench, body: str) -> None:
    """Whatever it is."""
    assert refusal(lambda: bench.webhooks.decode(body)) == "undecodable"
