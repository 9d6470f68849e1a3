"""Circles that were met, each put together anew on PostgreSQL: two deeds, one after another.

Who holds a row that both want lets one deed wait for it, with all that it has locked by then, and
then the other; let go, both have to end. `test_waiting_in_circles` looks for others at random.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from bot.domain.limits import Policy
from bot.services import cancel, confirm, disputes, operate, refunds, settle
from bot.store.engine import Store
from tests.services.at_once import until_waiting
from tests.world import World, reference_in


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone: on SQLite a writer is alone."""
    return postgresql_url


@pytest.fixture
def world(store: Store) -> World:
    """People with money, of whom a card's payment was the first deed.

    So `cards` is an older account than some wallets, and a younger one than others.
    """
    world = World(store, Policy(low_value_cents=10_000))
    for handle in ("bob", "alice"):
        world.join(handle, cents=5000)
    by_card(world, "bob", "alice")
    for handle in ("carol", "dave"):
        world.join(handle, cents=5000)
    return world


def by_card(world: World, payer: str, payee: str) -> str:
    """Let somebody pay 10 € by card; return the reference."""
    reference = world.order(payer, payee)
    world.confirm(payer, reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    settle.drive(world.deps, world.topup(reference).id)
    return reference


def one_after_another(store: Store, row: str, *deeds: Callable[[], object]) -> None:
    """Let deeds wait for a row, one after another, and let go: each has to end well."""
    ended: list[Future[object]] = []
    with ThreadPoolExecutor(len(deeds)) as threads:
        with store.write() as session:
            session.execute(text(f"SELECT 1 FROM {row} FOR UPDATE"))
            for deed in deeds:
                ended.append(threads.submit(deed))
                until_waiting(store, len(ended))
        for one in ended:
            one.result()


def test_a_job_that_expires_an_order_locks_its_transfers_as_a_settlement_does(
    store: Store, world: World
) -> None:
    """An UPDATE alone takes them as they lie on the disk, where the first may be the last."""
    asked = world.post("alice", "@smoney request 10€ each from @bob @carol @dave")
    reference = reference_in(asked)
    with store.write() as session:  # the first moves behind the others
        session.execute(text("UPDATE transfer SET note = 'moved' WHERE number = 1"))
    will = confirm.Will(
        reference=reference,
        x_user_id=world.x_id("dave"),
        terms_hash=world.terms("dave", reference),
        funding="wallet",
        method="page",
    )
    with store.write() as session:  # in time, but settled late
        confirm.write(session, world.deps, will, world.clock.now())
    with store.write() as session:  # a table that is known to be small is read as it lies
        session.execute(text("ANALYZE transfer"))
    world.pass_time(hours=31)
    one_after_another(
        store,
        f"transfer WHERE id = {world.transfers(reference)[0].id}",
        partial(settle.settle_waiting, world.deps),
        partial(cancel.expire_due, world.deps),
    )
    assert world.statuses(reference) == ["expired", "expired", "posted"]


@pytest.mark.parametrize("other", ["refund", "dispute"])
def test_a_refund_that_comes_back_waits_in_no_circle_with_another_deed(
    store: Store, world: World, other: str
) -> None:
    """Both write `cards` and the same wallet: each locks its accounts at once."""
    one, two = by_card(world, "carol", "alice"), by_card(world, "carol", "nobody")
    operate.refund_order(world.deps, one, to="card")
    with store.read() as session:
        made = session.execute(text("SELECT refund_id FROM card_refund")).scalar_one()
    world.cards.send_back(made)
    if other == "dispute":
        dispute_id = world.cards.dispute(world.topup(two).payment_id)
        deed: Callable[[], object] = partial(disputes.read, world.deps, dispute_id)
    else:
        three = by_card(world, "carol", "alice")
        deed = partial(operate.refund_order, world.deps, three, to="card")
    look = partial(refunds.look, world.deps, made)
    one_after_another(store, "account WHERE name = 'cards'", look, deed)
