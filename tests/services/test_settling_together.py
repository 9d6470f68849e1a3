"""Who asks for a settlement while another runs shares the next commit with all who wait."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event, get_ident

import psycopg
import pytest
from sqlalchemy import Connection, event, exc, text
from structlog.testing import capture_logs

from bot.domain.levels import WITHOUT_A_TABLE, Level, Levels
from bot.domain.limits import Policy
from bot.services import settle, split
from bot.services.drafted import SplitView
from bot.services.settle import BATCH, HANDS
from bot.services.steps import Step
from bot.services.together import Together
from bot.store import people
from bot.store.engine import Store
from tests import builders
from tests.services.at_once import until_waiting
from tests.world import ProcessDied, World, reference_in

PAYERS = ("bob", "dave", "erin", "frank")


def waiting(world: World) -> dict[str, int]:
    """Let everybody confirm a payment to alice that is not settled yet; return what waits."""
    world.join("alice")
    for payer in PAYERS:
        world.join(payer, cents=5000)
    ordered = {payer: world.order(payer, "alice") for payer in PAYERS}
    return {payer: world.confirm_only(payer, reference) for payer, reference in ordered.items()}


def test_those_who_ask_during_a_settlement_are_settled_by_one_of_them(world: World) -> None:
    """While bob's runs three others ask: when it ends, one commit settles all three."""
    ids = waiting(world)
    together = world.deps.together

    def until_all_ask() -> None:
        world.on_step = (None, lambda: None)
        while together.waiting < len(ids) - 1:
            time.sleep(0.001)  # each has only to be scheduled

    world.on_step = (Step.WALLET_SETTLED, until_all_ask)
    with ThreadPoolExecutor(len(ids)) as threads:
        for one in [threads.submit(settle.settle_one, world.deps, one) for one in ids.values()]:
            one.result()
    assert world.steps.count(Step.WALLET_SETTLED) == 2
    assert world.balance("alice") == 4000
    assert together.waiting == 0


def test_no_more_than_a_batch_is_settled_at_once() -> None:
    """Who is left begins when that ends, with all who asked since."""
    together, begun, may_end, batches = Together(), Event(), Event(), []

    def work(batch: set[int]) -> None:
        batches.append(batch)
        begun.set()
        may_end.wait(20)

    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(together.do, 0, work, most=3)
        begun.wait(20)
        others = [threads.submit(together.do, one, work, most=3) for one in range(1, 6)]
        while together.waiting < len(others):
            time.sleep(0.001)
        may_end.set()
        for one in (first, *others):
            one.result()
    assert [len(batch) for batch in batches] == [1, 3, 2]
    assert set().union(*batches) == set(range(6))


def test_who_begins_waits_for_as_many_as_were_settled_before() -> None:
    """They will soon ask again: for a moment, or here until they do."""
    together, begun, may_end, batches = Together(gather_s=20), Event(), Event(), []

    def work(batch: set[int]) -> None:
        batches.append(batch)
        begun.set()
        may_end.wait(20)

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(together.do, 0, work, most=9)
        begun.wait(20)
        others = [threads.submit(together.do, one, work, most=9) for one in (1, 2)]
        while together.waiting < len(others):
            time.sleep(0.001)
        may_end.set()
        for one in (first, *others):
            one.result(20)
        begun.clear()
        last = threads.submit(together.do, 3, work, most=9)
        while together.waiting < 1:
            time.sleep(0.001)
        assert not begun.wait(0.05), "two were settled before, and one has asked"
        together.do(4, work, most=9)
        last.result(20)
    assert batches == [{0}, {1, 2}, {3, 4}]


def test_where_all_that_asked_fails_each_is_told_so() -> None:
    """A database that is away: each tries once more, with those that are left, and is told."""
    together, begun, may_end, tried = Together(), Event(), Event(), []

    def work(batch: set[int]) -> None:
        tried.append(len(batch))
        begun.set()
        may_end.wait(20)
        raise LookupError

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(together.do, 0, work, most=9)]
        begun.wait(20)
        asked += [threads.submit(together.do, one, work, most=9) for one in range(1, 4)]
        while together.waiting < 3:
            time.sleep(0.001)
        may_end.set()
        for one in asked:
            with pytest.raises(LookupError):
                one.result()
    assert tried == [1, 3, 2, 1]
    together.do(7, lambda batch: tried.append(len(batch)), most=9)
    assert tried[-1] == 1, "nobody is busy any more"


