"""What ends it that a wallet is open in its owner's browsers, and to figures by message."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.services import (
    guarded,
    lost,
    new_phone,
    own_data,
    passkeys,
    persons,
    strong,
    without_x,
    wrong,
)
from bot.services.sessions import Visitor, hashed
from tests.builders import CODE
from tests.services.entering import BROWSER, code_in, enter, type_in
from tests.services.test_strong import begin, finish
from tests.world import World


def change_code(world: World) -> None:
    """Take another wallet code."""
    bob = world.visitor("bob")
    finish(world, begin(world, guarded.to_change_code(world.deps, bob, "270936", "270936")))


def change_phone(world: World) -> None:
    """Take another number."""
    finish(world, begin(world, guarded.to_change_phone(world.deps, "07 51 23 45 67")))
    code = code_in(world.sms.texts_to("+33751234567")[-1])
    new_phone.check_code(world.deps, world.visitor("bob"), code)


def enter_without_x(world: World) -> None:
    """Go in by phone, wallet code and text."""
    type_in(world, world.phone("bob"))
    lost.check(world.deps, BROWSER, code_in(world.sms.texts_to(world.phone("bob"))[-1]))


def lock_without_x(world: World) -> None:
    """Lock the wallet, which was opened once more after its owner went in without X."""
    owner = enter(world, "bob")
    assert strong.may_look(world.deps, elsewhere(world))
    without_x.lock(world.deps, owner)


ENDS: dict[str, Callable[[World], object]] = {
    "it was not me": lambda world: wrong.disown(
        world.deps, world.order("bob", "alice", "1€"), world.x_id("bob")
    ),
    "locked by an operator": lambda world: persons.lock(world.deps, "bob", "review"),
    "locked by its owner": lock_without_x,
    "unlocked": lambda world: persons.unlock(world.deps, "bob"),
    "entered without X": enter_without_x,
    "another code": change_code,
    "another phone": change_phone,
}
STAYS_HERE = {"another code", "another phone"}
"""What two factors were just given for in this browser."""


@pytest.mark.parametrize("what", ENDS)
def test_what_may_mean_a_thief_shuts_the_wallet_in_every_other_browser(
    world: World, what: str
) -> None:
    """Who holds the X account proves themselves anew there."""
    world.join("bob", cents=5_000)
    world.join("alice")
    here = world.visitor("bob")
    there = elsewhere(world)
    assert all(strong.may_look(world.deps, one) for one in (here, there))
    ENDS[what](world)
    assert not strong.may_look(world.deps, there)
    assert strong.may_look(world.deps, here) is (what in STAYS_HERE)


def test_two_factors_serve_the_browser_alone_that_they_were_given_in(world: World) -> None:
    """A thief of the X account waits in vain for its owner to want a passkey, a file or a number.

    Not even where the wallet was opened in the thief's browser before.
    """
    world.join("bob")
    there = elsewhere(world)
    world.pass_time(minutes=1)
    to_phone = guarded.to_change_phone(world.deps, "07 51 23 45 67")
    for asked in (guarded.to_make_passkey(), guarded.to_see_data(), to_phone):
        finish(world, begin(world, asked))
    here = world.visitor("bob")
    for browser, may in ((here, True), (there, False), (replace(here, browser=None), False)):
        assert (passkeys.options_to_make(world.deps, browser) is not None) is may
        assert own_data.may_have(world.deps, browser) is may
        assert (new_phone.waits_for_code(world.deps, browser) is not None) is may


def elsewhere(world: World) -> Visitor:
    """Open bob's wallet in another browser, by both codes; return him there."""
    challenge = begin(world, guarded.to_open())
    there = replace(world.visitor("bob"), browser=None)
    strong.prove(
        world.deps,
        there,
        challenge,
        wallet_code_text=CODE,
        text_code_text=world.newest_code("bob"),
        opens="elsewhere",
    )
    return replace(there, browser=hashed("elsewhere"))
