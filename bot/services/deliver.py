"""Out: the outbox goes out, each message once, at the pace that X grants.

Before a call the row is leased and in doubt and the call is taken from its budget, in a commit of
its own; after it the outcome is recorded, and what X said is left. A row that is still in doubt
when it is taken again is looked up at X before anything is sent. What X grants is one row for
every worker: of posts one, of direct messages one.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.domain.order import confirm_by_after_reply
from bot.domain.pace import Accepted, Budget
from bot.domain.x_bill import XUse
from bot.services import asked, keys, x_money
from bot.services.answers import say_instead
from bot.services.back_off import next_try_at
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import budgets, confirmations, drafts, orders, outbox
from bot.store.queue import LATE, OVER_BUDGET

log = structlog.get_logger(__name__)

ROUND_AT_MOST: Final = 200
"""Messages sent in one call, so that a worker that is told to stop does."""
LOOK_UP_AFTER_S: Final = 15
"""How long X may take to show what it has accepted (seconds): twice its own P99. An empty look-up
before that proves nothing."""
CALL_TAKES_S: Final = 15
"""How long a call may take (seconds): the adapter gives it 10 with its repetitions."""
BEGIN_WITHIN_S: Final = outbox.LEASE_S - CALL_TAKES_S - LOOK_UP_AFTER_S
"""How long after its lease a message may still be sent (seconds): X shows it before another looks.
"""
LOOK_UP_WITHIN_S: Final = 60
"""The longest wait before a look-up that we choose ourselves (seconds): somebody waits for the
link, and once X is well again it is not to come much later."""
TRIES_AT_MOST: Final = 20
"""Tries of one message that X answers, though oddly; then it is dead and waits for an operator."""
CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""How far X's clock may be from ours when we look for what we sent."""
LOOK_BACK: Final = timedelta(days=1)
"""How far back a direct message is looked for: whoever wrote its row may have been ahead by hours.
X takes the same text twice, and this is read and paid by the polls anyway; others' are known."""


def deliver(deps: Deps) -> int:
    """Send what waits and may go, the most urgent first; return how many messages went out."""
    sent = 0
    for _ in range(ROUND_AT_MOST):
        if not x_money.may_speak(deps):  # what waits keeps its tries and its certainty
            break
        at = deps.clock.now()
        with deps.store.write() as session:
            leased_at = deps.store.time_of_all(session, at)
            leased = outbox.lease(
                session, at=at, leased_at=leased_at, by_contract=deps.policy.x_by_contract
            )
        if leased is None:
            break
        if isinstance(leased, outbox.TryAgain):
            continue
        deps.step(Step.OUTBOX_LEASED)
        sent += _deliver(deps, leased, until=at + timedelta(seconds=BEGIN_WITHIN_S))
        if not leased.are_more:  # what was written since has rung for the next call
            break
    return sent


def _deliver(deps: Deps, row: Row[Any], *, until: datetime) -> bool:
    """Send one message, or find that it went out before; False where it did not go out now.

    From `until` on it is soon another's: who slept through that leaves it alone.
    """
    try:
        with keys.taken(deps):
            sent_id = _look_up(deps, row) if row.in_doubt else None
    except Unavailable as error:
        return _look_up_later(deps, row, error)
    except Rejected as error:
        with deps.store.write() as session:
            _bury(session, row, error)
        return False
    if sent_id is not None:
        deps.tally.count(XUse.MESSAGE_SENT if row.channel == "dm" else XUse.REPLY)
        _record(deps, row, sent_id, None)
        return True
    if deps.clock.now() >= until:
        log.warning("lease_slept_through", outbox=row.id)
        return False
    return False if _is_unwanted(deps, row) else _try(deps, row)


def _try(deps: Deps, row: Row[Any]) -> bool:
    """Send one message that is not out; False where it did not go out now."""
    try:
        with keys.taken(deps):
            accepted = _send(deps, row)
    except Unavailable as error:
        return _wait(deps, row, error)
    except OutcomeUnknown as error:
        return _look_up_again(deps, row, error.reason, is_odd=error.is_odd)
    except Rejected as error:
        return _rejected(deps, row, error)
    deps.step(Step.MESSAGE_SENT)
    _record(deps, row, accepted.id, accepted.budget)
    return True


def _is_unwanted(deps: Deps, row: Row[Any]) -> bool:
    """Drop what is not out, where its reader opted out since, or X's budget is for other things.

    So goes what tells somebody that they are asked, once they are asked no more. Dropped or not,
    where the lease is another's now, it is no more for us to send.
    """
    reason = "its reader wrote stop" if row.opted_out_at is not None else None
    if asked.is_moot(deps, row):
        reason = "what it tells of has ended, or changed"
    if x_money.is_optional(row) and x_money.is_saving(deps):
        reason = OVER_BUDGET
    if row.in_doubt and _is_too_late(deps, row):  # of all others `relieve` drops what is
        reason = LATE
    if reason is None:
        return False
    with deps.store.write() as session:
        if outbox.record_dropped(session, row, reason=reason) and reason == LATE:
            say_instead(session, deps, [row], at=deps.clock.now())
        budgets.give_back(session, row.channel)
    return True


def _is_too_late(deps: Deps, row: Row[Any]) -> bool:
    """Whether a reply would only puzzle by now, or what a message tells of has long ended."""
    hours = deps.policy.answer_within_h
    if row.channel == "dm":
        hours += deps.policy.confirm_within_h
    with deps.store.read() as session:  # late for one worker's clock is late for all
        now = deps.store.time_of_all(session, deps.clock.now())
    return bool(row.created_at < now - timedelta(hours=hours))


