"""Signs of life, and who of several workers leads."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from bot.services.deps import Deps
from bot.store import workers
from bot.worker.alone import AnotherWorker, hold_alone
from bot.worker.beat import BEAT_S, LEADER, LEASE_S, Pulse
from tests.fakes.clock import FakeClock
from tests.worker.hands import deps_on


def on(url: str) -> tuple[Deps, FakeClock]:
    """Return Deps on a database with a clock that stands still."""
    clock = FakeClock()
    return replace(deps_on(url), clock=clock), clock


def test_one_of_two_workers_leads(database_url: str) -> None:
    """The first to come; the other does not, however often it asks."""
    deps, clock = on(database_url)
    first = Pulse(deps, worker="first", alone=False)
    second = Pulse(deps, worker="second", alone=False)
    for _ in range(5):
        first.beat()
        second.beat()
        assert (first.leads, second.leads) == (True, False)
        clock.advance(2)


def fence(deps: Deps) -> int:
    """Return the fence of the lead."""
    with deps.store.read() as session:
        lease = workers.read_lease(session, LEADER)
    assert lease is not None
    return int(lease.fence)


@pytest.mark.parametrize("ahead_s", [0, 45, -45], ids=["same", "ahead", "behind"])
def test_a_dead_leader_is_replaced_within_10_seconds_whatever_the_clocks_say(
    database_url: str, ahead_s: int
) -> None:
    """Its heir has seen its lease stand still, by a clock that may be another machine's.

    Never do two lead, nor does an heir take the lead of a worker that lives.
    """
    deps, clock = on(database_url)
    theirs = FakeClock(clock.now() + timedelta(seconds=ahead_s))
    dead = Pulse(deps, worker="dead", alone=False)
    heir = Pulse(replace(deps, clock=theirs), worker="heir", alone=False)

    def pass_time() -> None:
        clock.advance(BEAT_S)
        theirs.advance(BEAT_S)

    for _ in range(10):
        dead.beat()
        heir.beat()
        assert (dead.leads, heir.leads) == (True, False)
        pass_time()
    seconds = BEAT_S  # since its last sign of life
    while not heir.leads:
        heir.beat()
        assert not (dead.leads and heir.leads), "never two"
        pass_time()
        seconds += BEAT_S
    assert seconds - BEAT_S <= 8, "the rest of the 10 is for connecting"
    assert fence(deps) == 2
    dead.beat()
    assert (dead.leads, heir.leads, fence(deps)) == (False, True, 2), "it wakes up, and lets it be"


def test_of_several_heirs_one_leads(postgresql_url: str) -> None:
    """They find the lease given up at the same moment; a guarded update lets one have it."""
    deps, _clock = on(postgresql_url)
    first = Pulse(deps, worker="first", alone=False)
    first.beat()
    first.end()
    heirs = [Pulse(deps, worker=f"heir {number}", alone=False) for number in range(4)]
    barrier = Barrier(len(heirs))

    def beat(heir: Pulse) -> None:
        barrier.wait(20)
        heir.beat()

    threads = [Thread(target=beat, args=(heir,)) for heir in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ([heir.leads for heir in heirs].count(True), fence(deps)) == (1, 2)


def test_a_lease_that_ended_long_ago_is_taken_without_a_wait(database_url: str) -> None:
    """A worker that starts after a night without any connects at once."""
    deps, clock = on(database_url)
    Pulse(deps, worker="dead", alone=False).beat()
    clock.advance(minutes=2)
    heir = Pulse(deps, worker="heir", alone=False)
    heir.beat()
    assert heir.leads


def test_a_slow_leader_knows_by_its_own_clock_that_it_leads_no_longer(database_url: str) -> None:
    """A worker that could not write its beat lets go before another may lead."""
    deps, clock = on(database_url)
    slow = Pulse(deps, worker="slow", alone=False)
    slow.beat()
    clock.advance(LEASE_S)
    assert not slow.leads


def test_a_worker_that_ends_lets_another_lead_at_once(database_url: str) -> None:
    """Its row is gone, and its lease."""
    deps, _clock = on(database_url)
    first = Pulse(deps, worker="first", alone=False)
    second = Pulse(deps, worker="second", alone=False)
    first.beat()
    first.end()
    second.beat()
    assert (first.leads, second.leads) == (False, True)
    with deps.store.read() as session:
        assert [row.worker for row in workers.beats(session)] == ["second"]


def test_a_beat_holds_the_state_of_the_stream(database_url: str) -> None:
    """What `doctor --worker` and the pages read."""
    deps, clock = on(database_url)
    pulse = Pulse(deps, worker="one", alone=True)
    began, moments = clock.now(), []
    for name in ("connected_at", "post_at", "byte_at"):
        clock.advance(1)
        setattr(pulse.stream, name, clock.now())
        moments.append(clock.now())
    pulse.stream.reconnects = 3
    clock.advance(2)
    pulse.beat()
    with deps.store.read() as session:
        (row,) = workers.beats(session)
    assert [row.stream_connected_at, row.stream_post_at, row.stream_byte_at] == moments
    assert (row.started_at, row.beat_at, row.reconnects) == (began, clock.now(), 3)


def test_the_row_of_a_worker_that_died_without_a_word_goes_in_the_end(database_url: str) -> None:
    """It is dropped by whoever lives."""
    deps, clock = on(database_url)
    Pulse(deps, worker="dead", alone=True).beat()
    clock.advance(minutes=11)
    Pulse(deps, worker="alive", alone=True).beat()
    with deps.store.read() as session:
        assert [row.worker for row in workers.beats(session)] == ["alive"]


def test_sqlite_takes_one_worker(sqlite_url: str) -> None:
    """A second is refused with a sentence, until the first is gone."""
    lock = hold_alone(sqlite_url)
    assert lock is not None
    with pytest.raises(AnotherWorker, match=r"Another worker runs on .*: stop it first"):
        hold_alone(sqlite_url)
    lock.close()
    again = hold_alone(sqlite_url)
    assert again is not None
    again.close()


def test_postgresql_takes_several_workers(postgresql_url: str) -> None:
    """Nothing is locked there: the lease says who leads."""
    assert hold_alone(postgresql_url) is None
