"""Entering a wallet without X, and the wrong tries at it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlmodel import Session

from bot.store.engine import dialect_insert
from bot.store.tables import LostDoor, LostEntry, core
from bot.store.tokens import web_sessions

entries = core(LostEntry)
doors = core(LostDoor)


# --- the way in --------------------------------------------------------------------------------


def begin(session: Session, *, browser_hash: str, **values: object) -> None:
    """Write that a browser brought a phone and a wallet code, right or wrong; others are void.

    Of two at the same moment the later stands, whoever's the number is: no error tells.
    """
    fresh = {"failures": 0, **values}
    insert = dialect_insert(session)(entries).values(browser_hash=browser_hash, **fresh)
    session.execute(insert.on_conflict_do_update(index_elements=["browser_hash"], set_=fresh))


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


def shut_out(session: Session, person_id: int) -> None:
    """End every session without X of a person, and what was typed to begin one."""
    session.execute(delete(web_sessions).where(web_sessions.c.person_id == person_id))
    session.execute(delete(entries).where(entries.c.person_id == person_id))


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
