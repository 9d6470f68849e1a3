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

from bot.domain.commands import Cancel, Command, Decline, Nothing, Split, Stop
from bot.domain.errors import Unavailable
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, TransferStatus
from bot.services import ask, cancel
from bot.services.answers import Incoming
from bot.services.ask import Named, Ordering
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, tell
from bot.store import drafts, inbox, orders, outbox, wishes

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How long an edit waits for the driver to stop a card payment before it is read again."""
_CLOSING: Final = "what it edits is being paid, or its card page closed"
_OPEN: Final = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
_PAID: Final = (
    TransferStatus.POSTED.value,
    TransferStatus.HELD.value,
    TransferStatus.RETURNED.value,
)


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
        if _says_the_same(session, order, rows, incoming, command):
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
    if _was_done(session, incoming, command):
        return None
    inbox.note_version(session, incoming.thing_id, incoming.id, at=at)
    order = _order(session, incoming)
    rows = cancel.lock(session, order) if order is not None else []
    if isinstance(command, Nothing):  # the order first: who sends a message holds them like that
        outbox.take_back(session, incoming.reply_key, reason="its post was edited")
    if order is None:
        return incoming
    if isinstance(command, Cancel) and command.reference in (None, order.reference):
        # The post itself says which order is meant, as a reply to it would.
        return replace(incoming, in_reply_to_post_id=incoming.thing_id)
    if _says_the_same(session, order, rows, incoming, command):
        return None
    if _is_settled(session, rows) or _has_ended(drafts.of(session, order.id)):
        _say_too_late(session, deps, incoming, order, rows, at)
        return None
    _stop_what_moves(session, rows, incoming, command, at)
    _withdraw(session, order, rows, at)
    return replace(incoming, order_id=order.id)


def _stop_what_moves(
    session: Session,
    rows: Sequence[Row[Any]],
    incoming: Incoming,
    command: Command,
    at: datetime,
) -> None:
    """Wait for what was confirmed since `close_card_pages` looked. Raises `Unavailable`.

    `stop` waits for nobody: what is with the card is wished away, and the driver does the rest.
    """
    if isinstance(command, Stop):
        funding = _with_the_card(rows)
        cancel.wish_away(session, funding, incoming.author_x_user_id, Reason.EDITED, at)
    elif _with_the_card(rows) or any(_is_confirmed(row) for row in rows):
        raise Unavailable(_CLOSING, at + LOOK_AGAIN)


def _say_too_late(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    order: Row[Any],
    rows: Sequence[Row[Any]],
    at: datetime,
) -> None:
    """Tell the writer where X allows it that an edit changes nothing: the money has moved."""
    if not any(row.status in _PAID for row in rows):
        return
    url = f"{deps.public_url}/t/{order.reference}"
    reply = Reply.of("news.edited_too_late", reference=order.reference, url=url)
    news = News(f"edit:{incoming.id}", incoming.author_x_user_id, reply, order.id)
    tell(session, [news], at=at)


def is_superseded(session: Session, incoming: Incoming) -> bool:
    """Whether a newer version of a post was read before this one: X delivers out of order."""
    return incoming.is_public and not inbox.is_newest_version(
        session, incoming.thing_id, incoming.id
    )


def _order(session: Session, incoming: Incoming) -> Row[Any] | None:
    return orders.by_source(session, incoming.source, incoming.thing_id)


def _name(command: Command) -> str:
    return type(command).__name__.lower()


def _was_done(session: Session, incoming: Incoming, command: Command) -> bool:
    """Whether an earlier version did what must not be done again: a word may only be mended.

    Without a reference `cancel` and `decline` mean the newest: the next time that is another.
    """
    if not isinstance(command, Cancel | Decline) or command.reference is not None:
        return False
    return _name(command) in inbox.kinds_read(session, incoming.thing_id)


def _is_confirmed(row: Row[Any]) -> bool:
    """Whether a confirmation covers it that is not settled yet: it may still come to nothing."""
    return row.confirmation_id is not None and row.status == TransferStatus.PENDING.value


def _with_the_card(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.status == TransferStatus.FUNDING.value]


def _withdraw(session: Session, order: Row[Any], rows: Sequence[Row[Any]], at: datetime) -> None:
    """Cancel what is pending, and forget the draft: the newest version takes their place."""
    cancel.stop_pending(session, rows, TransferStatus.CANCELLED, Reason.EDITED, at)
    drafts.end(session, order.id, "edited", at=at)
    orders.change_order(session, order.id, edited_at=at)


def _is_settled(session: Session, rows: Sequence[Row[Any]]) -> bool:
    """Whether something in an order was paid, or all of it has ended other than by an edit.

    Who was asked and said no keeps the others' terms from nothing: these still follow the post.
    """
    if any(row.status in _PAID for row in rows):
        return True
    if any(row.status in _OPEN for row in rows):
        return False
    return len(orders.edited_away(session, [row.id for row in rows])) < len(rows)


def _has_ended(draft: Row[Any] | None) -> bool:
    """Whether a draft came to an end by its owner, or by its time."""
    return draft is not None and draft.outcome in ("cancelled", "expired")


def _says_the_same(
    session: Session,
    order: Row[Any],
    rows: Sequence[Row[Any]],
    incoming: Incoming,
    command: Command,
) -> bool:
    """Whether an edit asks for just what waits: then an open form stays good.

    What an earlier edit has wished away goes, whatever this one says: it is added anew.
    """
    if not isinstance(command, Ordering) or not incoming.people:
        return False
    if order.kind != ask.kind_of(command).value:
        return False
    me = incoming.author_x_user_id
    named = [(handle, incoming.people[handle]) for handle in command.people]
    if isinstance(command, Split):
        return _is_drafted(session, order, ask.besides(session, me, named), command)
    going = wishes.open_of(session, [row.id for row in rows])
    if any(wish.reason == Reason.EDITED.value for wish in going):
        return False
    waiting = [_terms(row) for row in rows if row.status != TransferStatus.CANCELLED.value]
    return [_terms(ask.transfer_of(command, me, one)) for one in named] == waiting


def _is_drafted(session: Session, order: Row[Any], others: Sequence[Named], command: Split) -> bool:
    """Whether a split has just this draft, be it open or asked for already."""
    draft = drafts.of(session, order.id)
    if draft is None or draft.misread is not None or draft.outcome not in (None, "asked"):
        return False
    named = [row.x_user_id for row in drafts.people_of(session, [order.id])]
    wanted = [x_user_id for _handle, x_user_id in others]
    known = (draft.amount_cents, draft.note, named)
    return known == (command.amount_cents, command.note, wanted)


def _terms(one: Any) -> tuple[str, str, int, str | None]:
    return one.payer_x_user_id, one.payee_x_user_id, one.amount_cents, one.note
