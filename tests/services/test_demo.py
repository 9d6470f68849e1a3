"""The sandbox's people, made through everybody's services."""

import pytest

from bot.domain.errors import Rejected, Unavailable
from bot.services import demo, persons
from bot.services.deps import Deps
from bot.services.topup import charge_saved_card
from bot.services.wallet import switch_dm, wallet_page
from tests.world import World


@pytest.fixture
def there(world: World) -> Deps:
    """A bot on an X where the sandbox's people have accounts."""
    for handle in ("bob", "alice", "secours_demo", "carol"):
        world.x_id(handle)
    return world.deps


def test_the_people_are_those_of_the_contract(world: World, there: Deps) -> None:
    """Bob with 100 €, a card and confirmation by message; alice with nothing; an organisation."""
    demo.make_people(there, "sandbox")
    bob, alice, organisation = persons.list_persons(there)
    assert bob["accounts"] == [{"x_user_id": world.x_id("bob"), "handle": "bob"}]
    assert (bob["balance_cents"], bob["confirms_by_dm"]) == (10_000, True)
    assert (alice["balance_cents"], alice["confirms_by_dm"]) == (0, False)
    assert (organisation["organisation"], organisation["level"]) == (True, "verified")
    assert (bob["organisation"], alice["organisation"]) == (False, False)


def test_bobs_money_is_a_captured_top_up_by_a_card_that_is_kept(world: World, there: Deps) -> None:
    """The card network has the payment, the journal its entry; the mandate allows another."""
    demo.make_people(there, "sandbox")
    visitor = world.visitor("bob")
    assert visitor.person_id is not None
    (card,) = wallet_page(there, visitor).cards
    assert card.limit_cents == there.policy.low_value_cents, "what a page would offer"
    charge_saved_card(there, visitor.person_id, 1, 500)
    assert world.balance("bob") == 10_500


def test_every_phone_proved_itself_by_a_code(world: World, there: Deps) -> None:
    """A text went to each of three numbers."""
    demo.make_people(there, "sandbox")
    assert len(world.sms.sent) == 3
    assert len({one.to_phone for one in world.sms.sent}) == 3


def test_there_are_no_demo_people_in_production(world: World, there: Deps) -> None:
    """Refused before anything is written."""
    with pytest.raises(Rejected, match="sandbox"):
        demo.make_people(there, "production")
    assert persons.list_persons(world.deps) == []


def test_made_twice_they_are_as_they_were(world: World, there: Deps) -> None:
    """Not a cent, a text or a choice of theirs is changed."""
    assert demo.make_people(there, "sandbox")
    switch_dm(there, world.visitor("bob"), on=False)
    before = persons.list_persons(there)
    assert not demo.make_people(there, "sandbox")
    assert persons.list_persons(there) == before
    assert len(world.sms.sent) == 3
    assert before[0]["balance_cents"] == 10_000


def test_what_a_crash_left_out_is_made(world: World, there: Deps) -> None:
    """The card network failed after the wallets were there: the next run charges the card once."""
    world.cards.fail("vault.customer", Unavailable("no_answer"))
    with pytest.raises(Unavailable):
        demo.make_people(there, "sandbox")
    assert demo.make_people(there, "sandbox")
    assert not demo.make_people(there, "sandbox")
    assert [one["balance_cents"] for one in persons.list_persons(there)] == [10_000, 0, 0]
    assert len(world.sms.sent) == 3


def test_an_x_without_them_is_refused(world: World) -> None:
    """Nobody is taken for another."""
    world.x_id("bob")
    with pytest.raises(Rejected, match="X knows no @bob"):
        demo.make_people(world.deps, "sandbox")
    assert persons.list_persons(world.deps) == []
