"""Card testing: three failures of a person, of a card or from an address close cards for a day."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from bot.domain.errors import Refusal
from bot.domain.topup import CLOSED_FOR, is_closed
from bot.services import card_guard, prune, settle
from bot.services.confirm import GoToCard, Will, confirm
from bot.store import card_failures, cards
from tests.builders import NOON
from tests.world import World

GOOD = "4242424242424242"
ASKS_3DS = "4000002760003184"
DECLINED = "4000000000000002"
HERE = "203.0.113.7"


def by_card(world: World, handle: str, amount: str = "10€", *, address: str | None = HERE) -> str:
    """Let somebody confirm an order by card; return its reference."""
    reference = world.order(handle, "alice", amount)
    will = Will(
        reference=reference,
        x_user_id=world.x_id(handle),
        terms_hash=world.terms(handle, reference),
        funding="card",
        method="page",
        address=address,
    )
    assert isinstance(confirm(world.deps, will), GoToCard)
    return reference


def fail(world: World, reference: str, times: int = 1, number: str = DECLINED) -> None:
    """Let a card be declined on an order's page, and the driver look."""
    for _ in range(times):
        world.cards.submit(world.topup(reference).session_id, number)
    settle.drive(world.deps, world.topup(reference).id)


def closed(world: World, handle: str, amount: str, *, address: str | None = HERE) -> bool:
    """Whether a card payment is refused because cards are closed."""
    try:
        by_card(world, handle, amount, address=address)
    except Refusal as refusal:
        return refusal.reply.key == "refusal.cards_closed"
    return False


def test_three_failures_in_a_day_close_for_a_day_after_the_third() -> None:
    """Not from the first on, and not where they are further apart."""
    hours = [NOON + timedelta(hours=hour) for hour in (0, 10, 20)]
    assert not is_closed(hours[:2], hours[1])
    assert is_closed(hours, hours[2])
    assert is_closed(hours, hours[2] + CLOSED_FOR - timedelta(seconds=1))
    assert not is_closed(hours, hours[2] + CLOSED_FOR)
    assert not is_closed([hours[0], hours[1], NOON + timedelta(hours=25)], NOON + CLOSED_FOR)


def test_a_persons_failures_are_counted_over_all_their_orders(world: World) -> None:
    """The third closes the page that is open, and no other opens for a day."""
    world.join("bob")
    for number in range(3):
        fail(world, by_card(world, "bob", f"10.0{number}€", address=None))
    assert world.topup(_last(world)).status == "declined"
    assert closed(world, "bob", "11€", address=None)
    world.pass_time(hours=23, minutes=59)
    assert closed(world, "bob", "12€", address=None)
    world.pass_time(minutes=1)
    assert not closed(world, "bob", "13€", address=None)


def _last(world: World) -> str:
    """Return the reference of the order of the newest top-up."""
    query = (
        "SELECT o.reference FROM topup t JOIN orders o ON o.id = t.order_id "
        "ORDER BY t.created_at DESC, o.id DESC LIMIT 1"
    )
    with world.store.read() as session:
        return str(session.execute(text(query)).scalar_one())


def test_an_address_is_closed_to_whoever_comes_from_there(world: World) -> None:
    """Three people with a declined card each: the fourth is stopped before the page opens."""
    for number in range(3):
        world.join(f"bob{number}")
        fail(world, by_card(world, f"bob{number}"))
    world.join("eve")
    assert closed(world, "eve", "11€")
    assert not closed(world, "eve", "12€", address="203.0.113.8")


def test_an_ipv6_house_is_one_address_and_loopback_is_none(world: World) -> None:
    """What the holder of a network may choose freely is not counted apart."""
    deps = world.deps
    one, two = "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"
    assert card_guard.hashed(deps, one) == card_guard.hashed(deps, two)
    assert card_guard.hashed(deps, one) != card_guard.hashed(deps, "2001:db8:1:3::1")
    for nothing in (None, "127.0.0.1", "::1", "testclient", ""):
        assert card_guard.hashed(deps, nothing) is None
    hashed = card_guard.hashed(deps, HERE)
    other = replace(deps, secret_key="another secret of the tests")
    assert hashed is not None
    assert HERE not in hashed
    assert card_guard.hashed(other, HERE) != hashed


