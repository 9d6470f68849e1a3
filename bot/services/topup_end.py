"""The end of a top-up that brought no money: its transfers are free again, wishes are applied.

Called by the driver alone, so that what is in `funding` moves in one place.
"""

from datetime import datetime

from sqlmodel import Session

from bot.domain.replies import Reply
from bot.domain.topup import TopupStatus
from bot.domain.transfer import Reason, TransferStatus
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, tell, tell_declined
from bot.store import confirmations, orders, wishes

WISHED = {
    "cancel": TransferStatus.CANCELLED,
    "decline": TransferStatus.DECLINED,
}
"""Where a wish brings a transfer once the driver has freed it."""


def end(deps: Deps, topup_id: str, status: TopupStatus, refusal: str, reason: Reason) -> None:
    """End a top-up without money, and bring its transfers back to `pending`, in one commit.

    `refusal` is the key of the sentence that the payer reads.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        row = confirmations.topup(session, topup_id, lock=True)
        assert row is not None, "the driver drives what exists"
        moved = (
            confirmations.advance_topup(
                session,
                topup_id,
                old=TopupStatus(row.status),
                new=status,
                reason=refusal,
                at=at,
                refusal=refusal,
            )
            if row.status in ("created", "authorized")
            else False
        )
        if not moved:
            return
        if row.confirmation_id is None:
            return
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
        for wish in wishes.open_of(session, ids):
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
        wished = answer_wishes(session, deps, ids, applied=True, at=at)
        order = orders.by_id(session, row.order_id)
        confirmation = confirmations.get(session, row.confirmation_id)
        url = f"{deps.public_url}/t/{order.reference}"
        news = News(
            f"topup:{topup_id}:ended",
            confirmation.payer_x_user_id,
            Reply.of("news.card_came_to_nothing", reference=order.reference, url=url),
            order.id,
        )
        if not wished:
            tell(session, [news], at=at)
    deps.step(Step.TOPUP_ENDED)
    deps.bells.outbox.set()


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
