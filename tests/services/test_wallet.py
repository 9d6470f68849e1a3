"""What stands in a wallet, and its switches."""

import pytest

from bot.domain.errors import Refusal
from bot.services import wallet
from bot.store import people
from tests.world import World


def test_switches_are_for_who_has_a_wallet(world: World) -> None:
    """Confirmation by DM, and the language."""
    world.join("bob")
    bob = world.visitor("bob")
    wallet.switch_dm(world.deps, bob, on=True)
    wallet.choose_lang(world.deps, bob, "en")
    with world.store.read() as session:
        person = people.person_of(session, bob.account)
    assert person is not None
    assert (person.confirms_by_dm, person.lang) == (True, "en")
    with pytest.raises(Refusal, match="no_wallet"):
        wallet.switch_dm(world.deps, world.visitor("carol"), on=True)
    with pytest.raises(Refusal, match="no_wallet"):
        wallet.wallet_page(world.deps, world.visitor("carol"))


def test_what_waits_is_put_by_what_it_waits_for(world: World) -> None:
    """Mine to confirm, mine to pay, mine to claim, others' to take, others' to pay."""
    world.join("bob", cents=10_000)
    world.join("alice", cents=1000)
    mine = world.order("bob", "alice", "1€")
    asked_of_me = world.order("alice", "bob", "2€", kind="request")
    held = world.order("bob", "carol", "3€")
    world.confirm("bob", held)
    asked = world.order("bob", "alice", "4€", kind="request")
    card = world.order("bob", "alice", "5€")
    world.confirm("bob", card, funding="card")
    page = wallet.wallet_page(world.deps, world.visitor("bob"))
    assert {one.reference: (one.what, one.amount_cents) for one in page.waits} == {
        mine: ("to_confirm", 100),
        asked_of_me: ("to_pay", 200),
        held: ("held", 300),
        asked: ("asked", 400),
        card: ("under_way", 500),
    }
    assert page.balance_cents == 9700


def test_what_another_has_only_ordered_is_not_shown(world: World) -> None:
    """The payee learns of money once it is on its way."""
    world.join("alice")
    world.order("bob", "alice")
    page = wallet.wallet_page(world.deps, world.visitor("alice"))
    assert (page.waits, page.history) == ((), ())


def test_an_order_that_was_cancelled_before_it_was_paid_stays_its_payers(world: World) -> None:
    """Its payee never hears of it."""
    world.join("alice")
    world.join("bob", cents=1000)
    world.order("bob", "alice")
    world.post("bob", "@smoney cancel")
    assert [
        line.status for line in wallet.wallet_page(world.deps, world.visitor("bob")).history
    ] == ["cancelled"]
    assert wallet.wallet_page(world.deps, world.visitor("alice")).history == ()


def test_several_payees_of_an_order_are_one_line_that_waits(world: World) -> None:
    """With what it comes to in all."""
    world.join("bob")
    world.post("bob", "@smoney pay @alice @dave 5€ each")
    (one,) = wallet.wallet_page(world.deps, world.visitor("bob")).waits
    assert one.amount_cents == 1000
    assert set(one.people) == {"alice", "dave"}


def test_history_has_signs_and_at_most_so_many_lines(world: World) -> None:
    """What was paid is below zero, what was received above; the newest is first."""
    world.join("alice", cents=100)
    world.join("bob", cents=5000)
    for _ in range(11):
        world.confirm("bob", world.order("bob", "alice", "1€"))
        world.confirm("alice", world.order("alice", "bob", "0,50€"))
    page = wallet.wallet_page(world.deps, world.visitor("bob"))
    assert len(page.history) == wallet.HISTORY_LINES
    assert page.history[0].amount_cents == 50
    assert page.history[1].amount_cents == -100
