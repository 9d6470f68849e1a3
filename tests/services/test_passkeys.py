"""Passkeys: made with two factors, sign in with a touch, confirm exactly what was shown."""

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal
from bot.domain.sca import FAILURES_AT_MOST
from bot.services import guarded, passkeys, payouts, strong, texts
from bot.services.sessions import SignedIn, visitor
from bot.store import people
from tests.fakes.authenticator import Device
from tests.services.paying_out import ask, rich
from tests.services.test_strong import begin, finish, prove, will
from tests.world import PUBLIC_URL, World


def device(*, verifies: bool = True) -> Device:
    """A device that opened our pages."""
    return Device(PUBLIC_URL, PUBLIC_URL.removeprefix("https://"), verifies=verifies)


def add(world: World, key: Device) -> None:
    """Let bob make a passkey, after his two codes."""
    bob = world.visitor("bob")
    assert finish(world, begin(world, guarded.to_make_passkey())) == "/wallet/passkey"
    options = passkeys.options_to_make(world.deps, bob)
    assert options is not None
    passkeys.add(world.deps, bob, key.make(options))


def sign_in(world: World, key: Device, *, opens: str | None = None) -> SignedIn:
    """Let a browser sign in with a touch."""
    begun = passkeys.begin_sign_in(world.deps, "/t/4F7K2Q")
    signed = key.sign(begun.options)
    return passkeys.finish_sign_in(world.deps, signed, begun.browser_token, opens=opens)


def touch(world: World, key: Device, challenge: str, *, of: str | None = None) -> None:
    """Let bob touch, for a challenge or with the signature over another one."""
    options = passkeys.options_to_confirm(world.deps, world.visitor("bob"), of or challenge)
    assert options is not None
    page = strong.page(world.deps, world.visitor("bob"), challenge)
    assert page is not None
    proof = passkeys.prove(world.deps, world.visitor("bob"), challenge, key.sign(options))
    guarded.do(world.deps, world.visitor("bob"), page, proof, lang="fr", address=None)


def to_pay(world: World, reference: str) -> str:
    """Let bob ask for a touch over what an order's page shows him."""
    wanted = guarded.to_pay(world.deps, will(world, reference))
    return strong.begin_by_touch(world.deps, world.visitor("bob"), wanted)


def test_one_touch_signs_in_and_a_second_confirms_what_was_shown(world: World) -> None:
    """No text, no code; the basis is recorded; a signature over other terms pays nothing."""
    world.join("bob", cents=20_000)
    world.join("alice")
    key = device()
    add(world, key)
    world.pass_time(days=180)
    assert not strong.may_look(world.deps, world.visitor("bob"))
    signed_in = sign_in(world, key, opens="browser")
    assert signed_in.next_path == "/t/4F7K2Q"
    seen = visitor(world.deps, signed_in.token, opened="browser")
    assert seen is not None
    assert strong.may_look(world.deps, seen)
    assert not strong.may_look(world.deps, world.visitor("bob")), "it is open in that browser alone"
    assert seen.handle == "bob"
    texts_before = len(world.sms.sent)
    small, large = world.order("bob", "alice", "10€"), world.order("bob", "alice", "145€")
    for_small, for_large = to_pay(world, small), to_pay(world, large)
    with pytest.raises(Refusal, match=r"refusal\.passkey"):
        touch(world, key, for_large, of=for_small)
    touch(world, key, for_large)
    with pytest.raises(Refusal, match="proof_over"):
        touch(world, key, for_large)
    assert (world.statuses(large), world.statuses(small)) == (["posted"], ["pending"])
    assert len(world.sms.sent) == texts_before
    with world.store.read() as session:
        assert session.execute(text("SELECT sca_basis FROM confirmation")).scalar_one() == "passkey"


def test_a_touch_without_its_owner_is_none(world: World) -> None:
    """A device that was only touched, another's page, an old signature, another browser."""
    world.join("bob", cents=20_000)
    key = device()
    bob = world.visitor("bob")
    finish(world, begin(world, guarded.to_make_passkey()))
    options = passkeys.options_to_make(world.deps, bob)
    assert options is not None
    with pytest.raises(Refusal, match=r"refusal\.passkey"):
        passkeys.add(world.deps, bob, device(verifies=False).make(options))
    passkeys.add(world.deps, bob, key.make(options))
    begun = passkeys.begin_sign_in(world.deps, "/wallet")
    given = key.sign(begun.options)
    with pytest.raises(Refusal):
        passkeys.finish_sign_in(world.deps, given, "another browser")
    with pytest.raises(Refusal):
        passkeys.finish_sign_in(world.deps, given, begun.browser_token)
    key.verifies = False
    with pytest.raises(Refusal):
        sign_in(world, key)
    key.verifies, key.origin = True, "https://smoney.example"
    with pytest.raises(Refusal):
        sign_in(world, key)
    key.origin, key.count = PUBLIC_URL, 0
    assert sign_in(world, key)
    key.count = 0
    with pytest.raises(Refusal):
        sign_in(world, key)
    with pytest.raises(Refusal):
        passkeys.finish_sign_in(world.deps, "not a credential", None)


def test_a_passkey_is_told_of_stops_payouts_for_a_day_and_is_taken_out(world: World) -> None:
    """Both ways by two factors; it is a way on while wrong codes have paused the others."""
    rich(world)
    key = device()
    assert passkeys.options_to_make(world.deps, world.visitor("bob")) is None
    add(world, key)
    texts.send_notices(world.deps)
    assert "ouvre maintenant votre portefeuille" in world.sms.texts_to(world.phone("bob"))[-1]
    with pytest.raises(Refusal, match="payouts_wait"):
        ask(world, "bob", 1_000)
    challenge = begin(world, guarded.to_open())
    for _ in range(FAILURES_AT_MOST):
        with pytest.raises(Refusal):
            prove(world, challenge, code="111111")
    opening = strong.begin_by_touch(world.deps, world.visitor("bob"), guarded.to_open())
    touch(world, key, opening)
    with world.store.read() as session:
        person = people.person_of(session, world.x_id("bob"))
    assert person is not None
    assert person.sca_locked_until is None
    (line,) = passkeys.lines(world.deps, world.visitor("bob"))
    finish(world, begin(world, guarded.to_remove_passkey(line.id)))
    assert passkeys.lines(world.deps, world.visitor("bob")) == ()
    with pytest.raises(Refusal):
        sign_in(world, key)
    assert payouts.payout_page(world.deps, world.visitor("bob")).wait_until is not None
