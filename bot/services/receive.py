"""In: what X and the acquirer send becomes inbox rows, and each row is read once.

Writing is all that a callback does. Reading a row turns it into facts in one commit, the row's own
end among them; what the outside delays is tried again, what cannot be read is dead and listed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row

from bot.domain.errors import BotError, OutcomeUnknown, Rejected, Unavailable
from bot.domain.x_bill import XUse
from bot.ports import RawEvent, XUser
from bot.services import disputes, hear, keys, refunds, settle
from bot.services.back_off import next_try_at
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.whoami import BOT_ACCOUNT, as_kept, whoami
from bot.store import confirmations, inbox
from bot.store.down import is_away

log = structlog.get_logger(__name__)

BATCH: Final = 10
"""Rows leased at once: few enough to be read well within their lease, and so many wait for its end
where a reader dies."""
BATCHES_AT_MOST: Final = 20
"""Batches read in one call, so that a worker that is told to stop does."""
TRIES_AT_MOST: Final = 8
"""Tries of a row that fails by a mistake of ours, before it is dead and waits for an operator."""
SHOWN_WITHIN: Final = timedelta(minutes=2)
"""How long X may take to show a post in the mentions timeline: many times its own P99."""
TIMELINE_REACHES: Final = 800
"""How many mentions X's timeline shows: what is older than these cannot be had there."""
WRITTEN_AT_ONCE: Final = 200
"""Posts of a backfill that are written in one commit: two of X's pages."""
OVERLAP: Final = timedelta(minutes=1)
"""How far before the first start a message's clock may say it was sent and still be answered."""

SAID: Final = inbox.SAID
"""What people say, as the inbox names its source."""
OF_CARDS: Final = ("stripe",)
"""What the acquirer tells."""

USES: Final[Mapping[str, XUse]] = {"post": XUse.POST_READ, "dm": XUse.MESSAGE_READ}
"""What X bills for one that is brought to us, by its source."""
_SINCE_ID: Final = "mentions.since_id"
FIRST_START: Final = "first_start"
"""The cursor that says since when this database has had a worker."""


def take_in(deps: Deps, events: Iterable[RawEvent], *, read_as: XUse | None = None) -> int:
    """Write what came in of one source, once each; return how many were new.

    What is new is counted as it came to us (`USES`), or `read_as`: X bills what comes twice in a
    day once.
    """
    at, events = deps.clock.now(), list(events)
    if not events:
        return 0
    with deps.store.write() as session:
        new = inbox.write(session, events, at=at)
    if new:
        use = read_as or USES.get(events[0].source)
        if use is not None:
            deps.tally.count(use, new)
        deps.step(Step.INBOX_WRITTEN)
        for bell, sources in ((deps.bells.inbox, SAID), (deps.bells.cards, OF_CARDS)):
            if any(event.source in sources for event in events):
                bell.set()
    return new


def first_start(deps: Deps) -> datetime:
    """Return when this database first had a worker: what is older is the past, never answered."""
    at = deps.clock.now()
    with deps.store.write() as session:
        kept = inbox.read_cursor(session, FIRST_START)
        if kept is None:
            inbox.set_cursor(session, FIRST_START, at.isoformat(), at=at)
            return at
    return datetime.fromisoformat(kept)


def backfill(deps: Deps) -> list[RawEvent]:
    """Read the mentions that the stream may have missed; return those that were new, oldest first.

    The cursor moves only once everything up to it is written: pages come newest first, so they are
    all read before it does. It stays behind what is so new that X may yet show an older post after
    it; what is read again is known by its id, and paid for once a day. Where X breaks off between
    two pages, what came is written, and the cursor stays where it was.
    """
    since = first_start(deps)
    with deps.store.read() as session:
        since_id = inbox.read_cursor(session, _SINCE_ID)
    events: list[RawEvent] = []
    new: list[RawEvent] = []
    try:
        for one in deps.mentions.mentions(since_id=since_id, since=since):
            events.append(one)  # one by one: what came before an error is kept
    finally:
        events.sort(key=lambda one: int(one.id))  # an answer follows its question
        for start in range(0, len(events), WRITTEN_AT_ONCE):
            some = unknown(deps, events[start : start + WRITTEN_AT_ONCE])
            take_in(deps, some, read_as=XUse.MENTION_READ)
            new += some
    if len(events) >= TIMELINE_REACHES:
        log.error("backfill_cut", posts=len(events), x_shows_at_most=TIMELINE_REACHES)
    _move_cursor(deps, events)
    return new


def unknown(deps: Deps, events: Sequence[RawEvent]) -> list[RawEvent]:
    """Return those events of one source that are not here yet."""
    if not events:
        return []
    with deps.store.read() as session:
        known = inbox.known(session, events[0].source, [one.id for one in events])
    return [one for one in events if one.id not in known]


