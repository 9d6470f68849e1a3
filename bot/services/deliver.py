"""Out: the outbox goes out, each message once.

Before a call the row is leased and in doubt, in a commit of its own; after it the outcome is
recorded. A row that is still in doubt when it is taken again is looked up at X before anything is
sent. A limit that X names makes its whole channel wait, for every worker.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.domain.order import confirm_by_after_reply
from bot.services import x_money
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import confirmations, drafts, inbox, orders, outbox

log = structlog.get_logger(__name__)

CHANNELS: Final = ("reply", "dm", "sms")
ROUND_AT_MOST: Final = 200
"""Messages sent in one call, so that a worker that is told to stop does."""
LOOK_UP_AFTER_S: Final = 15
"""How long X may take to show what it has accepted (seconds): twice its own P99. An empty look-up
before that proves nothing."""
BACK_OFF_AT_MOST_S: Final = 300
"""The longest wait between two tries (seconds)."""
ATTEMPTS_AT_MOST: Final = 20
"""Tries of one message, about an hour; then it is dead and waits for an operator."""
CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""How far X's clock may be from ours when we look for what we sent."""


def deliver(deps: Deps) -> int:
    """Send what waits, the most urgent first; return how many messages went out."""
    sent = 0
    for _ in range(ROUND_AT_MOST):
        at = deps.clock.now()
        with deps.store.write() as session:
            row = outbox.lease(session, at=at, channels=_open_channels(session, at))
        if row is None:
            break
        deps.step(Step.OUTBOX_LEASED)
        sent += _deliver(deps, row)
        if not row.are_more:  # what was written since has rung for the next call
            break
    return sent


def _open_channels(session: Session, at: datetime) -> list[str]:
    """Return the channels that no limit of X's has closed."""
    closed = inbox.read_cursors(session, [_closed(channel) for channel in CHANNELS])
    return [
        channel
        for channel in CHANNELS
        if (until := closed.get(_closed(channel))) is None or datetime.fromisoformat(until) <= at
    ]


def _closed(channel: str) -> str:
    return f"closed_until.{channel}"


def _deliver(deps: Deps, row: Row[Any]) -> bool:
    """Send one message, or find that it went out before; False where it did not go out now."""
    try:
        sent_id = _look_up(deps, row) if row.in_doubt else None
    except Unavailable as error:
        return _look_up_later(deps, row, error)
    except Rejected as error:
        return _rejected(deps, row, error)
    if sent_id is not None:
        return _found(deps, row, sent_id)
    return False if _is_unwanted(deps, row) else _try(deps, row)


def _found(deps: Deps, row: Row[Any], sent_id: str) -> bool:
    _record(deps, row, sent_id)
    return True


def _try(deps: Deps, row: Row[Any]) -> bool:
    """Send one message that is not out; False where it did not go out now."""
    try:
        sent_id = _send(deps, row)
    except Unavailable as error:
        return _wait(deps, row, error)
    except OutcomeUnknown as error:
        return _try_later(deps, row, LOOK_UP_AFTER_S, in_doubt=True, reason=error.reason)
    except Rejected as error:
        return _rejected(deps, row, error)
    deps.step(Step.MESSAGE_SENT)
    return _found(deps, row, sent_id)


def _is_unwanted(deps: Deps, row: Row[Any]) -> bool:
    """Drop what is not out, where its reader opted out since, or X's budget is for other things."""
    reason = "its reader wrote stop" if row.opted_out_at is not None else None
    if row.channel != "sms" and x_money.is_optional(row) and x_money.is_saving(deps):
        reason = x_money.OVER_BUDGET
    if reason is None:
        return False
    with deps.store.write() as session:
        return outbox.record_dropped(session, row.id, reason=reason)


def _send(deps: Deps, row: Row[Any]) -> str:
    if row.channel != "sms":
        x_money.check_may_speak(deps)
    match row.channel:
        case "reply":
            return deps.publisher.reply(
                to_post_id=row.to_post_id,
                text=row.text,
                exclude_x_user_ids=[one for one in row.exclude_x_user_ids.split(",") if one],
            )
        case "dm":
            return deps.publisher.message(to_x_user_id=row.to_x_user_id, text=row.text)
        case _:
            deps.sms.send(to_phone=row.to_phone, text=row.text, key=row.key)
            return str(row.key)


