"""Short-lived proofs: browsers that signed in, browsers on their way to X, codes sent to phones.

Secrets are kept as hashes only; what has ended is pruned.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, select, update
from sqlmodel import Session

from bot.store.tables import PhoneCode, SignInAttempt, WebSession, XAccount, core

web_sessions = core(WebSession)
attempts = core(SignInAttempt)
phone_codes = core(PhoneCode)
x_accounts = core(XAccount)


# --- browsers ----------------------------------------------------------------------------------


def begin_attempt(
    session: Session,
    *,
    state_hash: str,
    browser_hash: str,
    verifier: str,
    next_path: str,
    at: datetime,
) -> None:
    """Write that a browser is on its way to X."""
    session.execute(
        attempts.insert().values(
            state_hash=state_hash,
            browser_hash=browser_hash,
            verifier=verifier,
            next_path=next_path,
            created_at=at,
        )
    )


def use_attempt(session: Session, state_hash: str) -> Row[Any] | None:
    """Take an attempt away and return it: it serves once, whoever brings it back."""
    return session.execute(
        delete(attempts).where(attempts.c.state_hash == state_hash).returning(attempts)
    ).one_or_none()


def open_session(
    session: Session,
    *,
    token_hash: str,
    csrf: str,
    at: datetime,
    x_user_id: str | None = None,
    person_id: int | None = None,
) -> None:
    """Write that a browser has signed in: as an X account, or as a person without one."""
    session.execute(
        web_sessions.insert().values(
            token_hash=token_hash,
            x_user_id=x_user_id,
            person_id=person_id,
            csrf=csrf,
            created_at=at,
            seen_at=at,
        )
    )


_SESSION: Final = (
    select(web_sessions, x_accounts.c.handle)
    .outerjoin(x_accounts, x_accounts.c.x_user_id == web_sessions.c.x_user_id)
    .where(
        web_sessions.c.token_hash == bindparam("token"),
        web_sessions.c.seen_at > bindparam("since"),
    )
)


def find_session(session: Session, token_hash: str, *, seen_since: datetime) -> Row[Any] | None:
    """Return a session that was seen since then, with its account's handle where it has one."""
    return session.execute(_SESSION, {"token": token_hash, "since": seen_since}).one_or_none()


def touch_session(session: Session, token_hash: str, *, seen_since: datetime, at: datetime) -> None:
    """Write that a session which has not ended was seen."""
    session.execute(
        update(web_sessions)
        .where(web_sessions.c.token_hash == token_hash, web_sessions.c.seen_at > seen_since)
        .values(seen_at=at)
    )


def close_session(session: Session, token_hash: str) -> None:
    """Forget a session; one that is gone already is fine."""
    session.execute(delete(web_sessions).where(web_sessions.c.token_hash == token_hash))


def prune_sessions(session: Session, *, before: datetime) -> int:
    """Forget the sessions that nobody was seen in since then."""
    done = session.connection().execute(
        delete(web_sessions).where(web_sessions.c.seen_at <= before)
    )
    return done.rowcount


def prune_attempts(session: Session, *, before: datetime) -> int:
    """Forget the attempts that nobody finished since then."""
    done = session.connection().execute(delete(attempts).where(attempts.c.created_at <= before))
    return done.rowcount


# --- phones ------------------------------------------------------------------------------------


def lock_account(session: Session, x_user_id: str) -> None:
    """Let nobody else count or check the codes of an account meanwhile."""
    session.execute(
        select(x_accounts.c.x_user_id).where(x_accounts.c.x_user_id == x_user_id).with_for_update()
    )


def insert_code(
    session: Session,
    *,
    x_user_id: str,
    phone: str,
    code_hash: str,
    at: datetime,
    expires_at: datetime,
) -> int:
    """Write a code, the one that counts from now on; return its row's id."""
    session.execute(
        update(phone_codes)
        .where(phone_codes.c.x_user_id == x_user_id, phone_codes.c.expires_at > at)
        .values(expires_at=at)
    )
    statement = phone_codes.insert().values(
        x_user_id=x_user_id, phone=phone, code_hash=code_hash, created_at=at, expires_at=expires_at
    )
    code_id: int = session.execute(statement.returning(phone_codes.c.id)).scalar_one()
    return code_id


def open_code(
    session: Session, x_user_id: str, *, at: datetime, failures_at_most: int
) -> Row[Any] | None:
    """Return the code that an account may still type."""
    return session.execute(
        select(phone_codes)
        .where(
            phone_codes.c.x_user_id == x_user_id,
            phone_codes.c.used_at.is_(None),
            phone_codes.c.expires_at > at,
            phone_codes.c.failures < failures_at_most,
        )
        .order_by(phone_codes.c.id.desc())
        .limit(1)
    ).one_or_none()


def fail_code(session: Session, code_id: int) -> None:
    """Count a wrong try."""
    session.execute(
        update(phone_codes)
        .where(phone_codes.c.id == code_id)
        .values(failures=phone_codes.c.failures + 1)
    )


def use_code(session: Session, code_id: int, *, at: datetime) -> bool:
    """Take a code as typed right; False where that has happened already."""
    done = session.connection().execute(
        update(phone_codes)
        .where(phone_codes.c.id == code_id, phone_codes.c.used_at.is_(None))
        .values(used_at=at)
    )
    return done.rowcount == 1


def proved_phone(session: Session, x_user_id: str, *, since: datetime) -> Row[Any] | None:
    """Return the newest code that an account typed right since then: it proved that phone."""
    return session.execute(
        select(phone_codes)
        .where(phone_codes.c.x_user_id == x_user_id, phone_codes.c.used_at > since)
        .order_by(phone_codes.c.id.desc())
        .limit(1)
    ).one_or_none()


def prune_codes(session: Session, *, before: datetime) -> int:
    """Forget old codes, with the numbers that came to nothing."""
    done = session.connection().execute(
        delete(phone_codes).where(phone_codes.c.created_at <= before)
    )
    return done.rowcount
