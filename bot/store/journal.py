"""The journal read as a whole, or as one account's part of it: streamed, oldest first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session

from bot.domain.export import Leg
from bot.store.ledger import accounts as account_table
from bot.store.ledger import entries, postings

AT_ONCE: Final = 2_000
"""Rows that are in memory at a time."""


def legs(session: Session, *, since: datetime | None = None) -> Iterator[Leg]:
    """Yield every posting, or those of entries written since a moment, entry by entry."""
    statement = (
        select(
            entries.c.id,
            entries.c.key,
            entries.c.written_at,
            account_table.c.name,
            postings.c.amount_cents,
        )
        .join(postings, postings.c.entry_id == entries.c.id)
        .join(account_table, account_table.c.id == postings.c.account_id)
        .order_by(entries.c.id, postings.c.id)
        .execution_options(yield_per=AT_ONCE)
    )
    if since is not None:
        statement = statement.where(entries.c.written_at >= since)
    for row in session.execute(statement):
        yield Leg(*row)


def accounts(session: Session) -> Iterator[tuple[str, int]]:
    """Yield every account with its balance as it is kept."""
    statement = (
        select(account_table.c.name, account_table.c.balance_cents)
        .order_by(account_table.c.name)
        .execution_options(yield_per=AT_ONCE)
    )
    for row in session.execute(statement):
        yield (row.name, row.balance_cents)


def balances_at(session: Session, at: datetime) -> list[tuple[str, int]]:
    """Return what each account held before a moment, as its postings say; none that held zero."""
    total = func.sum(postings.c.amount_cents)
    rows = session.execute(
        select(account_table.c.name, total)
        .join(postings, postings.c.account_id == account_table.c.id)
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(entries.c.written_at < at)
        .group_by(account_table.c.name)
        .having(total != 0)
        .order_by(account_table.c.name)
    )
    return [(name, int(cents)) for name, cents in rows]


def last_written_at(session: Session) -> datetime | None:
    """Return when the newest entry was written; None where there is none."""
    last: datetime | None = session.execute(select(func.max(entries.c.written_at))).scalar_one()
    return last
