"""Orders that come to nothing: cancelled by who ordered, declined by who was asked, or too old."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, TransferStatus
from bot.services import claim, parties, settle
from bot.services.deps import Deps
from bot.services.parties import Party
from bot.services.steps import Step
from bot.services.tell import tell_declined
from bot.store import confirmations, drafts, orders, wishes


@dataclass(frozen=True, slots=True)
class Done:
    """How many transfers are over for good, and how many wait for the driver to stop them."""

    ended: int
    wished: int = 0
    returned: int = 0
    """Of those that ended: money that was held, and is its payer's again."""

    @property
    def is_sure(self) -> bool:
        """Whether nothing can move any more."""
        return self.wished == 0

    def __add__(self, other: "Done") -> "Done":
        """Add up what was done."""
        return Done(
            self.ended + other.ended,
            self.wished + other.wished,
            self.returned + other.returned,
        )

    def __bool__(self) -> bool:
        """Whether anything was done at all."""
        return self.ended + self.wished > 0


BATCH: Final = 500
"""Transfers expired in one commit of the job."""


def cancel(deps: Deps, reference: str, x_user_id: str) -> Done:
    """Take an order back: what is pending is cancelled, what is held returns to its payer.

    Both for who ordered it, as far as it is theirs. Raises `Refusal`.
    """
    return _do(deps, reference, x_user_id, cancel_in)


def cancel_in(
    session: Session,
    deps: Deps,
    order: Row[Any],
    rows: Sequence[Row[Any]],
    x_user_id: str,
    at: datetime,
) -> Done:
    """Do what `cancel` does, in the caller's transaction.

    By person: what one X account ordered or paid, another of the same person takes back.
    """
    me = parties.behind(session, x_user_id)
    is_owner = me.made(order)
    done = cancel_open_in(session, order, rows, x_user_id, at) if is_owner else Done(0)
    held = [row for row in _held(rows) if me.pays(row)]
    claim.give_back(session, deps, held, Reason.TAKEN_BACK, at)
    done += Done(len(held), returned=len(held))
    if not done:
        raise Refusal(_why_not_cancelled(order, rows, me))
    return done


def cancel_open_in(
    session: Session, order: Row[Any], rows: Sequence[Row[Any]], x_user_id: str, at: datetime
) -> Done:
    """Cancel what nobody has confirmed yet in an order of an account's, its draft as well."""
    done = _stop(session, rows, "cancel", x_user_id, Reason.CANCELLED_BY_OWNER, at)
    return done + Done(int(drafts.end(session, order.id, "cancelled", at=at)))


def _held(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.status == TransferStatus.HELD.value]


def decline(deps: Deps, reference: str, x_user_id: str) -> Done:
    """Say no: to a request as its payer, to held money as its payee. Raises `Refusal`."""
    return _do(deps, reference, x_user_id, decline_in)


def decline_in(
    session: Session,
    deps: Deps,
    order: Row[Any],
    rows: Sequence[Row[Any]],
    x_user_id: str,
    at: datetime,
) -> Done:
    """Do what `decline` does, in the caller's transaction; who asked, or paid, is told."""
    me = parties.behind(session, x_user_id)
    own = me.made(order)
    asked = [row for row in rows if me.pays(row) and not own]
    done = decline_asked(session, deps, order, asked, x_user_id, at)
    held = [row for row in _held(rows) if me.gets(row)]
    claim.give_back(session, deps, held, Reason.REFUSED_BY_PAYEE, at)
    done += Done(len(held), returned=len(held))
    if not done:
        raise Refusal(_why_not_declined(order, rows, me))
    return done


def decline_asked(
    session: Session,
    deps: Deps,
    order: Row[Any],
    asked: Sequence[Row[Any]],
    x_user_id: str,
    at: datetime,
) -> Done:
    """Decline what an order asks one person for, in the caller's transaction; the asker is told."""
    done = _stop(session, asked, "decline", x_user_id, Reason.DECLINED_BY_PAYER, at)
    if done.ended:
        newest = max(row.id for row in asked)
        tell_declined(session, order, newest, public_url=deps.public_url, at=at)
    return done


