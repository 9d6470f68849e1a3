"""Stories that pass every step of the registry, for processes that die at one.

Each ends as if nothing had happened: each cent in one place, nothing done twice on the far side.

`once` is a deed that nobody repeats, `until_done` is the worker's, which a new one takes over.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from bot.domain.errors import Refusal
from bot.ports import RawEvent
from bot.services import (
    cancel,
    claim,
    gone,
    operate,
    persons,
    receive,
    refunds,
    settle,
    split,
    topup,
)
from bot.services.confirm import GoToCard
from bot.services.drafted import SplitView
from bot.services.steps import Step
from bot.services.views import OrderView
from tests.crash_child import Stage
from tests.services.bank_stories import paid_out, reconciled
from tests.services.page_stories import an_account_closed, chosen_on_pages
from tests.services.text_stories import coded, noticed
from tests.world import World, reference_in

GOOD = "4242424242424242"
DECLINED = "4000000000000002"
BRITISH = "4000008260000000"
S = Step


def _ordered(stage: Stage, payee: str, amount: str = "10€") -> str:
    """Let bob order by a post, come what may; return the reference in the one reply."""
    world = stage.world
    post_id = world.x.post("bob", f"@smoney pay @{payee} {amount}")
    stage.once(lambda: receive.take_in(world.deps, [world.x.event(post_id)]))
    stage.until_done(world.react)
    return reference_in(world.answer_to(post_id))


def by_wallet(stage: Stage) -> None:
    """From a post to the money, from the wallet."""
    world = stage.world
    world.join("bob", cents=5000)
    world.join("alice")
    reference = _ordered(stage, "alice")
    stage.once(lambda: world.confirm("bob", reference))
    stage.until_done(world.react)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (4000, 1000)


def by_card(stage: Stage) -> None:
    """By card: the payer's own browser and the recovery job."""
    world = stage.world
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    stage.once(lambda: world.confirm("bob", reference, funding="card"))
    stage.until_done(world.react)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    stage.until_done(world.react)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (0, 1000)
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]


def by_card_as_a_webhook_tells(stage: Stage) -> None:
    """By card, and nobody comes back from the page: the acquirer tells, more than once."""
    world = stage.world
    world.join("bob")
    reference = world.order("bob", "carol")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    _hear(stage)
    stage.until_done(lambda: receive.read_inbox(world.deps))
    assert world.statuses(reference) == ["held"]
    _hear(stage)
    assert receive.read_inbox(world.deps) == 1, "of the capture; what was heard before is known"
    assert (len(world.cards.pages), world.balance("bob")) == (1, 0)
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]


def _hear(stage: Stage) -> None:
    """Let the acquirer send its events, and send them again where it got no answer."""
    world = stage.world
    for body, signature in list(world.cards.events):
        event = world.deps.webhooks.verify(body, signature)
        for _ in range(2):
            stage.once(partial(_take_in, world, event))


def _take_in(world: World, event: RawEvent) -> None:
    receive.take_in(world.deps, [event])


def by_a_card_that_is_kept(stage: Stage) -> None:
    """A new card is kept with its payment, for a customer made once."""
    world = stage.world
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    stage.once(lambda: world.confirm("bob", reference, funding="card", keep=True))
    stage.until_done(world.react)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    stage.until_done(world.react)
    assert world.statuses(reference) == ["posted"]
    assert sum(b'"customer.created"' in body for body, _ in world.cards.events) == 1
    page = world.page("bob", world.order("bob", "alice", "11€"))
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None
    assert [one.last4 for one in page.to_confirm.saved] == ["4242"]


def by_a_foreign_card_then_abandoned(stage: Stage) -> None:
    """A card from abroad is voided; the second page is left."""
    world = stage.world
    world.join("bob")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card", keep=True)
    world.cards.submit(world.topup(reference).session_id, BRITISH)
    world.pass_time(minutes=2)
    stage.until_done(world.react)
    assert world.topup(reference).status == "voided"
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    stage.once(lambda: settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=True))
    stage.until_done(world.react)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "expired"
    assert topup.forget_removed(world.deps) == 1
    assert [owner for owner, _card in world.cards.kept.values()] == [None]
    assert [one.captured_cents for one in world.cards.paid.values()] == [0]


