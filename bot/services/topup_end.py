"""The end of a top-up that brought no money: its transfers are free again, wishes are applied.

Called by the driver alone, so that what is in `funding` moves in one place.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits
from bot.domain.replies import Reply
from bot.domain.topup import TopupStatus
from bot.domain.transfer import Reason, TransferStatus
from bot.ports import CardPayment
from bot.services import mandates
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, tell, tell_declined
from bot.store import confirmations, orders, wishes

WISHED = {
    "cancel": TransferStatus.CANCELLED,
    "decline": TransferStatus.DECLINED,
}
"""Where a wish brings a transfer once the driver has freed it."""


OUR_MISTAKES: Final = frozenset({"wrong_credentials", "idempotency_error"})
"""Refusals of the acquirer that are about us, not about the card: an operator has to look."""


def ended(
    deps: Deps,
    row: Row[Any],
    status: TopupStatus,
    refusal: str,
    reason: Reason,
    payment: CardPayment | None = None,
) -> bool:
    """End a top-up without money; True where it has gone on since `row` was read.

    Another driver has opened its page, where somebody can pay, or has what was paid there: it has
    to be looked at again.
    """
    return not _end(deps, row, status, refusal, reason, payment)


def _end(
    deps: Deps,
    seen: Row[Any],
    status: TopupStatus,
    refusal: str,
    reason: Reason,
    payment: CardPayment | None,
) -> bool:
    """End a top-up without money, and bring its transfers back to `pending`, in one commit.

    `refusal` is the key of the sentence that the payer reads; `payment` what the acquirer has.
    False where it is not as it was seen.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        row = confirmations.topup(session, seen.id, lock=True)
        assert row is not None, "the driver drives what exists"
        if (row.status, row.session_id) != (seen.status, seen.session_id):
            return False
        confirmations.advance_topup(
            session,
            row.id,
            old=TopupStatus(row.status),
            new=status,
            reason=refusal,
            at=at,
            refusal=refusal,
        )
        mandates.drop(session, row, payment.kept if payment is not None else None, at=at)
        if row.confirmation_id is None:
            return True
        ids = confirmations.covered_ids(session, row.confirmation_id)
        orders.advance(
            session,
            ids,
            old=TransferStatus.FUNDING,
            new=TransferStatus.PENDING,
            reason=reason,
            at=at,
        )
        confirmations.settle(session, [row.confirmation_id], outcome=refusal, at=at)
        confirmations.release(session, [row.confirmation_id])
        waiting = wishes.open_of(session, ids)
        for wish in waiting:
            if wish.kind == "decline":
                order = orders.by_id(session, row.order_id)
                transfer_id = wish.transfer_id
                tell_declined(session, order, transfer_id, public_url=deps.public_url, at=at)
            orders.advance(
                session,
                [wish.transfer_id],
                old=TransferStatus.PENDING,
                new=WISHED[wish.kind],
                reason=Reason(wish.reason),
                at=at,
            )
        answer_wishes(session, deps, ids, applied=True, at=at)
        _tell_payer(session, deps, row, waiting, refusal, at)
    deps.step(Step.TOPUP_ENDED)
    deps.bells.outbox.set()
    return True


def _tell_payer(
    session: Session,
    deps: Deps,
    row: Row[Any],
    waiting: Sequence[Row[Any]],
    refusal: str,
    at: datetime,
) -> None:
    """Tell the payer why what they confirmed was not paid (Code monétaire et financier L.133-10).

    Who stopped it themselves has their answer already; where somebody else did, that is the reason.
    """
    confirmation = confirmations.get(session, row.confirmation_id)
    if any(wish.by_x_user_id == confirmation.payer_x_user_id for wish in waiting):
        return
    if waiting:
        was_edited = any(wish.reason == Reason.EDITED.value for wish in waiting)
        refusal = "refusal.edited_away" if was_edited else "refusal.already_cancelled"
    order = orders.by_id(session, row.order_id)
    reply = Reply.of(
        "news.card_came_to_nothing",
        reference=order.reference,
        why=limits.explain(refusal, deps.policy),
        url=f"{deps.public_url}/t/{order.reference}",
    )
    news = News(f"topup:{row.id}:ended", confirmation.payer_x_user_id, reply, order.id)
    tell(session, [news], at=at)


def answer_wishes(
    session: Session, deps: Deps, transfer_ids: list[int], *, applied: bool, at: datetime
) -> int:
    """Record what became of the wishes for transfers, and tell whoever had them."""
    waiting = wishes.open_of(session, transfer_ids)
    if not waiting:
        return 0
    (order,) = orders.by_ids(session, orders.order_ids_of(session, transfer_ids)).values()
    url = f"{deps.public_url}/t/{order.reference}"
    reply = (
        Reply.of("news.stopped", reference=order.reference)
        if applied
        else Reply.of("news.too_late", reference=order.reference, url=url)
    )
    news = [
        News(f"wish:{wish.id}:answered", wish.by_x_user_id, reply, order.id)
        for wish in waiting
        if wish.by_x_user_id is not None
        # An edit that came in time speaks for itself: its new terms are told.
        and not (applied and wish.reason == Reason.EDITED.value)
    ]
    tell(session, news, at=at)
    wishes.answer(session, transfer_ids, applied=applied, at=at)
    return len(waiting)
