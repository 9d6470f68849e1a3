"""The journal read as a whole, or as one account's part of it: streamed, oldest first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Row, func, select
from sqlmodel import Session

from bot.domain.export import Leg
from bot.store import people
from bot.store.ledger import accounts as account_table
from bot.store.ledger import entries, postings
from bot.store.orders import orders, transfers
from bot.store.payouts import payouts

AT_ONCE: Final = 2_000
"""Rows that are in memory at a time."""
IN_A_STATEMENT: Final = 500
"""Ids in one statement: a database takes only so many parameters."""

T = TypeVar("T")


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


# --- one wallet --------------------------------------------------------------------------------


def balance_at(session: Session, account: str, at: datetime) -> int:
    """Return what an account held before a moment, as its postings say."""
    total = func.coalesce(func.sum(postings.c.amount_cents), 0)
    return int(
        session.execute(
            select(total)
            .join(entries, entries.c.id == postings.c.entry_id)
            .join(account_table, account_table.c.id == postings.c.account_id)
            .where(account_table.c.name == account, entries.c.written_at < at)
        ).scalar_one()
    )


def legs_of(session: Session, account: str, *, since: datetime, until: datetime) -> list[Leg]:
    """Return an account's postings of a span, which has no end in it, in the order of the books."""
    rows = session.execute(
        select(
            entries.c.id,
            entries.c.key,
            entries.c.written_at,
            account_table.c.name,
            postings.c.amount_cents,
        )
        .join(postings, postings.c.entry_id == entries.c.id)
        .join(account_table, account_table.c.id == postings.c.account_id)
        .where(
            account_table.c.name == account,
            entries.c.written_at >= since,
            entries.c.written_at < until,
        )
        .order_by(entries.c.written_at, entries.c.id, postings.c.id)
    )
    return [Leg(*row) for row in rows]


def transfers_behind(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Return transfers with their order's reference and owner."""
    statement = select(transfers, orders.c.reference, orders.c.owner_x_user_id).join(
        orders, orders.c.id == transfers.c.order_id
    )
    return {
        row.id: row
        for part in _parts(ids)
        for row in session.execute(statement.where(transfers.c.id.in_(part)))
    }


def payouts_behind(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Return payouts by their ids."""
    return {
        row.id: row
        for part in _parts(ids)
        for row in session.execute(select(payouts).where(payouts.c.id.in_(part)))
    }


def accounts_named(session: Session, x_user_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return X accounts by their ids, however many."""
    return {
        row.x_user_id: row
        for part in _parts(sorted(x_user_ids))
        for row in people.accounts_by_id(session, part).values()
    }


def _parts(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Part ids as statements take them."""
    for start in range(0, len(ids), IN_A_STATEMENT):
        yield ids[start : start + IN_A_STATEMENT]