_Deed = Callable[[Session, Deps, Row[Any], Sequence[Row[Any]], str, datetime], Done]


def _do(deps: Deps, reference: str, x_user_id: str, deed: _Deed) -> Done:
    """Do it in a transaction of its own; then let the driver stop what is at the card."""
    at = deps.clock.now()
    with deps.store.write() as session:
        order = _order(session, reference)
        rows = lock(session, order)
        done = deed(session, deps, order, rows, x_user_id, at)
    deps.step(Step.STOPPED)
    drive_wishes(deps, rows)
    deps.bells.outbox.set()
    return done


def cancel_by_operator(deps: Deps, reference: str) -> Done:
    """Cancel what is pending in an order, by an operator's word. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        order = _order(session, reference)
        rows = lock(session, order)
        done = end_in(session, order, rows, Reason.CANCELLED_BY_OPERATOR, at)
        if not done:
            raise Refusal(Reply.of("refusal.nothing_to_cancel", reference=reference))
    deps.step(Step.STOPPED)
    drive_wishes(deps, rows)
    return done


def end_in(
    session: Session, order: Row[Any], rows: Sequence[Row[Any]], reason: Reason, at: datetime
) -> Done:
    """Cancel what is open in an order, and its draft, by nobody's word who has a part in it."""
    done = _stop(session, rows, "cancel", None, reason, at)
    return done + Done(int(drafts.end(session, order.id, "cancelled", at=at)))


def expire_due(deps: Deps) -> int:
    """Expire the pending transfers and the drafts whose time is over; return how many."""
    at = deps.clock.now()
    with deps.store.write() as session:
        due = orders.due_to_expire(session, at=at, limit=BATCH)
        uncovered = orders.transfers.c.confirmation_id.is_(None)
        moved = orders.advance(
            session,
            due,
            old=TransferStatus.PENDING,
            new=TransferStatus.EXPIRED,
            reason=Reason.NOT_CONFIRMED_IN_TIME,
            at=at,
            also=[uncovered],
        )
        expired = len(moved) + drafts.expire(session, at=at)
    deps.step(Step.EXPIRED)
    return expired


def _order(session: Session, reference: str) -> Row[Any]:
    order = orders.by_reference(session, reference)
    if order is None:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
    return order


def lock(session: Session, order: Row[Any]) -> Sequence[Row[Any]]:
    """Lock an order, its top-ups, then its transfers, and return these: the driver's order.

    A payer who is confirming by card has the order: their top-up is there before we look for it.
    """
    confirmations.lock_order(session, order.id)
    confirmations.lock_topups(session, order.id)
    return orders.transfers_of(session, [order.id], lock=True)


def _stop(
    session: Session,
    rows: Sequence[Row[Any]],
    kind: str,
    by: str | None,
    reason: Reason,
    at: datetime,
) -> Done:
    """Bring pending transfers to their end, and write the wish for those in funding."""
    target = TransferStatus.CANCELLED if kind == "cancel" else TransferStatus.DECLINED
    ended = stop_pending(session, rows, target, reason, at)
    funding = [row for row in rows if row.status == TransferStatus.FUNDING.value]
    _wish(session, funding, kind, by, reason, at)
    return Done(ended, len(funding))


def stop_pending(
    session: Session,
    rows: Sequence[Row[Any]],
    target: TransferStatus,
    reason: Reason,
    at: datetime,
) -> int:
    """Bring the pending transfers that no confirmation covers to their end; return how many."""
    pending = [
        row.id
        for row in rows
        if row.status == TransferStatus.PENDING.value and row.confirmation_id is None
    ]
    uncovered = orders.transfers.c.confirmation_id.is_(None)
    moved = orders.advance(
        session,
        pending,
        old=TransferStatus.PENDING,
        new=target,
        reason=reason,
        at=at,
        also=[uncovered],
    )
    return len(moved)


