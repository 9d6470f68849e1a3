"""Jobs: woken or ticked, whole batches at a stretch, none ended by another's failure."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event

import pytest
from sqlalchemy.exc import InvalidRequestError, OperationalError
from structlog.testing import capture_logs

from bot.config import Needs, load
from bot.domain.errors import Unavailable
from bot.jobs import Job, table
from bot.services.deps import Bells, Deps
from bot.worker.loops import Jobs
from tests.fakes.clock import FakeClock
from tests.worker.hands import GARBLED, WITHIN_S, deps_on


class Counted:
    """A job's function that counts its calls, and does what it is told in each."""

    def __init__(self, *outcomes: int | Exception) -> None:
        self._outcomes = list(outcomes)
        self.calls = 0
        self.first, self.done = Event(), Event()

    def __call__(self, _deps: Deps) -> int:
        """Play the next outcome; nothing is left to do after the last."""
        self.calls += 1
        self.first.set()
        outcome = self._outcomes.pop(0) if self._outcomes else 0
        if isinstance(outcome, Exception):
            raise outcome
        if not self._outcomes:
            self.done.set()
        return outcome


def job(run: Callable[[Deps], int], **more: object) -> Job:
    """Make a job of 10 a batch that is far from its next turn."""
    values: dict[str, object] = {"name": "test", "period_s": 3600, "batch": 10, "run": run}
    return Job(**(values | more))  # type: ignore[arg-type]  # a test's shorthand


def test_a_full_batch_is_followed_by_the_next_at_once(sqlite_url: str) -> None:
    """What waits is done in one turn."""
    run = Counted(10, 10, 3, 99)
    jobs = Jobs(deps_on(sqlite_url), (), lambda: True)
    assert jobs.do(job(run))
    assert run.calls == 3


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Unavailable("no_answer"), "job_waits"),
        (OperationalError("SELECT", {}, Exception("gone")), "database_down"),
        (GARBLED, "database_down"),
        (InvalidRequestError("our own SQL"), "job_failed"),
        (ValueError("a bug"), "job_failed"),
    ],
    ids=["outside", "database", "garbled", "sql", "bug"],
)
def test_a_job_that_fails_is_tried_again_at_its_next_turn(
    sqlite_url: str, trouble: Exception, told: str
) -> None:
    """The failure is told and ends nothing."""
    run = Counted(trouble, 0)
    jobs = Jobs(deps_on(sqlite_url), (), lambda: True)
    with capture_logs() as said:
        assert not jobs.do(job(run))
    assert [one["event"] for one in said] == [told]
    assert jobs.do(job(run))


def test_what_is_the_leaders_is_left_to_the_leader(sqlite_url: str) -> None:
    """A worker that does not lead passes over it."""
    run = Counted()
    jobs = Jobs(deps_on(sqlite_url), (), lambda: False)
    assert jobs.do(job(run, leader_only=True))
    assert run.calls == 0


def test_a_bell_wakes_its_job_and_a_failure_does_not_end_it(sqlite_url: str) -> None:
    """It runs at the start, after the failure, and at every ring."""
    deps = deps_on(sqlite_url)
    run = Counted(0, ValueError("a bug"), 0)
    jobs = Jobs(deps, (job(run, woken_by="outbox"),), lambda: True)
    jobs.start()
    while not run.done.is_set():
        deps.bells.outbox.set()
        run.done.wait(0.05)
    for thread in jobs.stop():
        thread.join(WITHIN_S)
        assert not thread.is_alive()


def test_a_tick_runs_a_job_that_nobody_wakes(sqlite_url: str) -> None:
    """Once at the start, without waiting for its period."""
    run = Counted(0)
    jobs = Jobs(deps_on(sqlite_url), (job(run),), lambda: True)
    jobs.start()
    assert run.done.wait(WITHIN_S)
    for thread in jobs.stop():
        thread.join(WITHIN_S)


def test_a_job_stays_away_until_the_reset_that_x_named(sqlite_url: str) -> None:
    """A limit is not tried again and again: the turns before its end do nothing."""
    deps = deps_on(sqlite_url)
    later = deps.clock.now() + timedelta(minutes=15)
    run = Counted(Unavailable("rate_limited", later), 3)
    jobs = Jobs(deps, (), lambda: True)
    limited = job(run)
    assert not jobs.do(limited)
    assert jobs.do(limited)
    assert run.calls == 1


def test_a_clock_that_was_put_back_stops_no_tick(sqlite_url: str) -> None:
    """Every job runs at once, and not only when the time that had been comes again."""
    run = Counted(0, 0)
    clock = FakeClock(datetime.now(UTC))
    jobs = Jobs(replace(deps_on(sqlite_url), clock=clock), (job(run),), lambda: True)
    jobs.start()
    assert run.first.wait(WITHIN_S)
    clock.advance(hours=-3)
    assert run.done.wait(WITHIN_S), "its next turn was an hour away"
    jobs.stop()


def test_the_table_holds_every_job_once() -> None:
    """Deliver, read the inbox, recover, expire, return, poll, prove, prune, look, give notice.

    No two are woken by one bell: the first to wake would silence it for the other.
    """
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox", "X_DM_POLL_S": "2"})
    jobs = table(settings)
    bells = [one.woken_by for one in jobs if one.woken_by is not None]
    assert sorted(bells) == sorted(field.name for field in fields(Bells))
    periods = {one.name: one.period_s for one in jobs}
    assert set(periods) == {
        "deleted_posts",
        "deliver",
        "expire",
        "notices",
        "poll_messages",
        "prove_books",
        "prune_codes",
        "prune_sessions",
        "prune_texts",
        "read_inbox",
        "read_card_events",
        "reconcile",
        "recover",
        "relieve",
        "return",
    }
    assert periods["poll_messages"] == 2
    assert periods["prove_books"] == 600


@pytest.mark.parametrize(("every_s", "looks_s"), [(2, 2), (60, 10)])
def test_a_poll_waits_for_its_time_and_not_for_a_tick_that_was_another_leaders(
    every_s: int, looks_s: int
) -> None:
    """Its row says when the last one was; that is looked at often."""
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox", "X_DM_POLL_S": str(every_s)})
    (polling,) = (one for one in table(settings) if one.name == "poll_messages")
    assert polling.period_s == looks_s
    assert isinstance(polling.run, partial)
    assert polling.run.keywords == {"every_s": every_s}


def test_messages_that_come_by_webhook_are_polled_once_a_quarter_of_an_hour() -> None:
    """For what X gave up to deliver; and it is seen to that X delivers."""
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox", "X_DM_SOURCE": "webhook"})
    periods = {one.name: one.period_s for one in table(settings)}
    assert (periods["poll_messages"], periods["keep_webhook"]) == (900, 60)
