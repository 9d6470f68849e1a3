"""Disputes: booked once, the wallet locked, what is held goes back; won, all is reversed."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal, Unavailable
from bot.ports import CardPayment
from bot.services import (
    cases,
    claim,
    disputes,
    operate,
    persons,
    receive,
    refunds,
    settle,
    topup,
)
from bot.services.views import OrderView
from bot.store import ledger
from tests.world import World

GOOD = "4242424242424242"


def paid(world: World, payee: str, *, settled: bool = True) -> str:
    """Let bob pay 10 € by card; return the reference."""
    reference = world.order("bob", payee)
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    if settled:
        settle.drive(world.deps, world.topup(reference).id)
    return reference


def events(world: World, *, since: int = 0) -> list[bytes]:
    """Return the bodies of the acquirer's events about disputes."""
    return [body for body, _sign in world.cards.events[since:] if b"dispute" in body]


def hear(world: World, *bodies: bytes) -> None:
    """Let events come in and be read."""
    for body in bodies:
        signed = world.deps.webhooks.verify(body, world.cards.sign(body))
        receive.take_in(world.deps, [signed])
    receive.read_inbox(world.deps)


def disputed(world: World, reference: str) -> str:
    """Let the card's holder dispute what an order's top-up brought, and the bot hear of it."""
    dispute_id = world.cards.dispute(world.topup(reference).payment_id)
    hear(world, *events(world))
    return dispute_id


def shown(world: World) -> dict[str, int]:
    """Return the accounts that hold something, as they are shown."""
    with world.store.read() as session:
        return {
            name: cents
            for name, cents in ledger.balances(session)
            if cents and not name.startswith("wallet:")
        }


def test_what_is_held_comes_back_into_the_locked_wallet(world: World) -> None:
    """Loss and fee are ours, the payee gets nothing, the payer can take nothing out."""
    world.join("bob")
    world.dm("bob", "help")
    reference = paid(world, "carol")
    disputed(world, reference)
    assert world.statuses(reference) == ["returned"]
    assert world.reasons(reference)[-1] == "card_disputed"
    assert world.topup(reference).status == "disputed"
    assert world.balance("bob") == 1000
    assert shown(world) == {"cards": -2000, "own:losses": -1000, "own:costs": -2000}
    assert persons.show_person(world.deps, "bob")["locked_reason"].startswith("dispute ")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", world.order("bob", "alice", "1€"))
    assert refused.value.reply.key == "refusal.locked"
    world.react()
    assert any("10" in one and ("contesté" in one or "disputed" in one) for one in _told(world))


def _told(world: World) -> list[str]:
    return world.messages_to("bob")


def test_what_was_posted_stays_with_its_payee_and_has_an_event(world: World) -> None:
    """The payee keeps it and reads nothing of it; the payer's page says it."""
    world.join("bob")
    world.join("alice")
    reference = paid(world, "alice")
    disputed(world, reference)
    assert world.statuses(reference) == ["posted"]
    assert world.reasons(reference)[-1] == "card_disputed"
    assert (world.balance("bob"), world.balance("alice")) == (0, 1000)
    lines = {}
    for handle, side in (("bob", "pays"), ("alice", "gets")):
        page = world.page(handle, reference)
        assert isinstance(page, OrderView)
        lines[handle] = [line.reason for line in getattr(page, side)[0].history]
    assert lines["bob"][-1] == "card_disputed"
    assert "card_disputed" not in lines["alice"]


def test_a_case_is_opened_with_the_acquirers_clock_and_closed_by_an_operator(world: World) -> None:
    """Once, however often the acquirer tells of it."""
    world.join("bob")
    dispute_id = disputed(world, paid(world, "carol"))
    (case,) = cases.list_cases(world.deps)
    assert (case["kind"], case["about"]) == ("dispute", f"dispute:{dispute_id}")
    assert case["due_at"].startswith("2026-11-30")
    with pytest.raises(Refusal, match="case_locked"):
        cases.close_case(world.deps, case["case"])
    assert cases.close_case(world.deps, case["case"], anyway=True)["closed_at"] is not None
    assert cases.list_cases(world.deps) == []
    assert len(cases.list_cases(world.deps, closed=True)) == 1
    with pytest.raises(Refusal):
        cases.show_case(world.deps, 999)