def _move_cursor(deps: Deps, events: Iterable[RawEvent]) -> None:
    """Remember how far the timeline was read; never back, as a slow reader might."""
    settled = deps.clock.now() - SHOWN_WITHIN
    old_enough = [one.id for one in events if one.happened_at is None or one.happened_at < settled]
    newest = max(old_enough, key=int, default=None)
    if newest is None:
        return
    with deps.store.write() as session:
        if int(newest) > int(inbox.read_cursor(session, _SINCE_ID) or 0):
            inbox.set_cursor(session, _SINCE_ID, newest, at=deps.clock.now())


def read_inbox(deps: Deps) -> int:
    """Read every row that waits; return how many came to an end."""
    return _read_from(deps, (*SAID, *OF_CARDS))


def read_said(deps: Deps) -> int:
    """Read what people said, oldest first; no acquirer that is slow keeps anybody waiting."""
    return _read_from(deps, SAID)


def read_card_events(deps: Deps) -> int:
    """Read the acquirer's webhooks, oldest first: each costs calls to it."""
    return _read_from(deps, OF_CARDS)


def _read_from(deps: Deps, sources: Collection[str]) -> int:
    """Read what waits; after `BATCHES_AT_MOST` ring for another call, so that an end is heeded."""
    ended = 0
    for _ in range(BATCHES_AT_MOST):
        at = deps.clock.now()
        with deps.store.write() as session:
            leased_at = deps.store.time_of_all(session, at)
            rows = inbox.lease(session, at=at, leased_at=leased_at, limit=BATCH, sources=sources)
            facts = inbox.read_cursors(session, (FIRST_START, BOT_ACCOUNT)) if rows else {}
        if rows:
            deps.step(Step.INBOX_LEASED)
        ended += sum(_read(deps, row, facts) for row in rows)
        if len(rows) < BATCH:
            return ended
    deps.bells.inbox.set()
    return ended


def _read(deps: Deps, row: Row[Any], facts: Mapping[str, str]) -> bool:
    """Read one row; False where it has to be tried again."""
    try:
        with keys.taken(deps):
            _understand(deps, row, facts)
    except Unavailable as error:
        return _try_later(deps, row, error.reason, error.retry_at)
    except (Rejected, OutcomeUnknown) as error:
        return _die(deps, row, str(error))
    except BotError:
        raise
    except Exception as error:  # one row that we cannot read must not stop the rest
        if is_away(error):
            raise
        log.exception("inbox_row_failed", row=row.id, source=row.source, source_id=row.source_id)
        if row.tries + 1 >= TRIES_AT_MOST:
            return _die(deps, row, f"{type(error).__name__}: see the log")
        return _try_later(deps, row, type(error).__name__, None, was_tried=True)
    return True


def _understand(deps: Deps, row: Row[Any], facts: Mapping[str, str]) -> None:
    match row.source:
        case "post":
            hear.read_post(deps, row, *_since_and_bot(deps, facts))
        case "dm":
            hear.read_message(deps, row, *_since_and_bot(deps, facts))
        case _:
            _read_card_event(deps, row)


def _since_and_bot(deps: Deps, facts: Mapping[str, str]) -> tuple[datetime, XUser]:
    """Return since when the bot listens, and who it is on X."""
    began = facts.get(FIRST_START)
    since = first_start(deps) if began is None else datetime.fromisoformat(began)
    return since - OVERLAP, as_kept(facts.get(BOT_ACCOUNT)) or whoami(deps)


def _read_card_event(deps: Deps, row: Row[Any]) -> None:
    """Look at what a webhook points at: the event itself is only a hint."""
    event = deps.webhooks.decode(row.body)
    with deps.store.read() as session:
        topup = confirmations.find_topup(
            session,
            topup_id=event.topup_id,
            session_id=event.session_id,
            payment_id=event.payment_id,
        )
    if topup is not None:
        settle.drive(deps, topup.id)
    known = topup is not None
    if event.dispute_id is not None:
        known = disputes.read(deps, event.dispute_id)
    if event.refund_id is not None:
        known = refunds.look(deps, event.refund_id) or known
    status = "done" if known else "ignored"
    reason = event.type if known else f"{event.type} is about nothing of ours"
    with deps.store.write() as session:
        inbox.finish(session, row.id, at=deps.clock.now(), status=status, reason=reason[:300])


def _try_later(
    deps: Deps, row: Row[Any], reason: str, retry_at: datetime | None, *, was_tried: bool = False
) -> bool:
    later = next_try_at(deps.clock.now(), row.attempts, retry_at)
    with deps.store.write() as session:
        inbox.try_later(session, row, at=later, reason=reason, was_tried=was_tried)
    return False


def _die(deps: Deps, row: Row[Any], reason: str) -> bool:
    with deps.store.write() as session:
        is_dead = inbox.finish(
            session,
            row.id,
            at=deps.clock.now(),
            status="dead",
            reason=reason[:300],
            attempts=row.attempts,
        )
    if is_dead:
        log.error("inbox_row_dead", row=row.id, source=row.source, reason=reason)
    return is_dead
