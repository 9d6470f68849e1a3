"""X accounts that were a person's until they closed theirs: what was by them is not the next's.

An X account outlives the person behind it here. What moved says whose wallet it was; what nobody
had confirmed names the account alone, and belongs to whoever had it when it was written.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlmodel import Session

from bot.store.people import x_accounts
from bot.store.tables import FormerAccount, core

former_accounts = core(FormerAccount)


def since(session: Session, x_user_ids: Collection[str]) -> dict[str, datetime]:
    """Return since when some X accounts are in their present hands, where they were in others'."""
    rows = session.execute(
        select(former_accounts.c.x_user_id, func.max(former_accounts.c.left_at).label("left_at"))
        .where(former_accounts.c.x_user_id.in_(x_user_ids))
        .group_by(former_accounts.c.x_user_id)
    )
    return {row.x_user_id: row.left_at for row in rows}


def was_anothers(account: ColumnElement[str], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether an X account was, at some time, that of a person who has closed theirs since."""
    return exists().where(former_accounts.c.x_user_id == account, former_accounts.c.left_at >= at)


def spans(
    session: Session, person_id: int
) -> dict[str, tuple[datetime | None, datetime | None, bool]]:
    """Return a closed person's accounts: after which moment they were theirs, until which.

    None: since the account was first seen. With each, whether another has had it since.
    """
    rows = session.execute(
        select(former_accounts, x_accounts.c.person_id.label("has_it"))
        .join(x_accounts, x_accounts.c.x_user_id == former_accounts.c.x_user_id)
        .where(
            former_accounts.c.x_user_id.in_(
                select(former_accounts.c.x_user_id).where(former_accounts.c.person_id == person_id)
            )
        )
        .order_by(former_accounts.c.id)
    ).all()
    found: dict[str, tuple[datetime | None, datetime | None, bool]] = {}
    before: dict[str, datetime] = {}
    for row in rows:
        if row.person_id == person_id:
            is_gone = row.has_it is not None
            found[row.x_user_id] = (before.get(row.x_user_id), row.left_at, is_gone)
        elif row.x_user_id in found:
            after, until, _is_gone = found[row.x_user_id]
            found[row.x_user_id] = (after, until, True)
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


def person_before(session: Session, handle_or_id: str) -> int | None:
    """Return who had an X account last and closed theirs, by its handle or X user id."""
    left: int | None = session.execute(
        select(former_accounts.c.person_id)
        .join(x_accounts, x_accounts.c.x_user_id == former_accounts.c.x_user_id)
        .where(or_(x_accounts.c.handle == handle_or_id, x_accounts.c.x_user_id == handle_or_id))
        .order_by(former_accounts.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return left
