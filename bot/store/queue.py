"""The outbox as a queue: what there is no room for goes out of it, the least that matters first.

What was dropped stays as a row with the word for why, so that it is counted and its key stays its
one effect.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Row, func, select
from sqlmodel import Session

from bot.store.outbox import outbox
from bot.store.sets import Statement

REPEATED: Final = "repeated"
CROWDED: Final = "crowded"
LATE: Final = "late"
TALKATIVE: Final = "talkative"
OVER_BUDGET: Final = "over_x_daily_budget_usd"
WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        REPEATED: "a newer hint to the same person answers for it",
        CROWDED: "the queue was longer than X's window",
        LATE: "it would have come too late to be understood",
        TALKATIVE: "one person had many answers in one conversation",
        OVER_BUDGET: "X_DAILY_BUDGET_USD ran short, and nobody waits for it",
    }
)
"""Why a message was dropped for want of room or money, in words for the operator."""

_REPEATED: Final = Statement(
    """
    UPDATE outbox SET status = 'dropped', reason = :why
    WHERE status = 'waiting' AND in_doubt = FALSE AND leased_until IS NULL AND channel = :channel
        AND priority = :hint AND EXISTS (
            SELECT 1 FROM outbox newer
            JOIN x_account other ON other.x_user_id = newer.to_x_user_id
            JOIN x_account own ON own.x_user_id = other.x_user_id
                OR own.person_id = other.person_id
            WHERE own.x_user_id = outbox.to_x_user_id AND newer.status = 'waiting'
                AND newer.channel = outbox.channel AND newer.priority = outbox.priority
                AND newer.id > outbox.id)
    """
)
_CROWDED: Final = Statement(
    """
    UPDATE outbox SET status = 'dropped', reason = :why
    WHERE status = 'waiting' AND in_doubt = FALSE AND leased_until IS NULL AND channel = :channel
        AND priority >= :hint AND id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (ORDER BY priority, id) AS place
                FROM outbox WHERE status = 'waiting' AND channel = :channel
            ) AS queue WHERE place > :room)
    """
)
_BEYOND: Final = Statement(
    """
    SELECT id, key, priority FROM (
        SELECT id, key, priority, row_number() OVER (ORDER BY priority, id) AS place
        FROM outbox WHERE status = 'waiting' AND channel = :channel
    ) AS queue WHERE place > :room ORDER BY id LIMIT :most
    """
)
_DROP: Final = Statement(
    """
    UPDATE outbox SET status = 'dropped', reason = :why
    WHERE id = ANY(:ids bigint)
        AND status = 'waiting' AND in_doubt = FALSE AND leased_until IS NULL
    """
)
_LATE: Final = Statement(
    """
    UPDATE outbox SET status = 'dropped', reason = :why
    WHERE id IN (
        SELECT id FROM outbox
        WHERE status = 'waiting' AND in_doubt = FALSE AND leased_until IS NULL
            AND channel = :channel AND created_at < :before
        ORDER BY id LIMIT :most
    ) AND status = 'waiting' AND in_doubt = FALSE AND leased_until IS NULL
    RETURNING id, to_post_id, to_x_user_id, order_id
    """
)


def waiting(session: Session) -> dict[str, int]:
    """Return how many messages wait, by channel."""
    rows = session.execute(
        select(outbox.c.channel, func.count().label("messages"))
        .where(outbox.c.status == "waiting")
        .group_by(outbox.c.channel)
    )
    return {row.channel: row.messages for row in rows}


def drop_repeated(session: Session, channel: str, *, hint: int) -> int:
    """Drop every hint (of that priority) but the newest to each person; return how many."""
    return _REPEATED.touch(session, channel=channel, why=REPEATED, hint=hint)


def drop_crowded(session: Session, channel: str, *, room: int, hint: int) -> int:
    """Drop what matters no more than a hint and stands behind `room` others; return how many."""
    return _CROWDED.touch(session, channel=channel, why=CROWDED, room=room, hint=hint)


def beyond(session: Session, channel: str, *, room: int, most: int) -> Sequence[Row[Any]]:
    """Return id, key and priority of at most so many that stand behind `room` others."""
    return _BEYOND.run(session, channel=channel, room=room, most=most)


def drop(session: Session, ids: Sequence[int], *, why: str) -> int:
    """Drop these, those that somebody has in their hands apart; return how many."""
    return _DROP.touch(session, ids=ids, why=why)


def drop_late(session: Session, channel: str, *, before: datetime, most: int) -> Sequence[Row[Any]]:
    """Drop the oldest that were to be said before a moment; return them, with what each was about.

    At most so many: the rest at the next call.
    """
    return _LATE.run(session, channel=channel, why=LATE, before=before, most=most)


def dropped(session: Session, *, since: datetime) -> Sequence[Row[Any]]:
    """Return channel, reason and how many `messages` were dropped for want of room since a moment.

    By the time at which each was due last: the index holds it.
    """
    return session.execute(
        select(outbox.c.channel, outbox.c.reason, func.count().label("messages"))
        .where(
            outbox.c.status == "dropped",
            outbox.c.next_attempt_at >= since,
            outbox.c.reason.in_(tuple(WHY)),
        )
        .group_by(outbox.c.channel, outbox.c.reason)
        .order_by(outbox.c.channel, outbox.c.reason)
    ).all()
