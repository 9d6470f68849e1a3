"""Passkeys: the public half of keys in people's devices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlmodel import Session

from bot.store.engine import dialect_insert
from bot.store.tables import Passkey, core

passkeys = core(Passkey)


def of_person(session: Session, person_id: int) -> Sequence[Row[Any]]:
    """Return a person's passkeys that serve, the oldest first."""
    return session.execute(
        select(passkeys)
        .where(passkeys.c.person_id == person_id, passkeys.c.removed_at.is_(None))
        .order_by(passkeys.c.id)
    ).all()


def by_credential(session: Session, credential_id: str) -> Row[Any] | None:
    """Return a passkey that serves, as the browser names it."""
    return session.execute(
        select(passkeys).where(
            passkeys.c.credential_id == credential_id, passkeys.c.removed_at.is_(None)
        )
    ).one_or_none()


def insert(session: Session, **values: object) -> bool:
    """Write a passkey; False where its id is known."""
    statement = dialect_insert(session)(passkeys).values(**values).on_conflict_do_nothing()
    return session.execute(statement.returning(passkeys.c.id)).first() is not None


def use(session: Session, row: Row[Any], *, sign_count: int, at: datetime) -> bool:
    """Write that a passkey was used; False where it went backwards: then there are two of it."""
    done = session.connection().execute(
        update(passkeys)
        .where(
            passkeys.c.id == row.id,
            or_(passkeys.c.sign_count < sign_count, passkeys.c.sign_count == 0),
        )
        .values(sign_count=sign_count, used_at=at)
    )
    return done.rowcount == 1


def remove(session: Session, person_id: int, passkey_id: int, *, at: datetime) -> bool:
    """Let a person's passkey serve no more; False where it does not."""
    done = session.connection().execute(
        update(passkeys)
        .where(
            passkeys.c.id == passkey_id,
            passkeys.c.person_id == person_id,
            passkeys.c.removed_at.is_(None),
        )
        .values(removed_at=at)
    )
    return done.rowcount == 1
