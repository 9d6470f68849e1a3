"""The outbox: what is to be said, once each, and who is saying it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    or_,
    select,
    union_all,
    update,
)
from sqlmodel import Session

from bot.store import budgets, sets
from bot.store.budgets import x_budget
from bot.store.sets import Change, Statement
from bot.store.tables import OutboxRow, XAccount, core
from bot.store.tables.mail import OUTBOX_CHANNELS

outbox = core(OutboxRow)
x_accounts = core(XAccount)

URGENT: Final = 0
"""The priority of what goes out while X grants one call; all else leaves some for it."""
LEASE_S: Final = 45
"""How long a deliverer may take for one message (seconds) before another takes it over: a look-up
before it, the call, and until X shows what that did take 15 each at most."""


# What a worker asks all the time is built once: that takes longer than the answer.
def _due(messages: FromClause, channel: str) -> ColumnElement[bool]:
    """Say which messages of a kind wait, and may go out now by what is granted of it."""
    return and_(
        messages.c.status == "waiting",
        messages.c.channel == channel,
        messages.c.priority <= budgets.open_to(channel, urgent=URGENT),
        messages.c.next_attempt_at <= bindparam("at"),
        or_(messages.c.leased_until.is_(None), messages.c.leased_until < bindparam("leased_at")),
    )


def _next() -> Select[Any]:
    """Build what finds the most urgent message: each kind's is found by the index."""
    first = [
        select(outbox)
        .where(_due(outbox, channel))
        .order_by(outbox.c.priority, outbox.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # vanishes on SQLite, where a writer is alone anyway
        .cte(f"first_{channel}")
        for channel in OUTBOX_CHANNELS
    ]
    found = union_all(*map(select, first)).subquery("found")
    other = outbox.alias("other")
    next_ones = [
        select(other.c.id)
        .where(_due(other, channel), other.c.id != found.c.id)
        .order_by(other.c.priority, other.c.id)  # else PostgreSQL would hope to meet one anywhere
        .limit(1)
        .scalar_subquery()
        for channel in OUTBOX_CHANNELS
    ]
    opted_out = select(x_accounts.c.opted_out_at).where(
        x_accounts.c.x_user_id == found.c.to_x_user_id
    )
    return (
        select(
            found,
            *budgets.COLUMNS,
            opted_out.scalar_subquery().label("opted_out_at"),
            or_(*(one.is_not(None) for one in next_ones)).label("are_more"),
        )
        .join(x_budget, x_budget.c.channel == found.c.channel, isouter=True)
        .order_by(found.c.priority, found.c.id)
        .limit(1)
    )


_NEXT: Final = _next()
_LEASE: Final = Statement(
    """
    UPDATE outbox SET leased_until = :until, attempts = attempts + 1, in_doubt = TRUE
    WHERE id = :row_id AND status = 'waiting' AND EXISTS (SELECT 1 FROM {x_budget})
    """
)
_SENT: Final = Statement(
    """
    UPDATE outbox SET status = 'sent', sent_id = :sent_id, sent_at = :at, in_doubt = FALSE,
        leased_until = NULL, reason = NULL
    WHERE id = :row_id AND status = 'waiting'
    """
)
_END_LEASE: Final = update(outbox).where(
    outbox.c.id == bindparam("row_id"),
    outbox.c.status == "waiting",
    outbox.c.attempts == bindparam("leased"),
)


class Letter(NamedTuple):
    """One message to go out. `key` makes it one effect; `states_hash`: terms that it states."""

    key: str
    channel: str
    text: str
    priority: int = 5
    to_post_id: str | None = None
    to_x_user_id: str | None = None
    exclude_x_user_ids: str = ""
    order_id: int | None = None
    states_hash: str | None = None
    conversation_id: str | None = None
    dropped: str | None = None
    """Why it does not go out: it is written down and counted alone."""


_PUT: Final = Statement(
    """
    INSERT INTO outbox (key, channel, text, priority, to_post_id, to_x_user_id,
        exclude_x_user_ids, order_id, states_hash, conversation_id, reason, status, attempts,
        in_doubt, created_at, next_attempt_at)
    SELECT key, channel, text, priority, to_post_id, to_x_user_id, exclude_x_user_ids,
        order_id, states_hash, conversation_id, dropped,
        CASE WHEN dropped IS NULL THEN 'waiting' ELSE 'dropped' END, 0, FALSE, :at, :at
    FROM GIVEN letters(key text, channel text, text text, priority bigint, to_post_id text,
        to_x_user_id text, exclude_x_user_ids text, order_id bigint,
        states_hash text, conversation_id text, dropped text)
    WHERE TRUE ON CONFLICT DO NOTHING
    """,
    is_counted=False,
)


def put(session: Session, letters: Iterable[Letter], *, at: datetime) -> int:
    """Write messages to go out; one whose key is there already is left alone."""
    (change,) = putting(list(letters), at=at)
    return change.statement.touch(session, **change.values) if change.rows != 0 else 0


def putting(letters: Sequence[Letter], *, at: datetime) -> list[Change]:
    """Return what writes messages to go out, as `put` does."""
    columns = dict(zip(Letter._fields, zip(*letters, strict=True), strict=bool(letters)))
    rows = None if letters else 0
    return [Change("outbox", _PUT, {"letters": columns, "at": at}, rows)]


def rewrite(session: Session, letter: Letter, *, at: datetime) -> bool:
    """Say something else in a message that has not gone out; False where it may have.

    One that was dropped before it went out is owed again.
    """
    values = letter._asdict()
    key, why = values.pop("key"), values.pop("dropped")
    values |= {"status": "waiting" if why is None else "dropped", "reason": why}
    never_sent = and_(outbox.c.status == "dropped", outbox.c.sent_id.is_(None))
    statement = (
        update(outbox)
        .where(outbox.c.key == key, or_(_unsent(key), never_sent))
        .values(next_attempt_at=at, **values)
    )
    return session.connection().execute(statement).rowcount == 1


def take_back(session: Session, key: str, *, reason: str) -> bool:
    """Drop a message that has not gone out; False where it may have."""
    statement = update(outbox).where(_unsent(key)).values(status="dropped", reason=reason)
    return session.connection().execute(statement).rowcount == 1


def _unsent(key: str) -> ColumnElement[bool]:
    return and_(
        outbox.c.key == key,
        outbox.c.status == "waiting",
        outbox.c.in_doubt.is_(False),
        outbox.c.leased_until.is_(None),
    )


class TryAgain:
    """Another worker took the call that a message was to go out by: ask once more."""


def lease(
    session: Session, *, at: datetime, leased_at: datetime, by_contract: bool
) -> Row[Any] | TryAgain | None:
    """Take the most urgent message that may go out, and the call that it needs.

    Returns the row as it was before the lease, with the budget of its kind before the call. Its
    `opted_out_at` says since when its reader wants no more messages, `are_more` whether others
    wait. Until the outcome is recorded the row is in doubt: a call may go out at any moment now.
    `leased_at`: now, by the clock of all workers (`Store.time_of_all`). `by_contract`: of what X
    grants nothing is known before it says so.
    """
    row = session.execute(_NEXT, {"at": at, "leased_at": leased_at}).one_or_none()
    if row is None:
        return None
    call = budgets.taking(session, row, at=at, by_contract=by_contract)
    until = {"row_id": row.id, "until": leased_at + timedelta(seconds=LEASE_S)}
    call_taken, _leased = sets.write(session, [call, Change("outbox", _LEASE, until)])
    return row if call_taken else TryAgain()


def record_sent(
    session: Session, row_id: int, *, sent_id: str, at: datetime, heard: Sequence[Change] = ()
) -> bool:
    """Record that a message is out, and what was `heard` with it; False where it was recorded."""
    values = {"row_id": row_id, "sent_id": sent_id, "at": at}
    written, *_heard = sets.write(session, [Change("outbox", _SENT, values), *heard])
    return written == 1


def known_messages(session: Session, x_user_id: str, sent_ids: Sequence[str]) -> set[str]:
    """Return which of X's ids are those of direct messages to an account that are recorded."""
    if not sent_ids:
        return set()
    known = select(outbox.c.sent_id).where(
        outbox.c.to_x_user_id == x_user_id,
        outbox.c.channel == "dm",
        outbox.c.sent_id.in_(sent_ids),
    )
    return set(session.execute(known).scalars())


def record_dead(session: Session, row: Row[Any], *, reason: str) -> bool:
    """Record that a leased message can never go out, and why; False where it is another's now."""
    return _end_lease(session, row, status="dead", in_doubt=False, reason=reason[:300])


def record_dropped(session: Session, row: Row[Any], *, reason: str) -> bool:
    """Record that a leased message is not to go out any more; False where it is another's now."""
    return _end_lease(session, row, status="dropped", in_doubt=False, reason=reason[:300])


def try_later(
    session: Session,
    row: Row[Any],
    *,
    at: datetime,
    in_doubt: bool,
    reason: str,
) -> None:
    """Give a leased message back, to be tried at `at`; in doubt, it is looked up first."""
    _end_lease(session, row, next_attempt_at=at, in_doubt=in_doubt, reason=reason[:300])


def look_up_after(
    session: Session, row: Row[Any], *, until: datetime, reason: str, is_odd: bool
) -> None:
    """Let nobody take a leased message before `until`: a call was made of unknown outcome.

    By the clock of all workers: to one that is ahead X would not show yet what it took. Only a call
    that X answered, though oddly, counts as a try.
    """
    values = {"leased_until": until, "in_doubt": True, "reason": reason[:300]}
    _end_lease(session, row, **values, tries=row.tries + is_odd)


def free_leases(session: Session, *, until: datetime) -> int:
    """Let every message that is leased be taken from `until` on: its deliverer is known to be dead.

    It stays in doubt.
    """
    held = and_(outbox.c.status == "waiting", outbox.c.leased_until > until)
    statement = update(outbox).where(held).values(leased_until=until)
    return session.connection().execute(statement).rowcount


def _end_lease(session: Session, row: Row[Any], **values: object) -> bool:
    """End a lease that still is the newest: whoever took the message since has counted one more."""
    which = {"row_id": row.id, "leased": row.attempts + 1, "leased_until": None}
    return session.connection().execute(_END_LEASE, which | values).rowcount == 1


def drop_waiting(session: Session, x_user_id: str, *, reason: str) -> int:
    """Drop what waits for an account and may not be under way; return how many messages."""
    statement = (
        update(outbox)
        .where(
            outbox.c.to_x_user_id == x_user_id,
            outbox.c.status == "waiting",
            outbox.c.in_doubt.is_(False),
            outbox.c.leased_until.is_(None),
        )
        .values(status="dropped", reason=reason)
    )
    return session.connection().execute(statement).rowcount


def was_told(session: Session, order_id: int, x_user_id: str, states_hash: str) -> bool:
    """Whether these terms of an order have been stated to an account by a DM that went out."""
    found = session.execute(
        select(outbox.c.id).where(
            outbox.c.order_id == order_id,
            outbox.c.to_x_user_id == x_user_id,
            outbox.c.channel == "dm",
            outbox.c.states_hash == states_hash,
            outbox.c.status == "sent",
        )
    ).first()
    return found is not None


def order_of_reply(session: Session, reply_id: str) -> int | None:
    """Return the order whose reply bears this id."""
    return session.execute(
        select(outbox.c.order_id).where(outbox.c.sent_id == reply_id, outbox.c.channel == "reply")
    ).scalar_one_or_none()


def listing(
    session: Session, *, statuses: Sequence[str] = ("waiting", "dead")
) -> Sequence[Row[Any]]:
    """Return what waits and what died, the dead first."""
    first = case((outbox.c.status == "dead", 0), else_=1)
    return session.execute(
        select(outbox).where(outbox.c.status.in_(statuses)).order_by(first, outbox.c.id)
    ).all()


def revive(session: Session, *, at: datetime, row_ids: Sequence[int] | None = None) -> int:
    """Give dead messages their tries once more, looked up first; return how many.

    By a word of the operator's alone. Who took them before stays known by `attempts`: of two that
    bore one number the slower would end the other's lease.
    """
    where = and_(outbox.c.status == "dead", outbox.c.text != "")  # a pruned text says nothing
    if row_ids is not None:
        where = and_(where, outbox.c.id.in_(row_ids))
    values: Mapping[str, object] = {
        "status": "waiting",
        "next_attempt_at": at,
        "in_doubt": True,
        "tries": 0,
    }
    return session.connection().execute(update(outbox).where(where).values(**values)).rowcount


def prune_texts(session: Session, *, before: datetime) -> int:
    """Drop the texts of messages that ended before `before`; ids and outcome stay."""
    statement = (
        update(outbox)
        .where(outbox.c.created_at < before, outbox.c.status != "waiting", outbox.c.text != "")
        .values(text="")
    )
    return session.connection().execute(statement).rowcount
