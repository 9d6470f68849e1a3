"""The books for other programs, line by line: as much memory for a million entries as for ten.

All lines are of one state of the books. With `since`, what was there before is one entry at the
head, so that the balances are the same (beancount); as values it is the postings since then.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Literal

from sqlmodel import Session

from bot.domain import export
from bot.services.deps import Deps
from bot.store import journal

Format = Literal["csv", "beancount"]


def export_books(deps: Deps, form: Format, *, since: datetime | None = None) -> Iterator[str]:
    """Yield the books in lines without their ends."""
    with deps.store.read() as session:
        deps.store.hold_still(session)
        yield from _csv(session, since) if form == "csv" else _beancount(session, since)


def _csv(session: Session, since: datetime | None) -> Iterator[str]:
    yield export.CSV_HEADER
    for leg in journal.legs(session, since=since):
        yield export.csv_line(leg)


def _beancount(session: Session, since: datetime | None) -> Iterator[str]:
    yield export.beancount_head()
    for name, _cents in journal.accounts(session):
        yield export.beancount_open(name)
    if since is not None and (before := journal.balances_at(session, since)):
        yield export.beancount_brought_forward(since, before)
    for _entry, legs in groupby(journal.legs(session, since=since), lambda leg: leg.entry_id):
        yield export.beancount_entry(list(legs))
    last = journal.last_written_at(session)
    if last is not None:
        morrow = max(last, since or last).astimezone(UTC) + timedelta(days=1)
        for name, cents in journal.accounts(session):
            yield export.beancount_balance(morrow, name, cents)
