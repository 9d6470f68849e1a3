"""A worker's sign of life: its name, the state of its stream, and who of several leads.

Both stand in rows, written every `BEAT_S` seconds: `smoney doctor --worker`, `/metrics` and the
other workers read them. A worker that cannot write its row for `LEASE_S` leads no longer, by its
own clock too, so that two never hold the stream for long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.services import x_money
from bot.services.deps import Deps
from bot.store import workers
from bot.store.workers import Beat
from bot.telemetry import METRICS

log = structlog.get_logger(__name__)

BEAT_S: Final = 2
"""Between two signs of life (seconds)."""
LEASE_S: Final = 7
"""How long a worker leads by one sign of life (seconds): with `BEAT_S` a dead one is replaced
within 10."""
FORGET_AFTER: Final = timedelta(minutes=10)
"""When the row of a worker that died without a word is dropped."""
LEADER: Final = "stream"
"""The lease of the worker that holds the stream."""


@dataclass(slots=True, kw_only=True)
class StreamState:
    """What is known of the stream; each field is written by the stream's thread alone."""

    connected_at: datetime | None = None
    """None while it is not connected."""
    byte_at: datetime | None = None
    post_at: datetime | None = None
    reconnects: int = 0


class Pulse:
    """One worker's heartbeat and its lead. Where `alone`, no other can be: it leads always."""

    def __init__(self, deps: Deps, *, worker: str, alone: bool) -> None:
        self.worker = worker
        self.stream = StreamState()
        self._deps = deps
        self._alone = alone
        self._started_at = deps.clock.now()
        self._leads_until: datetime | None = None
        self._fence: int | None = None

    @property
    def leads(self) -> bool:
        """Whether this worker may hold the stream now."""
        if self._alone:
            return True
        return self._leads_until is not None and self._deps.clock.now() < self._leads_until

    def beat(self) -> None:
        """Write the sign of life, and take or keep the lead."""
        at = self._deps.clock.now()
        with self._deps.tally.handing_over() as used, self._deps.store.write() as session:
            x_money.write_down(session, self._deps, used, at)
            workers.write_beat(session, self._row(at))
            workers.forget_beats(session, before=at - FORGET_AFTER)
            fence = (
                None
                if self._alone
                else workers.hold_lease(session, LEADER, self.worker, at=at, for_s=LEASE_S)
            )
        self._lead(fence, at)
        self._show()

    def end(self) -> None:
        """Take the row away and let another lead at once."""
        at = self._deps.clock.now()
        self._leads_until = None
        with self._deps.tally.handing_over() as used, self._deps.store.write() as session:
            x_money.write_down(session, self._deps, used, at)
            workers.forget_beats(session, worker=self.worker)
            workers.give_up_lease(session, LEADER, self.worker, at=at)

    def _row(self, at: datetime) -> Beat:
        return Beat(
            worker=self.worker,
            started_at=self._started_at,
            beat_at=at,
            stream_connected_at=self.stream.connected_at,
            stream_byte_at=self.stream.byte_at,
            stream_post_at=self.stream.post_at,
            reconnects=self.stream.reconnects,
        )

    def _lead(self, fence: int | None, at: datetime) -> None:
        if self._alone:
            return
        if fence is not None and fence != self._fence:
            log.info("worker_leads", worker=self.worker, fence=fence)
        if fence is None and self._fence is not None:
            log.warning("worker_leads_no_longer", worker=self.worker)
        self._fence = fence
        self._leads_until = None if fence is None else at + timedelta(seconds=LEASE_S)

    def _show(self) -> None:
        METRICS.stream_connected.set(0 if self.stream.connected_at is None else 1)
        METRICS.stream_reconnects.set(self.stream.reconnects)
        if self.stream.byte_at is not None:
            METRICS.stream_last_byte_at.set(self.stream.byte_at.timestamp())
