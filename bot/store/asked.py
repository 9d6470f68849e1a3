"""Who asked whom for money: what waits, and who has ever paid.

Askers and asked are given with all X accounts of a person, so that everything counts by person.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, or_, select
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store.orders import orders, transfers
from bot.store.people import x_accounts

_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
_PAID = (TransferStatus.POSTED.value, TransferStatus.HELD.value)


def asked_since(
    session: Session, askers: Collection[str], *, since: datetime
) -> list[tuple[int, str]]:
    """Return whom a person asked since then and who has not answered, with the order of each."""
    return [
        (row.order_id, row.payer_x_user_id)
        for row in session.execute(
            select(transfers.c.order_id, transfers.c.payer_x_user_id)
            .join(orders, orders.c.id == transfers.c.order_id)
            .where(
                orders.c.owner_x_user_id.in_(askers),
                transfers.c.payer_x_user_id.not_in(askers),
                transfers.c.status.in_(_OPEN),
                transfers.c.created_at > since,
            )
        )
    ]


def still_waits(session: Session, order_id: int, payer: str, *, at: datetime) -> bool:
    """Whether what an order asked of an account by a moment waits: an edit's newer terms do not."""
    found = session.execute(
        select(transfers.c.id).where(
            transfers.c.order_id == order_id,
            transfers.c.payer_x_user_id == payer,
            transfers.c.status == TransferStatus.PENDING.value,
            transfers.c.created_at <= at,
        )
    ).first()
    return found is not None


def nameless_askers(session: Session, x_user_id: str, *, not_since: datetime) -> list[str]:
    """Return who asks an account for something that waits, and whose handle was never seen.

    Those who were looked up since `not_since` in vain are left out; in the order of their ids.
    """
    return sorted(
        session.execute(
            select(orders.c.owner_x_user_id)
            .distinct()
            .join(transfers, transfers.c.order_id == orders.c.id)
            .join(x_accounts, x_accounts.c.x_user_id == orders.c.owner_x_user_id)
            .where(
                transfers.c.payer_x_user_id == x_user_id,
                orders.c.owner_x_user_id != x_user_id,
                transfers.c.status.in_(_OPEN),
                x_accounts.c.handle.is_(None),
                or_(x_accounts.c.looked_up_at.is_(None), x_accounts.c.looked_up_at <= not_since),
            )
        ).scalars()
    )


def who_paid(session: Session, payers: Collection[str], payees: Collection[str]) -> set[str]:
    """Return which of some accounts ever paid a person: the money arrived, or waits for them."""
    return set(
        session.execute(
            select(transfers.c.payer_x_user_id)
            .distinct()
            .where(
                transfers.c.payer_x_user_id.in_(payers),
                transfers.c.payee_x_user_id.in_(payees),
                transfers.c.status.in_(_PAID),
            )
        ).scalars()
    )


def orders_between(session: Session, askers: Collection[str], asked: Collection[str]) -> list[int]:
    """Return the orders by which one person asks another for something that still waits."""
    return sorted(
        session.execute(
            select(orders.c.id)
            .distinct()
            .join(transfers, orders.c.id == transfers.c.order_id)
            .where(_between(askers, asked))
        ).scalars()
    )


def lock_between(
    session: Session, askers: Collection[str], asked: Collection[str]
) -> Sequence[Row[Any]]:
    """Lock and return what one person still asks another for, in the order in which all lock."""
    return session.execute(
        select(transfers)
        .join(orders, orders.c.id == transfers.c.order_id)
        .where(_between(askers, asked))
        .order_by(transfers.c.id)
        .with_for_update(of=transfers)  # vanishes on SQLite: a writer is alone anyway
    ).all()


def _between(askers: Collection[str], asked: Collection[str]) -> Any:
    return and_(
        orders.c.owner_x_user_id.in_(askers),
        transfers.c.payer_x_user_id.in_(asked),
        transfers.c.status.in_(_OPEN),
    )
