"""What a wallet says of its limits is what settlement holds its owner to."""

from dataclasses import replace

import pytest

from bot.domain.errors import Refusal
from bot.domain.levels import Level, Rights
from bot.domain.limits import Policy
from bot.services.own_limits import OwnLimits, own_limits
from bot.store.engine import Store
from tests.world import World

POLICY = Policy(to_person_cents=2_000, to_organisation_cents=4_000, in_30_days_cents=5_000)


def of(world: World, handle: str) -> OwnLimits:
    """Return somebody's limits."""
    found = own_limits(world.deps, world.visitor(handle))
    assert found is not None
    return found


def test_what_is_left_shrinks_with_what_is_paid_and_comes_back(store: Store) -> None:
    """What was returned counts no more, and after 30 days nothing does."""
    world = World(store, POLICY)
    world.join("bob", cents=10_000)
    world.join("alice")
    assert (of(world, "bob").to_person_cents, of(world, "bob").left_30_days_cents) == (2_000, 5_000)
    world.confirm("bob", world.order("bob", "alice", "20€"))
    held = world.order("bob", "nobody", "5€")
    world.confirm("bob", held)
    assert of(world, "bob").left_30_days_cents == 2_500
    assert of(world, "bob").left_without_sca_cents == POLICY.low_value_total_cents - 2_500
    world.post("bob", f"@smoney cancel #{held}")
    assert of(world, "bob").left_30_days_cents == 3_000
    world.pass_time(days=31)
    assert of(world, "bob").left_30_days_cents == 5_000


def test_the_last_cent_that_is_left_can_be_paid_and_no_more(store: Store) -> None:
    """The figure is the one that refuses."""
    world = World(store, replace(POLICY, in_30_days_cents=2_500))
    world.join("bob", cents=10_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    left = of(world, "bob").left_30_days_cents
    rest = world.order("bob", "alice", f"{left / 100:.2f}€")
    more = world.order("bob", "alice", "0.01€")
    world.confirm("bob", rest)
    assert world.statuses(rest) == ["posted"]
    assert of(world, "bob").left_30_days_cents == 0
    with pytest.raises(Refusal):
        world.confirm("bob", more)


def test_a_level_may_allow_less_than_the_house(store: Store) -> None:
    """The lower of the two is said."""
    rights = Rights(
        pay_cents=1_500,
        pay_30_days_cents=3_000,
        receive_cents=1_000,
        hold_cents=7_000,
        pay_out_cents=1_000,
    )
    world = World(store, replace(POLICY, levels=dict.fromkeys(Level, rights)))
    world.join("bob", cents=5_000)
    found = of(world, "bob")
    assert (found.to_person_cents, found.to_organisation_cents) == (1_500, 1_500)
    assert (found.in_30_days_cents, found.hold_cents) == (3_000, 7_000)


def test_somebody_without_a_wallet_has_none(world: World) -> None:
    """There is nothing to limit."""
    assert own_limits(world.deps, world.visitor("mallory")) is None
