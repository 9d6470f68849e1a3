"""How somebody comes to have a wallet, and what stands in it."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.sca import FAILURES_AT_MOST
from bot.services import wallet
from bot.services.wallet import CODE_LASTS
from bot.store import people
from tests.world import World

PHONE = "+33612345678"


def send(world: World, handle: str, phone: str = PHONE, *, consent: bool = True) -> None:
    """Ask for a code."""
    wallet.send_phone_code(world.deps, world.visitor(handle), phone, consent=consent, lang="fr")


def check(world: World, handle: str, code: str) -> None:
    """Type a code."""
    wallet.check_phone_code(world.deps, world.visitor(handle), code)


def newest_code(world: World, phone: str = PHONE) -> str:
    """Read the newest text message."""
    found = re.search(r"\b[0-9]{6}\b", world.sms.texts_to(phone)[-1])
    assert found is not None
    return found[0]


def refused(world: World, handle: str, code: str) -> str:
    """Type a code that is refused; return why."""
    with pytest.raises(Refusal) as caught:
        check(world, handle, code)
    return caught.value.reply.key


def test_a_code_makes_a_wallet(world: World) -> None:
    """With consent, its time and the version of the terms."""
    send(world, "carol")
    check(world, "carol", newest_code(world))
    with world.store.read() as session:
        person = people.person_of(session, world.x_id("carol"))
    assert person is not None
    assert person.phone == PHONE
    assert person.consented_at == world.clock.now()
    assert person.terms_version == wallet.TERMS_VERSION
    assert person.lang is None  # only a choice in the wallet is one
    assert world.balance("carol") == 0


def test_one_phone_is_one_person(world: World) -> None:
    """A second X account that proves the same phone names the same wallet."""
    for handle in ("carol", "carol_pro"):
        send(world, handle)
        check(world, handle, newest_code(world))
    assert world.visitor("carol").person_id == world.visitor("carol_pro").person_id
    page = wallet.wallet_page(world.deps, world.visitor("carol"))
    assert sorted(page.handles) == ["carol", "carol_pro"]


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
    assert wallet.waits_for_code(world.deps, world.visitor("carol")) is None


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
    assert wallet.read_phone(written) == phone


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
        wallet.check_phone_code(other, world.visitor("carol"), newest_code(world))


def test_the_message_holds_nothing_secret_but_the_code(world: World) -> None:
    """Whoever sees the phone's screen learns no amount and no name."""
    world.join("bob", cents=1000)
    world.confirm("bob", world.order("bob", "carol", "10€"))
    send(world, "carol")
    message = world.sms.texts_to(PHONE)[-1]
    for secret in ("bob", "carol", "10\N{NO-BREAK SPACE}€", PHONE):
        assert secret not in message


def test_old_codes_are_forgotten(world: World) -> None:
    """A number that came to nothing is not kept."""
    send(world, "carol")
    assert wallet.prune(world.deps) == 0
    world.pass_time(days=7)
    assert wallet.prune(world.deps) == 1


def test_switches_are_for_who_has_a_wallet(world: World) -> None:
    """Confirmation by DM, and the language."""
    world.join("bob")
    bob = world.visitor("bob")
    wallet.switch_dm(world.deps, bob, on=True)
    wallet.choose_lang(world.deps, bob, "en")
    with world.store.read() as session:
        person = people.person_of(session, bob.x_user_id)
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
