"""The first time: a phone, a name, a wallet code; and a second X account."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.services import cases, claim, first_time, persons, texts, wallet
from bot.store import people
from tests.builders import CODE
from tests.services.proving import PHONE, check, name, newest_code, open_wallet, person, send
from tests.world import World


def test_the_steps_come_one_after_another(world: World) -> None:
    """Each is known from rows: whoever comes back goes on where they were."""

    def step() -> str | None:
        return first_time.next_step(world.deps, world.visitor("carol"))

    assert step() == "phone"
    send(world, "carol")
    assert step() == "code"
    check(world, "carol", newest_code(world))
    assert (step(), person(world, "carol").level) == ("name", "unverified")
    name(world, "carol", born="3 février 1990")
    assert (step(), person(world, "carol").level) == ("secret", "declared")
    first_time.choose_code(world.deps, world.visitor("carol"), CODE, CODE)
    assert step() is None
    assert world.visitor("carol").is_ready
    kept = person(world, "carol")
    assert (kept.first_names, kept.last_name, kept.born_on) == ("Carol", "Petit", date(1990, 2, 3))
    assert kept.opened_at == world.clock.now()
    assert CODE not in kept.code_hash


def test_who_comes_back_another_day_proves_the_phone_again(world: World) -> None:
    """A stolen X account chooses no wallet code, and no other number."""
    send(world, "carol")
    check(world, "carol", newest_code(world))
    world.pass_time(minutes=30)
    assert first_time.next_step(world.deps, world.visitor("carol")) == "phone"
    first_time.choose_code(world.deps, world.visitor("carol"), CODE, CODE)
    assert person(world, "carol").code_hash is None
    with pytest.raises(Refusal, match="other_phone"):
        send(world, "carol", "+33698765432")
    send(world, "carol")
    check(world, "carol", newest_code(world))
    assert first_time.next_step(world.deps, world.visitor("carol")) == "name"


def test_money_for_somebody_without_a_name_waits(world: World) -> None:
    """Held for a reason of its own, which is theirs alone; once declared it is claimed."""
    world.join("bob", cents=2000)
    send(world, "carol")
    check(world, "carol", newest_code(world))
    reference = world.order("bob", "carol")
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["held"]
    assert world.reasons(reference)[-1] == "payee_not_declared"
    with pytest.raises(Refusal, match="payee_not_declared"):
        claim.claim(world.deps, reference, world.x_id("carol"))
    name(world, "carol")
    claim.claim(world.deps, reference, world.x_id("carol"))
    assert world.balance("carol") == 1000


def test_who_has_not_said_who_they_are_pays_nothing(world: World) -> None:
    """From what a wallet of before holds; once declared it goes."""
    world.join("bob", cents=2000)
    with world.store.write() as session:
        people.change_person(session, 1, level="unverified")
    reference = world.order("bob", "alice")
    with pytest.raises(Refusal, match="not_declared"):
        world.confirm("bob", reference)
    persons.verify(world.deps, "bob", level="declared")
    world.confirm("bob", reference)


def test_what_was_typed_and_agreed_to_is_in_rows(world: World) -> None:
    """For a reload and for "back"; the consent word for word, with its date."""
    with pytest.raises(Refusal):
        send(world, "carol", "06 12")
    typed = first_time.typed(world.deps, world.visitor("carol"))
    assert typed is not None
    assert (typed.phone, typed.has_consented) == ("06 12", True)
    send(world, "carol")
    check(world, "carol", newest_code(world))
    with pytest.raises(Refusal, match="birth_date_not_read"):
        name(world, "carol", born="24/11/08")
    typed = first_time.typed(world.deps, world.visitor("carol"))
    assert typed is not None
    assert (typed.last_name, typed.born) == ("Petit", "24/11/08")
    assert person(world, "carol").level == "unverified"
    with world.store.read() as session:
        consent = session.execute(text("SELECT terms_version, text FROM consent")).one()
    assert consent == (first_time.TERMS_VERSION, first_time.terms_text("fr"))


def test_a_date_of_birth_under_age_stands_until_an_operator_decides(world: World) -> None:
    """The row says when and which; another date is taken only where somebody has looked."""
    send(world, "carol")
    check(world, "carol", newest_code(world))
    for born in ("24/12/2008", "03/02/1990"):
        with pytest.raises(Refusal, match="too_young"):
            name(world, "carol", born=born)
    kept = person(world, "carol")
    assert (kept.level, kept.born_on) == ("unverified", None)
    assert (kept.under_age_at, kept.under_age_born_on) == (world.clock.now(), date(2008, 12, 24))
    seen = persons.verify(world.deps, "carol", level="declared")
    assert seen["under_age_born_on"] == "2008-12-24"
    name(world, "carol")
    assert person(world, "carol").born_on == date(1990, 2, 3)
    with pytest.raises(Refusal, match="too_young"):
        name(world, "carol", born="24/12/2008")
    assert person(world, "carol").level == "unverified"


def test_a_second_account_joins_only_by_the_wallets_code(world: World) -> None:
    """The text says what the code would do; a phone in the wrong hands is not enough."""
    open_wallet(world, "carol")
    world.dm("carol", "aide")
    send(world, "carol_pro")
    assert "carol_pro" in world.sms.texts_to(PHONE)[-1]
    check(world, "carol_pro", newest_code(world))
    assert world.visitor("carol_pro").person_id is None
    with pytest.raises(Refusal, match="sca_wrong"):
        first_time.link(world.deps, world.visitor("carol_pro"), "111111")
    first_time.link(world.deps, world.visitor("carol_pro"), CODE)
    page = wallet.wallet_page(world.deps, world.visitor("carol"))
    assert sorted(page.handles) == ["carol", "carol_pro"]
    texts.send_notices(world.deps)
    world.react()
    assert "@carol_pro mène maintenant" in world.sms.texts_to(PHONE)[-1]
    assert "@carol_pro mène maintenant" in world.messages_to("carol")[-1]
    assert person(world, "carol").changed_at == world.clock.now()


def test_who_proved_a_phone_that_has_a_wallet_goes_on_with_another(world: World) -> None:
    """Theirs, not the other's: from the newer code on, that wallet can't be joined by mistake."""
    open_wallet(world, "carol")
    dave = world.visitor("dave")
    send(world, "dave")
    check(world, "dave", newest_code(world))
    assert first_time.next_step(world.deps, dave) == "link"
    send(world, "dave", "+33698765432")
    assert first_time.next_step(world.deps, dave) == "code"
    first_time.link(world.deps, dave, CODE)
    assert world.visitor("dave").person_id is None
    check(world, "dave", newest_code(world, "+33698765432"))
    assert first_time.next_step(world.deps, world.visitor("dave")) == "name"
    assert (person(world, "dave").phone, person(world, "carol").phone) == ("+33698765432", PHONE)


def test_five_wrong_codes_lock_and_the_third_lock_waits_for_an_operator(world: World) -> None:
    """The right one does not help then; the phone is told, and the operator has a case."""
    open_wallet(world, "carol")
    send(world, "thief")
    check(world, "thief", newest_code(world))

    def tries(count: int) -> list[str]:
        keys = []
        for _ in range(count):
            with pytest.raises(Refusal) as caught:
                first_time.link(world.deps, world.visitor("thief"), "111111")
            keys.append(caught.value.reply.key)
        return keys

    def prove_again() -> None:
        world.pass_time(hours=1)
        send(world, "thief")
        check(world, "thief", newest_code(world))

    wrong = ["refusal.sca_wrong"] * 4
    assert tries(6) == [*wrong, "refusal.sca_locked", "refusal.sca_locked"]
    prove_again()
    assert tries(5) == [*wrong, "refusal.sca_locked"]
    prove_again()
    assert tries(6) == [*wrong, "refusal.sca_shut", "refusal.sca_shut"]
    assert [one["kind"] for one in cases.list_cases(world.deps)] == ["sca_shut"]
    texts.send_notices(world.deps)
    assert "Appelez-nous" in world.sms.texts_to(PHONE)[-1]
    persons.unlock(world.deps, "carol")
    first_time.link(world.deps, world.visitor("thief"), CODE)


def test_who_forgot_the_code_chooses_another_once_an_operator_knows_them(world: World) -> None:
    """By their own phone again; the way goes on behind the name, which stays."""
    open_wallet(world, "carol")
    world.pass_time(minutes=30)
    persons.forget_code(world.deps, "carol")
    assert first_time.next_step(world.deps, world.visitor("carol")) == "phone"
    send(world, "carol")
    check(world, "carol", newest_code(world))
    first_time.choose_code(world.deps, world.visitor("carol"), "270936", "270936")
    assert world.visitor("carol").is_ready
    assert person(world, "carol").changed_at is not None


def test_a_notice_is_sent_again_until_it_went(world: World) -> None:
    """By the job, each time later; one that no provider takes ends."""
    with world.store.write() as session:
        reply = Reply.of("sms.sca_shut")
        texts.notify(session, PHONE, reply, "en", person_id=1, at=world.clock.now())
        texts.notify(session, "+33600000000", reply, "en", person_id=1, at=world.clock.now())
    world.sms.faults.add(Unavailable("down"), Rejected("invalid_number"))
    assert texts.send_notices(world.deps) == 2
    assert texts.send_notices(world.deps) == 0
    world.pass_time(minutes=1)
    assert texts.send_notices(world.deps) == 1
    assert len(world.sms.texts_to(PHONE)) == 1


def test_texts_are_counted_by_address_and_in_all(world: World) -> None:
    """One house has what one person has; everybody together has a ceiling, with an alarm."""
    bot = replace(world.deps, policy=replace(world.deps.policy, sms_per_day=1, sms_daily_ceiling=3))

    def ask(number: int, address: str) -> None:
        phone = f"+3361234560{number}"
        visitor = world.visitor(f"user{number}")
        first_time.send_phone_code(bot, visitor, phone, consent=True, lang="fr", address=address)

    ask(1, "2001:db8::1")
    with pytest.raises(Refusal, match="too_many_codes"):
        ask(2, "2001:db8::2")
    ask(3, "2001:db8:0:1::1")
    with capture_logs() as logs:
        ask(4, "127.0.0.1")
        assert logs == []
        with pytest.raises(Refusal, match="texts_closed"):
            ask(5, "198.51.100.1")
    assert logs == [{"event": "sms_ceiling_reached", "log_level": "error", "ceiling": 3}]
    assert texts.sent_today(world.deps) == 3
