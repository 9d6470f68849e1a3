"""Cases: what an operator has to look at, each opened once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from bot.store.engine import dialect_insert
from bot.store.tables import Case, core

cases = core(Case)


def open_case(session: Session, **values: object) -> bool:
    """Open a case; False where its key has one, open or closed."""
    insert = dialect_insert(session)(cases).values(**values)
    made = session.execute(insert.on_conflict_do_nothing().returning(cases.c.id))
    return made.first() is not None


def reopen(session: Session, key: str, *, at: datetime, due_at: datetime) -> bool:
    """Open a closed case again, for what happened again; False where none of the key is closed."""
    done = session.connection().execute(
        update(cases)
        .where(cases.c.key == key, cases.c.closed_at.is_not(None))
        .values(closed_at=None, opened_at=at, due_at=due_at)
    )
    return done.rowcount == 1


def is_open(session: Session, kind: str, person_id: int) -> bool:
    """Whether a person has an open case of a kind."""
    mine = (cases.c.kind == kind, cases.c.person_id == person_id, cases.c.closed_at.is_(None))
    return session.execute(select(cases.c.id).where(*mine).limit(1)).first() is not None


def every(session: Session, *, closed: bool) -> Sequence[Row[Any]]:
    """Return the open cases, and with `closed` the others too; what is due first comes first."""
    statement = select(cases).order_by(cases.c.due_at, cases.c.id)
    return session.execute(
        statement if closed else statement.where(cases.c.closed_at.is_(None))
    ).all()


def get(session: Session, case_id: int) -> Row[Any] | None:
    """Return a case."""
    return session.execute(select(cases).where(cases.c.id == case_id)).one_or_none()


def by_keys(session: Session, keys: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the cases of these keys, open or closed."""
    return session.execute(select(cases).where(cases.c.key.in_(keys))).all()


def close(session: Session, case_id: int, *, at: datetime) -> bool:
    """Close a case; False where it is closed already."""
    done = session.connection().execute(
        update(cases).where(cases.c.id == case_id, cases.c.closed_at.is_(None)).values(closed_at=at)
    )
    return done.rowcount == 1
