"""Jobs in threads: some woken by a bell, the others by APScheduler's ticks.

A job that fails is logged and tried again at its next turn; none can end its thread or another's.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.jobs import Job
from bot.services.deps import Deps
from bot.store.down import is_down, tell_database_down

log = structlog.get_logger(__name__)

FIRST_WAIT_S: Final = 0.5
AT_MOST_S: Final = 30.0
"""How long a woken job stays away after failures in a row (seconds), doubled from the first."""

WATCH_CLOCK_S: Final = 1.0
"""How often it is looked whether the clock was put back (seconds)."""
PUT_BACK: Final = timedelta(seconds=2)
"""By how much it has to be: a clock that is set right by less delays a tick by as little."""


class Loop:
    """One job that a bell wakes, in a thread of its own."""

    def __init__(self, job: Job, bell: Event, do: Callable[[Job], bool]) -> None:
        self._job = job
        self._bell = bell
        self._do = do
        self._stop = Event()
        self.thread = Thread(target=self._run, name=job.name, daemon=True)

    def stop(self) -> None:
        """End after what is being done."""
        self._stop.set()
        self._bell.set()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._bell.wait()
            if self._stop.is_set():
                return
            self._bell.clear()
            failures = 0 if self._do(self._job) else failures + 1
            if failures:
                self._stop.wait(min(AT_MOST_S, FIRST_WAIT_S * 2 ** min(failures - 1, 10)))


class Jobs:
    """Every job of the table at work, from `start` to `stop`."""

    def __init__(self, deps: Deps, table: tuple[Job, ...], leads: Callable[[], bool]) -> None:
        self._deps = deps
        self._table = table
        self._leads = leads
        self._stopping = Event()
        self._away_until: dict[str, datetime] = {}
        self._scheduler = _scheduler(len(table))
        self._watch = Thread(
            target=self._watch_clock, args=(deps.clock.now(),), name="clock-watch", daemon=True
        )
        self._loops = [
            Loop(job, getattr(deps.bells, job.woken_by), self.do)
            for job in table
            if job.woken_by is not None
        ]

    def start(self) -> None:
        """Begin: each job once at once, then at its period."""
        for job in self._table:
            ring = getattr(self._deps.bells, job.woken_by).set if job.woken_by else None
            self.every(job.period_s, ring or self.do, *(() if ring else (job,)), name=job.name)
            if ring is not None:
                ring()
        for loop in self._loops:
            loop.thread.start()
        self._scheduler.start()
        self._watch.start()

    def every(
        self, period_s: float, function: Callable[..., object], *args: object, name: str
    ) -> None:
        """Call a function again and again; also one that is not of the table."""
        self._scheduler.add_job(
            function,
            "interval",
            args=args,
            seconds=period_s,
            id=name,
            next_run_time=self._deps.clock.now(),
        )

    def do(self, job: Job) -> bool:
        """Run a job as long as it does whole batches; False where it failed."""
        if (job.leader_only and not self._leads()) or self._is_away(job):
            return True
        try:
            while not self._stopping.is_set() and job.run(self._deps) >= job.batch:
                continue
        except Unavailable as error:
            log.warning("job_waits", job=job.name, reason=error.reason)
            if error.retry_at is not None:
                self._away_until[job.name] = error.retry_at
            return False
        except (Rejected, OutcomeUnknown) as error:
            log.error("job_refused", job=job.name, reason=str(error))  # noqa: TRY400 (the reason says all)
            return False
        except Exception as error:  # the next turn may do better; the log says what happened
            if is_down(error):
                tell_database_down(error, job=job.name)
            else:
                log.exception("job_failed", job=job.name)
            return False
        return True

    def _watch_clock(self, latest: datetime) -> None:
        """Let every job run at once where the clock was put back.

        APScheduler plans by the clock: it would wait until the time that had been comes again, and
        nothing that a tick does, the sign of life among it, would be done for so long.
        """
        while not self._stopping.wait(WATCH_CLOCK_S):
            now = self._deps.clock.now()
            if now < latest - PUT_BACK:
                log.warning("clock_put_back", seconds=round((latest - now).total_seconds()))
                self._away_until.clear()
                for job in self._scheduler.get_jobs():
                    with suppress(JobLookupError):  # it ends just now
                        job.modify(next_run_time=now)
            latest = now

    def _is_away(self, job: Job) -> bool:
        """Whether a limit that the outside named still keeps a job away."""
        until = self._away_until.get(job.name)
        return until is not None and self._deps.clock.now() < until

    def stop(self) -> list[Thread]:
        """Let nothing new begin; return the threads that may still be at work."""
        self._stopping.set()
        for loop in self._loops:
            loop.stop()
        if not self._scheduler.running:
            return [loop.thread for loop in self._loops if loop.thread.is_alive()]
        # Shutting down waits for the jobs at work, in a thread so that there is a deadline.
        closing = Thread(target=self._scheduler.shutdown, name="scheduler-end", daemon=True)
        closing.start()
        return [*(loop.thread for loop in self._loops), closing]


def _scheduler(jobs: int) -> BackgroundScheduler:
    """Return a scheduler with the settings that DESIGN.md names; its state is in rows, not here."""
    # A job that is still at work when its next turn comes is no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(jobs + 2)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
