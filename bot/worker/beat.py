"""A worker's sign of life: its name, the state of its stream, and who of several leads.

Both stand in rows, written every `BEAT_S` seconds: `smoney doctor --worker`, `/metrics` and the
other workers read them. A worker that cannot write its row for `LEASE_S` leads no longer, by its
own clock; one that has seen the leader's lease stand still for as long, by its own clock, takes it.
So two never hold the stream, however far their clocks are apart (ADR 36).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.services import x_money
from bot.services.deps import Deps
from bot.store import workers
from bot.store.workers import Beat

log = structlog.get_logger(__name__)

BEAT_S: Final = 2
"""Between two signs of life (seconds)."""
LEASE_S: Final = 5
"""How long a worker leads by one sign of life (seconds). A dead leader's last one is seen by the
others within `BEAT_S`, and stands still for three beats more: it is replaced within 8 to 9."""
LONG_OVER: Final = timedelta(minutes=1)
"""A lease that ended so long ago by its holder's own clock is nobody's, without a wait: no clock is
so wrong (`smoney doctor` says where one is)."""
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
        self._seen: Row[Any] | None = None
        """Another's lease, as it was last found."""
        self._seen_at = self._started_at
        """Since when it has stood like that."""

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
            fence = None if self._alone else self._hold(session, at)
        self._lead(fence, at)

    def end(self) -> None:
        """Take the row away and let another lead at once."""
        at = self._deps.clock.now()
        self._leads_until = self._fence = None
        with self._deps.tally.handing_over() as used, self._deps.store.write() as session:
            x_money.write_down(session, self._deps, used, at)
            workers.forget_beats(session, worker=self.worker)
            workers.give_up_lease(session, LEADER, self.worker)

    def _hold(self, session: Session, at: datetime) -> int | None:
        """Keep the lead, or take one that is nobody's; return its fence, None where it is not."""
        until = at + timedelta(seconds=LEASE_S)
        if self._fence is not None and workers.keep_lease(
            session, LEADER, self.worker, fence=self._fence, until=until
        ):
            return self._fence
        found = workers.read_lease(session, LEADER)
        if found is not None and not self._is_nobodys(found, at):
            return None
        return workers.take_lease(session, LEADER, self.worker, seen=found, until=until)

    def _is_nobodys(self, lease: Row[Any], at: datetime) -> bool:
        """Whether a lease was given up, ended long ago, or has stood still before our own eyes."""
        if lease != self._seen or at < self._seen_at:  # or our own clock was put back
            self._seen, self._seen_at = lease, at
        stood_still = at - self._seen_at >= timedelta(seconds=LEASE_S)
        return lease.holder == workers.NOBODY or lease.until_at < at - LONG_OVER or stood_still

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
