"""Reconciling in verbs: pay by card, lose sight of a capture, reconcile, and see what differs."""

from bot.services import reconcile, settle
from bot.services.reconcile import Difference, Reconciliation
from bot.store import ledger
from tests.world import World

GOOD = "4242424242424242"


def by_card(world: World, amount: str = "10€") -> str:
    """Let bob pay alice by card; return the reference."""
    reference = world.order("bob", "alice", amount)
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    assert world.topup(reference).status == "captured"
    return reference


def captured_unseen(world: World) -> str:
    """Let 20 € be captured, and our process die before it was booked; return the top-up."""
    reference = world.order("bob", "alice", "20€")
    world.confirm("bob", reference, funding="card")
    topup = world.topup(reference)
    world.cards.submit(topup.session_id, GOOD)
    payment = world.deps.checkout.read(topup.session_id).payment
    assert payment is not None
    world.deps.payments.capture(payment.id, amount_cents=2000, key=f"topup-{topup.id}-capture")
    return str(topup.id)


def run(world: World) -> Reconciliation:
    """Reconcile."""
    return reconcile.reconcile_books(world.deps)


def shown(world: World) -> dict[str, int]:
    """Return the balances that are not people's, as they are shown."""
    with world.store.read() as session:
        rows = ledger.balances(session)
    return {name: cents for name, cents in rows if ":" not in name or "own:" in name}


def only(found: Reconciliation) -> Difference:
    """Return the one difference."""
    (one,) = found.differences
    return one
