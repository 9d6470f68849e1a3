"""Wishes for transfers in funding: written down at once, applied or answered by the driver."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from bot.domain.transfer import Reason
from bot.store.tables import Wish, core

wishes = core(Wish)

_OPEN_OF: Final = (
    select(wishes)
    .where(
        wishes.c.transfer_id.in_(bindparam("transfers", expanding=True)),
        wishes.c.done_at.is_(None),
    )
    .order_by(wishes.c.id)
)


def write(
    session: Session,
    transfer_ids: Iterable[int],
    *,
    kind: str,
    by: str | None,
    reason: Reason,
    at: datetime,
) -> None:
    """Write down a wish for transfers in funding; the driver applies it."""
    rows = [
        {"transfer_id": one, "kind": kind, "by_x_user_id": by, "reason": reason.value, "at": at}
        for one in transfer_ids
    ]
    if rows:
        session.execute(wishes.insert(), rows)


def open_of(session: Session, transfer_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Return the wishes for transfers that nobody has answered yet, oldest first."""
    return session.execute(_OPEN_OF, {"transfers": list(transfer_ids)}).all()


def answer(session: Session, transfer_ids: Collection[int], *, applied: bool, at: datetime) -> None:
    """Record what became of the wishes for transfers."""
    session.execute(
        update(wishes)
        .where(wishes.c.transfer_id.in_(transfer_ids), wishes.c.done_at.is_(None))
        .values(done_at=at, applied=applied)
    )
