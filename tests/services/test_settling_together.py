"""Who asks for a settlement while another runs shares the next commit with all who wait."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import psycopg
import pytest
from sqlalchemy import exc

from bot.domain.levels import WITHOUT_A_TABLE, Level
from bot.domain.limits import Policy
from bot.services import confirm, settle
from bot.services.settle import BATCH
from bot.services.steps import Step
from bot.store import people
from bot.store.engine import Store
from tests.world import ProcessDied, World

PAYERS = ("bob", "dave", "erin", "frank")


def waiting(world: World) -> dict[str, int]:
    """Let everybody confirm a payment to alice that is not settled yet; return what waits."""
    world.join("alice")
    for payer in PAYERS:
        world.join(payer, cents=5000)
    ordered = {payer: world.order(payer, "alice") for payer in PAYERS}
    ids = {}
    for payer, reference in ordered.items():
        will = confirm.Will(
            reference=reference,
            x_user_id=world.x_id(payer),
            terms_hash=world.terms(payer, reference),
            funding="wallet",
            method="page",
        )
        with world.store.write() as session:
            ids[payer], _topup = confirm.write(session, world.deps, will, world.clock.now())
    return ids


def test_those_who_ask_during_a_settlement_are_settled_by_one_of_them(world: World) -> None:
    """As if a settlement was running: when it ends, one commit settles all four."""
    ids = waiting(world)
    together = world.deps.together
    together.is_busy = True
    with ThreadPoolExecutor(len(ids)) as threads:
        asked = [threads.submit(settle.settle_one, world.deps, one) for one in ids.values()]
        while len(together.asked) < len(ids):
            pass  # each has only to be scheduled
        with together.changed:
            together.is_busy = False
            together.changed.notify_all()
        for one in asked:
            one.result()
    assert world.steps.count(Step.WALLET_SETTLED) == 1
    assert world.balance("alice") == 4000
    assert not together.asked


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


@pytest.mark.parametrize("batch", [BATCH, 4, 2])
def test_a_confirmation_with_a_mistake_of_any_kind_does_not_stop_the_others(
    store: Store, batch: int
) -> None:
    """Each is tried by itself then; the one waits on, and is settled once the mistake is mended."""
    levels = {one: WITHOUT_A_TABLE[one] for one in (Level.UNVERIFIED, Level.DECLARED)}
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
    assert not world.deps.together.asked
