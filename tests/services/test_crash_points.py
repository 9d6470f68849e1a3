"""The process dies at every step of the registry; recovery ends the order, each cent in one place.

The story goes through every step by itself: one where a step is announced nowhere fails here.
"""

from collections.abc import Callable
from functools import partial

import pytest

from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import (
    claim,
    operate,
    payout_files,
    payouts,
    receive,
    reconcile,
    refunds,
    settle,
    split,
    topup,
)
from bot.services.confirm import GoToCard
from bot.services.steps import Step
from bot.services.views import SplitView
from bot.store import ledger
from tests.fakes.bank import DEBTOR, FakeBankFiles, camt
from tests.world import ProcessDied, World, reference_in

GOOD = "4242424242424242"
BRITISH = "4000008260000000"


def _ordered(world: World, payee: str, amount: str = "10€") -> str:
    """Let bob order by a post, come what may; return the reference in the one reply."""
    post_id = world.x.post("bob", f"@smoney pay @{payee} {amount}")
    _once(lambda: receive.take_in(world.deps, [world.x.event(post_id)]))
    _until_done(world, world.react)
    return reference_in(world.answer_to(post_id))


def _by_wallet(world: World) -> None:
    world.join("bob", cents=5000)
    world.join("alice")
    reference = _ordered(world, "alice")
    _once(lambda: world.confirm("bob", reference))
    _until_done(world, world.react)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (4000, 1000)


def _by_card(world: World) -> None:
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    _once(lambda: world.confirm("bob", reference, funding="card"))
    _until_done(world, world.react)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    _until_done(world, world.react)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (0, 1000)
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]


def _by_a_foreign_card_then_abandoned(world: World) -> None:
    world.join("bob")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, BRITISH)
    world.pass_time(minutes=2)
    _until_done(world, world.react)
    assert world.topup(reference).status == "voided"
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    _once(lambda: settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=True))
    _until_done(world, world.react)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "expired"
    assert [one.captured_cents for one in world.cards.paid.values()] == [0]


def _held_and_claimed(world: World) -> None:
    world.join("bob", cents=5000)
    references = [world.order("bob", "carol", f"1{number}€") for number in range(2)]
    for reference in references:
        world.confirm("bob", reference)
    world.join("carol")
    _once(lambda: claim.claim(world.deps, references[0], world.x_id("carol")))
    _once(lambda: claim.take_back(world.deps, references[1], world.x_id("bob")))
    assert world.statuses(references[0]) == ["posted"]
    assert world.statuses(references[1]) == ["returned"]
    assert (world.balance("bob"), world.balance("carol")) == (4000, 1000)


def _by_saved_card(world: World) -> None:
    person_id = world.join("bob")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    _once(lambda: topup.charge_saved_card(world.deps, person_id, card_id, 1000))
    _until_done(world, world.react)
    assert world.balance("bob") == 1000
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]


def _a_card_taken_out(world: World) -> None:
    person_id = world.join("bob")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    _once(lambda: topup.remove_card(world.deps, person_id, card_id))
    _until_done(world, lambda: topup.forget_removed(world.deps))
    assert [owner for owner, _card in world.cards.kept.values()] == [None]


def _disputed(world: World) -> None:
    world.join("bob")
    reference = world.order("bob", "carol")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    world.cards.dispute(world.topup(reference).payment_id)
    body, signature = world.cards.events[-1]
    receive.take_in(world.deps, [world.deps.webhooks.verify(body, signature)])
    _until_done(world, world.react)
    assert world.statuses(reference) == ["returned"]
    assert (world.topup(reference).status, world.balance("bob")) == ("disputed", 1000)


def _refunded_to_the_card(world: World) -> None:
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    _once(lambda: operate.refund_order(world.deps, reference, to="card"))
    _until_done(world, lambda: refunds.recover(world.deps))
    assert (world.balance("bob"), world.balance("alice")) == (0, 0)
    assert world.topup(reference).refunded_cents == 1000
    assert [one.refunded_cents for one in world.cards.paid.values()] == [1000]
    assert len(world.cards.refunds) == 1


def _edited_while_with_the_card(world: World) -> None:
    world.join("bob")
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.take_edit(post_id, "@smoney pay @alice 12€")
    _until_done(world, world.react)
    rows = [(row.amount_cents, row.status) for row in world.transfers(reference)]
    assert rows == [(1000, "cancelled"), (1200, "pending")]
    assert world.topup(reference).status == "expired"


def _split_and_asked(world: World) -> None:
    world.join("alice", cents=5000)
    world.join("bob")
    reference = reference_in(world.post("bob", "@smoney split 10€ with @alice"))
    page = world.page("bob", reference)
    assert isinstance(page, SplitView)
    for _ in range(2):  # whoever sees no answer taps again
        _once(
            lambda: split.ask_others(
                world.deps,
                reference,
                world.x_id("bob"),
                with_own=True,
                terms_hash=page.terms_hash,
            )
        )
    world.confirm("alice", reference)
    assert (world.balance("alice"), world.balance("bob")) == (4500, 500)


