"""Entering without X: what a stranger learns, what locks, what a text costs, whose session."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal, Unavailable
from bot.domain.sca import FAILURES_AT_MOST, LOCKS_AT_MOST
from bot.services import cases, guarded, lost, persons, sessions, strong
from bot.store import people
from tests.builders import CODE, SECRET_KEY
from tests.services.entering import (
    BROWSER,
    WRONG,
    code_in,
    count,
    enter,
    person,
    texts_to,
    type_in,
)
from tests.services.proving import check as check_phone
from tests.services.proving import newest_code, send
from tests.services.test_strong import begin, finish, prove
from tests.world import World, wordings

NOBODYS = "+33699999999"


class CountingKey(str):
    """A secret key that counts how often it keys a hash: what an answer costs."""

    used = 0

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the key's bytes, and count."""
        CountingKey.used += 1
        return super().encode(encoding, errors)


def said_to(world: World, code: str) -> str | None:
    """Type the code of a text; return why it was refused, None where it was right."""
    try:
        lost.check(world.deps, BROWSER, code)
    except Refusal as refusal:
        # With its figures, which could tell.
        return f"{refusal.reply.key}{dict(refusal.reply.values) or ''}"
    return None


def test_phone_wallet_code_and_text_open_a_session_that_is_the_persons_alone(world: World) -> None:
    """Of no X account, once, in the browser that began it; X alone opens nothing from then on."""
    world.join("bob", cents=5_000)
    world.join("alice")
    world.dm("bob", "aide")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    spent = person(world, "bob").since_sca_cents
    type_in(world, world.phone("bob"))
    code = code_in(world.sms.texts_to(world.phone("bob"))[-1])
    with pytest.raises(Refusal, match="lost_over"):
        lost.check(world.deps, "another browser", code)
    done = lost.check(world.deps, BROWSER, code)
    with pytest.raises(Refusal, match="lost_over"):
        lost.check(world.deps, BROWSER, code)
    visitor = sessions.visitor(world.deps, done.token)
    assert visitor is not None
    assert (visitor.x_user_id, visitor.handle) == (None, "")
    assert (visitor.person_id, visitor.is_ready) == (person(world, "bob").id, True)
    assert strong.may_look(world.deps, visitor)
    assert not strong.may_look(world.deps, world.visitor("bob")), "who holds X proves themselves"
    assert person(world, "bob").since_sca_cents == spent, "nor may they pay more without a code"
    world.react()
    assert world.messages_to("bob")[-1] in wordings("news.lost_entered", lang="en")


def test_it_ends_like_any_session_and_with_what_it_was_entered_by(world: World) -> None:
    """After five idle minutes; or once the wallet code counts no more."""
    world.join("bob")
    tokens = []
    for number in range(2):
        type_in(world, world.phone("bob"), browser=str(number))
        code = world.newest_code("bob")
        tokens.append(lost.check(world.deps, str(number), code).token)
    world.pass_time(minutes=4)
    assert sessions.visitor(world.deps, tokens[0]) is not None
    world.pass_time(minutes=1)
    assert sessions.visitor(world.deps, tokens[1]) is None
    assert sessions.visitor(world.deps, tokens[0]) is not None
    world.pass_time(minutes=1)
    assert sessions.prune(world.deps) == 1
    persons.forget_code(world.deps, "bob")
    assert sessions.visitor(world.deps, tokens[0]) is None
    assert (count(world, "web_session"), count(world, "lost_entry")) == (0, 0)


def _lock_codes(world: World) -> None:
    challenge = begin(world, guarded.to_open())
    for _ in range(FAILURES_AT_MOST):
        with pytest.raises(Refusal):
            prove(world, challenge, code=WRONG)


def _shut_door(world: World) -> None:
    for _ in range(LOCKS_AT_MOST):
        for _ in range(FAILURES_AT_MOST):
            type_in(world, world.phone("bob"), WRONG)
        world.pass_time(hours=1)


def _use_up_texts(world: World) -> None:
    for _ in range(world.deps.policy.sms_per_day):
        type_in(world, world.phone("bob"))


def _lose_code(world: World) -> None:
    persons.forget_code(world.deps, "bob")


Before = Callable[[World], None]
PROBES: list[tuple[str, Before | None, str | None, str, bool]] = [
    ("both right", None, None, CODE, True),
    ("a number that is nobody's", None, NOBODYS, CODE, False),
    ("a wrong wallet code", None, None, WRONG, False),
    ("codes that are paused", _lock_codes, None, CODE, False),
    ("a door that is shut", _shut_door, None, CODE, False),
    ("a phone that had its texts", _use_up_texts, None, CODE, False),
    ("a wallet without a code", _lose_code, None, CODE, False),
]
"""Name, what happened before, whose number (None: bob's), which code, whether a text goes out."""


