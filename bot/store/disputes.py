"""Disputes and what was recovered for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlmodel import Session

from bot.domain.topup import DisputeStatus
from bot.store.tables import DisputeRow, Recovery, core

disputes = core(DisputeRow)
recoveries = core(Recovery)


def get(session: Session, dispute_id: str) -> Row[Any] | None:
    """Return a dispute that was written down."""
    return session.execute(select(disputes).where(disputes.c.id == dispute_id)).one_or_none()


def insert(session: Session, **values: object) -> None:
    """Write a dispute down, open."""
    session.execute(disputes.insert().values(status=DisputeStatus.OPEN.value, **values))


def close(
    session: Session, dispute_id: str, status: DisputeStatus, *, restored_cents: int, at: datetime
) -> bool:
    """End an open dispute; False where it had ended."""
    done = session.connection().execute(
        update(disputes)
        .where(disputes.c.id == dispute_id, disputes.c.status == DisputeStatus.OPEN.value)
        .values(status=status.value, restored_cents=restored_cents, closed_at=at)
    )
    return done.rowcount == 1


def are_open(session: Session, topup_id: str) -> bool:
    """Whether a dispute of a top-up is not decided yet, or was lost."""
    found = session.execute(
        select(disputes.c.id).where(
            disputes.c.topup_id == topup_id, disputes.c.status != DisputeStatus.WON.value
        )
    ).first()
    return found is not None


def open_ids(session: Session) -> list[str]:
    """Return the disputes that are not decided, the oldest first."""
    return list(
        session.execute(
            select(disputes.c.id)
            .where(disputes.c.status == DisputeStatus.OPEN.value)
            .order_by(disputes.c.opened_at, disputes.c.id)
        ).scalars()
    )


def unpaid_of(session: Session, person_id: int) -> Sequence[Row[Any]]:
    """Return what a person's disputes cost and is not recovered (`left_cents`), oldest first."""
    recovered = (
        select(func.coalesce(func.sum(recoveries.c.amount_cents), 0))
        .where(recoveries.c.dispute_id == disputes.c.id)
        .scalar_subquery()
    )
    left = (disputes.c.amount_cents + disputes.c.fee_cents - recovered).label("left_cents")
    return session.execute(
        select(disputes.c.id, left)
        .where(
            disputes.c.person_id == person_id,
            disputes.c.status != DisputeStatus.WON.value,
            left > 0,
        )
        .order_by(disputes.c.opened_at, disputes.c.id)
    ).all()


def recover(
    session: Session, dispute_id: str, person_id: int, amount_cents: int, *, at: datetime
) -> int:
    """Write down what is recovered for a dispute; return its row's id."""
    values = recoveries.insert().values(
        dispute_id=dispute_id, person_id=person_id, amount_cents=amount_cents, at=at
    )
    recovery_id: int = session.execute(values.returning(recoveries.c.id)).scalar_one()
    return recovery_id


def recovered_cents(session: Session, dispute_id: str) -> int:
    """Return what was recovered for a dispute, in cents."""
    total = select(func.coalesce(func.sum(recoveries.c.amount_cents), 0))
    return int(session.execute(total.where(recoveries.c.dispute_id == dispute_id)).scalar_one())
