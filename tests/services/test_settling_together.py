"""Who asks for a settlement while another runs shares the next commit with all who wait."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Row, exc

from bot.services import confirm, posting, settle
from bot.services.steps import Step
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
    """The lock is held as by a settlement that runs: then one commit settles all four."""
    ids = waiting(world)
    with ThreadPoolExecutor(len(ids)) as threads:
        with world.deps.together.lock:
            asked = [threads.submit(settle.settle_one, world.deps, one) for one in ids.values()]
            while len(world.deps.together.asked) < len(ids):
                pass  # each has only to be scheduled
        for one in asked:
            one.result()
    assert world.steps.count(Step.WALLET_SETTLED) == 1
    assert world.balance("alice") == 4000
    assert not world.deps.together.asked


def test_a_confirmation_with_a_mistake_of_any_kind_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried by itself then; the one waits on, and is settled once the mistake is mended."""
    ids = waiting(world)
    real = posting._walk

    def walk(state: Any, confirmation: Row[Any], *rest: Any) -> None:
        if confirmation.id == ids["bob"]:
            raise KeyError(confirmation.id)
        real(state, confirmation, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(posting, "_walk", walk)
        assert settle.settle_waiting(world.deps) == len(ids) - 1
    assert world.balance("alice") == 3000
    assert settle.settle_waiting(world.deps) == 1
    assert world.balance("alice") == 4000


def test_a_database_that_goes_away_is_no_confirmations_mistake(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised at once: nobody is tried one by one against a database that is not there."""
    waiting(world)
    tried = []

    def gone(*_args: object, **_kwargs: object) -> None:
        tried.append(1)
        raise exc.OperationalError("SELECT 1", None, ConnectionError())

    monkeypatch.setattr(posting, "settle", gone)
    with pytest.raises(exc.OperationalError):
        settle.settle_waiting(world.deps)
    assert len(tried) == 1


def test_a_thread_that_fails_leaves_the_others_their_turn(world: World) -> None:
    """Its own failure is raised to it; what the others asked for goes on."""
    ids = waiting(world)
    world.die_at = Step.WALLET_SETTLED
    with pytest.raises(ProcessDied):
        settle.settle_one(world.deps, ids["bob"])
    settle.settle_one(world.deps, ids["dave"])
    assert world.balance("alice") == 2000
    assert not world.deps.together.asked