def _paid_out(world: World) -> None:
    world.join("bob", cents=5000)
    world.pass_time(hours=world.deps.policy.card_payout_after_h)
    bank = FakeBankFiles()
    terms = PayoutTerms(1000, "FR1420041010050500013M02606", "Bob")
    for key in ("first", "second"):
        proof = Authenticated(key, terms.hash, Basis.PASSKEY)
        ask = partial(payouts.request, world.deps, world.x_id("bob"), terms, proof)
        for _ in range(2):  # whoever sees no answer asks again, with the same authentication
            _once(ask)
    _once(lambda: payouts.cancel(world.deps, world.x_id("bob"), 2))
    for _ in range(2):
        _once(lambda: payout_files.export_payouts(world.deps, bank, DEBTOR))
    assert [one.end_to_end_id for one in bank.transfers()] == ["SMONEY-PAYOUT-1"]
    report = camt(bank.transfers())
    for _ in range(2):
        _once(lambda: payout_files.import_reports(world.deps, bank, DEBTOR.iban, report))
    page = payouts.payout_page(world.deps, world.visitor("bob"))
    assert [one.status for one in page.lines] == ["cancelled", "settled"]
    assert world.balance("bob") == 4000


def _reconciled(world: World) -> None:
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    world.cards.pay_out(strange_cents=-50)
    for _ in range(2):
        _once(lambda: reconcile.reconcile_books(world.deps))
    (line,) = reconcile.reconcile_books(world.deps).differences
    for _ in range(2):
        _once(lambda: reconcile.book_difference(world.deps, line.line, "costs"))
    found = reconcile.reconcile_books(world.deps)
    assert (found.payouts, found.differences) == (0, [])
    with world.store.read() as session:
        shown = dict(ledger.balances(session))
    assert (shown["cards"], shown["bank"]) == (0, 910 + 40)
    assert (shown["own:costs"], shown["own:funds"]) == (-40 - 50, 40)


S = Step
STEPS_OF = {
    _by_wallet: (
        S.INBOX_WRITTEN,
        S.INBOX_LEASED,
        S.COMMAND_DONE,
        S.OUTBOX_LEASED,
        S.MESSAGE_SENT,
        S.MESSAGE_RECORDED,
        S.CONFIRMATION_WRITTEN,
        S.WALLET_SETTLED,
    ),
    _by_card: (
        S.CONFIRMATION_WRITTEN,
        S.CHECKOUT_OPENED,
        S.CHECKOUT_RECORDED,
        S.AUTHORIZATION_RECORDED,
        S.DECISION_RECORDED,
        S.CAPTURED,
        S.TOPUP_SETTLED,
    ),
    _by_a_foreign_card_then_abandoned: (
        S.AUTHORIZATION_RECORDED,
        S.DECISION_RECORDED,
        S.VOIDED,
        S.CHECKOUT_CLOSED,
        S.TOPUP_ENDED,
    ),
    _held_and_claimed: (S.CLAIMED, S.GIVEN_BACK),
    _by_saved_card: (S.DECISION_RECORDED, S.CHARGED, S.TOPUP_SETTLED),
    _a_card_taken_out: (S.CARD_REMOVED, S.CARD_FORGOTTEN),
    _disputed: (S.DISPUTE_BOOKED,),
    _refunded_to_the_card: (S.REFUND_WRITTEN, S.REFUND_MADE, S.REFUND_ENDED),
    _edited_while_with_the_card: (S.EDIT_WISHED, S.CHECKOUT_CLOSED, S.TOPUP_ENDED),
    _split_and_asked: (S.SHARES_ASKED,),
    _reconciled: (S.ACQUIRER_PAYOUT_BOOKED, S.DIFFERENCE_BOOKED),
    _paid_out: (
        S.PAYOUT_REQUESTED,
        S.PAYOUT_CANCELLED,
        S.PAYOUT_FILE_RECORDED,
        S.PAYOUT_FILE_WRITTEN,
        S.BANK_REPORT_BOOKED,
    ),
}
"""Where each story may be interrupted."""


def _once(action: Callable[[], object]) -> None:
    """Let somebody do something; if the process dies under it, they do not try again."""
    try:
        action()
    except ProcessDied:
        return


def _until_done(world: World, action: Callable[[], object]) -> None:
    """Let the worker go on; if it dies, another takes over once the leases have run out."""
    for _ in range(4):
        _once(action)
        world.pass_time(minutes=2)


CASES = [(story, step) for story, steps in STEPS_OF.items() for step in steps]


@pytest.mark.parametrize(
    ("story", "step"), CASES, ids=[f"{story.__name__[1:]}-{step}" for story, step in CASES]
)
def test_dying_at_a_step_loses_and_doubles_nothing(
    world: World, story: Callable[[World], None], step: Step
) -> None:
    """A story whose process dies at a step ends as if nothing had happened."""
    world.die_at = step
    story(world)
    assert world.die_at is None, f"the story does not pass {step}"


def test_every_step_of_the_registry_has_its_story() -> None:
    """A crash point that nobody tries is none."""
    assert {step for steps in STEPS_OF.values() for step in steps} == set(Step)