def _send(deps: Deps, row: Row[Any]) -> Accepted:
    if row.channel == "dm":
        return deps.publisher.message(to_x_user_id=row.to_x_user_id, text=row.text)
    return deps.publisher.reply(
        to_post_id=row.to_post_id,
        text=row.text,
        exclude_x_user_ids=[one for one in row.exclude_x_user_ids.split(",") if one],
    )


def _look_up(deps: Deps, row: Row[Any]) -> str | None:
    """Find a message of ours that may have gone out, by the cheapest call; None: it did not."""
    with deps.store.read() as session:  # whoever wrote it may have been ahead of X's clock
        now = deps.store.time_of_all(session, deps.clock.now())
    since = min(row.created_at, now)
    if row.channel != "dm":  # a post is answered by one row alone
        replies = deps.publisher.replies_to(
            row.to_post_id,
            since=since - CLOCKS_DIFFER,
            thoroughly=row.tries > 0,  # X answered oddly: it may have what its search does not show
        )
        return replies[0].id if replies else None
    every = deps.publisher.messages_to(row.to_x_user_id, since=since - LOOK_BACK)
    equal = [one.id for one in every if one.text == row.text]
    with deps.store.read() as session:  # the same was said a minute before, to the same question
        others = outbox.known_messages(session, row.to_x_user_id, equal)
    return next((one for one in equal if one not in others), None)


def _rejected(deps: Deps, row: Row[Any], error: Rejected) -> bool:
    """A duplicate may be our own; any other no makes the message dead, not what it is about."""
    if error.code == "duplicate":
        # X has this text from us: until it shows where, nothing else is known.
        return _look_up_again(deps, row, str(error), is_odd=True)
    with deps.store.write() as session:
        if _bury(session, row, error):
            say_instead(session, deps, [row], at=deps.clock.now())
    return False


def _bury(session: Session, row: Row[Any], error: Rejected) -> bool:
    log.warning("message_dead", outbox=row.id, channel=row.channel, code=error.code)
    return outbox.record_dead(session, row, reason=str(error))


def _record(deps: Deps, row: Row[Any], sent_id: str, said: Budget | None) -> None:
    """Record that a message is out, and what X `said` is left; None: it was out before.

    An order's payers have their time from its answer on.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        answers = row.order_id is not None and row.key.startswith(("reply:", "dm:answer:"))
        if answers:  # first of all: an edit holds the order when it comes to this message
            order = confirmations.lock_order(session, row.order_id)
        heard = [] if said is None else budgets.hearing(row, said, at=at)
        is_first = outbox.record_sent(session, row.id, sent_id=sent_id, at=at, heard=heard)
        if is_first and answers:
            confirm_by = confirm_by_after_reply(
                at,
                order.created_at,
                confirm_within_h=deps.policy.confirm_within_h,
                answer_within_h=deps.policy.answer_within_h,
            )
            instead = row.channel == "dm" and order.source == "post"
            reply_id = None if instead else sent_id
            first = orders.record_reply(
                session, order.id, reply_id=reply_id, at=at, confirm_by=confirm_by
            )
            if first:
                drafts.extend(session, order.id, confirm_by=confirm_by)
        if said is None:
            budgets.give_back(session, row.channel)
    if is_first:
        deps.step(Step.MESSAGE_RECORDED)


def _look_up_later(deps: Deps, row: Row[Any], error: Unavailable) -> bool:
    """Wait until we may look; what is limited is the looking, not what was to be sent.

    However long that lasts: a message is not dead for that X was.
    """
    at = deps.clock.now()
    later = max(
        next_try_at(at, row.attempts, error.retry_at), at + timedelta(seconds=LOOK_UP_AFTER_S)
    )
    with deps.store.write() as session:
        outbox.try_later(session, row, at=later, in_doubt=True, reason=error.reason)
        budgets.give_back(session, row.channel)
    return False


def _wait(deps: Deps, row: Row[Any], error: Unavailable) -> bool:
    """Wait with everything of its kind until X's limit is over, or it is to be asked again.

    Nothing was sent, so no try counts.
    """
    until = next_try_at(deps.clock.now(), row.attempts, error.retry_at)
    with deps.store.write() as session:
        # It is in doubt if it was before: nothing went out now.
        outbox.try_later(session, row, at=until, in_doubt=bool(row.in_doubt), reason=error.reason)
        if error.retry_at is None:
            budgets.give_back(session, row.channel)
        budgets.close(session, row.channel, until=until)
    log.info("channel_closed", channel=row.channel, until=until.isoformat())
    return False


def _look_up_again(deps: Deps, row: Row[Any], reason: str, *, is_odd: bool) -> bool:
    """Give a message back that may be out, to be looked up: each time later, while X is down.

    X's being away ends it by its age alone (`_is_too_late`). `is_odd`: X did answer; of many such
    tries it is dead. How often it waited, or was taken over from a worker that slept, is no try.
    """
    with deps.store.write() as session:
        if is_odd and row.tries + 1 >= TRIES_AT_MOST:
            outbox.record_dead(session, row, reason=f"{TRIES_AT_MOST} tries: {reason}")
        else:
            now = deps.store.time_of_all(session, deps.clock.now())
            soonest, latest = (
                now + timedelta(seconds=one) for one in (LOOK_UP_AFTER_S, LOOK_UP_WITHIN_S)
            )
            until = min(max(next_try_at(now, row.attempts, None), soonest), latest)
            outbox.look_up_after(session, row, until=until, reason=reason, is_odd=is_odd)
    return False
