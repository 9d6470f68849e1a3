"""The inbox: what came in, once each, and who is reading it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Row, Update, and_, bindparam, case, or_, select, union_all, update
from sqlmodel import Session

from bot.ports import RawEvent
from bot.store.engine import dialect_insert
from bot.store.sets import Statement
from bot.store.tables import Cursor, InboxRow, PostVersion, core
from bot.store.tables.mail import INBOX_SOURCES, INBOX_STATUSES

inbox = core(InboxRow)
cursors = core(Cursor)
versions = core(PostVersion)

SAID: Final = ("post", "dm")
"""The sources by which people say something."""
LEASE_S: Final = 15
"""How long a reader has a batch for itself (seconds): one that died has so many people wait. Where
a slower one is taken over, whichever is done first has done it."""


# What a worker asks all the time is built once: that takes longer than the answer.
_IS_FREE: Final = and_(
    inbox.c.next_attempt_at <= bindparam("at"),
    or_(inbox.c.leased_until.is_(None), inbox.c.leased_until < bindparam("leased_at")),
)
UNREAD: Final = ("waiting", "dead")
"""Of a row that is so nothing was done yet; a dead one waits for an operator."""
_ENDED: Final = tuple(status for status in INBOX_STATUSES if status != "waiting")


@cache
def _leasing(sources: tuple[str, ...]) -> Update:
    """Build what takes the oldest rows of some sources.

    Each source's oldest are found by the index, however many rows wait of it or of another.
    """
    oldest = [
        select(inbox.c.id)
        .where(inbox.c.status == "waiting", inbox.c.source == source, _IS_FREE)
        .order_by(inbox.c.id)
        .limit(bindparam("at_most"))
        # Two readers would want the same rows, and the second would go home with none while others
        # wait. It vanishes on SQLite, where a writer is alone anyway.
        .with_for_update(skip_locked=True)
        .cte(f"oldest_{source}")
        for source in sources
    ]
    found = union_all(*(select(one.c.id) for one in oldest)).subquery("found")
    taken = select(found.c.id).order_by(found.c.id).limit(bindparam("at_most"))
    return (
        update(inbox)
        # As it was not said above: SQLite would look for the ids among all that wait.
        .where(inbox.c.id.in_(taken), inbox.c.status.not_in(_ENDED), _IS_FREE)
        .values(leased_until=bindparam("until"), attempts=inbox.c.attempts + 1)
        .returning(inbox)
    )


_FINISH: Final = update(inbox).where(inbox.c.id == bindparam("row"), inbox.c.status == "waiting")
_WRITE: Final = Statement(
    """
    INSERT INTO inbox (source, source_id, body, happened_at, received_at, next_attempt_at, status,
        attempts)
    VALUES (:source, :source_id, :body, :happened_at, :at, :at, 'waiting', 0)
    ON CONFLICT DO NOTHING
    """
)
_FINISH_HELD: Final = _FINISH.where(inbox.c.attempts == bindparam("held"))
_FACT: Final = select(cursors.c.value).where(cursors.c.name == bindparam("wanted"))
_FACTS: Final = select(cursors.c.name, cursors.c.value).where(
    cursors.c.name.in_(bindparam("names", expanding=True))
)
_REMEMBER: Final = Statement(
    """
    INSERT INTO cursor (name, value, updated_at) VALUES (:name, :value, :at)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
    """
)
_BEGIN: Final = Statement(
    """
    INSERT INTO cursor (name, value, updated_at) VALUES (:name, :value, :at) ON CONFLICT DO NOTHING
    """
)
_MOVE: Final = Statement(
    "UPDATE cursor SET value = :value, updated_at = :at WHERE name = :name AND value = :seen"
)
_COUNT: Final = Statement(
    """
    INSERT INTO cursor (name, value, updated_at) VALUES (:name, '1', :at)
    ON CONFLICT (name) DO UPDATE SET
        value = CAST(CAST(cursor.value AS bigint) + 1 AS text), updated_at = excluded.updated_at
    """
)
_VERSIONS: Final = select(versions.c.version_id).where(versions.c.post_id == bindparam("post"))


def write(session: Session, events: Iterable[RawEvent], *, at: datetime) -> int:
    """Write what came in; what is there already is left alone. Return how many were new."""
    rows = [
        {
            "source": event.source,
            "source_id": event.id,
            "body": event.body,
            "happened_at": event.happened_at,
            "at": at,
        }
        # Two writers of the same events meet their keys in one order, and never wait in a circle;
        # X's ids are numbers, which are read oldest first.
        for event in sorted(events, key=lambda one: (one.source, len(one.id), one.id))
    ]
    return _WRITE.touch_each(session, rows) if rows else 0


def lease(
    session: Session,
    *,
    at: datetime,
    leased_at: datetime,
    limit: int,
    sources: Collection[str] = INBOX_SOURCES,
) -> Sequence[Row[Any]]:
    """Take rows of some sources that wait, oldest first, for `LEASE_S` seconds.

    `leased_at`: now, by the clock of all workers (`Store.time_of_all`).
    """
    until = leased_at + timedelta(seconds=LEASE_S)
    values = {"at": at, "leased_at": leased_at, "until": until, "at_most": limit}
    rows = session.execute(_leasing(tuple(sources)), values).all()
    return sorted(rows, key=lambda row: row.id)


def free_leases(session: Session) -> int:
    """Let every row that is leased be read at once: its reader is known to be dead."""
    held = and_(inbox.c.status == "waiting", inbox.c.leased_until.is_not(None))
    statement = update(inbox).where(held).values(leased_until=None)
    return session.connection().execute(statement).rowcount


def finish(
    session: Session,
    row_id: int,
    *,
    at: datetime,
    status: str,
    reason: str | None = None,
    attempts: int | None = None,
    author_x_user_id: str | None = None,
) -> bool:
    """Mark a row done, ignored or dead; False where somebody else already did.

    `attempts` is the fence of who gives up: it grows with each lease, so that a reader that was too
    slow takes no row out of the hands of the one that has it now. Whoever did the work needs none.
    `author_x_user_id`: who wrote it, as its reader found.
    """
    values = {"status": status, "done_at": at, "reason": reason, "leased_until": None}
    return _end(session, row_id, attempts, author_x_user_id=author_x_user_id, **values)


def try_later(
    session: Session, row: Row[Any], *, at: datetime, reason: str, was_tried: bool = False
) -> None:
    """Give a leased row back, to be read at `at`; `was_tried`: it failed by a mistake of ours."""
    values = {"next_attempt_at": at, "leased_until": None, "reason": reason[:300]}
    _end(session, row.id, row.attempts, **values, tries=row.tries + was_tried)


def _end(session: Session, row_id: int, attempts: int | None, **values: object) -> bool:
    statement, given = _FINISH, {"row": row_id, **values}
    if attempts is not None:
        statement, given = _FINISH_HELD, given | {"held": attempts}
    return session.connection().execute(statement, given).rowcount == 1


def known(session: Session, source: str, source_ids: Iterable[str]) -> set[str]:
    """Return which of a source's ids are already here."""
    return set(
        session.execute(
            select(inbox.c.source_id).where(
                inbox.c.source == source, inbox.c.source_id.in_(set(source_ids))
            )
        ).scalars()
    )


