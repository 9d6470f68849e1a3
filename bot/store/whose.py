"""Whose orders are, and what came in: a person's, in the time in which an X account was theirs."""

from sqlalchemy import ColumnElement, and_, func, select, union

from bot.store.former import Who
from bot.store.inbox import inbox
from bot.store.orders import orders


def owned(who: Who) -> ColumnElement[bool]:
    """Whether an order is somebody's."""
    return who.by(orders.c.owner_x_user_id, orders.c.created_at)


def heard_from(who: Who) -> ColumnElement[bool]:
    """Whether an inbox row is a message of somebody's: by its writer, its order, or its text."""
    mine = inbox.alias()
    said = who.by(mine.c.author_x_user_id, func.coalesce(mine.c.happened_at, mine.c.received_at))
    made = and_(orders.c.source == mine.c.source, orders.c.source_id == mine.c.source_id)
    return inbox.c.id.in_(
        union(
            select(mine.c.id).where(mine.c.author_x_user_id.is_not(None), said),
            select(mine.c.id).join(orders, made).where(owned(who)),
            select(mine.c.id).where(mine.c.id.in_(who.unread)),
        )
    )
