"""Texts that were sent, what was agreed to, and what was typed on the way to a wallet."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, not_, or_, select, update
from sqlmodel import Session

from bot.store.browsers import browsers
from bot.store.engine import dialect_insert
from bot.store.tables import Challenge, Consent, FirstTime, TextMessage, core

texts = core(TextMessage)
challenges = core(Challenge)
consents = core(Consent)
first_times = core(FirstTime)


# --- texts -------------------------------------------------------------------------------------


# A code is sent once, by who asked for it; a notice waits for the job, or was tried by it.
_ASKED_FOR: Final = (texts.c.attempts == 0) & texts.c.next_attempt_at.is_(None)


def count_texts(
    session: Session,
    *,
    since: datetime,
    x_user_id: str | None = None,
    person_id: int | None = None,
    address_hash: str | None = None,
) -> int:
    """Count the texts since then: of an asker, from an address; or all of them.

    Who asked is an account, or a person without one. Of a person what was asked for counts alone: a
    notice takes nobody's codes away.
    """
    wanted: list[ColumnElement[bool]] = [] if person_id is None else [_ASKED_FOR]
    wanted += [
        column == value
        for column, value in (
            (texts.c.x_user_id, x_user_id),
            (texts.c.person_id, person_id),
            (texts.c.address_hash, address_hash),
        )
        if value is not None
    ]
    return int(
        session.execute(
            select(func.count()).select_from(texts).where(texts.c.created_at > since, *wanted)
        ).scalar_one()
    )


def count_to_number(
    session: Session,
    phone: str,
    *,
    since: datetime,
    accounts: Collection[str],
    person_id: int | None,
    of_these: bool,
) -> int:
    """Count the codes to a number that its person asked for, or those that others did.

    Its person is an id with the accounts that are theirs; none where the number is nobody's.
    """
    is_theirs = or_(
        func.coalesce(texts.c.x_user_id, "").in_(accounts),
        func.coalesce(texts.c.person_id, 0) == (person_id or -1),
    )
    statement = select(func.count()).where(
        texts.c.phone == phone,
        texts.c.created_at > since,
        _ASKED_FOR,
        is_theirs if of_these else not_(is_theirs),
    )
    return int(session.execute(statement).scalar_one())


def insert_text(session: Session, *, at: datetime, **values: object) -> int:
    """Write a text that is about to be sent, or a notice that waits; return its row's id."""
    statement = texts.insert().values(created_at=at, **values).returning(texts.c.id)
    text_id: int = session.execute(statement).scalar_one()
    return text_id


def notices_due(session: Session, *, at: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return the notices whose time has come, the oldest first."""
    return session.execute(
        select(texts)
        .where(texts.c.sent_at.is_(None), texts.c.next_attempt_at <= at)
        .order_by(texts.c.id)
        .limit(limit)
    ).all()


def take_notice(session: Session, row: Row[Any], *, next_attempt_at: datetime) -> bool:
    """Take a notice for one attempt; False where another worker was quicker."""
    done = session.connection().execute(
        update(texts)
        .where(texts.c.id == row.id, texts.c.attempts == row.attempts)
        .values(attempts=row.attempts + 1, next_attempt_at=next_attempt_at)
    )
    return done.rowcount == 1


def end_text(session: Session, text_id: int, *, sent_at: datetime | None) -> None:
    """Write that a text went, or never will; what it said is forgotten."""
    session.execute(
        update(texts)
        .where(texts.c.id == text_id)
        .values(sent_at=sent_at, next_attempt_at=None, text=None)
    )


def prune_texts(session: Session, *, before: datetime) -> int:
    """Forget the texts of long ago, and with them the numbers that came to nothing."""
    old = delete(texts).where(
        texts.c.created_at <= before,
        or_(texts.c.next_attempt_at.is_(None), texts.c.sent_at.is_not(None)),
    )
    return session.connection().execute(old).rowcount


# --- strong authentication ---------------------------------------------------------------------


def insert_challenge(session: Session, **values: object) -> None:
    """Write that a strong authentication was asked for."""
    session.execute(challenges.insert().values(**values))


def challenge(
    session: Session, challenge_id: str, *, x_user_id: str | None, person_id: int | None
) -> Row[Any] | None:
    """Return a challenge of an account's own, or of a person's who has none."""
    own = (
        challenges.c.x_user_id == x_user_id
        if x_user_id is not None
        else and_(challenges.c.x_user_id.is_(None), challenges.c.person_id == person_id)
    )
    return session.execute(
        select(challenges).where(challenges.c.id == challenge_id, own)
    ).one_or_none()


def fail_challenge(session: Session, challenge_id: str) -> None:
    """Count a wrong try."""
    session.execute(
        update(challenges)
        .where(challenges.c.id == challenge_id)
        .values(failures=challenges.c.failures + 1)
    )


def use_challenge(session: Session, challenge_id: str, *, basis: str, at: datetime) -> bool:
    """Take a challenge as met; False where that has happened already."""
    done = session.connection().execute(
        update(challenges)
        .where(challenges.c.id == challenge_id, challenges.c.used_at.is_(None))
        .values(used_at=at, basis=basis)
    )
    return done.rowcount == 1


def met_since(
    session: Session, x_user_id: str, *, browser: str | None, purpose: str, since: datetime
) -> Sequence[Row[Any]]:
    """Return the challenges of a purpose that an account has met since then in a browser.

    Whoever meets one opens the wallet in that browser at that moment: one that was opened before,
    or not at all, is in other hands. `browser`: the hash of its token.
    """
    opened_then = exists().where(
        browsers.c.token_hash == (browser or ""),
        browsers.c.person_id == challenges.c.person_id,
        browsers.c.opened_at >= challenges.c.used_at,
    )
    return session.execute(
        select(challenges).where(
            challenges.c.x_user_id == x_user_id,
            challenges.c.purpose == purpose,
            challenges.c.used_at > since,
            opened_then,
        )
    ).all()


def prune_challenges(session: Session, *, before: datetime) -> int:
    """Forget the challenges of long ago: what came of them records its basis itself."""
    done = session.connection().execute(delete(challenges).where(challenges.c.created_at <= before))
    return done.rowcount


# --- the way to a wallet -----------------------------------------------------------------------


def consent(session: Session, **values: object) -> None:
    """Write down what somebody agreed to, word for word."""
    session.execute(consents.insert().values(**values))


def typed(session: Session, x_user_id: str) -> Row[Any] | None:
    """Return what somebody typed so far."""
    return session.execute(
        select(first_times).where(first_times.c.x_user_id == x_user_id)
    ).one_or_none()


def keep_typed(session: Session, x_user_id: str, *, at: datetime, **values: object) -> None:
    """Keep what somebody typed, in the place of what they typed there before."""
    statement = dialect_insert(session)(first_times).values(x_user_id=x_user_id, at=at, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["x_user_id"], set_={"at": at, **values})
    )


def forget_typed(session: Session, x_user_id: str) -> None:
    """Forget it: it stands with the person now."""
    session.execute(delete(first_times).where(first_times.c.x_user_id == x_user_id))


def prune_typed(session: Session, *, before: datetime) -> int:
    """Forget what people typed who never came back."""
    done = session.connection().execute(delete(first_times).where(first_times.c.at <= before))
    return done.rowcount
