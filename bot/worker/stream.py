"""The stream's supervisor: connects, notices its end, waits as X asks, connects again, for ever.

A callback hands a post to the writer of inbox rows and does nothing else. Where a row cannot be
written (the database is down) the connection ends, and the backfill brings the post again: no end
of a connection goes unseen, and nothing is lost in one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from typing import Final

import structlog

from bot.domain.errors import Rejected, Unavailable
from bot.ports import MentionStream, RawEvent
from bot.services import receive, x_money
from bot.services.deps import Deps
from bot.store.down import is_down, tell_database_down
from bot.worker.backoff import BackOff, until_reset
from bot.worker.beat import Pulse
from bot.worker.intake import CannotWrite, Intake

log = structlog.get_logger(__name__)

HELD: Final = timedelta(seconds=5)
"""A connection that lasted this long held: the waits begin anew. A shorter one may be refused
right after its answer, and must not be tried four times a second."""
LOOK_FOR_LEAD_S: Final = 0.5
"""How often a worker that does not lead looks whether it does (seconds)."""
FILL_WHILE_DOWN_S: Final = 10.0
"""How often mentions are read while the stream is down (seconds): X allows one in three."""
LOOK_EVERY: Final = timedelta(minutes=1)
"""How often mentions are read while the stream stands: X bills a post that it shows a second time
in a day once, and 15 of its 450 calls in 15 minutes are spent."""
BROUGHT_WITHIN: Final = timedelta(seconds=30)
"""What the stream did not bring by then it will not bring: four times its P99."""


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
        self._began_at: datetime | None = None

    def stop(self) -> None:
        """End the connection, and the supervisor with it."""
        self._stop.set()
        self._stream.close()

    def check_lead(self) -> None:
        """End the connection where the lead was lost, however silent the stream is."""
        if self._is_listening and not self._pulse.leads:
            self._stream.close()

    def renew(self) -> None:
        """End a connection that does not bring what it should: the next one mends the rule."""
        if self._is_listening:
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
        self._began_at = None
        self.gap.set()
        self._is_listening = True
        try:
            if not self._stop.is_set():
                self._listen()
        except Unavailable as error:
            log.warning("stream_lost", reason=error.reason)
            return self._away(error)
        except Rejected as error:
            mend = "check X_BEARER_TOKEN with `smoney doctor`"
            log.error("stream_refused", reason=str(error), mend=mend)  # noqa: TRY400 (the reason says all)
            return self._back_off.http()
        except (CannotWrite, LeadLost) as error:
            log.error("stream_ended_by_us", reason=str(error))  # noqa: TRY400 (the reason says all)
        except Exception:  # the supervisor outlives every mistake, and says it
            log.exception("stream_failed")
            return self._back_off.http()
        finally:
            self._is_listening = False
            self._ended()
        return self._back_off.network()

    def _away(self, error: Unavailable) -> float:
        """Return the wait that X's rules ask for after an error."""
        reset_in_s = None
        if error.retry_at is not None:
            reset_in_s = (error.retry_at - self._deps.clock.now()).total_seconds()
        match error.reason:
            case "rate_limited":
                return self._back_off.limit(reset_in_s)
            case "server_error" | "payment_required" | "too_many_connections":
                wait_s = self._back_off.http()
            case _:  # it broke off, fell silent, was ended, or never stood
                wait_s = self._back_off.network()
        # The connection that is over was the last one that X's window had.
        return wait_s if reset_in_s is None else max(wait_s, until_reset(reset_in_s))

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
            raise LeadLost("another worker leads")

    def _listen(self) -> None:
        with Intake(self._deps, written=self._on_written, failed=self._stream.close) as intake:
            self._stream.listen(intake.put, self._on_byte)
        # It ended the connection from beside, so that `listen` has nothing to say of it.
        if intake.trouble is not None:
            raise intake.trouble

    def _on_written(self) -> None:
        self._pulse.stream.post_at = self._deps.clock.now()


class Filler:
    """Closes the stream's gaps: reads the mentions timeline when told, and while it is down.

    X may not deliver a post at all, or no longer know our rule: so it also looks now and then while
    the stream stands, and calls `renew` where that had kept something from us.
    """

    def __init__(
        self, deps: Deps, pulse: Pulse, gap: Event, renew: Callable[[], None] = lambda: None
    ) -> None:
        self._deps = deps
        self._pulse = pulse
        self._gap = gap
        self._renew = renew
        self._stop = Event()
        self._failures = 0
        self._looked_at = deps.clock.now()

    def stop(self) -> None:
        """End after what is being read."""
        self._stop.set()
        self._gap.set()

    def run(self) -> None:
        """Read whenever there may be a gap, until `stop`."""
        once_more = False  # X may show a missed post later than the connection stands again
        while not self._stop.is_set():
            told = self._gap.wait(FILL_WHILE_DOWN_S)
            if self._stop.is_set():
                return
            is_down = self._pulse.stream.connected_at is None
            is_due = told or once_more or is_down or self._is_time_to_look()
            if not self._pulse.leads or not is_due:
                self._stop.wait(LOOK_FOR_LEAD_S)
                continue
            self._gap.clear()
            wait_s = self._fill(is_look=not (told or once_more or is_down))
            once_more = told
            if wait_s is not None:
                self._gap.set()
                self._stop.wait(wait_s)

    def _is_time_to_look(self) -> bool:
        """Whether to read though nothing seems amiss, which the day's budget for X stops first."""
        if x_money.is_saving(self._deps):
            return False
        # A clock that was put back must not keep us from looking.
        return not timedelta(0) <= self._deps.clock.now() - self._looked_at < LOOK_EVERY

    def _fill(self, *, is_look: bool) -> float | None:
        """Read the mentions; return how long to wait before trying again, None where it is done."""
        try:
            new = receive.backfill(self._deps)
        except Exception as error:  # noqa: BLE001 (it is said, and the gap is read again)
            wait_s = self._wait_after(error)
            self._failures += 1
            return wait_s
        self._failures = 0
        self._looked_at = self._deps.clock.now()
        if new:
            log.info("backfilled", posts=len(new))
        if is_look:
            self._judge(new)
        return None

    def _wait_after(self, error: Exception) -> float:
        """Say why the mentions could not be read; return how long to stay away (seconds)."""
        back_off_s = min(60.0, 2.0 ** min(self._failures, 10))
        match error:
            case Unavailable():
                log.warning("backfill_waits", reason=error.reason)
                if error.retry_at is not None:
                    wait_s = (error.retry_at - self._deps.clock.now()).total_seconds()
                    return max(back_off_s, until_reset(wait_s))
            case _ if is_down(error):
                tell_database_down(error, job="backfill")
            case Rejected():
                log.error("backfill_refused", reason=str(error))
            case _:
                log.error("backfill_failed", exc_info=error)
        return back_off_s

    def _judge(self, new: list[RawEvent]) -> None:
        """Renew a connection that has stood all the time and brought less than the timeline."""
        since = self._pulse.stream.connected_at
        before = self._deps.clock.now() - BROUGHT_WITHIN
        missed = [
            one.id
            for one in new
            if since is not None and one.happened_at and since < one.happened_at < before
        ]
        if missed:
            log.warning("stream_missed", posts=len(missed), first=missed[0])
            self._renew()
