"""Who asks for a settlement while another runs shares the next commit with all who wait."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

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
