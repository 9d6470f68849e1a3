"""The posts behind orders: which may have been deleted since they were read, and our replies."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Row, and_, bindparam, or_, select, update
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store.drafts import drafts
from bot.store.orders import orders, transfers

_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)


_SINCE: Final[BindParameter[datetime]] = bindparam("since")
_UNREAD: Final = and_(
    orders.c.source == "post",
    orders.c.post_gone_at.is_(None),
    orders.c.created_at < _SINCE,
    or_(orders.c.edited_at.is_(None), orders.c.edited_at < _SINCE),
    or_(orders.c.post_read_at.is_(None), orders.c.post_read_at < _SINCE),
)
"""Orders whose posts were last read before a moment, by whatever way, and stood then."""
_PAYS: Final = select(transfers.c.order_id).where(
    transfers.c.payer_x_user_id == bindparam("payer"), transfers.c.status.in_(_OPEN)
)
_UNREAD_OF: Final = select(orders).where(
    orders.c.reference == bindparam("reference"), orders.c.id.in_(_PAYS), _UNREAD
)


def unread(session: Session, *, since: datetime, at: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return open orders whose posts nobody has read since a moment, the oldest first."""
    pending = select(transfers.c.order_id).where(
        transfers.c.status == TransferStatus.PENDING.value, transfers.c.due_at > at
    )
    drafted = select(drafts.c.order_id).where(drafts.c.ended_at.is_(None), drafts.c.confirm_by > at)
    is_open = or_(orders.c.id.in_(pending), orders.c.id.in_(drafted))
    wanted = select(orders).where(is_open, _UNREAD).order_by(orders.c.id).limit(limit)
    return session.execute(wanted, {"since": since}).all()


def unread_of(
    session: Session, reference: str, payer_x_user_id: str, *, since: datetime
) -> Row[Any] | None:
    """Return the order in which an account may still pay, if nobody has read its post since."""
    asked = {"reference": reference, "payer": payer_x_user_id, "since": since}
    return session.execute(_UNREAD_OF, asked).one_or_none()


def stand(session: Session, order_ids: Collection[int], *, at: datetime) -> None:
    """Note that the posts of some orders were looked up, and stood."""
    session.execute(update(orders).where(orders.c.id.in_(order_ids)).values(post_read_at=at))


def replies_to_delete(session: Session, *, gone_since: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return orders whose post is gone and our reply to it is not, the oldest first."""
    return session.execute(
        select(orders.c.id, orders.c.reply_id)
        .where(
            orders.c.post_gone_at >= gone_since,
            orders.c.reply_id.is_not(None),
            orders.c.reply_gone_at.is_(None),
        )
        .order_by(orders.c.post_gone_at, orders.c.id)
        .limit(limit)
    ).all()
