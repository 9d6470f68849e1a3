"""What an acquirer paid out, behind `bot.ports`: the same on the fake and on Stripe's adapter."""

from collections.abc import Iterable, Iterator

import pytest

from tests.contract.card_bench import Bench, captured, open_bench, refusal


@pytest.fixture(params=["fake", "stripe"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each of the two, new for each test."""
    with open_bench(request.param) as bench:
        yield bench


def test_nothing_is_paid_out_yet(bench: Bench) -> None:
    """What is captured waits."""
    captured(bench)
    assert bench.acquirer.paid_out(lambda _ids: set()) == []


def test_a_payout_names_every_movement_with_what_it_is_about(bench: Bench) -> None:
    """A charge with its fee, a refund; the sum is what came."""
    payment = captured(bench)
    refund_id = bench.payments.refund(payment.id, amount_cents=300, key="refund-1")
    payout_id = bench.pay_out()
    (payout,) = bench.acquirer.paid_out(lambda _ids: set())
    lines = bench.acquirer.lines(payout_id)
    assert (payout.id, payout.amount_cents) == (payout_id, 1200 - 43 - 300)
    assert abs((bench.clock() - payout.arrives_at).total_seconds()) < 60
    assert {(one.kind, one.about, one.amount_cents, one.fee_cents) for one in lines} == {
        ("charge", payment.id, 1200, 43),
        ("refund", refund_id, -300, 0),
    }
    assert sum(one.net_cents for one in lines) == payout.amount_cents


def test_what_is_known_is_not_read_again(bench: Bench) -> None:
    """The reader says which ids it has."""
    captured(bench)
    payout_id = bench.pay_out()
    asked: list[str] = []

    def known(ids: Iterable[str]) -> set[str]:
        asked.extend(ids)
        return {payout_id}

    assert bench.acquirer.paid_out(known) == []
    assert asked == [payout_id]


def test_an_unknown_payout_is_rejected(bench: Bench) -> None:
    """It was made of nothing."""
    assert refusal(lambda: bench.acquirer.lines("po_nothing")) == "resource_missing"