def held_and_claimed(stage: Stage) -> None:
    """What waits is claimed, and another is taken back."""
    world = stage.world
    world.join("bob", cents=5000)
    references = [world.order("bob", "carol", f"1{number}€") for number in range(2)]
    for reference in references:
        world.confirm("bob", reference)
    world.join("carol")
    stage.once(lambda: claim.claim(world.deps, references[0], world.x_id("carol")))
    stage.once(lambda: claim.take_back(world.deps, references[1], world.x_id("bob")))
    assert world.statuses(references[0]) == ["posted"]
    assert world.statuses(references[1]) == ["returned"]
    assert (world.balance("bob"), world.balance("carol")) == (4000, 1000)


def by_saved_card(stage: Stage) -> None:
    """A saved card is charged into the wallet, then for an order, once each."""
    world = stage.world
    person_id = world.join("bob")
    world.join("alice")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    stage.once(lambda: topup.charge_saved_card(world.deps, person_id, card_id, 1000))
    stage.until_done(world.react)
    assert world.balance("bob") == 1000
    reference = world.order("bob", "alice", "11€")
    stage.again(S.DECISION_RECORDED, S.CHARGED, S.TOPUP_SETTLED)
    stage.once(
        lambda: world.confirm("bob", reference, funding="card", saved_card_id=card_id),
    )
    stage.until_done(world.react)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (1000, 1100)
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000, 1100]


def stopped_and_expired(stage: Stage) -> None:
    """A card's no is counted once; one order is cancelled at the card, another is left too long.

    The acquirer has forgotten the payer by then.
    """
    world = stage.world
    world.join("bob")
    first, second = (world.order("bob", "alice", f"1{number}€") for number in range(2))
    world.confirm("bob", first, funding="card", keep=True)
    world.cards.submit(world.topup(first).session_id, DECLINED)
    stage.until_done(world.react)
    stage.once(lambda: cancel.cancel(world.deps, first, world.x_id("bob")))
    world.cards.lost_customers |= {page.order.customer_id for page in world.cards.pages.values()}
    stage.once(partial(_keep_another, world, second))
    stage.until_done(world.react)
    assert (world.topup(first).failed_attempts, world.topup(first).status) == (1, "declined")
    assert (world.statuses(first), world.topup(second).status) == (["cancelled"], "expired")
    world.pass_time(hours=30)
    stage.until_done(lambda: cancel.expire_due(world.deps))
    assert world.statuses(second) == ["expired"]
    assert len(world.cards.pages) == 1


def _keep_another(world: World, reference: str) -> None:
    """Pay by a card that is kept, where the acquirer may say no."""
    with suppress(Refusal):
        world.confirm("bob", reference, funding="card", keep=True)


def a_card_taken_out(stage: Stage) -> None:
    """A card is removed at the acquirer as well."""
    world = stage.world
    person_id = world.join("bob")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    stage.once(lambda: topup.remove_card(world.deps, person_id, card_id))
    stage.until_done(lambda: topup.forget_removed(world.deps))
    assert [owner for owner, _card in world.cards.kept.values()] == [None]


def disputed(stage: Stage) -> None:
    """The acquirer takes money back: what is held is in the locked wallet, then an operator's."""
    world = stage.world
    world.join("bob")
    reference = world.order("bob", "carol")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    world.cards.dispute(world.topup(reference).payment_id)
    _hear(stage)
    stage.until_done(world.react)
    assert world.statuses(reference) == ["returned"]
    assert (world.topup(reference).status, world.balance("bob")) == ("disputed", 1000)
    for _ in range(2):  # whoever sees no answer asks again
        stage.once(partial(_recover, world))
    assert world.balance("bob") == 0


def _recover(world: World) -> None:
    with suppress(Refusal):
        persons.recover(world.deps, "bob")


def refunded_to_the_card(stage: Stage) -> None:
    """An operator gives back to the card, once."""
    world = stage.world
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    stage.once(lambda: operate.refund_order(world.deps, reference, to="card"))
    stage.until_done(lambda: refunds.recover(world.deps))
    assert (world.balance("bob"), world.balance("alice")) == (0, 0)
    assert world.topup(reference).refunded_cents == 1000
    assert [one.refunded_cents for one in world.cards.paid.values()] == [1000]
    assert len(world.cards.refunds) == 1


def edited_while_with_the_card(stage: Stage) -> None:
    """An edit takes the card's page away, and asks anew."""
    world = stage.world
    world.join("bob")
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.take_edit(post_id, "@smoney pay @alice 12€")
    stage.until_done(world.react)
    rows = [(row.amount_cents, row.status) for row in world.transfers(reference)]
    assert rows == [(1000, "cancelled"), (1200, "pending")]
    assert world.topup(reference).status == "expired"


