"""`cancel` and `decline`: which order a message means, and what becomes of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import cancel
from bot.services.answers import HINT_PRIORITY, Incoming, answer
from bot.services.deps import Deps
from bot.store import inbox, orders, outbox


def _in_thread(session: Session, incoming: Incoming) -> Row[Any] | None:
    """Return the order in whose thread a message stands."""
    if incoming.in_reply_to_post_id is None:
        return None
    order_id = outbox.order_of_reply(session, incoming.in_reply_to_post_id)
    if order_id is not None:
        return orders.by_id(session, order_id)
    first = inbox.first_version(session, incoming.in_reply_to_post_id)
    order = orders.by_source(session, "post", first)
    if order is not None or incoming.conversation_id is None:
        return order
    return orders.newest_in_conversation(session, incoming.conversation_id)


def cancel_meant(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    """Cancel the order that is meant, and answer."""
    me = incoming.author_x_user_id
    order = _meant(session, incoming, reference, orders.can_be_cancelled_by(me), "cancel")
    rows = cancel.lock(session, order)
    done = cancel.cancel_in(session, deps, order, rows, me, at)
    reply = Reply.of("cancelled" if done.is_sure else "stopping", reference=order.reference)
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def decline_meant(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    """Decline the order that is meant, and answer."""
    me = incoming.author_x_user_id
    order = _meant(session, incoming, reference, orders.can_be_declined_by(me), "decline")
    rows = cancel.lock(session, order)
    done = cancel.decline_in(session, deps, order, rows, me, at)
    reply = Reply.of("declined" if done.is_sure else "stopping", reference=order.reference)
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _meant(
    session: Session, incoming: Incoming, reference: str | None, condition: Any, verb: str
) -> Row[Any]:
    """Find the order that is meant: the one named, the thread's, or the newest that qualifies."""
    if reference is not None:
        order = orders.by_reference(session, reference)
        if order is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        return order
    order = _in_thread(session, incoming) or orders.newest_order_with(session, condition=condition)
    if order is None:
        raise Refusal(Reply.of(f"refusal.nothing_to_{verb}_at_all"))
    return order
