"""Refunds: transfers that give others back, and what goes on from a wallet to a card."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlmodel import Session

from bot.domain.topup import RefundStatus
from bot.store.confirmations import topups
from bot.store.orders import transfers
from bot.store.tables import CardRefund, core

refunds = core(CardRefund)


def insert(session: Session, *, at: datetime, **values: object) -> None:
    """Write a refund to a card, created."""
    session.execute(
        refunds.insert().values(
            status=RefundStatus.CREATED.value, created_at=at, next_attempt_at=at, **values
        )
    )


def get(session: Session, refund_id: str) -> Row[Any] | None:
    """Return a refund to a card, with the payment that it is of."""
    return session.execute(
        select(refunds, topups.c.payment_id)
        .join(topups, topups.c.id == refunds.c.topup_id)
        .where(refunds.c.id == refund_id)
    ).one_or_none()


def by_acquirers_id(session: Session, refund_id: str) -> Row[Any] | None:
    """Return the refund that the acquirer knows by this id."""
    return session.execute(select(refunds).where(refunds.c.refund_id == refund_id)).one_or_none()


def by_transfer(session: Session, transfer_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Return the refunds to cards, by the transfer whose money goes on."""
    rows = session.execute(select(refunds).where(refunds.c.transfer_id.in_(transfer_ids)))
    return {row.transfer_id: row for row in rows}


def spoken_for(session: Session, topup_id: str) -> int:
    """Return what of a top-up is refunded, or is about to be, in cents."""
    total = select(func.coalesce(func.sum(refunds.c.amount_cents), 0)).where(
        refunds.c.topup_id == topup_id, refunds.c.status != RefundStatus.FAILED.value
    )
    return int(session.execute(total).scalar_one())


def end(
    session: Session, row_id: str, *, old: RefundStatus, new: RefundStatus, **values: object
) -> bool:
    """Move a refund from one status to another; False where it is no longer in the old one."""
    done = session.connection().execute(
        update(refunds)
        .where(refunds.c.id == row_id, refunds.c.status == old.value)
        .values(status=new.value, **values)
    )
    return done.rowcount == 1


def count(session: Session, topup_id: str, cents: int) -> Row[Any]:
    """Add to what of a top-up is refunded; return the top-up."""
    session.execute(
        update(topups)
        .where(topups.c.id == topup_id)
        .values(refunded_cents=topups.c.refunded_cents + cents)
    )
    return session.execute(select(topups).where(topups.c.id == topup_id)).one()


def due(session: Session, *, at: datetime, limit: int) -> list[str]:
    """Return the refunds that are not made yet and whose next attempt is due."""
    return list(
        session.execute(
            select(refunds.c.id)
            .where(refunds.c.status == RefundStatus.CREATED.value, refunds.c.next_attempt_at <= at)
            .order_by(refunds.c.next_attempt_at)
            .limit(limit)
        ).scalars()
    )


def postpone(session: Session, refund_id: str, *, until: datetime) -> None:
    """Try a refund again later."""
    session.execute(
        update(refunds)
        .where(refunds.c.id == refund_id, refunds.c.status == RefundStatus.CREATED.value)
        .values(attempts=refunds.c.attempts + 1, next_attempt_at=until)
    )


def given_back(session: Session, transfer_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Return the transfers that give these back."""
    return session.execute(
        select(transfers)
        .where(transfers.c.refund_of_id.in_(transfer_ids))
        .order_by(transfers.c.id)
        .with_for_update()
    ).all()
