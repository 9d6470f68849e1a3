"""Entering a wallet without X, the wrong tries at it, and the X accounts that people took out."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select, update
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store.drafts import drafts
from bot.store.engine import dialect_insert
from bot.store.orders import orders, transfers
from bot.store.people import block, blocks, x_accounts
from bot.store.tables import FormerAccount, LostDoor, LostEntry, core

entries = core(LostEntry)
doors = core(LostDoor)
former_accounts = core(FormerAccount)


# --- the way in --------------------------------------------------------------------------------


def begin(session: Session, *, browser_hash: str, **values: object) -> None:
    """Write that a browser brought a phone and a wallet code, right or wrong; others are void."""
    end(session, browser_hash)
    session.execute(entries.insert().values(browser_hash=browser_hash, failures=0, **values))


def entry(
    session: Session, browser_hash: str, *, at: datetime, failures_at_most: int
) -> Row[Any] | None:
    """Return the way in that a browser may still end."""
    return session.execute(
        select(entries).where(
            entries.c.browser_hash == browser_hash,
            entries.c.expires_at > at,
            entries.c.failures < failures_at_most,
        )
    ).one_or_none()


def fail(session: Session, browser_hash: str) -> None:
    """Count a wrong try."""
    session.execute(
        update(entries)
        .where(entries.c.browser_hash == browser_hash)
        .values(failures=entries.c.failures + 1)
    )


def end(session: Session, browser_hash: str) -> bool:
    """Take a way in away: it serves once. False where that has happened already."""
    statement = delete(entries).where(entries.c.browser_hash == browser_hash)
    return session.connection().execute(statement).rowcount == 1


def prune(session: Session, *, before: datetime) -> int:
    """Forget the ways in that were over by then."""
    statement = delete(entries).where(entries.c.expires_at <= before)
    return session.connection().execute(statement).rowcount


def door(session: Session, person_id: int) -> Row[Any] | None:
    """Return the wrong tries at a person's door; None where there were none. Lock the person."""
    return session.execute(select(doors).where(doors.c.person_id == person_id)).one_or_none()


def set_door(
    session: Session, person_id: int, *, failures: int, locks: int, locked_until: datetime | None
) -> None:
    """Write the wrong tries at a person's door."""
    values = {"failures": failures, "locks": locks, "locked_until": locked_until}
    insert = dialect_insert(session)(doors).values(person_id=person_id, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["person_id"], set_=values))


def open_door(session: Session, person_id: int) -> None:
    """Forget the wrong tries at a person's door."""
    session.execute(delete(doors).where(doors.c.person_id == person_id))


# --- lost accounts -----------------------------------------------------------------------------


def unlink(session: Session, x_user_id: str, person_id: int, *, at: datetime) -> None:
    """Let an X account name nobody's wallet; that it was this person's is kept."""
    session.execute(
        former_accounts.insert().values(person_id=person_id, x_user_id=x_user_id, left_at=at)
    )
    session.execute(
        update(x_accounts)
        .where(x_accounts.c.x_user_id == x_user_id, x_accounts.c.person_id == person_id)
        .values(person_id=None, joined_at=None)
    )


def carry_blocks(
    session: Session, person_id: int, to_x_user_ids: Collection[str], *, at: datetime
) -> None:
    """Let a person's accounts want nothing of whom the accounts that they took out had blocked.

    What an account blocked after it had left them is somebody else's.
    """
    rows = session.execute(
        select(blocks)
        .join(former_accounts, former_accounts.c.x_user_id == blocks.c.x_user_id)
        .where(
            former_accounts.c.person_id == person_id,
            blocks.c.created_at <= former_accounts.c.left_at,
            blocks.c.blocked_x_user_id.not_in(to_x_user_ids),
        )
        .order_by(blocks.c.id)
    ).all()
    for row in rows:
        for one in to_x_user_ids:
            turns_away = row.turns_money_away
            block(session, one, row.blocked_x_user_id, at=at, turns_money_away=turns_away)


def former_of(session: Session, person_id: int) -> list[str]:
    """Return the X user ids of the accounts that a person took out."""
    return list(
        session.execute(
            select(former_accounts.c.x_user_id)
            .where(former_accounts.c.person_id == person_id)
            .distinct()
        ).scalars()
    )


def person_before(session: Session, handle_or_id: str) -> int | None:
    """Return whose an X account was last that is nobody's now, by its handle or X user id."""
    left: int | None = session.execute(
        select(former_accounts.c.person_id)
        .join(x_accounts, x_accounts.c.x_user_id == former_accounts.c.x_user_id)
        .where(or_(x_accounts.c.handle == handle_or_id, x_accounts.c.x_user_id == handle_or_id))
        .order_by(former_accounts.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return left


def open_orders_of(session: Session, x_user_id: str) -> list[int]:
    """Return the orders of an account in which something may still be confirmed or chosen."""
    waits = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)
    with_transfers = select(transfers.c.order_id).where(transfers.c.status.in_(waits))
    with_draft = select(drafts.c.order_id).where(drafts.c.ended_at.is_(None))
    return list(
        session.execute(
            select(orders.c.id)
            .where(
                orders.c.owner_x_user_id == x_user_id,
                or_(orders.c.id.in_(with_transfers), orders.c.id.in_(with_draft)),
            )
            .order_by(orders.c.id)
        ).scalars()
    )
