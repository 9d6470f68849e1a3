"""A worker's life: its start, as far as the database and X allow, its threads, and its end."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import IO, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot import migrations
from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.jobs import Job
from bot.language import Text, parse
from bot.ports import MentionStream
from bot.services import whoami
from bot.services.deps import Deps
from bot.services.take_over import take_over
from bot.store.down import RETRY_AT_MOST_S, is_down, tell_database_down, wait_for_database
from bot.worker.alone import AnotherWorker, hold_alone
from bot.worker.beat import BEAT_S, Pulse
from bot.worker.loops import Jobs
from bot.worker.stream import Filler, Supervisor

log = structlog.get_logger(__name__)

DRAIN_WITHIN_S: Final = 7.5
"""How long what is being done may take at the end (seconds): the process ends within 10."""
SIGN_OFF_WITHIN_S: Final = 1.0
"""How long the row may take that says so (seconds): a database that hangs keeps nobody waiting."""
CHECK_LEAD_S: Final = 1
"""How often a leader looks whether it still leads (seconds), also while its database hangs."""

OnEnd = Callable[[int, str], None]


class Worker:
    """Every thread of a worker. `start` returns at once; what goes wrong for good calls `on_end`.

    `on_end` gets an exit code and a sentence.
    """

    def __init__(
        self,
        deps: Deps,
        table: tuple[Job, ...],
        stream: MentionStream,
        *,
        name: str,
        on_end: OnEnd,
    ) -> None:
        self.name = name
        self.jobs_started = Event()
        self._deps = deps
        self._table = table
        self._stream = stream
        self._on_end = on_end
        self._stop = Event()
        self._lock: IO[bytes] | None = None
        self._pulse: Pulse | None = None
        self._jobs: Jobs | None = None
        self._supervisor: Supervisor | None = None
        self._filler: Filler | None = None
        self._threads: list[Thread] = []

    @property
    def is_connected(self) -> bool:
        """Whether the stream of mentions stands."""
        return self._pulse is not None and self._pulse.stream.connected_at is not None

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._spawn(self._live, "stream")

    def stop(self) -> bool:
        """End: nothing new begins, what is being done is finished; False where that took too long.

        What is left then is taken up by leases that end, as after a crash.
        """
        log.info("worker_ends", worker=self.name)
        give_up_at = time.monotonic() + DRAIN_WITHIN_S
        self._stop.set()
        for part in (self._supervisor, self._filler):
            if part is not None:
                part.stop()
        if self._jobs is not None:
            self._threads += self._jobs.stop()
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
        self._spawn(self._sign_off, "sign-off").join(SIGN_OFF_WITHIN_S)
        drained = not any(thread.is_alive() for thread in self._threads)
        if self._lock is not None:
            self._lock.close()
        log.info("worker_ended", worker=self.name, drained=drained)
        return drained

    def _sign_off(self) -> None:
        try:
            if self._pulse is not None:
                self._pulse.end()
        except SQLAlchemyError:
            log.warning("heartbeat_not_removed", worker=self.name)

    def _spawn(self, target: Callable[[], None], name: str) -> Thread:
        thread = Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _live(self) -> None:
        """Go through the start, then hold the stream until the end."""
        try:
            if not (self._wait_for_database() and self._begin()):
                return
            if self._wait_for_x() and self._supervisor is not None:
                self._supervisor.run()
        except Exception:  # a thread that dies unseen would leave a worker that hears nothing
            log.exception("worker_failed")
            self._on_end(1, "The worker failed: see its log.")

    def _wait_for_database(self) -> bool:
        """Wait until the database answers and has the newest schema; False where it is over."""
        return bool(wait_for_database(self._check_schema, self._stop))

    def _check_schema(self) -> bool:
        found = migrations.revision(self._deps.store)
        if found == migrations.head():
            return True
        said = f"The database has not the schema of this release: {migrations.mend(found)}."
        self._on_end(1, said)
        return False

    def _begin(self) -> bool:
        """Take this worker's place and start its jobs; False where there is no place for it."""
        try:
            self._lock = hold_alone(self._deps.store.url)
        except AnotherWorker as error:
            self._on_end(1, str(error))
            return False
        pulse = Pulse(self._deps, worker=self.name, alone=self._deps.store.is_sqlite)

        def begin() -> bool:
            if self._lock is not None:  # nobody else can be: whoever held a lease is dead
                take_over(self._deps)
            pulse.beat()
            whoami.recall(self._deps)  # what the jobs look up at once need not wait for X
            return True

        if not wait_for_database(begin, self._stop):
            return False
        jobs = Jobs(self._deps, self._table, lambda: pulse.leads)
        supervisor = Supervisor(self._deps, pulse, self._stream)
        self._filler = Filler(self._deps, pulse, supervisor.gap, supervisor.renew)
        self._pulse, self._jobs, self._supervisor = pulse, jobs, supervisor
        # The first text would wait for the grammar: load it before anybody writes.
        parse(Text("@smoney help"))
        if self._stop.is_set():
            return False
        jobs.every(BEAT_S, self._beat, name="heartbeat")
        jobs.every(CHECK_LEAD_S, supervisor.check_lead, name="check_lead")
        jobs.start()
        self._spawn(self._filler.run, "backfill")
        self.jobs_started.set()
        log.info("worker_started", worker=self.name)
        return True

    def _beat(self) -> None:
        assert self._pulse is not None
        try:
            self._pulse.beat()
        except SQLAlchemyError as error:
            if not is_down(error):
                raise
            tell_database_down(error, job="heartbeat")

    def _wait_for_x(self) -> bool:
        """Learn who the bot is; False where it is over before anybody says so."""
        wait_s = 0.5
        while not self._stop.is_set():
            away_s = wait_s
            try:
                whoami.learn(self._deps)
            except (Unavailable, OutcomeUnknown) as error:
                log.warning("x_down", reason=error.reason, seconds=round(wait_s, 1))
                if isinstance(error, Unavailable) and error.retry_at is not None:
                    away_s = (error.retry_at - self._deps.clock.now()).total_seconds()
            except SQLAlchemyError as error:
                if not is_down(error):
                    raise
                tell_database_down(error, job="whoami")
            except Rejected as error:
                self._on_end(
                    2,
                    f"X refuses the bot's own account ({error.code}): check X_API_KEY, "
                    "X_API_SECRET, X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET with `smoney doctor`.",
                )
                return False
            else:
                return True
            self._stop.wait(max(wait_s, away_s))
            wait_s = min(RETRY_AT_MOST_S, wait_s * 2)
        return False
