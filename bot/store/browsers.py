"""Browsers in which somebody opened their wallet by two factors, each with a token of its own."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session

from bot.store import people
from bot.store.tables import OpenedBrowser, core

browsers = core(OpenedBrowser)


def open_wallet(
    session: Session, person_id: int, *, token_hash: str, before: str | None, at: datetime
) -> None:
    """Write that a person opened their wallet in a browser, whose token is a new one from now on.

    What others opened there before stays open to them, for as long as it was.
    """
    if before is not None:
        there = browsers.c.token_hash == before
        session.execute(delete(browsers).where(there, browsers.c.person_id == person_id))
        session.execute(update(browsers).where(there).values(token_hash=token_hash))
    row = {"token_hash": token_hash, "person_id": person_id, "opened_at": at}
    session.execute(browsers.insert().values(**row))


def opened_at(session: Session, person_id: int, token_hash: str) -> datetime | None:
    """Return when a person last opened their wallet in a browser; None where they did not."""
    return session.execute(
        select(browsers.c.opened_at).where(
            browsers.c.token_hash == token_hash, browsers.c.person_id == person_id
        )
    ).scalar_one_or_none()


def shut_wallet(session: Session, person_id: int) -> None:
    """Let a person's wallet be open nowhere: two factors are asked for first, wherever they are."""
    session.execute(delete(browsers).where(browsers.c.person_id == person_id))
    people.change_person(session, person_id, opened_at=None)


def shut_elsewhere(session: Session, person_id: int, here: str | None) -> None:
    """Let a person's wallet be open in no browser but this one."""
    theirs = browsers.c.person_id == person_id
    session.execute(delete(browsers).where(theirs, browsers.c.token_hash != (here or "")))


def prune(session: Session, *, before: datetime) -> int:
    """Forget what was opened before then."""
    done = session.connection().execute(delete(browsers).where(browsers.c.opened_at <= before))
    return done.rowcount
