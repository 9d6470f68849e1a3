"""One table: what a worker does again and again, how often, by which service, how much at once.

APScheduler only ticks: the state of every job lives in rows, so that each is idempotent and safe
beside itself in another worker. A job that did a whole batch is run again at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from bot.config import Settings
from bot.services import (
    cancel,
    claim,
    deliver,
    first_time,
    gone,
    operate,
    poll,
    prune,
    receive,
    reconcile,
    refunds,
    relieve,
    sessions,
    settle,
    texts,
    topup,
    x_events,
)
from bot.services.deps import Deps

TICK_S: Final = 1
"""What a bell should have said is caught after this long (seconds)."""
RECOVER_BATCH: Final = 100
"""Unfinished top-ups looked at in one go: each may cost calls to the acquirer."""

LOOK_S: Final = 10
"""How often it is looked whether it is time to poll for messages (seconds): one row is read."""
KEEP_WEBHOOK_S: Final = 60
"""How often it is seen to that X still brings us its events (seconds): two reads, unpaid."""
CATCH_UP_S: Final = 900
"""How often messages are polled beside a webhook (seconds): X gives an event up after some tries,
and what was read by an event that day is not paid again. X's window for polls is as long: what one
cannot reach, the next one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A service function and when to call it; it returns how much it did."""

    name: str
    period_s: float
    run: Callable[[Deps], int]
    batch: int
    woken_by: Literal["inbox", "cards", "outbox"] | None = None
    """The bell at which it alone runs at once, in a thread of its own; the period only rings it."""
    leader_only: bool = False
    """Of several workers one does it: it spends X's limits, or looks at everything."""


def table(settings: Settings) -> tuple[Job, ...]:
    """Return every job of a worker with these settings."""
    jobs = [
        _reading("read_inbox", receive.read_said, "inbox"),
        _reading("read_card_events", receive.read_card_events, "cards"),
        Job(
            name="deliver",
            period_s=TICK_S,
            run=deliver.deliver,
            batch=deliver.ROUND_AT_MOST,
            woken_by="outbox",
        ),
        _led("relieve", 5, relieve.relieve),
        Job(name="notices", period_s=5, run=texts.send_notices, batch=texts.NOTICES),
        Job(name="recover", period_s=5, run=recover, batch=RECOVER_BATCH),
        Job(name="expire", period_s=30, run=cancel.expire_due, batch=cancel.BATCH),
        Job(name="return", period_s=60, run=claim.return_due, batch=claim.BATCH),
        _led("prove_books", 600, operate.prove_books),
        _led("reconcile", 600, reconcile.nightly),
        Job(
            name="deleted_posts",
            period_s=600,
            run=gone.clear,
            batch=gone.REPLIES_AT_ONCE,
            leader_only=True,
        ),
        _led("prune_texts", 3600, prune.prune),
        _led("prune_sessions", 600, sessions.prune),
        _led("prune_codes", 3600, first_time.prune),
    ]
    if settings.x_dm_source == "poll":
        jobs.append(_polling(settings.x_dm_poll_s))
    else:
        jobs.append(_led("keep_webhook", KEEP_WEBHOOK_S, x_events.keep))
        jobs.append(_led("poll_messages", CATCH_UP_S, x_events.catch_up))
    return tuple(jobs)


def _led(name: str, period_s: float, run: Callable[[Deps], int]) -> Job:
    """Return a job that one of several workers does."""
    return Job(name=name, period_s=period_s, run=run, batch=operate.ALL, leader_only=True)


def _polling(every_s: float) -> Job:
    """Return the job that polls for messages, when its row says that it is time.

    A start, or another leader, brings no poll early, and keeps none waiting for a whole period.
    """
    look_s = min(every_s, LOOK_S)
    return _led("poll_messages", look_s, partial(poll.poll_messages, every_s=every_s))


def _reading(name: str, run: Callable[[Deps], int], bell: Literal["inbox", "cards"]) -> Job:
    """Return a job that reads what came in, at its bell."""
    return Job(name=name, period_s=TICK_S, run=run, batch=operate.ALL, woken_by=bell)


def recover(deps: Deps) -> int:
    """Finish what a crash or the acquirer left unfinished; return how many top-ups were due."""
    settle.settle_waiting(deps)
    topup.forget_removed(deps)
    refunds.recover(deps)
    return settle.recover(deps, RECOVER_BATCH)