@pytest.mark.in_turn
@pytest.mark.parametrize("outcome", ["won", "lost"])
@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_the_end_is_booked_once_in_whatever_order_it_is_told(
    world: World, outcome: Any, order: tuple[int, ...]
) -> None:
    """Won: the reverse, and the top-up is captured again; the fee stays a cost."""
    world.join("bob")
    world.join("alice")
    reference = paid(world, "alice")
    dispute_id = world.cards.dispute(world.topup(reference).payment_id)
    world.cards.decide(dispute_id, outcome)
    told = events(world)
    for index in (*order, *order):
        hear(world, told[index])
    disputes.read(world.deps, dispute_id)
    won = outcome == "won"
    assert world.topup(reference).status == ("captured" if won else "disputed")
    losses = {} if won else {"own:losses": -1000}
    cards = -1000 if won else -2000
    assert shown(world) == {"cards": cards, "own:costs": -2000} | losses
    assert persons.show_person(world.deps, "bob")["locked_at"] is not None


def test_an_operator_recovers_what_a_dispute_cost_and_no_cent_more(world: World) -> None:
    """From the wallet alone, as far as it holds it; the rest later."""
    world.join("bob", cents=500)
    world.join("alice")
    disputed(world, paid(world, "alice"))
    assert persons.recover(world.deps, "@bob")["recovered_cents"] == 500
    assert (world.balance("bob"), shown(world)["own:losses"]) == (0, -500)
    with pytest.raises(Refusal) as refused:
        persons.recover(world.deps, "@bob")
    assert refused.value.reply.key == "refusal.nothing_there"
    bob = world.visitor("bob").person_id
    assert bob is not None
    card_id = world.save_card(bob, "pm_card_fr", limit_cents=10_000)
    persons.unlock(world.deps, "@bob")
    topup.charge_saved_card(world.deps, bob, card_id, 9000)
    assert persons.recover(world.deps, "@bob")["recovered_cents"] == 2500
    assert world.balance("bob") == 6500
    with pytest.raises(Refusal) as refused:
        persons.recover(world.deps, "@bob")
    assert refused.value.reply.key == "refusal.nothing_to_recover"


def test_what_was_recovered_goes_back_where_we_win_after_all(world: World) -> None:
    """No ceiling and no lock stops that; the fee is not the acquirer's to give back."""
    world.join("bob")
    reference = paid(world, "carol")
    dispute_id = disputed(world, reference)
    assert persons.recover(world.deps, "@bob")["recovered_cents"] == 1000
    assert world.balance("bob") == 0
    world.cards.decide(dispute_id, "won")
    hear(world, *events(world))
    assert world.balance("bob") == 1000
    assert shown(world) == {"cards": -1000, "own:costs": -2000}


def test_a_dispute_that_is_told_before_our_capture_is_read_after_it(world: World) -> None:
    """The row that it is about comes first: the driver finishes it, then the dispute is booked."""
    world.join("bob")
    world.join("alice")
    reference = paid(world, "alice", settled=False)
    (payment,) = world.cards.paid.values()
    key = f"topup-{world.topup(reference).id}-capture"
    world.deps.payments.capture(payment.id, amount_cents=1000, key=key)
    dispute_id = world.cards.dispute(payment.id)
    hear(world, *events(world))
    assert disputes_of(world) == []
    settle.drive(world.deps, world.topup(reference).id)
    world.pass_time(minutes=1)
    receive.read_inbox(world.deps)
    assert disputes_of(world) == [dispute_id]
    assert world.topup(reference).status == "disputed"


def disputes_of(world: World) -> list[str]:
    """Return the disputes that are written down."""
    with world.store.read() as session:
        return list(session.execute(text("SELECT id FROM dispute")).scalars())


