"""Which order a message may mean: one of its thread's, or the newest that somebody can change.

What is theirs is counted by person: `accounts` are all X accounts of one.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store.drafts import drafts
from bot.store.orders import orders, transfers

_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)


def newest_in(session: Session, conversation_id: str) -> Row[Any] | None:
    """Return the newest order of a thread."""
    return session.execute(
        select(orders)
        .where(orders.c.conversation_id == conversation_id)
        .order_by(orders.c.id.desc())
        .limit(1)
    ).one_or_none()


def newest_with(
    session: Session, condition: ColumnElement[bool], *, conversation_id: str | None = None
) -> Row[Any] | None:
    """Return the newest order that meets a condition by a transfer or its draft.

    Of a thread, or of all.
    """
    statement = (
        select(orders)
        .outerjoin(transfers, transfers.c.order_id == orders.c.id)
        .outerjoin(drafts, drafts.c.order_id == orders.c.id)
        .where(condition)
        .order_by(orders.c.id.desc())
        .limit(1)
    )
    if conversation_id is not None:
        statement = statement.where(orders.c.conversation_id == conversation_id)
    return session.execute(statement).first()


def can_be_cancelled_by(accounts: Collection[str]) -> ColumnElement[bool]:
    """What `cancel` may mean: an own order that is pending, or money of one's own that is held.

    A draft is pending until it has ended.
    """
    waits = or_(
        transfers.c.status.in_(_OPEN),
        and_(drafts.c.order_id.is_not(None), drafts.c.ended_at.is_(None)),
    )
    own = and_(orders.c.owner_x_user_id.in_(accounts), waits)
    taken_back = and_(
        transfers.c.payer_x_user_id.in_(accounts),
        transfers.c.status == TransferStatus.HELD.value,
    )
    return or_(own, taken_back)


def can_be_declined_by(accounts: Collection[str]) -> ColumnElement[bool]:
    """What `decline` may mean: asked of them by another, or held for them."""
    asked = and_(
        transfers.c.payer_x_user_id.in_(accounts),
        orders.c.owner_x_user_id.not_in(accounts),
        transfers.c.status.in_(_OPEN),
    )
    waiting = and_(
        transfers.c.payee_x_user_id.in_(accounts),
        transfers.c.status == TransferStatus.HELD.value,
    )
    return or_(asked, waiting)
