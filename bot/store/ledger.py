"""The books: entries in, balances out, in few set-based statements however many entries there are.

An entry is keyed: the same key with the same postings again is a success that changes nothing,
with other postings a programmer's error. Balances are cached on the account in the same commit.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session

from bot.domain import books
from bot.domain.books import Entry
from bot.store.engine import dialect_insert
from bot.store.tables import Account, JournalEntry, PostingRow, core

accounts = core(Account)
entries = core(JournalEntry)
postings = core(PostingRow)


def lock_balances(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Lock accounts, in the order of their ids, and return their balances in cents.

    An account that does not exist yet is made, with nothing in it.
    """
    wanted = sorted(set(names))
    rows = _locked(session, wanted)
    missing = [name for name in wanted if name not in rows]
    if missing:
        open_accounts(session, missing)
        rows |= _locked(session, missing)
    return {name: balance for name, (_id, balance) in rows.items()}


def _locked(session: Session, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    statement = (
        select(accounts.c.name, accounts.c.id, accounts.c.balance_cents)
        .where(accounts.c.name.in_(names))
        .order_by(accounts.c.id)
        .with_for_update()  # vanishes on SQLite, where a writer is alone anyway
    )
    return {row.name: (row.id, row.balance_cents) for row in session.execute(statement)}


def open_accounts(session: Session, names: Iterable[str]) -> None:
    """Make accounts; one that exists stays as it is."""
    rows = [{"name": name, "balance_cents": 0} for name in names]
    if rows:
        insert = dialect_insert(session)
        session.execute(insert(accounts).values(rows).on_conflict_do_nothing())


def record(session: Session, batch: Sequence[Entry], *, at: datetime) -> None:
    """Write entries with their postings, and bring the balances up to date."""
    if not batch:
        return
    batch = _distinct(batch)
    legs = [leg.account for entry in batch for leg in entry.postings]
    lock_balances(session, legs)
    ids = _account_ids(session, legs)
    fresh = _insert_entries(session, batch, at)
    changes: dict[int, int] = defaultdict(int)
    rows = []
    for entry in batch:
        entry_id = fresh.get(entry.key)
        if entry_id is None:
            continue
        for leg in entry.postings:
            account_id = ids[leg.account]
            changes[account_id] += leg.amount_cents
            rows.append(
                {"entry_id": entry_id, "account_id": account_id, "amount_cents": leg.amount_cents}
            )
    if rows:
        session.execute(postings.insert(), rows)
        _change_balances(session, changes)


def _distinct(batch: Sequence[Entry]) -> list[Entry]:
    """Leave out what a batch repeats: its postings must not be written twice under one key."""
    known: dict[str, Entry] = {}
    for entry in batch:
        same = known.setdefault(entry.key, entry).hash == entry.hash
        assert same, f"other postings under the key {entry.key}"
    return list(known.values())


def _account_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    statement = select(accounts.c.name, accounts.c.id).where(accounts.c.name.in_(set(names)))
    return {row.name: row.id for row in session.execute(statement)}


def _insert_entries(session: Session, batch: Sequence[Entry], at: datetime) -> dict[str, int]:
    insert = dialect_insert(session)
    statement = (
        insert(entries)
        .values([{"key": entry.key, "hash": entry.hash, "written_at": at} for entry in batch])
        .on_conflict_do_nothing()
        .returning(entries.c.id, entries.c.key)
    )
    fresh = {row.key: row.id for row in session.execute(statement)}
    repeated = {entry.key: entry.hash for entry in batch if entry.key not in fresh}
    if repeated:
        known = session.execute(
            select(entries.c.key, entries.c.hash).where(entries.c.key.in_(repeated))
        )
        for row in known:
            assert repeated[row.key] == row.hash, f"other postings under the key {row.key}"
    return fresh


def _change_balances(session: Session, changes: dict[int, int]) -> None:
    statement = (
        update(accounts)
        .where(accounts.c.id == bindparam("account_id"))
        .values(balance_cents=accounts.c.balance_cents + bindparam("change_cents"))
    )
    rows = [
        {"account_id": account_id, "change_cents": change}
        for account_id, change in sorted(changes.items())
        if change
    ]
    if rows:
        session.connection().execute(statement, rows)


def balance(session: Session, name: str) -> int:
    """Return an account's balance in cents; one that does not exist holds nothing."""
    found = session.execute(
        select(accounts.c.balance_cents).where(accounts.c.name == name)
    ).scalar_one_or_none()
    return found or 0


def balances(session: Session) -> list[tuple[str, int]]:
    """Return every account with its balance as it is shown: `cards` and `bank` sign turned."""
    rows = session.execute(
        select(accounts.c.name, accounts.c.balance_cents).order_by(accounts.c.name)
    )
    return [
        (row.name, -row.balance_cents if row.name in books.SIGN_TURNED else row.balance_cents)
        for row in rows
    ]


def counts(session: Session) -> tuple[int, int, int]:
    """Return how many entries, postings and accounts there are."""
    one, two, three = (
        session.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (entries, postings, accounts)
    )
    return one, two, three
