"""Is it alive, is it ready, how does it do: for machines."""

import json
from datetime import timedelta
from functools import cache
from typing import Final

import structlog
from fastapi import APIRouter, Request
from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from starlette.responses import PlainTextResponse, Response

from bot import migrations
from bot.domain.pace import GRANTED
from bot.domain.x_bill import PRICES, Phase
from bot.services import hear, operate, reconcile, relieve, texts, x_money
from bot.services.deps import Deps
from bot.store import inbox, outbox, workers
from bot.store.queue import WHY
from bot.telemetry import METRICS, METRICS_CONTENT_TYPE
from bot.web.site import site_of

router = APIRouter()
log = structlog.get_logger(__name__)

ALIVE_WITHIN: Final = timedelta(seconds=10)
"""How old a worker's sign of life may be: it writes one every 2 seconds."""

_MAIL = Gauge(
    "smoney_mail_rows",
    "Rows of inbox and outbox that wait or are dead.",
    ["box", "status"],
    registry=METRICS.registry,
)
_OLDEST = Gauge(
    "smoney_mail_oldest_waiting_seconds",
    "How long the oldest row that waits has waited.",
    ["box"],
    registry=METRICS.registry,
)
_DROPPED = Gauge(
    "smoney_outbox_dropped_24h",
    "Messages of 24 hours that were dropped for want of room.",
    ["channel", "why"],
    registry=METRICS.registry,
)
_GRANTED = Gauge(
    "smoney_x_calls_left",
    "Calls that X grants still in a window, as it last said.",
    ["channel", "window"],
    registry=METRICS.registry,
)
_TEXTS = Gauge(
    "smoney_texts_last_day",
    "Text messages that count against SMS_DAILY_CEILING now.",
    registry=METRICS.registry,
)
_TEXTS_CEILING = Gauge(
    "smoney_texts_ceiling",
    "SMS_DAILY_CEILING: at so many texts in 24 hours no code is sent any more.",
    registry=METRICS.registry,
)
_DATABASE = Gauge("smoney_database_up", "1 where the database answers.", registry=METRICS.registry)
_USED = Gauge(
    "smoney_x_used_today",
    "What every process read and wrote on X in this UTC day, as X bills it.",
    ["kind"],
    registry=METRICS.registry,
)
_COST = Gauge(
    "smoney_x_cost_today_usd",
    "What that costs, by what it was for.",
    ["phase"],
    registry=METRICS.registry,
)
_EACH = Gauge(
    "smoney_x_cost_each_usd",
    "That cost for each order of a post, from post to reply, and for each confirmation; 0: none.",
    ["phase"],
    registry=METRICS.registry,
)
_BUDGET = Gauge(
    "smoney_x_budget_usd",
    "X_DAILY_BUDGET_USD; 0 where there is no ceiling.",
    registry=METRICS.registry,
)
_COUNTED: Final = ("waiting", "dead")


@router.get("/healthz")
def alive() -> Response:
    """The process lives."""
    return PlainTextResponse("ok")


@router.get("/readyz")
def ready(request: Request) -> Response:
    """The database answers and has the newest schema."""
    deps = site_of(request).deps
    try:
        revision = migrations.revision(deps.store)
    except DBAPIError as error:
        log.warning("database_down", reason=type(error).__name__)
        return PlainTextResponse("the database does not answer", 503)
    if revision != _head():
        return PlainTextResponse("the database has not the newest schema", 503)
    return PlainTextResponse("ok")


@cache
def _head() -> str:
    """Return the newest revision: it is that of this process's code."""
    return migrations.head()


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Everything that is counted; the workers' state comes from their rows."""
    try:
        _show_rows(site_of(request).deps)
        _DATABASE.set(1)
    except DBAPIError as error:
        log.warning("database_down", reason=type(error).__name__)
        _DATABASE.set(0)
    return Response(METRICS.render(), media_type=METRICS_CONTENT_TYPE)


def _show_rows(deps: Deps) -> None:
    _TEXTS.set(texts.sent_today(deps))
    _TEXTS_CEILING.set(deps.policy.sms_daily_ceiling)
    with deps.store.read() as session:
        _show_workers(session, deps)
        _show_mail(session, deps)
        _show_queues(relieve.queues(session, deps.clock.now()))
        _show_bill(session, deps)
        proof = inbox.read_cursor(session, operate.PROOF)
        safeguarded = inbox.read_cursor(session, reconcile.SAFEGUARDED)
        late = inbox.read_cursor(session, hear.READ_TOO_LATE)
    METRICS.posts_read_too_late.set(int(late or 0))
    if proof is not None:
        METRICS.books_balanced.set(1 if json.loads(proof)["balanced"] else 0)
    if safeguarded is not None:
        said = json.loads(safeguarded)
        METRICS.safeguarding_short_cents.set(said["short_cents"])
        METRICS.safeguarding_late_cents.set(said["late_cents"])


def _show_workers(session: Session, deps: Deps) -> None:
    since = deps.clock.now() - ALIVE_WITHIN
    alive = [beat for beat in workers.beats(session) if beat.beat_at >= since]
    connected = [one.stream_connected_at for one in alive if one.stream_connected_at is not None]
    METRICS.workers_alive.set(len(alive))
    METRICS.stream_connected.set(len(connected))
    METRICS.stream_reconnects.set(sum(beat.reconnects for beat in alive))
    for gauge, moments in (
        (METRICS.stream_connected_at, connected),
        (METRICS.stream_last_byte_at, [beat.stream_byte_at for beat in alive]),
        (METRICS.stream_last_post_at, [beat.stream_post_at for beat in alive]),
    ):
        known = [one.timestamp() for one in moments if one is not None]
        gauge.set(max(known, default=0))


def _show_queues(queues: relieve.Queues) -> None:
    for channel in GRANTED:
        for why in WHY:
            _DROPPED.labels(channel, why).set(queues.dropped.get((channel, why), 0))
    for channel, budget in queues.budgets.items():
        for name, window in (("quarter", budget.quarter), ("day", budget.day)):
            if window is not None:
                _GRANTED.labels(channel, name).set(window.left)


def _show_bill(session: Session, deps: Deps) -> None:
    """Show what X has cost today, every process together, as far as it is written down."""
    bill = x_money.today(session, deps.clock.now())
    for use in PRICES:
        _USED.labels(use.value).set(bill.counts.get(use, 0))
    for phase in Phase:
        _COST.labels(phase.value).set(bill.of_phase(phase) / 1000)
    for phase in (Phase.ORDER, Phase.CONFIRMATION):
        _EACH.labels(phase.value).set((bill.each(phase) or 0) / 1000)
    _BUDGET.set((deps.x_budget_mills or 0) / 1000)


def _show_mail(session: Session, deps: Deps) -> None:
    now = deps.clock.now()
    for box, table, came in (
        ("inbox", inbox.inbox, inbox.inbox.c.received_at),
        ("outbox", outbox.outbox, outbox.outbox.c.created_at),
    ):
        counts = dict.fromkeys(_COUNTED, 0)
        rows = session.execute(
            select(table.c.status, func.count(), func.min(came).label("first"))
            .where(table.c.status.in_(_COUNTED))
            .group_by(table.c.status)
        ).all()
        oldest_s = 0.0
        for status, count, first in rows:
            counts[status] = count
            if status == "waiting":
                oldest_s = (now - first).total_seconds()
        for status, count in counts.items():
            _MAIL.labels(box, status).set(count)
        _OLDEST.labels(box).set(max(0.0, oldest_s))
