"""The stream's supervisor: connects, notices its end, waits as X asks, connects again, for ever.

A callback writes the inbox row and nothing else. One that cannot (the database is down) ends the
connection, and the backfill brings the post again: no end of a connection goes unseen, and nothing
is lost in one.
"""

from datetime import datetime, timedelta
from threading import Event
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

from bot.domain.errors import Rejected, Unavailable
from bot.ports import MentionStream, RawEvent
from bot.services import receive
from bot.services.deps import Deps
from bot.store.down import tell_database_down
from bot.worker.backoff import BackOff
from bot.worker.beat import Pulse

log = structlog.get_logger(__name__)

HELD: Final = timedelta(seconds=5)
"""A connection that lasted this long held: the waits begin anew. A shorter one may be refused
right after its answer, and must not be tried four times a second."""
LOOK_FOR_LEAD_S: Final = 0.5
"""How often a worker that does not lead looks whether it does (seconds)."""
FILL_WHILE_DOWN_S: Final = 10.0
"""How often mentions are read while the stream is down (seconds): X allows one in three."""


class CannotWrite(Exception):
    """A post could not be written to the inbox: the connection has to end."""


class LeadLost(Exception):
    """Another worker leads now: the connection has to end."""


class Supervisor:
    """Holds the stream as long as its worker leads, until `stop`."""

    def __init__(self, deps: Deps, pulse: Pulse, stream: MentionStream) -> None:
        self.gap = Event()
        """Something may have been missed: `Filler` reads the mentions."""
        self._deps = deps
        self._pulse = pulse
        self._stream = stream
        self._is_listening = False
        self._stop = Event()
        self._back_off = BackOff()
        self._trouble: Exception | None = None
        self._began_at: datetime | None = None

    def stop(self) -> None:
        """End the connection, and the supervisor with it."""
        self._stop.set()
        self._stream.close()

    def check_lead(self) -> None:
        """End the connection where the lead was lost, however silent the stream is."""
        if self._is_listening and not self._pulse.leads:
            self._stream.close()

    def run(self) -> None:
        """Hold the stream of the bot's mentions until `stop`."""
        while not self._stop.is_set():
            if not self._pulse.leads:
                self._stop.wait(LOOK_FOR_LEAD_S)
                continue
            wait_s = self._connect()
            if self._stop.is_set():
                return
            self._pulse.stream.reconnects += 1
            log.info("stream_waits", seconds=round(wait_s, 2))
            self._stop.wait(wait_s)

    def _connect(self) -> float:
        """Hold one connection to its end; return how long to stay away (seconds)."""
        self._trouble = None
        self._began_at = None
        self.gap.set()
        self._is_listening = True
        try:
            if not self._stop.is_set():
                self._stream.listen(self._on_event, self._on_byte)
        except Unavailable as error:
            log.warning("stream_lost", reason=error.reason)
            return self._away(error)
        except Rejected as error:
            mend = "check X_BEARER_TOKEN with `smoney doctor`"
            log.error("stream_refused", reason=str(error), mend=mend)  # noqa: TRY400 (the reason says all)
            return self._back_off.http()
        except (CannotWrite, LeadLost) as error:
            self._trouble = self._trouble or error
        except Exception:  # the supervisor outlives every mistake, and says it
            log.exception("stream_failed")
            return self._back_off.http()
        finally:
            self._is_listening = False
            self._ended()
        if self._trouble is not None:
            log.error("stream_ended_by_us", reason=str(self._trouble))
        return self._back_off.network()

    def _away(self, error: Unavailable) -> float:
        """Return the wait that X's rules ask for after an error."""
        if error.retry_at is not None:
            away = (error.retry_at - self._deps.clock.now()).total_seconds()
            return max(0.0, away)
        match error.reason:
            case "rate_limited":
                return self._back_off.limit()
            case "server_error" | "payment_required" | "too_many_connections":
                return self._back_off.http()
            case _:  # it broke off, fell silent, was ended, or never stood
                return self._back_off.network()

    def _ended(self) -> None:
        now = self._deps.clock.now()
        if self._began_at is not None and now - self._began_at >= HELD:
            self._back_off.reset()
        self._pulse.stream.connected_at = None

    def _on_byte(self) -> None:
        """Note a sign of life; the first of a connection says that it stands."""
        at = self._deps.clock.now()
        self._pulse.stream.byte_at = at
        if self._began_at is None:
            self._began_at = at
            self._pulse.stream.connected_at = at
            log.info("stream_connected")
            self.gap.set()
        if not self._pulse.leads:
            self._trouble = LeadLost("another worker leads")
            raise self._trouble

    def _on_event(self, event: RawEvent) -> None:
        """Write the inbox row, and nothing else."""
        try:
            receive.take_in(self._deps, [event])
        except OperationalError as error:
            tell_database_down(error, source_id=event.id)
            self._trouble = CannotWrite(f"the database is down at post {event.id}")
            raise self._trouble from None
        except Exception as error:
            log.exception("inbox_cannot_write", source=event.source, source_id=event.id)
            self._trouble = CannotWrite(f"{type(error).__name__} at post {event.id}")
            raise self._trouble from error
        self._pulse.stream.post_at = self._deps.clock.now()


class Filler:
    """Closes the stream's gaps: reads the mentions timeline when told, and while it is down."""

    def __init__(self, deps: Deps, pulse: Pulse, gap: Event) -> None:
        self._deps = deps
        self._pulse = pulse
        self._gap = gap
        self._stop = Event()

    def stop(self) -> None:
        """End after what is being read."""
        self._stop.set()
        self._gap.set()

    def run(self) -> None:
        """Read whenever there may be a gap, until `stop`."""
        failures = 0
        once_more = False  # X may show a missed post later than the connection stands again
        while not self._stop.is_set():
            told = self._gap.wait(FILL_WHILE_DOWN_S)
            if self._stop.is_set():
                return
            is_down = self._pulse.stream.connected_at is None
            if not self._pulse.leads or not (told or once_more or is_down):
                self._stop.wait(LOOK_FOR_LEAD_S)
                continue
            self._gap.clear()
            once_more = told
            wait_s = self._fill(failures)
            failures = 0 if wait_s is None else failures + 1
            if wait_s is not None:
                self._gap.set()
                self._stop.wait(wait_s)

    def _fill(self, failures: int) -> float | None:
        """Read the mentions; return how long to wait before trying again, None where it is done."""
        back_off_s = min(60.0, 2.0**failures)
        try:
            new = receive.backfill(self._deps)
        except Unavailable as error:
            log.warning("backfill_waits", reason=error.reason)
            if error.retry_at is None:
                return back_off_s
            return max(1.0, (error.retry_at - self._deps.clock.now()).total_seconds())
        except OperationalError as error:
            tell_database_down(error, job="backfill")
            return back_off_s
        except Rejected as error:
            log.error("backfill_refused", reason=str(error))  # noqa: TRY400 (the reason says all)
            return back_off_s
        except Exception:  # whatever it was, the gap is still there: try again, and say it
            log.exception("backfill_failed")
            return back_off_s
        if new:
            log.info("backfilled", posts=new)
        return None