def wish_away(
    session: Session, funding: Sequence[Row[Any]], by: str, reason: Reason, at: datetime
) -> None:
    """Wish that transfers in funding be cancelled, once: what was wished already is not again."""
    wished = {wish.transfer_id for wish in wishes.open_of(session, [row.id for row in funding])}
    _wish(session, [row for row in funding if row.id not in wished], "cancel", by, reason, at)


def _wish(
    session: Session,
    funding: Sequence[Row[Any]],
    kind: str,
    by: str | None,
    reason: Reason,
    at: datetime,
) -> None:
    wishes.write(session, [row.id for row in funding], kind=kind, by=by, reason=reason, at=at)
    confirmations.hurry(session, {row.confirmation_id for row in funding}, at=at)


def has_part(order: Row[Any], rows: Sequence[Row[Any]], me: Party) -> bool:
    """Whether an order is somebody's: theirs to cancel or decline, now or once.

    A payee has no part in what another has only ordered: they learn of money once it moves.
    """
    return (
        me.made(order)
        or any(me.pays(row) for row in rows)
        or any(me.gets(row) and row.status in _MOVED for row in rows)
    )


_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
_MOVED = (
    TransferStatus.POSTED.value,
    TransferStatus.HELD.value,
    TransferStatus.RETURNED.value,
)


def _why_not_cancelled(order: Row[Any], rows: Sequence[Row[Any]], me: Party) -> Reply:
    """Say why nothing was cancelled, and what would do instead."""
    gets_held = any(me.gets(row) for row in _held(rows))
    is_asked = not me.made(order) and any(
        me.pays(row) and row.status in _OPEN and row.confirmation_id is None for row in rows
    )
    if gets_held or is_asked:
        return _instead("decline", order)
    return _why_not(order, rows, me) or Reply.of(
        "refusal.nothing_to_cancel", reference=order.reference
    )


def _why_not_declined(order: Row[Any], rows: Sequence[Row[Any]], me: Party) -> Reply:
    """Say why nothing was declined, and what would do instead."""
    pays_held = any(me.pays(row) for row in _held(rows))
    is_own = me.made(order) and any(
        row.status in _OPEN and row.confirmation_id is None for row in rows
    )
    if pays_held or is_own:
        return _instead("cancel", order)
    return _why_not(order, rows, me) or Reply.of(
        "refusal.nothing_to_decline", reference=order.reference
    )


def _instead(verb: str, order: Row[Any]) -> Reply:
    said = Reply.of(f"verb.{verb}")
    example = Reply.of(f"example.{verb}.named", verb=said, reference=order.reference)
    return Reply.of(f"refusal.{verb}_instead", reference=order.reference, example=example)


def _why_not(order: Row[Any], rows: Sequence[Row[Any]], me: Party) -> Reply | None:
    """Say what is past stopping; None where nothing is."""
    if not has_part(order, rows, me):
        return Reply.of("refusal.unknown_reference", reference=order.reference)
    posted = [row for row in rows if row.status == TransferStatus.POSTED.value]
    if any(me.pays(row) for row in posted):
        return Reply.of("refusal.already_posted", reference=order.reference)
    if any(me.gets(row) for row in posted):
        return Reply.of("refusal.already_received", reference=order.reference)
    if any(row.confirmation_id is not None and row.status in _OPEN for row in rows):
        return Reply.of("refusal.under_way")
    return None


def drive_wishes(deps: Deps, rows: Sequence[Row[Any]]) -> None:
    """Let the driver apply wishes at once; what the acquirer delays, the recovery job finishes."""
    waiting = {row.confirmation_id for row in rows if row.status == TransferStatus.FUNDING.value}
    for confirmation_id in waiting:
        with deps.store.read() as session:
            topup = confirmations.topup_of(session, confirmation_id)
        if topup is None:
            continue
        try:
            settle.drive(deps, topup.id)
        except (Unavailable, Rejected):
            continue
