"""What a person sees in their wallet: what waits for them, and what happened."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, not_, or_, select, true
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store import former
from bot.store.orders import orders, transfers

_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
_ENDED = (
    TransferStatus.POSTED.value,
    TransferStatus.RETURNED.value,
    TransferStatus.CANCELLED.value,
    TransferStatus.DECLINED.value,
    TransferStatus.EXPIRED.value,
)
_COLUMNS = (transfers, orders.c.reference, orders.c.kind, orders.c.owner_x_user_id)
SHOWN_AT_MOST = 100
"""Transfers that wait, shown at once: five times what one person may order."""


def waiting(session: Session, x_user_id: str, person_id: int | None) -> Sequence[Row[Any]]:
    """Return what is open or held in which an account has a part, the newest first.

    A payee learns of money once it is on its way: what another has only ordered is not theirs yet.
    What another person's wallet paid, whose account it was, is that person's.
    """
    pays = and_(
        transfers.c.payer_x_user_id == x_user_id,
        or_(transfers.c.payer_person_id.is_(None), transfers.c.payer_person_id == person_id),
    )
    mine = or_(
        and_(pays, transfers.c.status.in_(_OPEN)),
        and_(
            transfers.c.payee_x_user_id == x_user_id,
            orders.c.owner_x_user_id == x_user_id,
            transfers.c.status.in_(_OPEN),
        ),
        and_(
            or_(pays, transfers.c.payee_x_user_id == x_user_id),
            transfers.c.status == TransferStatus.HELD.value,
        ),
    )
    return _read(session, mine, limit=SHOWN_AT_MOST)


def of_order(session: Session, order_id: int) -> Sequence[Row[Any]]:
    """Return an order's transfers, the newest first."""
    return _read(session, transfers.c.order_id == order_id, limit=SHOWN_AT_MOST)


def ended(
    session: Session,
    x_user_ids: Collection[str],
    *,
    person_id: int,
    limit: int,
    with_held: bool = False,
    before: int | None = None,
) -> Sequence[Row[Any]]:
    """Return the newest transfers of a person's accounts that came to an end.

    What moved while an account was another person's, who closed theirs, is not shown. Of what came
    to nothing only those see it who ordered it or were asked. `with_held`: also what has left the
    payer and waits, where nothing else shows it to them. `before`: with lower ids.
    """
    left = (*_ENDED, TransferStatus.HELD.value) if with_held else _ENDED

    def is_theirs(account: ColumnElement[str], person: ColumnElement[int]) -> ColumnElement[bool]:
        is_later = not_(former.was_anothers(account, transfers.c.created_at))
        return and_(account.in_(x_user_ids), or_(person == person_id, person.is_(None) & is_later))

    pays = is_theirs(transfers.c.payer_x_user_id, transfers.c.payer_person_id)
    gets = is_theirs(transfers.c.payee_x_user_id, transfers.c.payee_person_id)
    as_payer = and_(pays, transfers.c.status.in_(left))
    moved = transfers.c.status.in_([TransferStatus.POSTED.value, TransferStatus.RETURNED.value])
    own = orders.c.owner_x_user_id.in_(x_user_ids)
    as_payee = and_(gets, transfers.c.status.in_(_ENDED), or_(moved, own))
    older = transfers.c.id < before if before is not None else true()
    return _read(session, and_(or_(as_payer, as_payee), older), limit=limit)


def _read(session: Session, condition: ColumnElement[bool], *, limit: int) -> Sequence[Row[Any]]:
    return session.execute(
        select(*_COLUMNS)
        .join(orders, transfers.c.order_id == orders.c.id)
        .where(condition)
        .order_by(transfers.c.id.desc())
        .limit(limit)
    ).all()