def read_cursor(session: Session, name: str) -> str | None:
    """Return a remembered fact."""
    return session.execute(_FACT, {"wanted": name}).scalar_one_or_none()


def read_cursors(session: Session, names: Collection[str]) -> dict[str, str]:
    """Return those of some facts that are remembered, by name."""
    rows = session.execute(_FACTS, {"names": list(names)})
    return {row.name: row.value for row in rows}


def set_cursor(session: Session, name: str, value: str, *, at: datetime) -> None:
    """Remember a fact."""
    _REMEMBER.touch(session, name=name, value=value, at=at)


def move_cursor(session: Session, name: str, value: str, *, seen: str | None, at: datetime) -> bool:
    """Remember a fact in the place of what was `seen` of it; False where another was quicker."""
    values = {"name": name, "value": value, "at": at}
    if seen is None:
        return _BEGIN.touch(session, **values) == 1
    return _MOVE.touch(session, seen=seen, **values) == 1


def count(session: Session, name: str, *, at: datetime) -> None:
    """Add one to a fact that is a number, at the end of a commit: writers wait for one another."""
    _COUNT.touch(session, name=name, at=at)


def prune_bodies(session: Session, *, before: datetime) -> int:
    """Drop the texts of what is done and older than `before`; ids and outcome stay.

    Who wrote them goes with them: an order says whose it is, and nothing else needs to.
    """
    statement = (
        update(inbox)
        .where(inbox.c.received_at < before, inbox.c.status != "waiting", inbox.c.body.isnot(None))
        .values(body=None, author_x_user_id=None)
    )
    return session.connection().execute(statement).rowcount


