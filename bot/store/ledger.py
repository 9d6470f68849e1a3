"""The books: entries in, balances out, in few set-based statements however many entries there are.

An entry is keyed: the same key with the same postings again is a success that changes nothing,
with other postings a programmer's error. Balances are cached on the account in the same commit.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select
from sqlmodel import Session

from bot.domain import books
from bot.domain.books import Entry
from bot.store.questions import Question
from bot.store.sets import Change, Statement, write
from bot.store.tables import Account, JournalEntry, PostingRow, core

accounts = core(Account)
entries = core(JournalEntry)
postings = core(PostingRow)


_LOCK: Final = Statement(
    "SELECT name, id, balance_cents FROM account WHERE name = ANY(:names text)"
    " ORDER BY id FOR UPDATE",
    columns="name id balance_cents",
)


def locking(names: Collection[str]) -> Question[dict[str, Row[Any]]]:
    """Return what locks those accounts that exist, as `lock_accounts` does."""
    return Question(_LOCK, {"names": names}, lambda rows: {row.name: row for row in rows})


def lock_accounts(session: Session, names: Iterable[str]) -> dict[str, Row[Any]]:
    """Lock accounts, in the order of their ids, and return their rows by name.

    An account that does not exist yet is made, with nothing in it.
    """
    wanted = list(dict.fromkeys(names))
    rows = locking(wanted).ask(session)
    missing = [name for name in wanted if name not in rows]
    if missing:
        open_accounts(session, missing)
        rows |= locking(missing).ask(session)
    return rows


def lock_balances(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Lock accounts as `lock_accounts` does, and return their balances in cents."""
    return {name: row.balance_cents for name, row in lock_accounts(session, names).items()}


_OPEN: Final = Statement(
    "INSERT INTO account (name, balance_cents)"
    " SELECT name, 0 FROM GIVEN accounts(name text) WHERE TRUE ON CONFLICT DO NOTHING"
)


def open_accounts(session: Session, names: Iterable[str]) -> None:
    """Make accounts; one that exists stays as it is."""
    _OPEN.touch(session, accounts={"name": list(names)})


_KNOWN: Final = Statement("SELECT key, hash FROM journal_entry WHERE key = ANY(:keys text)")


def record(session: Session, batch: Sequence[Entry], *, now: Callable[[], datetime]) -> None:
    """Write entries with their postings, and bring the balances up to date.

    One that is written already, with the same postings, changes nothing. The clock is read once
    the accounts are locked, so that of two entries of an account the later has the later time.
    """
    if not batch:
        return
    accounts = lock_accounts(session, (leg.account for one in batch for leg in one.postings))
    known = {row.key: row.hash for row in _KNOWN.run(session, keys=[one.key for one in batch])}
    fresh = []
    for entry in batch:
        if entry.key not in known:
            known[entry.key] = entry.hash
            fresh.append(entry)
        assert known[entry.key] == entry.hash, f"other postings under the key {entry.key}"
    write(session, recording(fresh, accounts, at=now()))


_ENTRIES: Final = Statement(
    "INSERT INTO journal_entry (key, hash, written_at)"
    " SELECT key, hash, :at FROM GIVEN entries(key text, hash text)",
    returning="id, key",
    is_counted=False,
)
_POSTINGS: Final = Statement(
    "INSERT INTO posting (entry_id, account_id, amount_cents)"
    " SELECT e.id, legs.account, legs.cents"
    " FROM GIVEN legs(place bigint, key text, account bigint, cents bigint)"
    " JOIN {journal_entry} e ON e.key = legs.key ORDER BY legs.place"
)
_BALANCES: Final = Statement(
    "UPDATE account SET balance_cents = balance_cents + shifts.cents"
    " FROM GIVEN shifts(id bigint, cents bigint) WHERE account.id = shifts.id"
)


def recording(
    batch: Sequence[Entry], accounts: Mapping[str, Row[Any]], *, at: datetime
) -> list[Change]:
    """Return what writes new entries with their postings and balances, on locked accounts."""
    ids = {name: row.id for name, row in accounts.items()}
    legs = [(entry.key, ids[name], cents) for entry in batch for name, cents in entry.postings]
    changes: dict[int, int] = defaultdict(int)
    for _key, account_id, cents in legs:
        changes[account_id] += cents
    of_legs = {
        "place": range(len(legs)),
        "key": [key for key, _account_id, _cents in legs],
        "account": [account_id for _key, account_id, _cents in legs],
        "cents": [cents for _key, _account_id, cents in legs],
    }
    shifts = {"id": list(changes), "cents": list(changes.values())}
    entries_of = {"key": [one.key for one in batch], "hash": [one.hash for one in batch]}
    return [
        Change("journal_entry", _ENTRIES, {"entries": entries_of, "at": at}, len(batch)),
        Change("posting", _POSTINGS, {"legs": of_legs}, len(legs)),
        Change("account", _BALANCES, {"shifts": shifts}, len(changes)),
    ]


def balance(session: Session, name: str) -> int:
    """Return an account's balance in cents; one that does not exist holds nothing."""
    (found,) = _BALANCE.run(session, name=name) or (None,)
    return found.balance_cents if found is not None else 0


_BALANCE: Final = Statement("SELECT balance_cents FROM account WHERE name = :name")


def balances(session: Session) -> list[tuple[str, int]]:
    """Return every account with its balance as it is shown: `cards` and `bank` sign turned."""
    rows = session.execute(
        select(accounts.c.name, accounts.c.balance_cents).order_by(accounts.c.name)
    )
    return [
        (row.name, -row.balance_cents if row.name in books.SIGN_TURNED else row.balance_cents)
        for row in rows
    ]


_COUNTS: Final = Statement(
    """SELECT (SELECT COUNT(*) FROM journal_entry), (SELECT COUNT(*) FROM posting),
        (SELECT COUNT(*) FROM account)"""
)


def counts(session: Session) -> tuple[int, int, int]:
    """Return how many entries, postings and accounts there are."""
    ((of_entries, of_postings, of_accounts),) = _COUNTS.run(session)
    return of_entries, of_postings, of_accounts
