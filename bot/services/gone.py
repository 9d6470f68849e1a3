"""Deleted posts: what a post that is gone asked for is not paid, and our reply goes with it.

A post that was not read today is looked up once, in UTC days: as its payer confirms, and by a job
for what is still open. X wants what its author deletes gone within 24 hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row

from bot.domain.errors import UNAUTHORIZED, Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.domain.transfer import Reason
from bot.domain.x_bill import next_day
from bot.services import cancel, x_money
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import orders, outbox, posts

log = structlog.get_logger(__name__)

AT_ONCE: Final = 100
"""Posts looked up in one call: X's most."""
REPLIES_AT_ONCE: Final = 20
"""Replies deleted in one go: X takes 50 in 15 minutes."""
TRIED_FOR: Final = timedelta(days=2)
"""How long it is tried to delete a reply: X wants it within 24 hours, and may be down."""


def look(deps: Deps, reference: str, x_user_id: str) -> None:
    """Look whether the post of an order still stands before an account pays in it.

    Raises `Refusal` where it does not: then nothing of it is paid any more. Where X does not say,
    or today's budget is for other things, it is taken to stand.
    """
    at = deps.clock.now()
    with deps.store.read() as session:
        order = posts.unread_of(session, reference, x_user_id, since=_midnight(at))
    if order is None or x_money.is_saving(deps):
        return
    try:
        gone = _look_up(deps, [order])
    except (Unavailable, Rejected) as error:
        log.warning("post_not_looked_up", reference=reference, reason=str(error))
        return
    x_money.note(deps)
    if gone:
        raise Refusal(Reply.of("refusal.post_gone"))


def clear(deps: Deps) -> int:
    """Look up open orders' posts, cancel what those asked that are gone, delete our replies.

    Returns how many replies were deleted. Raises `Unavailable`, and `Rejected` where X does not
    take our keys.
    """
    at = deps.clock.now()
    try:
        deleted = _delete_replies(deps, at)
    finally:  # where X lets us do only one of the two, that is done
        gone = _look_open_up(deps, at)
    return deleted + (_delete_replies(deps, at) if gone else 0)


def _look_open_up(deps: Deps, at: datetime) -> list[Row[Any]]:
    """Look up what nobody read today and somebody may still pay; return orders that are gone."""
    if x_money.is_saving(deps):
        return []
    with deps.store.read() as session:
        due = posts.unread(session, since=_midnight(at), at=at, limit=AT_ONCE)
    return _look_up(deps, due) if due else []


def _midnight(at: datetime) -> datetime:
    return next_day(at) - timedelta(days=1)


def _look_up(deps: Deps, due: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Look posts up, and cancel what those asked for that are gone; return their orders."""
    deleted = deps.mentions.deleted([order.source_id for order in due])
    at = deps.clock.now()
    gone = [order for order in due if order.source_id in deleted]
    for order in gone:
        _end(deps, order, at)
    with deps.store.write() as session:
        posts.stand(session, {one.id for one in due} - {one.id for one in gone}, at=at)
    return gone


def _end(deps: Deps, order: Row[Any], at: datetime) -> None:
    """Cancel what is still open of an order, and take a reply back that is not out."""
    with deps.store.write() as session:
        rows = cancel.lock(session, order)
        cancel.end_in(session, order, rows, Reason.POST_GONE, at)
        orders.change_order(session, order.id, post_gone_at=at)
        outbox.take_back(session, f"reply:{order.source_id}", reason="its post is gone")
    log.info("post_gone", reference=order.reference, post_id=order.source_id)
    deps.step(Step.POST_GONE)
    cancel.drive_wishes(deps, rows)


def _delete_replies(deps: Deps, at: datetime) -> int:
    """Delete the replies whose posts are gone; what X refuses for good is not asked for again."""
    with deps.store.read() as session:
        due = posts.replies_to_delete(session, gone_since=at - TRIED_FOR, limit=REPLIES_AT_ONCE)
    deleted = 0
    for order in due:
        try:
            deps.publisher.delete(order.reply_id)
            deleted += 1
        except Rejected as error:
            if error.code == UNAUTHORIZED:
                raise  # of this reply nothing is said
            # It would come back with each turn, before those that X would delete.
            log.error("reply_not_deleted", reply_id=order.reply_id, reason=str(error))  # noqa: TRY400 (the reason says all)
        deps.step(Step.REPLY_DELETED)
        with deps.store.write() as session:
            orders.change_order(session, order.id, reply_gone_at=deps.clock.now())
    return deleted
