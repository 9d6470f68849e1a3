"""What a payer is told of a payee before they confirm, so that it is the right person.

On SQLite alone: plain reads of rows. `test_blocks.py` has handles that change hands on both.
"""

from datetime import timedelta

import pytest

from bot.domain.errors import Unavailable
from bot.ports import XUser
from bot.services import cautions, claim, prune
from bot.services.cautions import Caution
from bot.services.views import HandleMoved, NotYours, OrderView
from tests.world import World, wordings


def caution(world: World, payer: str, reference: str, number: int = 1) -> Caution:
    """Return what a payer's page says of one payee, once the page has asked X."""
    cautions.learn_payees(world.deps, reference, world.x_id(payer))
    page = world.page(payer, reference)
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None
    return page.to_confirm.cautions[number]


def pay(world: World, payer: str, payee: str, amount: str = "1€") -> None:
    """Let somebody pay another, from the wallet."""
    world.confirm(payer, world.order(payer, payee, amount))


def take_over(world: World, handle: str) -> XUser:
    """Let an account give its handle up, and another one take it; return the new account."""
    world.x.change(handle, new_handle=f"{handle}_before")
    return world.x.person(handle)


def test_a_first_payment_says_so_and_the_age_of_the_account(world: World) -> None:
    """Until this person has paid it, under any account of theirs; what came to nothing is none."""
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    alice = world.x.person("alice")
    made = world.clock.now() - timedelta(days=400)
    world.x.add(XUser(alice.id, "alice", "Alice", made))
    first = world.order("bob", "alice")
    seen = caution(world, "bob", first)
    assert (seen.is_first, seen.since, seen.is_new) == (True, made, False)
    world.x.add(XUser(alice.id, "alice", "Alice", world.clock.now() - timedelta(days=20)))
    world.pass_time(hours=23)
    world.confirm("bob", first)
    claim.take_back(world.deps, first, world.x_id("bob"))
    world.pass_time(hours=2)
    seen = caution(world, "bob", second := world.order("bob", "alice", "2€"))
    assert (seen.is_first, seen.is_new) == (True, True)
    world.confirm("bob", second)
    for payer in ("bob", "bob_pro"):
        seen = caution(world, payer, world.order(payer, "alice", "3€"))
        assert (seen.is_first, seen.since) == (False, None)


def test_x_is_asked_once_a_day_and_at_a_first_payment_alone(world: World) -> None:
    """One user read; where X is down nothing is said of the age, and the next visit asks again.

    A person pays for the first time once, from whichever of their X accounts.
    """
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    reference = world.order("bob", "alice")
    directory, before = world.roles.directory, world.roles.directory.users_read
    directory.faults.add(Unavailable("down"))
    assert caution(world, "bob", reference).since is None
    for _ in range(3):
        assert caution(world, "bob", reference).is_new
    assert directory.users_read == before + 1
    cautions.learn_payees(world.deps, reference, world.x_id("mallory"))
    world.confirm("bob", reference)
    world.pass_time(hours=25)
    for payer in ("bob", "bob_pro"):
        assert not caution(world, payer, world.order(payer, "alice", "2€")).is_first
    assert directory.users_read == before + 1


def test_a_name_that_changed_is_said(world: World) -> None:
    """From the read of the first payment, before the payer confirms; for a year."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    world.x.change("alice", new_handle="alicia")
    seen = caution(world, "bob", reference)
    assert (seen.former, seen.former_until, seen.moved) == ("alice", world.clock.now(), None)
    world.confirm("bob", reference)
    world.pass_time(days=366)
    prune.prune(world.deps)
    assert caution(world, "bob", world.order("bob", "alicia")).former is None


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("paid", "now", "looks_like"),
    [
        ("alice", "a1ice", "alice"),
        ("alice", "alicia", None),
        ("rnarie", "marie", "rnarie"),
    ],
)
def test_a_handle_that_looks_like_somebody_paid_before_is_warned_of(
    world: World, paid: str, now: str, looks_like: str | None
) -> None:
    """Again at each payment; never the other way round, nor to another payer."""
    world.join("bob", cents=5000)
    world.join("dave", cents=5000)
    pay(world, "bob", paid)
    first = world.order("bob", now)
    assert caution(world, "bob", first).looks_like == looks_like
    assert caution(world, "dave", world.order("dave", now)).looks_like is None
    world.confirm("bob", first)
    assert caution(world, "bob", world.order("bob", now, "2€")).looks_like == looks_like
    assert caution(world, "bob", world.order("bob", paid, "3€")).looks_like is None


def test_a_look_alike_is_not_paid_by_one_word(world: World) -> None:
    """A direct message is answered with the page, where the warning stands."""
    world.join("bob", cents=5000, by_dm=True)
    pay(world, "bob", "alice")
    reference = world.order("bob", "a1ice")
    url = f"{world.deps.public_url}/t/{reference}"
    (said,) = world.dm("bob", f"yes {reference}")
    assert said in wordings("confirm.look_first", url=url)
    assert world.statuses(reference) == ["pending"]


def test_another_account_under_the_name_of_somebody_paid_is_warned_of(world: World) -> None:
    """The same letters, not the same person."""
    world.join("bob", cents=5000)
    pay(world, "bob", "alice")
    take_over(world, "alice")
    seen = caution(world, "bob", world.order("bob", "alice", "2€"))
    assert (seen.same_name, seen.is_first, seen.looks_like) == (True, True, None)


def test_a_handle_that_moved_before_the_confirmation_is_said(world: World) -> None:
    """The money would go to the account that the message named."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    new = take_over(world, "alice")
    world.visitor("alice")
    seen = caution(world, "bob", reference)
    assert (seen.moved, seen.former) == ("alice", "alice")
    world.confirm("bob", reference)
    assert world.transfers(reference)[0].payee_x_user_id != new.id


def test_held_money_stays_when_its_payees_handle_changes_hands(world: World) -> None:
    """Who bears it now is told why, and its payer; the account that was named can claim it."""
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    reference = world.order("bob", "carol", "12€")
    unpaid = world.order("bob", "carol", "13€")
    world.confirm("bob", reference)
    take_over(world, "carol")
    sign_in(world, "carol")
    assert world.page("carol", reference) == HandleMoved(reference, "carol")
    assert world.page("carol", unpaid) == NotYours(unpaid)
    sign_in(world, "carol")
    world.react()
    url = f"{world.deps.public_url}/t/{reference}"
    moved = wordings(
        "news.payer.moved", handle="carol", amount_cents=1200, reference=reference, url=url
    )
    assert len([one for one in world.messages_to("bob") if one in moved]) == 1
    payers = world.page("bob", reference)
    assert isinstance(payers, OrderView)
    assert payers.pays[0].moved == "carol"
    world.join("carol_before")
    assert claim.claim(world.deps, reference, world.x_id("carol_before")) == 1
    assert world.balance("carol_before") == 1200
    assert world.page("carol", reference) == NotYours(reference)


def sign_in(world: World, handle: str) -> None:
    """Let somebody sign in with X, as a browser does."""
    from urllib.parse import parse_qs, urlsplit

    from bot.services import sessions

    start = sessions.begin_sign_in(world.deps, "/wallet")
    code = world.roles.sign_in.allow(start.url, handle)
    state = parse_qs(urlsplit(start.url).query)["state"][0]
    sessions.finish_sign_in(world.deps, state=state, code=code, browser_token=start.browser_token)