class Interrupted(BaseException):
    """As Ctrl-C, or the end of a process, is raised wherever a thread stands."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Interrupt the thread of the test, from another."""

    def raised(*_signal: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, raised)
    yield partial(signal.pthread_kill, get_ident(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("is_next", [False, True])
def test_who_is_interrupted_while_it_waits_leaves_its_turn_to_the_next(
    interrupt: Callable[[], None], *, is_next: bool
) -> None:
    """Also where it would have been the one to begin: nobody waits for who is gone."""
    together, begun, may_end, batches = Together(), Event(), Event(), []

    def work(batch: set[int]) -> None:
        batches.append(batch)
        begun.set()
        may_end.wait(20)

    def until(count: int) -> None:
        while together.waiting < count:
            time.sleep(0.001)

    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(together.do, 0, work, most=9)]
        begun.wait(20)
        if not is_next:
            asked.append(threads.submit(together.do, 1, work, most=9))
            until(1)

        def end() -> None:
            until(1 if is_next else 2)
            interrupt()

        threads.submit(end)
        with pytest.raises(Interrupted):
            together.do(2, work, most=9)
        may_end.set()
        asked.append(threads.submit(together.do, 3, work, most=9))
        for one in asked:
            one.result(20)
    assert together.waiting == 0
    assert {one for batch in batches for one in batch} == ({0, 3} if is_next else {0, 1, 3})


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_more_than_a_batch_is_settled_to_the_last(world: World, batch: int) -> None:
    """By two hands on PostgreSQL, each confirmation by one of them, whoever is paid by both."""
    waiting(world)
    assert settle.settle_waiting(world.deps, batch=batch) == len(PAYERS)
    assert world.balance("alice") == 4000
    assert [world.balance(payer) for payer in PAYERS] == [4000] * len(PAYERS)
    assert settle.settle_waiting(world.deps, batch=batch) == 0


def test_two_threads_settle_on_postgresql(world: World) -> None:
    """The first, with two in hand, calls the other, who has the other two: both are at it."""
    waiting(world)
    hands = 1 if world.store.is_sqlite else settle.HANDS
    met, seen = Barrier(hands), set()

    def meet() -> None:
        seen.add(get_ident())
        met.wait(20)
        world.on_step = (Step.INBOX_WRITTEN, lambda: None)

    world.on_step = (Step.WALLET_SETTLED, meet)
    assert settle.settle_waiting(world.deps, batch=4) == len(PAYERS)
    assert len(seen) == hands


def test_a_posting_touches_no_index_of_what_it_rewrites(world: World) -> None:
    """PostgreSQL rewrites a transfer, its accounts and its payer in their pages (HOT)."""
    if world.store.is_sqlite:  # it keeps rows in the tree of their own number
        return
    rewritten: list[tuple[str, int, int]] = []

    @event.listens_for(world.store.engine, "commit")
    def look(connection: Connection) -> None:
        asked = "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
        rewritten.extend(tuple(row) for row in connection.exec_driver_sql(asked))
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")  # else they add up

    ids = waiting(world)
    rewritten.clear()
    settle.settle_one(world.deps, ids["bob"])
    event.remove(world.store.engine, "commit", look)
    in_place = {name: (count, hot) for name, count, hot in rewritten if count}
    assert in_place["transfer"] == in_place["person"] == (1, 1)
    assert in_place["account"] == (2, 2)


def settle_by_hands_that_meet(world: World, row: str, *, batch: int) -> int:
    """Settle all that waits; on PostgreSQL both hands come to a row that is somebody else's first.

    Each has locked its confirmations by then, and they go on at the same moment. No rule of the
    database has to stop one of them: what it decides on is locked.
    """
    if world.store.is_sqlite:  # it has one writer
        return settle.settle_waiting(world.deps, batch=batch)
    with capture_logs() as logs, ThreadPoolExecutor(1) as thread:
        with world.store.write() as session:
            session.execute(text(f"SELECT 1 FROM {row} FOR UPDATE"))
            settled = thread.submit(settle.settle_waiting, world.deps, batch=batch)
            until_waiting(world.store, HANDS)
        count = settled.result()
    assert "batch_failed" not in [one["event"] for one in logs]
    return count


def test_one_payer_in_both_hands_pays_what_they_have_once(world: World) -> None:
    """One confirmation in each hand, money for one of them: the other waits again."""
    alice, bob = world.join("alice"), world.join("bob", cents=1900)
    references = [world.order("bob", "alice", amount) for amount in ("10€", "11€")]
    ids = [world.confirm_only("bob", one) for one in references]
    assert settle_by_hands_that_meet(world, f"person WHERE id = {alice}", batch=2) == 2
    assert sorted(str(world.outcome(one)) for one in ids) == ["paid", "refusal.not_enough"]
    statuses = [world.statuses(one)[0] for one in references]
    assert sorted(statuses) == ["pending", "posted"]
    assert world.balance("bob") == (900 if statuses[0] == "posted" else 800)
    assert settle.settle_waiting(world.deps) == 0
    waiting = references[statuses.index("pending")]
    with world.store.write() as session:
        builders.fill(session, bob, 5000)
    world.confirm("bob", waiting)
    assert world.statuses(waiting) == ["posted"]


@pytest.mark.parametrize("batch", [2, 4])
@pytest.mark.parametrize("ask", ["request 10€ each from", "split 50€ with"])
def test_the_payers_of_one_order_are_settled_by_both_hands(
    world: World, ask: str, batch: int
) -> None:
    """Both lock all of its transfers, one after the other: each payer pays their own, once."""
    world.join("alice")
    for payer in PAYERS:
        world.join(payer, cents=5000)
    everybody = " ".join(f"@{payer}" for payer in PAYERS)
    reference = reference_in(world.post("alice", f"@smoney {ask} {everybody}"))
    if ask.startswith("split"):
        page = world.page("alice", reference)
        assert isinstance(page, SplitView)
        split.ask_others(
            world.deps, reference, world.x_id("alice"), with_own=True, terms_hash=page.terms_hash
        )
    ids = [world.confirm_only(payer, reference) for payer in PAYERS]
    row = f"transfer WHERE id = {world.transfers(reference)[0].id}"
    assert settle_by_hands_that_meet(world, row, batch=batch) == len(PAYERS)
    assert [world.outcome(one) for one in ids] == ["paid"] * len(PAYERS)
    assert world.statuses(reference) == ["posted"] * len(PAYERS)
    assert world.balance("alice") == 4000
    assert [world.balance(payer) for payer in PAYERS] == [4000] * len(PAYERS)


@pytest.mark.parametrize("batch", [BATCH, 4, 2])
def test_a_confirmation_with_a_mistake_of_any_kind_does_not_stop_the_others(
    store: Store, batch: int
) -> None:
    """Each is tried by itself then; the one waits on, and is settled once the mistake is mended."""
    levels: Levels = {one: WITHOUT_A_TABLE[one] for one in (Level.UNVERIFIED, Level.DECLARED)}
    world = World(store, Policy(levels=levels))
    waiting(world)
    at_level(world, "bob", Level.VERIFIED)  # of which that table says nothing: a KeyError
    assert settle.settle_waiting(world.deps, batch=batch) == len(PAYERS) - 1
    assert world.balance("alice") == 3000
    at_level(world, "bob", Level.DECLARED)
    assert settle.settle_waiting(world.deps) == 1
    assert world.balance("alice") == 4000


def at_level(world: World, handle: str, level: Level) -> None:
    """Give somebody another level."""
    person_id = world.visitor(handle).person_id
    assert person_id is not None
    with world.store.write() as session:
        people.change_person(session, person_id, level=level.value)


def test_a_database_that_goes_away_is_no_confirmations_mistake(world: World) -> None:
    """It is raised at once: nobody is tried one by one against a database that is not there."""

    def shut_down() -> None:
        raise exc.OperationalError("COMMIT", {}, psycopg.errors.AdminShutdown())

    waiting(world)
    world.on_step = (Step.WALLET_SETTLED, shut_down)
    with pytest.raises(exc.OperationalError):
        settle.settle_waiting(world.deps)


def test_a_thread_that_fails_leaves_the_others_their_turn(world: World) -> None:
    """Its own failure is raised to it; what the others asked for goes on."""
    ids = waiting(world)
    world.die_at = Step.WALLET_SETTLED
    with pytest.raises(ProcessDied):
        settle.settle_one(world.deps, ids["bob"])
    settle.settle_one(world.deps, ids["dave"])
    assert world.balance("alice") == 2000
    assert world.deps.together.waiting == 0
