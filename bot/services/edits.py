"""Edited posts: an order follows the newest version of its post, while nothing is confirmed.

X gives an edited post another id and the ids of every version before it. By the first version's id
the post's order and its one reply are known, so that an edit brings no second one of either. Its
pending transfers are cancelled and new ones added under the same reference; what is with the card
is stopped first, by the driver; what was confirmed, or has ended, stays as it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Cancel, Command, Confirm, Decline, Nothing, Split
from bot.domain.errors import Unavailable
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, TransferStatus
from bot.services import ask, cancel
from bot.services.answers import HINT_PRIORITY, Incoming, answer
from bot.services.ask import Ordering
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import drafts, inbox, orders, outbox

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How long an edit waits for the driver to stop a card payment before it is read again."""
_CLOSING: Final = "the card page of what it edits is being closed"
_ONCE: Final = (Cancel, Decline, Confirm)
"""Commands that an edit, which may only mend a word, must not do a second time."""


def close_card_pages(deps: Deps, incoming: Incoming, command: Command) -> None:
    """Stop what an edited order has with the card. Raises `Unavailable` until that has ended.

    The wish is a row, which the driver applies: the transfers are cancelled, or it came too late.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = _order(session, incoming)
        if order is None or is_superseded(session, incoming):
            return
        rows = cancel.lock(session, order)
        funding = _with_the_card(rows)
        if not funding or _is_settled(session, rows):
            return
        if _says_the_same(order, rows, incoming, command):
            return
        cancel.wish_away(session, funding, incoming.author_x_user_id, Reason.EDITED, at)
    deps.step(Step.EDIT_WISHED)
    cancel.drive_wishes(deps, funding)
    with deps.store.read() as session:
        rows = orders.transfers_of(session, [order.id])
    if _with_the_card(rows):
        raise Unavailable(_CLOSING, at + LOOK_AGAIN)


def follow(
    session: Session, deps: Deps, incoming: Incoming, command: Command, at: datetime
) -> Incoming | None:
    """Withdraw what an earlier version asked for; None where the edit has nothing more to do.

    The writer's account is locked by now, so that two versions are never followed at once.
    """
    if isinstance(command, _ONCE) and _name(command) in _read_before(session, incoming):
        return None
    inbox.note_version(session, incoming.thing_id, incoming.id, at=at)
    if isinstance(command, Nothing):
        outbox.take_back(session, incoming.reply_key, reason="its post was edited")
    order = _order(session, incoming)
    if order is None:
        return incoming
    rows = cancel.lock(session, order)
    draft = drafts.of(session, order.id)
    if _is_settled(session, rows) or _has_ended(draft):
        return None
    if _says_the_same(order, rows, incoming, command):
        return None
    if _with_the_card(rows):  # since `close_card_pages` looked: it looks again
        raise Unavailable(_CLOSING, at + LOOK_AGAIN)
    _withdraw(session, order, rows, at)
    if isinstance(command, Cancel) and command.reference in (None, order.reference):
        reply = Reply.of("cancelled", reference=order.reference)
        answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)
        return None
    return replace(incoming, order_id=order.id)


def is_superseded(session: Session, incoming: Incoming) -> bool:
    """Whether a newer version of a post was read before this one: X delivers out of order."""
    return incoming.is_public and not inbox.is_newest_version(
        session, incoming.thing_id, incoming.id
    )


def _order(session: Session, incoming: Incoming) -> Row[Any] | None:
    return orders.by_source(session, incoming.source, incoming.thing_id)


def _name(command: Command) -> str:
    return type(command).__name__.lower()


def _read_before(session: Session, incoming: Incoming) -> set[str]:
    return inbox.kinds_read(session, incoming.thing_id)


def _with_the_card(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.status == TransferStatus.FUNDING.value]


def _withdraw(session: Session, order: Row[Any], rows: Sequence[Row[Any]], at: datetime) -> None:
    """Cancel what is pending, and forget the draft: the newest version takes their place."""
    cancel.stop_pending(session, rows, TransferStatus.CANCELLED, Reason.EDITED, at)
    drafts.end(session, order.id, "edited", at=at)
    orders.change_order(session, order.id, edited_at=at)


def _is_settled(session: Session, rows: Sequence[Row[Any]]) -> bool:
    """Whether something in an order was confirmed or has ended, other than by an edit."""
    open_ones = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
    if any(row.confirmation_id is not None and row.status == "pending" for row in rows):
        return True
    closed = [row for row in rows if row.status not in open_ones]
    if any(row.status != TransferStatus.CANCELLED.value for row in closed):
        return True
    return len(orders.edited_away(session, [row.id for row in closed])) < len(closed)


def _has_ended(draft: Row[Any] | None) -> bool:
    """Whether a draft came to an end by its owner, or by its time."""
    return draft is not None and draft.outcome in ("cancelled", "expired")


def _says_the_same(
    order: Row[Any], rows: Sequence[Row[Any]], incoming: Incoming, command: Command
) -> bool:
    """Whether an edit asks for just what waits: then an open form stays good."""
    if not isinstance(command, Ordering) or isinstance(command, Split):
        return False
    if order.kind != ask.kind_of(command).value or not incoming.people:
        return False
    me = incoming.author_x_user_id
    wanted = [
        ask.transfer_of(command, me, (handle, incoming.people[handle])) for handle in command.people
    ]
    waiting = [row for row in rows if row.status != TransferStatus.CANCELLED.value]
    return [_terms(one) for one in wanted] == [_terms(row) for row in waiting]


def _terms(one: Any) -> tuple[str, str, int, str | None]:
    return one.payer_x_user_id, one.payee_x_user_id, one.amount_cents, one.note
