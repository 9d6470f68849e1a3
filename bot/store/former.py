"""X accounts that were a person's until they closed theirs: what was by them is not the next's.

An X account outlives the person behind it here. What moved says whose wallet it was; what nobody
had confirmed names the account alone, and belongs to whoever had it when it was written.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, or_, select
from sqlmodel import Session

from bot.store.people import account_ids_of, x_accounts
from bot.store.tables import FormerAccount, core

former_accounts = core(FormerAccount)


@dataclass(frozen=True, slots=True)
class Span:
    """When an X account was somebody's; None: since ever, or still."""

    after: datetime | None = None
    until: datetime | None = None
    is_anothers: bool = False
    """Whether somebody else has had it since."""

    def holds(self, at: Any) -> list[ColumnElement[bool]]:
        """Return what must be so of a moment in it."""
        return [
            *([at > self.after] if self.after is not None else []),
            *([at <= self.until] if self.until is not None else []),
        ]

    def covers(self, at: datetime) -> bool:
        """Whether a moment is in it."""
        begun = self.after is None or at > self.after
        return begun and (self.until is None or at <= self.until)


@dataclass(frozen=True, slots=True)
class Who:
    """A person, and what of all that names an X account is theirs."""

    person_id: int
    accounts: Mapping[str, Span]
    """When each X account was theirs: with another person's time on it they have nothing to do."""
    unread: Collection[int] = ()
    """Inbox rows that they wrote and that name no writer: only their texts do."""

    def by(self, account: Any, at: Any) -> ColumnElement[bool]:
        """Whether an X account did something, and was theirs then."""
        always = [one for one, span in self.accounts.items() if span == Span()]
        return or_(
            account.in_(always),
            *(
                and_(account == one, *span.holds(at))
                for one, span in self.accounts.items()
                if one not in always
            ),
        )

    def had(self, account: str, at: datetime) -> bool:
        """Whether an X account was theirs at a moment."""
        span = self.accounts.get(account)
        return span is not None and span.covers(at)


_LEFT: Final = (
    select(former_accounts.c.x_user_id, func.max(former_accounts.c.left_at).label("left_at"))
    .where(former_accounts.c.x_user_id.in_(bindparam("accounts", expanding=True)))
    .group_by(former_accounts.c.x_user_id)
)


def since(session: Session, x_user_ids: Collection[str]) -> dict[str, datetime]:
    """Return since when some X accounts are in their present hands, where they were in others'."""
    rows = session.execute(_LEFT, {"accounts": list(x_user_ids)})
    return {row.x_user_id: row.left_at for row in rows}


def was_anothers(account: ColumnElement[str], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether an X account was, at some time, that of a person who has closed theirs since."""
    return exists().where(former_accounts.c.x_user_id == account, former_accounts.c.left_at >= at)


def who(session: Session, person: Row[Any]) -> Who:
    """Return a person, open or closed, with the times in which X accounts were theirs."""
    if person.closed_at is not None:
        return Who(person.id, _spans(session, person.id))
    mine = account_ids_of(session, person.id)
    ended = since(session, mine)
    accounts = {one: Span(after=ended.get(one)) for one in mine}
    return Who(person.id, accounts)


def _spans(session: Session, person_id: int) -> dict[str, Span]:
    theirs = select(former_accounts.c.x_user_id).where(former_accounts.c.person_id == person_id)
    rows = session.execute(
        select(former_accounts, x_accounts.c.person_id.label("has_it"))
        .join(x_accounts, x_accounts.c.x_user_id == former_accounts.c.x_user_id)
        .where(former_accounts.c.x_user_id.in_(theirs))
        .order_by(former_accounts.c.id)
    )
    found: dict[str, Span] = {}
    before: dict[str, datetime] = {}
    for row in rows:
        known = found.get(row.x_user_id)
        if row.person_id == person_id:
            after = before.get(row.x_user_id)
            found[row.x_user_id] = Span(after, row.left_at, is_anothers=row.has_it is not None)
        elif known is not None:
            found[row.x_user_id] = replace(known, is_anothers=True)
        before[row.x_user_id] = row.left_at
    return found


def accounts_of(session: Session, person_id: int) -> list[str]:
    """Return the X user ids of the accounts that named a closed person's wallet."""
    return list(
        session.execute(
            select(former_accounts.c.x_user_id)
            .where(former_accounts.c.person_id == person_id)
            .distinct()
            .order_by(former_accounts.c.x_user_id)
        ).scalars()
    )


def person_before(session: Session, is_it: ColumnElement[bool]) -> int | None:
    """Return who had an X account last and closed theirs; `is_it` says which account."""
    left: int | None = session.execute(
        select(former_accounts.c.person_id)
        .join(x_accounts, x_accounts.c.x_user_id == former_accounts.c.x_user_id)
        .where(is_it)
        .order_by(former_accounts.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return left