def _look_up(deps: Deps, row: Row[Any]) -> str | None:
    """Find a message of ours that may have gone out, by the cheapest call; None: it did not."""
    since = row.created_at - CLOCKS_DIFFER
    match row.channel:
        case "reply":
            found = deps.publisher.replies_to(row.to_post_id, since=since)
        case "dm":
            every = deps.publisher.messages_to(row.to_x_user_id, since=since)
            found = [one for one in every if one.text == row.text]
        case _:
            return None  # a text message is keyed: sending it again is safe
    return str(found[0].id) if found else None


def _rejected(deps: Deps, row: Row[Any], error: Rejected) -> bool:
    """A duplicate may be our own; any other no makes the message dead, not what it is about."""
    if error.code == "duplicate":
        # X has this text from us: until it shows where, nothing else is known.
        return _try_later(deps, row, LOOK_UP_AFTER_S, in_doubt=True, reason=str(error))
    log.warning("message_dead", outbox=row.id, channel=row.channel, code=error.code)
    with deps.store.write() as session:
        outbox.record_dead(session, row.id, reason=str(error))
    return False


def _record(deps: Deps, row: Row[Any], sent_id: str) -> None:
    """Record that a message is out. An order's payers have their time from its answer on."""
    at = deps.clock.now()
    with deps.store.write() as session:
        answers = row.order_id is not None and row.key.startswith(("reply:", "dm:answer:"))
        if answers:  # first of all: an edit holds the order when it comes to this message
            order = confirmations.lock_order(session, row.order_id)
        if not outbox.record_sent(session, row.id, sent_id=sent_id, at=at):
            return
        if answers:
            confirm_by = confirm_by_after_reply(
                at,
                order.created_at,
                confirm_within_h=deps.policy.confirm_within_h,
                answer_within_h=deps.policy.answer_within_h,
            )
            first = orders.record_reply(
                session, order.id, reply_id=sent_id, at=at, confirm_by=confirm_by
            )
            if first:
                drafts.extend(session, order.id, confirm_by=confirm_by)
    deps.step(Step.MESSAGE_RECORDED)


def _look_up_later(deps: Deps, row: Row[Any], error: Unavailable) -> bool:
    """Wait until we may look; what is limited is the looking, not the channel."""
    at = deps.clock.now()
    wait_s = float(LOOK_UP_AFTER_S)
    if error.retry_at is not None:
        wait_s = max(wait_s, (error.retry_at - at).total_seconds())
    return _try_later(deps, row, wait_s, in_doubt=True, reason=error.reason)


def _wait(deps: Deps, row: Row[Any], error: Unavailable) -> bool:
    """Wait until X's limit is over, the whole channel with it; else back off."""
    in_doubt = bool(row.in_doubt)  # nothing went out now, but perhaps before
    if error.retry_at is None:
        wait_s = min(BACK_OFF_AT_MOST_S, 2 ** min(row.attempts, 10))
        return _try_later(deps, row, wait_s, in_doubt=in_doubt, reason=error.reason)
    with deps.store.write() as session:
        inbox.set_cursor(
            session, _closed(row.channel), error.retry_at.isoformat(), at=deps.clock.now()
        )
        outbox.try_later(session, row.id, at=error.retry_at, in_doubt=in_doubt, reason=error.reason)
    log.info("channel_closed", channel=row.channel, until=error.retry_at.isoformat())
    return False


def _try_later(deps: Deps, row: Row[Any], wait_s: float, *, in_doubt: bool, reason: str) -> bool:
    at = deps.clock.now()
    with deps.store.write() as session:
        if row.attempts + 1 >= ATTEMPTS_AT_MOST:
            outbox.record_dead(session, row.id, reason=f"{ATTEMPTS_AT_MOST} tries: {reason}")
            return False
        later = at + timedelta(seconds=wait_s)
        outbox.try_later(session, row.id, at=later, in_doubt=in_doubt, reason=reason)
    return False
