"""Codes sent to a phone: what they prove, how long, how often, and to which numbers."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.sca import FAILURES_AT_MOST
from bot.services import first_time, texts
from bot.services.first_time import CODE_LASTS
from tests.services.proving import PHONE, check, newest_code, refused, send
from tests.world import World


def test_a_code_that_is_sent_twice_makes_one_wallet(world: World) -> None:
    """A form that is replayed does nothing the second time."""
    send(world, "carol")
    code = newest_code(world)
    check(world, "carol", code)
    person_id = world.visitor("carol").person_id
    check(world, "carol", code)
    assert world.visitor("carol").person_id == person_id


def test_a_code_belongs_to_the_account_that_asked_for_it(world: World) -> None:
    """Nobody uses another's."""
    send(world, "carol")
    send(world, "dave", "+33698765432")
    assert refused(world, "dave", newest_code(world)) == "refusal.code_wrong"
    assert world.visitor("dave").person_id is None


def test_five_failures_void_a_code(world: World) -> None:
    """The right one comes too late then, and it is said that it is over."""
    send(world, "carol")
    reasons = [refused(world, "carol", "000000") for _ in range(FAILURES_AT_MOST)]
    assert reasons == ["refusal.code_wrong"] * (FAILURES_AT_MOST - 1) + ["refusal.code_over"]
    assert refused(world, "carol", newest_code(world)) == "refusal.code_over"
    assert first_time.waits_for_code(world.deps, world.visitor("carol")) is None


def test_a_code_lasts_ten_minutes(world: World) -> None:
    """Then another is asked for."""
    send(world, "carol")
    world.pass_time(seconds=CODE_LASTS.total_seconds())
    assert refused(world, "carol", newest_code(world)) == "refusal.code_over"


def test_only_the_newest_code_counts(world: World) -> None:
    """What was sent before is void."""
    send(world, "carol")
    old = newest_code(world)
    send(world, "carol", "+33698765432")
    assert refused(world, "carol", old) == "refusal.code_wrong"
    check(world, "carol", newest_code(world, "+33698765432"))


@pytest.mark.in_turn
@pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "0"])
def test_what_is_no_code_is_wrong(world: World, typed: str) -> None:
    """Digits of other scripts are none."""
    send(world, "carol")
    assert refused(world, "carol", typed) == "refusal.code_wrong"


def test_a_code_may_be_typed_with_spaces(world: World) -> None:
    """As people read it aloud."""
    send(world, "carol")
    code = newest_code(world)
    check(world, "carol", f" {code[:3]} {code[3:]}\N{NO-BREAK SPACE}")
    assert world.visitor("carol").person_id is not None


def test_without_consent_nothing_is_sent(world: World) -> None:
    """No number is used that nobody agreed to."""
    with pytest.raises(Refusal, match="consent_missing"):
        send(world, "carol", consent=False)
    assert world.sms.sent == []


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("06 12 34 56 78", PHONE),
        ("+33 6 12 34 56 78", PHONE),
        ("0033612345678", PHONE),
        ("06.12.34.56.78", PHONE),
        ("07 51 23 45 67", "+33751234567"),
        ("+33639980001", "+33639980001"),
        ("+590690123456", "+590690123456"),
        ("+44 7911 123456", None),
        ("01 23 45 67 89", None),
        ("0899 12 34 56", None),
        ("3200", None),
        ("+1 900 555 0100", None),
        ("", None),
        ("bonjour", None),
        ("0612345678" * 5, None),
    ],
)
def test_a_french_mobile_is_read_however_it_is_written(written: str, phone: str | None) -> None:
    """Others are dear, or no phones that a text message reaches."""
    assert first_time.read_phone(written) == phone


def test_an_operator_may_let_texts_go_further() -> None:
    """By the beginning of the number (SMS_PREFIXES)."""
    assert first_time.read_phone("+32 470 12 34 56", ("+324",)) == "+32470123456"
    assert first_time.read_phone("+31 6 12 34 56 78", ("+324",)) is None