def test_an_acquirer_that_does_not_answer_is_asked_again(world: World) -> None:
    """The inbox row waits."""
    world.join("bob")
    reference = paid(world, "carol")
    world.cards.fail("reversals.dispute", Unavailable("down"))
    disputed(world, reference)
    assert world.topup(reference).status == "captured"
    world.pass_time(minutes=10)
    receive.read_inbox(world.deps)
    assert world.topup(reference).status == "disputed"


def test_a_dispute_of_somebody_elses_payment_is_ignored(world: World) -> None:
    """An account of the acquirer's may have other uses."""
    other = CardPayment("pi_other", "captured", amount_cents=500, captured_cents=500)
    world.cards.store(other)
    world.cards.dispute(other.id)
    hear(world, *events(world))
    assert disputes_of(world) == []
    assert cases.list_cases(world.deps) == []


def test_a_claim_and_a_dispute_of_the_same_money_have_one_winner(world: World) -> None:
    """Claimed first, it is the payee's; disputed first, there is nothing to claim."""
    world.join("bob")
    reference = paid(world, "carol")
    world.join("carol")
    disputed(world, reference)
    with pytest.raises(Refusal) as refused:
        claim.claim(world.deps, reference, world.x_id("carol"))
    assert refused.value.reply.key == "refusal.nothing_held"
    assert world.balance("carol") == 0


def refunding(world: World) -> tuple[str, str]:
    """Let a refund of the whole be made and its answer be lost, and a dispute cross it.

    Returns the order's reference and the dispute.
    """
    world.join("bob")
    world.join("alice")
    reference = paid(world, "alice")
    world.cards.fail("payments.refund", Unavailable("no answer"), after=True)
    operate.refund_order(world.deps, reference, to="card")
    topup = world.topup(reference)
    dispute_id = world.cards.dispute(topup.payment_id, amount_cents=topup.amount_cents)
    hear(world, *events(world))
    assert world.topup(reference).status == "disputed"
    return reference, dispute_id


def stands(world: World, reference: str) -> tuple[str, int]:
    """Return where an order's top-up stands, and what of it is refunded."""
    topup = world.topup(reference)
    return topup.status, topup.refunded_cents


def decide(world: World, dispute_id: str, outcome: Any) -> None:
    """Let the card network decide a dispute, or leave it open, and the bot hear of it."""
    if outcome != "open":
        world.cards.decide(dispute_id, outcome)
        hear(world, *events(world))


@pytest.mark.in_turn
@pytest.mark.parametrize("decided_first", [False, True])
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_what_is_disputed_and_then_refunded_whole_is_refunded(
    world: World, outcome: Any, *, decided_first: bool
) -> None:
    """Whichever is known first, and however the dispute ends: the whole is with the card."""
    reference, dispute_id = refunding(world)
    if not decided_first:
        refunds.recover(world.deps)
        assert stands(world, reference) == ("refunded", 1000)
    decide(world, dispute_id, outcome)
    refunds.recover(world.deps)
    assert stands(world, reference) == ("refunded", 1000)


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("outcome", "status"), [("open", "disputed"), ("lost", "disputed"), ("won", "captured")]
)
@pytest.mark.parametrize("decided_first", [False, True])
def test_a_refund_that_comes_back_leaves_a_dispute_where_it_stands(
    world: World, outcome: Any, status: str, *, decided_first: bool
) -> None:
    """Open or lost, its top-up is disputed again; won, it is captured."""
    reference, dispute_id = refunding(world)
    refunds.recover(world.deps)
    (refund_id,) = world.cards.refunds
    if decided_first:
        decide(world, dispute_id, outcome)
    world.cards.send_back(refund_id)
    refunds.look(world.deps, refund_id)
    if not decided_first:
        assert stands(world, reference) == ("disputed", 0)
        decide(world, dispute_id, outcome)
    assert stands(world, reference) == (status, 0)
