"""Refunds and disputes behind `bot.ports`: the same tests on the fake and on Stripe's adapter."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from bot.domain.cards import CardDispute
from tests.contract.card_bench import Bench, captured, open_bench, paid, refusal


@pytest.fixture(params=["fake", "stripe"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each of the two, new for each test."""
    with open_bench(request.param) as bench:
        yield bench


def test_refunds_add_up_to_the_capture_at_most(bench: Bench) -> None:
    """Each key is one refund."""
    payment = captured(bench)
    first = bench.payments.refund(payment.id, amount_cents=500, key="refund-1")
    assert bench.payments.refund(payment.id, amount_cents=500, key="refund-1") == first
    assert bench.payments.read(payment.id).refunded_cents == 500
    refusal(lambda: bench.payments.refund(payment.id, amount_cents=701, key="refund-2"))
    second = bench.payments.refund(payment.id, amount_cents=700, key="refund-3")
    assert second != first
    assert bench.payments.read(payment.id).refunded_cents == 1200


def test_what_was_not_captured_is_not_refunded(bench: Bench) -> None:
    """It is voided instead."""
    payment = paid(bench)
    assert (
        refusal(lambda: bench.payments.refund(payment.id, amount_cents=100, key="refund"))
        == "payment_intent_unexpected_state"
    )


def test_a_refund_that_the_issuer_sends_back_says_so(bench: Bench) -> None:
    """What was given back is left to be refunded again."""
    payment = captured(bench)
    refund_id = bench.payments.refund(payment.id, amount_cents=500, key="refund-1")
    made = bench.reversals.refund(refund_id)
    assert (made.id, made.amount_cents, made.failed) == (refund_id, 500, False)
    bench.send_back(refund_id)
    back = bench.reversals.refund(refund_id)
    assert (back.failed, back.reason) == (True, "expired_or_canceled_card")
    assert bench.payments.read(payment.id).refunded_cents == 0
    event = bench.webhooks.decode(bench.event("refund.failed")[0].decode())
    assert (event.refund_id, event.payment_id) == (refund_id, payment.id)


def test_a_refund_that_came_back_before_its_answer_is_found_by_its_key(bench: Bench) -> None:
    """The same refund by its id, which says that it failed: it is not made a second time."""
    payment = captured(bench)
    first = bench.payments.refund(payment.id, amount_cents=500, key="refund-1")
    bench.send_back(first)
    assert bench.payments.refund(payment.id, amount_cents=500, key="refund-1") == first
    assert bench.reversals.refund(first).failed
    assert bench.payments.read(payment.id).refunded_cents == 0


# --- disputes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_takes_amount_and_fee_until_it_is_decided(
    bench: Bench, outcome: Literal["won", "lost"]
) -> None:
    """Read by its id; its webhooks name it and the payment."""
    payment = captured(bench)
    dispute_id = bench.dispute(payment.id)
    opened_one = bench.reversals.dispute(dispute_id)
    assert opened_one.respond_by is not None
    assert replace(opened_one, respond_by=None) == CardDispute(
        id=dispute_id,
        payment_id=payment.id,
        amount_cents=1200,
        fee_cents=2000,
        status="open",
        taken=True,
    )
    bench.decide(dispute_id, outcome)
    assert bench.reversals.dispute(dispute_id) == replace(opened_one, status=outcome)
    for event_type in ("charge.dispute.created", "charge.dispute.closed"):
        event = bench.webhooks.decode(bench.event(event_type)[0].decode())
        assert (event.dispute_id, event.payment_id) == (dispute_id, payment.id)


def test_an_unknown_dispute_or_refund_is_rejected(bench: Bench) -> None:
    """There is nothing to wait for."""
    assert refusal(lambda: bench.reversals.dispute("dp_nothing")) == "resource_missing"
    assert refusal(lambda: bench.reversals.refund("re_nothing")) == "resource_missing"
