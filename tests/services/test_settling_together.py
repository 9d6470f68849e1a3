"""Who asks for a settlement while another runs shares the next commit with all who wait."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.services import confirm, settle
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


def test_a_thread_that_fails_leaves_the_others_their_turn(world: World) -> None:
    """Its own failure is raised to it; what the others asked for goes on."""
    ids = waiting(world)
    world.die_at = Step.WALLET_SETTLED
    with pytest.raises(ProcessDied):
        settle.settle_one(world.deps, ids["bob"])
    settle.settle_one(world.deps, ids["dave"])
    assert world.balance("alice") == 2000
    assert not world.deps.together.asked