def ordered_by_a_post_that_is_deleted(stage: Stage) -> None:
    """The next day the post is gone: its order ends, and our reply goes, once."""
    world = stage.world
    world.join("bob", cents=5000)
    world.join("alice")
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    world.x.delete(post_id)
    world.pass_time(hours=13)
    stage.until_done(lambda: gone.clear(world.deps))
    assert (world.statuses(reference), world.answer_to(post_id)) == (["cancelled"], None)
    assert world.balance("bob") == 5000


def split_and_asked(stage: Stage) -> None:
    """Who splits asks the others by a tap."""
    world = stage.world
    world.join("alice", cents=5000)
    world.join("bob")
    reference = reference_in(world.post("bob", "@smoney split 10€ with @alice"))
    page = world.page("bob", reference)
    assert isinstance(page, SplitView)
    for _ in range(2):  # whoever sees no answer taps again
        stage.once(
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


STEPS_OF: dict[Callable[[Stage], None], tuple[Step, ...]] = {
    by_wallet: (
        S.INBOX_WRITTEN,
        S.INBOX_LEASED,
        S.COMMAND_DONE,
        S.OUTBOX_LEASED,
        S.MESSAGE_SENT,
        S.MESSAGE_RECORDED,
        S.CONFIRMATION_WRITTEN,
        S.WALLET_SETTLED,
    ),
    by_card: (
        S.CONFIRMATION_WRITTEN,
        S.CHECKOUT_OPENED,
        S.CHECKOUT_RECORDED,
        S.AUTHORIZATION_RECORDED,
        S.DECISION_RECORDED,
        S.CAPTURED,
        S.TOPUP_SETTLED,
    ),
    by_card_as_a_webhook_tells: (
        S.INBOX_WRITTEN,
        S.INBOX_LEASED,
        S.AUTHORIZATION_RECORDED,
        S.DECISION_RECORDED,
        S.CAPTURED,
        S.TOPUP_SETTLED,
    ),
    by_a_card_that_is_kept: (
        S.CONFIRMATION_WRITTEN,
        S.CUSTOMER_MADE,
        S.CUSTOMER_RECORDED,
        S.CHECKOUT_OPENED,
        S.CAPTURED,
    ),
    by_a_foreign_card_then_abandoned: (
        S.AUTHORIZATION_RECORDED,
        S.DECISION_RECORDED,
        S.VOIDED,
        S.CHECKOUT_CLOSED,
        S.TOPUP_ENDED,
    ),
    held_and_claimed: (S.CLAIMED, S.GIVEN_BACK),
    chosen_on_pages: (S.AMOUNT_CHOSEN, S.PAGE_ORDERED),
    ordered_by_a_post_that_is_deleted: (S.POST_GONE, S.REPLY_DELETED),
    by_saved_card: (
        S.TOPUP_WRITTEN,
        S.DECISION_RECORDED,
        S.CHARGED,
        S.TOPUP_SETTLED,
        S.CONFIRMATION_WRITTEN,
    ),
    stopped_and_expired: (S.FAILURE_COUNTED, S.STOPPED, S.CUSTOMER_LOST, S.EXPIRED),
    a_card_taken_out: (S.CARD_REMOVED, S.CARD_FORGOTTEN),
    an_account_closed: (S.STOPPED, S.ACCOUNT_CLOSED, S.CARD_FORGOTTEN),
    disputed: (S.INBOX_WRITTEN, S.INBOX_LEASED, S.DISPUTE_BOOKED, S.RECOVERED),
    refunded_to_the_card: (S.REFUND_WRITTEN, S.REFUND_MADE, S.REFUND_ENDED),
    edited_while_with_the_card: (S.EDIT_WISHED, S.CHECKOUT_CLOSED, S.TOPUP_ENDED),
    split_and_asked: (S.SHARES_ASKED,),
    coded: (S.CODE_COUNTED, S.CODE_SENT, S.CODE_RECORDED),
    noticed: (S.NOTICE_TAKEN, S.NOTICE_SENT, S.NOTICE_RECORDED),
    reconciled: (
        S.ACQUIRER_PAYOUT_BOOKED,
        S.BOOKS_COMPARED,
        S.NIGHT_RECORDED,
        S.DIFFERENCE_BOOKED,
    ),
    paid_out: (
        S.PAYOUT_REQUESTED,
        S.PAYOUT_CANCELLED,
        S.PAYOUT_FILE_RECORDED,
        S.PAYOUT_FILE_WRITTEN,
        S.BANK_REPORT_BOOKED,
    ),
}
"""Where each story may be interrupted."""
