"""Many at the same moment, round after round: no cent is spent twice, no limit is passed.

On SQLite and on PostgreSQL, with threads that confirm, settle, take back and claim at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from bot.domain import sca
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.services import claim, disputes, operate, settle
from bot.services.check import prove
from bot.store.engine import Store
from tests.services.at_once import all_at_once
from tests.world import World

ROUNDS = 2
AT_ONCE = 6
WIDE = Policy(
    low_value_cents=100_000, low_value_total_cents=10_000_000, in_30_days_cents=10_000_000
)
PAID = ("posted", "held")


def confirming(world: World, handle: str, reference: str) -> Callable[[], object]:
    """Return how somebody confirms what an order shows them now."""
    terms = world.terms(handle, reference)
    return lambda: world.confirm(handle, reference, terms_hash=terms)


def paid_cents(world: World, references: Sequence[str]) -> int:
    """Return what was paid of some orders."""
    return sum(
        row.amount_cents
        for reference in references
        for row in world.transfers(reference)
        if row.status in PAID
    )


@pytest.mark.parametrize("payee", ["alice", "nobody"], ids=["posted", "held"])
def test_no_cent_is_spent_twice(store: Store, payee: str) -> None:
    """Six confirmations and two workers at once, from a wallet that holds enough for three."""
    world = World(store, WIDE)
    world.join("alice")
    for number in range(ROUNDS):
        bob = f"bob{number}"
        world.join(bob, cents=3300)
        references = [world.order(bob, payee, f"10.0{one}€") for one in range(AT_ONCE)]
        deeds = [confirming(world, bob, one) for one in references]
        all_at_once([*deeds, *[lambda: settle.settle_waiting(world.deps)] * 2])
        settle.settle_waiting(world.deps)
        paid = paid_cents(world, references)
        assert sum(world.statuses(one)[0] in PAID for one in references) == 3
        assert world.balance(bob) == 3300 - paid
        assert prove(store).problems == []


def test_two_accounts_of_one_person_have_one_limit(store: Store) -> None:
    """Money enough for all of it: what stops them is the 30 days of the person behind both."""
    world = World(store, replace(WIDE, in_30_days_cents=3300))
    world.join("alice")
    for number in range(ROUNDS):
        bob, other = f"bob{number}", f"other{number}"
        world.join(bob, cents=50_000)
        world.link(other, to=bob)
        orders = [
            (who, world.order(who, "alice", f"10.0{one}€"))
            for one, who in enumerate([bob, other] * (AT_ONCE // 2))
        ]
        all_at_once([confirming(world, who, reference) for who, reference in orders])
        settle.settle_waiting(world.deps)
        assert paid_cents(world, [reference for _who, reference in orders]) <= 3300
        assert sum(world.statuses(one)[0] in PAID for _who, one in orders) == 3
    assert prove(store).problems == []


def answer_to(deed: Callable[[], object]) -> object:
    """Do a deed; return what it answers, or the key of its refusal."""
    try:
        return deed()
    except Refusal as refusal:
        return refusal.reply.key


def test_a_hundred_euros_without_authentication_are_not_passed_by_many_at_once(
    store: Store,
) -> None:
    """RTS 2018/389 art. 16 (b), with money enough for all: four times 24 € go, the others wait."""
    world = World(store)
    world.join("alice")
    for number in range(ROUNDS):
        bob = f"bob{number}"
        world.join(bob, cents=50_000)
        references = [world.order(bob, "alice", f"24.0{one}€") for one in range(AT_ONCE)]
        deeds = [partial(answer_to, confirming(world, bob, one)) for one in references]
        answers = all_at_once([*deeds, *[lambda: settle.settle_waiting(world.deps)] * 2])
        settle.settle_waiting(world.deps)
        assert paid_cents(world, references) <= world.deps.policy.low_value_total_cents
        statuses = sorted(world.statuses(one)[0] for one in references)
        assert statuses == ["pending"] * 2 + ["posted"] * 4
        assert answers.count("refusal.needs_sca_total") == 2
    assert prove(store).problems == []


def test_what_is_settled_at_once_never_passes_the_hundred_euros(store: Store) -> None:
    """All confirmed while the operator's figure was higher: each settlement counts the others'.

    Four workers settle, one confirmation in each commit; who is left may confirm again.
    """
    world = World(store)
    world.join("alice")
    for number in range(ROUNDS):
        bob = f"bob{number}"
        world.join(bob, cents=50_000)
        references = [world.order(bob, "alice", f"24.0{one}€") for one in range(AT_ONCE)]
        ids = [world.confirm_only(bob, one, policy=WIDE) for one in references]
        all_at_once([partial(settle.settle_waiting, world.deps, batch=2)] * 4)
        settle.settle_waiting(world.deps)
        assert paid_cents(world, references) <= world.deps.policy.low_value_total_cents
        outcomes = sorted(str(world.outcome(one)) for one in ids)
        assert outcomes == ["paid"] * 4 + ["refusal.needs_sca_total"] * 2
        statuses = sorted(world.statuses(one)[0] for one in references)
        assert statuses == ["pending"] * 2 + ["posted"] * 4
        waiting = next(one for one in references if world.statuses(one) == ["pending"])
        proof = sca.Authenticated(f"proof-{bob}", world.terms(bob, waiting), sca.Basis.PASSKEY)
        world.confirm(bob, waiting, proof=proof)
        assert world.statuses(waiting) == ["posted"]
    assert prove(store).problems == []


def test_money_that_is_held_goes_one_way(store: Store) -> None:
    """Taken back, claimed and refused, all at once, in the second in which its time ends as well.

    Two workers return it then: one of all these has it, and the payer is told of no more than that.
    """
    world = World(store, WIDE)
    for number in range(ROUNDS):
        bob, carol = f"bob{number}", f"carol{number}"
        world.join(bob, cents=1000)
        world.dm(bob, "aide")  # who wrote may be written to
        reference = world.order(bob, carol, "10€")
        world.confirm(bob, reference)
        world.pass_time(days=world.deps.policy.claim_within_days)
        world.join(carol)
        payer, payee = world.x_id(bob), world.x_id(carol)
        world.react()
        before = len(world.messages_to(bob))
        all_at_once(
            [
                partial(claim.take_back, world.deps, reference, payer),
                partial(claim.claim, world.deps, reference, payee),
                partial(claim.refuse, world.deps, reference, payee),
                *[partial(claim.return_due, world.deps)] * 2,
            ]
        )
        (ended,) = world.statuses(reference)
        has = {"posted": (0, 1000), "returned": (1000, 0)}[ended]
        assert (world.balance(bob), world.balance(carol)) == has
        world.react()
        told = len(world.messages_to(bob)) - before
        assert told == (0 if world.reasons(reference)[-1] == "taken_back" else 1)
    assert prove(store).problems == []


def test_a_refund_and_a_payment_of_the_same_money_have_one_winner(store: Store) -> None:
    """An operator gives back what its payee is spending at that moment."""
    world = World(store, WIDE)
    world.join("carol")
    for number in range(ROUNDS):
        bob, alice = f"bob{number}", f"alice{number}"
        world.join(bob, cents=1000)
        world.join(alice)
        paid = world.order(bob, alice, "10€")
        world.confirm(bob, paid)
        spent = world.order(alice, "carol", "10€")
        refund = partial(operate.refund_order, world.deps, paid, to="wallet")
        all_at_once([refund, refund, confirming(world, alice, spent)])
        settle.settle_waiting(world.deps)
        assert world.balance(alice) == 0
        was_spent = world.statuses(spent) == ["posted"]
        assert world.balance(bob) == (0 if was_spent else 1000)
        assert len(world.statuses(paid)) == (1 if was_spent else 2)
    assert prove(store).problems == []


def test_a_dispute_and_a_claim_of_the_same_money_have_one_winner(store: Store) -> None:
    """Claimed first, it is the payee's; disputed first, it is back in the locked wallet."""
    world = World(store, WIDE)
    for number in range(ROUNDS):
        bob, carol = f"bob{number}", f"carol{number}"
        world.join(bob)
        reference = world.order(bob, carol, "10€")
        world.confirm(bob, reference, funding="card")
        world.cards.submit(world.topup(reference).session_id, "4242424242424242")
        settle.drive(world.deps, world.topup(reference).id)
        world.join(carol)
        dispute_id = world.cards.dispute(world.topup(reference).payment_id)
        read = partial(disputes.read, world.deps, dispute_id)
        all_at_once([read, read, partial(claim.claim, world.deps, reference, world.x_id(carol))])
        assert world.topup(reference).status == "disputed"
        (ended,) = world.statuses(reference)
        has = {"posted": (0, 1000), "returned": (1000, 0)}[ended]
        assert (world.balance(bob), world.balance(carol)) == has
    assert prove(store).problems == []


def test_payees_at_their_ceiling_stay_below_it(store: Store) -> None:
    """Six payers at once to a wallet that has room for three: the rest waits as held."""
    world = World(store, replace(WIDE, in_wallet_cents=3500))
    for number in range(ROUNDS):
        alice = f"alice{number}"
        world.join(alice)
        orders = []
        for one in range(AT_ONCE):
            payer = f"payer{number}x{one}"
            world.join(payer, cents=1000)
            orders.append((payer, world.order(payer, alice, "10€")))
        all_at_once([confirming(world, who, reference) for who, reference in orders])
        settle.settle_waiting(world.deps)
        statuses = sorted(world.statuses(reference)[0] for _who, reference in orders)
        assert statuses == ["held"] * 3 + ["posted"] * 3
        assert world.balance(alice) == 3000
    assert prove(store).problems == []