def test_nobody_can_be_probed_by_phone_or_code(world: World) -> None:
    """Whatever was typed: the same hashes, a row, the same sentences; a text where both fit."""
    world.join("bob")
    world.deps = replace(world.deps, secret_key=CountingKey(SECRET_KEY))
    seen = {}
    for name, before, phone, code, has_text in PROBES:
        persons.unlock(world.deps, "bob")
        world.pass_time(hours=24)
        if before is not None:
            before(world)
        sent = len(texts_to(world, world.phone("bob"))), len(world.sms.texts_to(NOBODYS))
        CountingKey.used = 0
        typed = lost.read(world.deps, phone or world.phone("bob"), code)
        outcome = lost.begin(world.deps, typed, browser_token=BROWSER, lang="fr", address=None)
        cost = CountingKey.used
        lost.send(world.deps, outcome)
        got = len(texts_to(world, world.phone("bob"))), len(world.sms.texts_to(NOBODYS))
        assert got == (sent[0] + has_text, 0), name
        with world.store.read() as session:
            row = session.execute(text("SELECT failures, expires_at FROM lost_entry")).one()
        said = [said_to(world, "000000") for _ in range(FAILURES_AT_MOST + 1)]
        seen[name] = (cost, row.failures, said)
    assert len({str(one) for one in seen.values()}) == 1, seen
    assert seen["both right"][2] == [*["refusal.lost_wrong"] * 4, *["refusal.lost_over"] * 2]


def test_what_looks_like_no_number_or_code_is_refused_by_its_look(world: World) -> None:
    """The same for everybody; nothing is counted."""
    for phone, code, why in (
        ("0123456789", CODE, "phone_not_read"),
        (NOBODYS, "12345", "code_not_read"),
        (NOBODYS, "1234567", "code_not_read"),
    ):
        with pytest.raises(Refusal, match=why):
            lost.read(world.deps, phone, code)


def test_five_wrong_tries_close_this_door_and_no_other(world: World) -> None:
    """Whichever factor it was; who knows a number cannot take its owner's codes away."""
    world.join("bob")
    phone = world.phone("bob")
    type_in(world, phone)
    assert said_to(world, "000000") == "refusal.lost_wrong"
    for _ in range(FAILURES_AT_MOST - 1):
        type_in(world, phone, WRONG)
    assert "cinq essais faux pour entrer sans X" in texts_to(world, phone)[-1]
    before = len(texts_to(world, phone))
    type_in(world, phone)
    assert len(texts_to(world, phone)) == before, "the right ones do not help for an hour"
    finish(world, begin(world, guarded.to_open()))
    world.pass_time(hours=1)
    enter(world, "bob")
    for _ in range(FAILURES_AT_MOST - 1):
        type_in(world, phone, WRONG)
    enter(world, "bob")  # who is right begins anew


def test_a_right_code_of_a_door_that_closed_meanwhile_opens_nothing(world: World) -> None:
    """The text came before: somebody else went on guessing in another browser."""
    world.join("bob")
    phone = world.phone("bob")
    type_in(world, phone)
    code = world.newest_code("bob")
    for _ in range(FAILURES_AT_MOST):
        type_in(world, phone, WRONG, browser="a thief's")
    assert said_to(world, code) == "refusal.lost_wrong"
    assert count(world, "web_session") == 0


def test_the_third_lock_lasts_until_an_operator_has_looked(world: World) -> None:
    """The phone is told, a case is opened, and `smoney person unlock` is the way out."""
    world.join("bob")
    _shut_door(world)
    (case,) = cases.list_cases(world.deps)
    assert case["kind"] == lost.SHUT
    assert "reste fermée" in texts_to(world, world.phone("bob"))[-1]
    world.pass_time(days=30)
    before = len(world.sms.sent)
    type_in(world, world.phone("bob"))
    assert len(world.sms.sent) == before
    assert persons.show_person(world.deps, "bob")["lost_door_shut"] is True
    persons.unlock(world.deps, "bob")
    assert enter(world, "bob").person_id is not None


def test_texts_count_against_every_limit_without_saying_so(world: World) -> None:
    """By person and number with those that X sessions asked for, by address, and in all."""
    for handle in ("bob", "alice", "carol"):
        world.join(handle)
    most = world.deps.policy.sms_per_day
    begin(world, guarded.to_open())
    for _ in range(most):
        type_in(world, world.phone("bob"))
    assert len(world.sms.texts_to(world.phone("bob"))) == most
    with pytest.raises(Refusal, match="too_many_codes"):
        begin(world, guarded.to_open())
    house = "2001:db8::1"
    for number in range(most + 1):
        type_in(world, world.phone("alice" if number < 3 else "carol"), address=house)
    assert len(world.sms.texts_to(world.phone("alice"))) == 3
    assert len(world.sms.texts_to(world.phone("carol"))) == most - 3
    policy = replace(world.deps.policy, sms_daily_ceiling=len(world.sms.sent))
    world.deps = replace(world.deps, policy=policy)
    type_in(world, world.phone("carol"))
    assert len(world.sms.texts_to(world.phone("carol"))) == most - 3


def test_a_text_that_cannot_be_sent_is_said_to_nobody(world: World) -> None:
    """The answer has gone by then; whoever gets none asks again, which counts."""
    world.join("bob")
    world.sms.faults.add(Unavailable("down"))
    type_in(world, world.phone("bob"))
    assert (len(world.sms.sent), count(world, "text_message")) == (0, 1)
    assert enter(world, "bob").x_user_id is None


def test_whoever_is_still_on_the_way_to_a_wallet_cannot_enter_it(world: World) -> None:
    """A phone that was proved, but no name and no code yet: there is nothing to know."""
    send(world, "carol")
    check_phone(world, "carol", newest_code(world))
    with world.store.read() as session:
        known = people.person_of(session, world.x_id("carol"))
    assert known is not None
    before = len(world.sms.sent)
    type_in(world, known.phone)
    assert len(world.sms.sent) == before