def of_nobody_yet(session: Session, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return posts and messages of which no reading said who wrote them, by id from `after` on.

    They wait, died, or were read before that was kept.
    """
    return session.execute(
        select(inbox)
        .where(
            inbox.c.id > after,
            inbox.c.source.in_(SAID),
            inbox.c.author_x_user_id.is_(None),
            inbox.c.body.is_not(None),
        )
        .order_by(inbox.c.id)
        .limit(limit)
    ).all()


def listing(session: Session, *, statuses: Sequence[str] = UNREAD) -> Sequence[Row[Any]]:
    """Return what waits and what died, the dead first."""
    first = case((inbox.c.status == "dead", 0), else_=1)
    return session.execute(
        select(inbox).where(inbox.c.status.in_(statuses)).order_by(first, inbox.c.id)
    ).all()


def revive(session: Session, *, at: datetime, row_ids: Sequence[int] | None = None) -> int:
    """Let dead rows be read again; return how many. One whose text was pruned cannot be.

    By a word of the operator's alone. `attempts` goes on: it is the fence of who had them before.
    """
    where = and_(inbox.c.status == "dead", inbox.c.body.is_not(None))
    if row_ids is not None:
        where = and_(where, inbox.c.id.in_(row_ids))
    values: Mapping[str, object] = {
        "status": "waiting",
        "tries": 0,
        "done_at": None,
        "next_attempt_at": at,
    }
    return session.connection().execute(update(inbox).where(where).values(**values)).rowcount


# --- versions of edited posts ------------------------------------------------------------------


def first_version(session: Session, post_id: str) -> str:
    """Return the id of a post's first version: its own, where it was never edited."""
    found = session.execute(
        select(versions.c.post_id).where(versions.c.version_id == post_id)
    ).scalar_one_or_none()
    return found or post_id


def is_newest_version(session: Session, post_id: str, version_id: str) -> bool:
    """Whether no newer version of a post has been read. X's ids grow with time."""
    read = session.execute(_VERSIONS, {"post": post_id})
    return all(int(one) <= int(version_id) for one in read.scalars())


def note_version(session: Session, post_id: str, version_id: str, *, at: datetime) -> None:
    """Note that an edited version of a post was read."""
    session.execute(
        dialect_insert(session)(versions)
        .values(version_id=version_id, post_id=post_id, read_at=at)
        .on_conflict_do_nothing()
    )


def kinds_read(session: Session, post_id: str) -> set[str]:
    """Return what the versions of a post that were read turned out to be, by kind of command."""
    ids = select(versions.c.version_id).where(versions.c.post_id == post_id)
    return set(
        session.execute(
            select(inbox.c.reason).where(
                inbox.c.source == "post",
                or_(inbox.c.source_id == post_id, inbox.c.source_id.in_(ids)),
                inbox.c.status == "done",
                inbox.c.reason.is_not(None),
            )
        ).scalars()
    )