def test_codes_are_counted_by_account(world: World) -> None:
    """`SMS_PER_DAY`, whatever number they go to."""
    for last in range(world.deps.policy.sms_per_day):
        send(world, "carol", f"+3361234567{last}")
    with pytest.raises(Refusal, match="too_many_codes"):
        send(world, "carol", "+33612345679")
    world.pass_time(hours=24)
    send(world, "carol", "+33612345679")


def test_codes_are_counted_by_number(world: World) -> None:
    """Nobody's phone is flooded through many accounts."""
    for number in range(world.deps.policy.sms_per_day):
        send(world, f"user{number}")
    with pytest.raises(Refusal, match="too_many_codes"):
        send(world, "somebody_else")


def test_strangers_take_no_codes_from_whose_number_it_is(world: World) -> None:
    """Nor do they learn that somebody has it: any number takes as many of theirs."""
    bob = world.join("bob")
    phone = world.phone("bob")
    for asker in range(world.deps.policy.sms_per_day):
        assert _lost_text(world, bob, phone), "bob's own do not count for them"
        send(world, f"user{asker}", phone)
    with pytest.raises(Refusal, match="too_many_codes"):
        send(world, "somebody_else", phone)
    assert not _lost_text(world, bob, phone), "his own are used up by himself"


def _lost_text(world: World, person_id: int, phone: str) -> bool:
    """Let who has a number, and has lost X, ask for a code; whether one may be sent."""
    try:
        with world.store.write() as session:
            texts.begin(
                session,
                world.deps,
                phone=phone,
                address=None,
                at=world.clock.now(),
                person_id=person_id,
            )
    except Refusal:
        return False
    return True


def test_who_has_a_wallet_is_sent_no_code(world: World) -> None:
    """There is nothing to prove."""
    world.join("bob")
    with pytest.raises(Refusal, match="has_wallet"):
        send(world, "bob")
    assert world.sms.sent == []


def test_a_number_that_cannot_be_reached_is_a_sentence(world: World) -> None:
    """The provider's word for it stays in the log."""
    world.sms.faults.add(Rejected("invalid_number"))
    with pytest.raises(Refusal, match="phone_not_reached"):
        send(world, "carol")


def test_a_provider_that_is_down_counts_the_try(world: World) -> None:
    """The person asks again; the row says that a message may have gone out."""
    world.sms.faults.add(Unavailable("down"))
    with pytest.raises(Unavailable):
        send(world, "carol")
    send(world, "carol")
    assert len({one.key for one in world.sms.sent}) == 1
    with world.store.read() as session:
        assert session.execute(text("SELECT count(*) FROM phone_code")).scalar_one() == 2


def test_a_code_is_kept_as_a_keyed_hash(world: World) -> None:
    """A stolen table is no list of codes: there are only a million of them."""
    send(world, "carol")
    with world.store.read() as session:
        kept = session.execute(text("SELECT code_hash FROM phone_code")).scalar_one()
    other = replace(world.deps, secret_key="another secret")
    assert newest_code(world) not in kept
    with pytest.raises(Refusal, match="code_wrong"):
        first_time.check_phone_code(other, world.visitor("carol"), newest_code(world))


def test_the_message_holds_nothing_secret_but_the_code(world: World) -> None:
    """Whoever sees the phone's screen learns no amount and no name."""
    world.join("bob", cents=1000)
    world.confirm("bob", world.order("bob", "carol", "10€"))
    send(world, "carol")
    message = world.sms.texts_to(PHONE)[-1]
    for secret in ("bob", "carol", "10\N{NO-BREAK SPACE}€", PHONE):
        assert secret not in message


def test_old_codes_are_forgotten(world: World) -> None:
    """A number that came to nothing is not kept: nor code, nor text, nor what was typed."""
    send(world, "carol")
    assert first_time.prune(world.deps) == 0
    world.pass_time(days=7)
    assert first_time.prune(world.deps) == 3