def test_a_card_that_failed_three_times_is_voided_wherever_it_comes_from(world: World) -> None:
    """By its fingerprint: other people, other places, and nothing is taken."""
    for number in range(3):
        world.join(f"bob{number}")
        reference = by_card(world, f"bob{number}", address=f"198.51.100.{number}")
        world.cards.submit(world.topup(reference).session_id, ASKS_3DS)
        world.cards.secure(world.topup(reference).session_id, passed=False)
        settle.drive(world.deps, world.topup(reference).id)
    world.join("eve")
    reference = by_card(world, "eve", address="198.51.100.9")
    session_id = world.topup(reference).session_id
    world.cards.submit(session_id, ASKS_3DS)
    world.cards.secure(session_id, passed=True)
    settle.drive(world.deps, world.topup(reference).id)
    topup = world.topup(reference)
    assert (topup.status, topup.refusal) == ("voided", "refusal.cards_closed")
    assert world.deps.payments.read(topup.payment_id).captured_cents == 0


def test_a_card_that_failed_three_times_is_not_charged_where_it_is_kept(world: World) -> None:
    """Its fingerprint is the same in whosever hands it is."""
    for number in range(3):
        world.join(f"bob{number}")
        fail(world, by_card(world, f"bob{number}", address=f"198.51.100.{number}"))
    eve = world.join("eve")
    card_id = world.save_card(eve, "pm_card_fr", limit_cents=2000)
    with world.store.write() as session:
        fingerprint = cards.saved_card(session, card_id).fingerprint
        session.execute(update(card_failures.failures).values(fingerprint=fingerprint))
    reference = world.order("eve", "alice", "10€")
    with pytest.raises(Refusal) as refused:
        world.confirm("eve", reference, funding="card", saved_card_id=card_id)
    assert refused.value.reply.key == "refusal.cards_closed"
    assert [one for one in world.cards.paid.values() if one.captured_cents] == []
    assert world.statuses(reference) == ["pending"]


def test_each_failure_is_counted_once_also_one_of_3d_secure_that_left_no_charge(
    world: World,
) -> None:
    """A 3-D Secure that failed, then two declined cards: the page closes at the third."""
    world.join("bob")
    reference = by_card(world, "bob")
    session_id = world.topup(reference).session_id
    world.cards.submit(session_id, ASKS_3DS)
    world.cards.secure(session_id, passed=False)
    for _ in range(3):
        settle.drive(world.deps, world.topup(reference).id)
    assert world.topup(reference).failed_attempts == 1
    fail(world, reference)
    assert (world.topup(reference).status, world.topup(reference).failed_attempts) == ("created", 2)
    fail(world, reference)
    assert (world.topup(reference).status, world.topup(reference).failed_attempts) == (
        "declined",
        3,
    )
    assert world.deps.checkout.read(session_id).status == "expired"


def test_failures_and_addresses_are_forgotten_after_two_days(world: World) -> None:
    """Nothing of where somebody was is kept, and the top-up stays."""
    world.join("bob")
    reference = by_card(world, "bob")
    fail(world, reference)
    assert world.topup(reference).address_hash is not None
    world.pass_time(days=2, minutes=1)
    prune.prune(world.deps)
    with world.store.read() as session:
        assert session.execute(text("SELECT count(*) FROM card_failure")).scalar_one() == 0
    assert world.topup(reference).address_hash is None
    assert world.topup(reference).failed_attempts == 1


@pytest.mark.parametrize("good_first", [False, True])
def test_a_card_that_goes_through_closes_nothing(world: World, good_first: bool) -> None:
    """Two failures and a success are somebody looking for the right card."""
    world.join("bob")
    world.join("alice")
    reference = by_card(world, "bob")
    if not good_first:
        fail(world, reference, 2)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    assert world.statuses(reference) == ["posted"]
    assert not closed(world, "bob", "11€")
