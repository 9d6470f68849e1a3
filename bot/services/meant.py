"""`cancel` and `decline`: which order a message means, and what becomes of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.order import OrderKind
from bot.domain.replies import EXAMPLE_REFERENCE, Reply
from bot.services import cancel, parties
from bot.services.answers import DONE_PRIORITY, Incoming, answer
from bot.services.deps import Deps
from bot.store import inbox, orders, outbox, threads

Verb = Literal["cancel", "decline"]

_CAN: Final[Mapping[Verb, Callable[[Collection[str]], ColumnElement[bool]]]] = {
    "cancel": threads.can_be_cancelled_by,
    "decline": threads.can_be_declined_by,
}


def cancel_meant(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    """Cancel the order that is meant, and answer."""
    order, rows = _meant(session, incoming, reference, "cancel")
    done = cancel.cancel_in(session, deps, order, rows, incoming.author_x_user_id, at)
    if not done.is_sure:
        what = "stopping"
    elif done.returned:
        what = "taken_back"
    else:
        what = "cancelled.request" if OrderKind(order.kind).is_asked else "cancelled"
    _say(session, deps, incoming, what, order, at)


def decline_meant(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    """Decline the order that is meant, and answer."""
    order, rows = _meant(session, incoming, reference, "decline")
    done = cancel.decline_in(session, deps, order, rows, incoming.author_x_user_id, at)
    what = "declined.held" if done.returned else "declined"
    what = what if done.is_sure else "stopping"
    _say(session, deps, incoming, what, order, at)


def _say(
    session: Session, deps: Deps, incoming: Incoming, what: str, order: Row[Any], at: datetime
) -> None:
    reply = Reply.of(what, reference=order.reference)
    answer(session, deps, incoming, reply, at=at, priority=DONE_PRIORITY)


def _meant(
    session: Session, incoming: Incoming, reference: str | None, verb: Verb
) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """Find the order that is meant, and lock its rows: the one named, the thread's, or the newest.

    Raises `Refusal` where there is none. Whose thread it is not learns nothing of it.
    """
    me = parties.behind(session, incoming.author_x_user_id)
    if reference is not None:
        order = orders.by_reference(session, reference)
        if order is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        return order, cancel.lock(session, order)
    condition = _CAN[verb](me.accounts)
    order = _in_thread(session, incoming, condition)
    if order is not None:
        rows = cancel.lock(session, order)
        if not cancel.has_part(order, rows, me):
            said = Reply.of(f"verb.{verb}")
            example = Reply.of(f"example.{verb}.named", verb=said, reference=EXAMPLE_REFERENCE)
            raise Refusal(Reply.of("refusal.not_yours", example=example))
        return order, rows
    order = threads.newest_with(session, condition)
    if order is None:
        raise Refusal(Reply.of(f"refusal.nothing_to_{verb}_at_all"))
    return order, cancel.lock(session, order)


def _in_thread(
    session: Session, incoming: Incoming, condition: ColumnElement[bool]
) -> Row[Any] | None:
    """Return the order in whose thread a message stands.

    A reply to the bot's answer or to the asking post means that order; anywhere else in the
    conversation it is the newest that the writer can act on, else the newest.
    """
    if incoming.in_reply_to_post_id is None:
        return None
    order_id = outbox.order_of_reply(session, incoming.in_reply_to_post_id)
    if order_id is not None:
        return orders.by_id(session, order_id)
    first = inbox.first_version(session, incoming.in_reply_to_post_id)
    order = orders.by_source(session, "post", first)
    thread = incoming.conversation_id
    if order is not None or thread is None:
        return order
    theirs = threads.newest_with(session, condition, conversation_id=thread)
    return theirs or threads.newest_in(session, thread)
