"""Whom a person has paid before, and what waits for a payee whose handle may be another's."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, func, or_, select, union_all
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store.orders import transfers
from bot.store.people import x_accounts
from bot.store.sets import Statement

_PAID = (TransferStatus.POSTED.value, TransferStatus.HELD.value)
_PAID_BY: Final = Statement(
    """
    SELECT payee_x_user_id, payee_handle, MIN(id) AS first_id FROM transfer
    WHERE payer_person_id = :person_id AND UNINDEXED(status) IN ('posted', 'held')
        AND UNINDEXED(refund_of_id) IS NULL
    GROUP BY payee_x_user_id, payee_handle
    """
)


def paid(session: Session, person_id: int) -> Sequence[Row[Any]]:
    """Return whom a person has paid: X user id, handle as named, and the first transfer's id.

    From whichever of their X accounts, and by nobody who had one of those before. An account that
    was named in several ways has as many rows; a refund is not a payment.
    """
    return _PAID_BY.run(session, person_id=person_id)


def first_orders(session: Session, person_id: int, others: Collection[str]) -> dict[str, int]:
    """Return by which order money first went between a person and each of some X accounts.

    What was sent to the person and waits for them does not count: they have not taken it.
    """
    sent = select(transfers.c.payee_x_user_id.label("other"), transfers.c.order_id).where(
        transfers.c.payer_person_id == person_id,
        transfers.c.payee_x_user_id.in_(others),
        transfers.c.status.in_(_PAID),
    )
    got = select(transfers.c.payer_x_user_id.label("other"), transfers.c.order_id).where(
        transfers.c.payee_person_id == person_id,
        transfers.c.payer_x_user_id.in_(others),
        transfers.c.status == TransferStatus.POSTED.value,
    )
    both = union_all(sent, got).subquery()
    rows = session.execute(
        select(both.c.other, func.min(both.c.order_id).label("first")).group_by(both.c.other)
    )
    return {row.other: row.first for row in rows}


def to_look_up(
    session: Session, order_id: int, payer: str, person_id: int | None, *, not_since: datetime
) -> list[str]:
    """Return the accounts that an X account is about to pay, and its person never did.

    Those that X was asked about since `not_since` are left out; in the order of their ids.
    """
    before = paid(session, person_id) if person_id is not None else ()
    known = {row.payee_x_user_id for row in before}
    rows = session.execute(
        select(transfers.c.payee_x_user_id)
        .distinct()
        .join(x_accounts, x_accounts.c.x_user_id == transfers.c.payee_x_user_id)
        .where(
            transfers.c.order_id == order_id,
            transfers.c.payer_x_user_id == payer,
            transfers.c.status == TransferStatus.PENDING.value,
            or_(x_accounts.c.looked_up_at.is_(None), x_accounts.c.looked_up_at <= not_since),
        )
    )
    return sorted(set(rows.scalars()) - known)


def held_for_another(session: Session, handle: str, x_user_id: str) -> Sequence[Row[Any]]:
    """Return what is held for other accounts that were named by the handle of this one."""
    return session.execute(
        select(transfers).where(
            and_(
                transfers.c.status == TransferStatus.HELD.value,
                transfers.c.payee_handle == handle,
                transfers.c.payee_x_user_id != x_user_id,
            )
        )
    ).all()


def orders_held_between(
    session: Session, payers: Collection[str], mine: Collection[str]
) -> list[int]:
    """Return the orders by which one person's money waits for another."""
    rows = session.execute(
        select(transfers.c.order_id).distinct().where(_held_between(payers, mine))
    )
    return sorted(rows.scalars())


def lock_held_between(
    session: Session, order_ids: Collection[int], payers: Collection[str], mine: Collection[str]
) -> Sequence[Row[Any]]:
    """Lock and return what waits for a person from another, in the order in which all lock."""
    return session.execute(
        select(transfers)
        .where(transfers.c.order_id.in_(order_ids), _held_between(payers, mine))
        .order_by(transfers.c.order_id, transfers.c.number)
        .with_for_update()  # vanishes on SQLite: a writer is alone anyway
    ).all()


def _held_between(payers: Collection[str], mine: Collection[str]) -> Any:
    return and_(
        transfers.c.payer_x_user_id.in_(payers),
        transfers.c.payee_x_user_id.in_(mine),
        transfers.c.status == TransferStatus.HELD.value,
    )
