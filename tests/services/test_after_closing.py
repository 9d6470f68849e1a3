"""After the end of an account: whose it was stays whose it was, and what comes late is paid out."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import (
    blocks,
    cancel,
    cases,
    erase,
    late_payouts,
    operate,
    own_data,
    persons,
    poll,
    prune,
    report_note,
    texts,
    without_x,
    wrong,
)
from bot.services.history import history
from bot.services.prune import IDENTITY_KEPT_YEARS
from bot.services.sessions import Visitor
from bot.services.views import NotYours, OrderView
from bot.store import inbox, people
from tests.fakes.bank import FakeBankFiles, Movement, camt
from tests.services.paying_out import IBAN, ask, export, read, rich
from tests.services.proving import open_wallet, person
from tests.services.test_closing import by_card, close
from tests.world import World


def without_account(world: World, handle: str) -> Visitor:
    """Return somebody who entered by phone and wallet code."""
    return replace(world.visitor(handle), x_user_id=None, handle="")


def test_who_has_the_x_account_next_acts_for_themselves_alone(world: World) -> None:
    """They lock, block, report and read nothing by what was another person's, and hear nothing."""
    bob = world.join("bob", cents=2000)
    world.join("alice", cents=2000)
    world.dm("bob", "help")
    paid = world.order("bob", "alice", "20€ for rent")
    got = world.order("alice", "bob", "3€ for tea")
    asked = world.order("dave", "bob", "4€ for cake", kind="request")
    dropped = world.order("bob", "carol", "5€ for flowers")
    world.confirm("bob", paid)
    world.confirm("alice", got)
    back = world.order("bob", "alice", "3€")
    world.confirm("bob", back)
    world.react()
    close(world, "bob")
    world.pass_time(seconds=1)
    open_wallet(world, "bob", "+33612345679")
    me, again = world.x_id("bob"), person(world, "bob").id
    assert (world.statuses(asked), world.statuses(dropped)) == (["declined"], ["cancelled"])
    heard = len(world.messages_to("bob"))
    for reference in (paid, got, asked, dropped):
        assert isinstance(world.page("bob", reference), NotYours), reference
        assert not wrong.may_disown(world.deps, reference, me), reference
        assert wrong.mistake(world.deps, reference, 1, me) is None, reference
        assert report_note.read_note(world.deps, reference, 1, me) is None, reference
        assert blocks.asker_of(world.deps, reference, me) is None, reference
        assert blocks.payer_of(world.deps, reference, me) is None, reference
        for deed in (
            wrong.disown,
            cancel.cancel,
            cancel.decline,
            blocks.decline_and_block,
            blocks.refuse_and_block,
            blocks.unblock_asker,
            blocks.unblock_payer,
        ):
            with pytest.raises(Refusal, match=r"refusal\.unknown_reference"):
                deed(world.deps, reference, me)
        with pytest.raises(Refusal, match=r"refusal\.unknown_reference"):
            report_note.report(world.deps, reference, 1, me)
    assert history(world.deps, world.visitor("bob")).lines == ()
    assert without_x.order_of(world.deps, without_account(world, "bob"), asked) is None
    wrong.say_wrong(world.deps, got, 1, world.x_id("alice"))
    world.react()
    assert len(world.messages_to("bob")) == heard
    with world.store.read() as session:
        rows = {row.id: row for row in session.execute(people.persons.select())}
    assert (rows[again].locked_at, rows[bob].locked_reason) == (None, "closed by its owner")
    new = world.order("dave", "bob", "6€ for bread", kind="request")
    assert blocks.asker_of(world.deps, new, me) is not None
    page = world.page("bob", world.order("bob", "alice", "7€"))
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None
    assert page.to_confirm.cautions[1].is_first, "who had the account before paid alice, not they"
    sent = world.order("alice", "bob", "8€ for salt")
    world.confirm("alice", sent)
    page = world.page("bob", sent)
    assert isinstance(page, OrderView)
    assert [one.note_is for one in page.gets] == ["folded"], "alice is a stranger to them"


def test_what_a_bank_sends_back_after_the_end_is_paid_out_by_an_operator(world: World) -> None:
    """A case until it is; all of it, once, to an IBAN that the operator names; nobody is told."""
    bank = FakeBankFiles()
    rich(world, "bob", 1000)
    ask(world, "bob", 1000)
    export(world, bank)
    read(world, bank, camt(bank.transfers()))
    bob, phone = person(world, "bob").id, world.phone("bob")
    with pytest.raises(Refusal, match=r"refusal\.not_closed"):
        late(world, "bob")
    close(world, "bob")
    texts.send_notices(world.deps)
    heard = len(world.sms.texts_to(phone))
    (sent,) = bank.transfers()
    back = Movement(sent.end_to_end_id, 1000, credit=True, code="PMNT/RCDT/RRTN")
    assert read(world, bank, camt([back])).returned == 1
    (case,) = cases.list_cases(world.deps)
    assert (case["kind"], case["person"]) == ("late_money", bob)
    assert f"smoney payout request person:{bob}" in case["detail"]
    with pytest.raises(Refusal, match=r"refusal\.case_money_left"):
        cases.close_case(world.deps, case["case"])
    world.pass_time(seconds=1)
    open_wallet(world, "bob", "+33612345679")
    for iban, holder, key in (
        ("FR00", "Bob Petit", "iban_not_read"),
        (IBAN, "李", "holder_missing"),
    ):
        with pytest.raises(Refusal, match=rf"refusal\.{key}"):
            late(world, f"person:{bob}", iban=iban, holder=holder)
    made = late(world, f"person:{bob}")
    assert (made.amount_cents, made.person) == (1000, bob)
    with pytest.raises(Refusal, match=r"refusal\.case_payout_under_way"):
        cases.close_case(world.deps, case["case"])
    late_payouts.cancel(world.deps, made.payout)
    assert [one["case"] for one in cases.list_cases(world.deps)] == [case["case"]]
    made = late(world, f"person:{bob}")
    cases.close_case(world.deps, case["case"], anyway=True)
    late_payouts.cancel(world.deps, made.payout)
    (case,) = cases.list_cases(world.deps)
    assert (case["kind"], case["about"]) == ("late_money", f"late:payout {made.payout}")
    with pytest.raises(Refusal, match=r"refusal\.payout_under_way"):
        late_payouts.cancel(world.deps, made.payout)
    made = late(world, f"person:{bob}")
    with pytest.raises(Refusal, match=r"refusal\.nothing_there"):
        late(world, f"person:{bob}")
    export(world, bank)
    with pytest.raises(Refusal, match=r"refusal\.case_payout_under_way"):
        cases.close_case(world.deps, case["case"])
    (again,) = (one for one in bank.transfers() if one.end_to_end_id.endswith(f"-{made.payout}"))
    assert again.cents == 1000
    assert all(one in bank.files[list(bank.files)[-1]] for one in (IBAN, "Bob Petit"))
    assert read(world, bank, camt([again])).settled == 1
    assert cases.close_case(world.deps, case["case"])["closed_at"] is not None
    shown = persons.show_person(world.deps, f"person:{bob}")
    assert (shown["balance_cents"], shown["locked_reason"]) == (0, "closed by its owner")
    texts.send_notices(world.deps)
    assert len(world.sms.texts_to(phone)) == heard
    theirs = ask_of_another(world)
    with pytest.raises(Refusal, match=r"refusal\.payout_unknown"):
        late_payouts.cancel(world.deps, theirs)


def ask_of_another(world: World) -> int:
    """Let somebody whose account is open ask for a payout; return it."""
    rich(world, "alice", 1000)
    return ask(world, "alice", 500, key="passkey-2")


def late(
    world: World, who: str, *, iban: str = IBAN, holder: str = "Bob Petit"
) -> late_payouts.Requested:
    """Let an operator pay out what came late."""
    return late_payouts.request(world.deps, who, iban_text=iban, holder_text=holder)


def test_an_operators_refund_never_ends_in_a_closed_wallet(world: World) -> None:
    """To the card that paid it goes; to the wallet of who closed it does not."""
    world.join("bob")
    world.join("alice")
    reference = by_card(world, "bob", "alice")
    close(world, "bob")
    with pytest.raises(Refusal, match=r"refusal\.payer_has_closed"):
        operate.refund_order(world.deps, reference, to="wallet")
    assert world.balance("alice") == 1000
    operate.refund_order(world.deps, reference, to="card")
    assert (world.balance("alice"), world.topup(reference).status) == (0, "refunded")


def data_of(world: World, who: str) -> dict[str, list[dict[str, object]]]:
    """Return the lists of somebody's file, as an operator exports it."""
    found = json.loads("".join(own_data.of_anybody(world.deps, who)))
    return {name: rows for name, rows in found.items() if isinstance(rows, list)}


def test_a_closed_person_has_their_own_data_and_no_word_of_the_next(world: World) -> None:
    """Nor the next any word of theirs, though X account and number are the same."""
    open_wallet(world, "bob")
    world.join("alice", cents=5000)
    bob = person(world, "bob").id
    world.dm("bob", "help")
    asked = world.order("alice", "bob", "4€ for cake", kind="request")
    died = world.take_post("bob", "@smoney these are my old words")
    with world.store.write() as session:  # as one that was read before its writer was kept
        kept = inbox.inbox.update().where(inbox.inbox.c.source == "dm")
        session.execute(kept.values(author_x_user_id=None))
        gone = inbox.inbox.update().where(inbox.inbox.c.source_id == died)
        session.execute(gone.values(status="dead"))
    close(world, "bob")
    world.pass_time(seconds=1)
    open_wallet(world, "bob")
    world.order("bob", "alice", "5€ for tea")
    waiting = world.take_post("bob", "@smoney nobody has read this")
    old, new = data_of(world, f"person:{bob}"), data_of(world, "bob")
    for file, names, notes in ((old, ["Petit"], ["cake"]), (new, ["Petit"], ["tea"])):
        assert [one["last_name"] for one in file["person"]] == names
        assert [one["note"] for one in file["transfers"]] == notes
    assert [one["reference"] for one in old["transfers"]] == [asked]
    bodies = [
        [str(one["body"]) for one in file["messages_received"] if one["body"]]
        for file in (old, new)
    ]
    assert [len(one) for one in bodies] == [2, 2], "help and what died; tea and this"
    assert any("my old words" in one for one in bodies[0])
    assert [one["source_id"] for one in new["messages_received"]][-1] == waiting
    assert [len(one["consents"]) for one in (old, new)] == [1, 1]
    assert [len(one["former_accounts"]) for one in (old, new)] == [1, 0]
    assert [len(one["x_accounts"]) for one in (old, new)] == [0, 1]
    texts_of = [[one["text"] for one in file["text_messages"]] for file in (old, new)]
    assert [sum("closed" in str(one) for one in some) for some in texts_of] == [1, 0]
    alice, next_bob = person(world, "alice"), person(world, "bob")
    with world.store.write() as session:
        reply = Reply.of("sms.sca_shut")
        texts.notify(session, alice.phone, reply, "en", person_id=alice.id, at=world.clock.now())
        people.change_person(session, alice.id, phone="+33612345670")
        people.change_person(session, next_bob.id, phone=alice.phone)
    for who, count in (("alice", 1), ("bob", 0)):
        heard = [one["text"] for one in data_of(world, who)["text_messages"]]
        assert sum(one is not None for one in heard) == count, who


def test_an_erasure_keeps_the_wish_to_be_left_alone(world: World) -> None:
    """Though nobody had read it yet: the last word counts, and its text is gone."""
    for handle, words in (("bob", ("start", "stop")), ("alice", ("stop", "start"))):
        who = world.join(handle)
        for word in words:
            world.x.write(handle, word)
            poll.poll_messages(world.deps)
        erase.erase(world.deps, f"person:{who}", close=True)
    with world.store.read() as session:
        accounts = people.accounts_by_id(session, map(world.x_id, ("bob", "alice")))
        bodies = session.execute(select(inbox.inbox.c.body)).scalars()
        assert set(bodies) == {None}
    silent = {row.handle: row.opted_out_at is not None for row in accounts.values()}
    assert silent == {"bob": True, "alice": False}


def test_an_erasure_forgets_every_word_and_keeps_what_the_law_wants(world: World) -> None:
    """Closed first, at an operator's hand where its owner cannot; twice changes nothing."""
    open_wallet(world, "bob")
    world.join("alice", cents=5000)
    with world.store.write() as session:
        people.see(session, world.x_id("bob"), at=world.clock.now(), name="Bob P.")
    bob = person(world, "bob").id
    got = world.order("alice", "bob", "10€ for rent")
    world.confirm("alice", got)
    back = world.order("bob", "alice", "10€ for a secret")
    with pytest.raises(Refusal, match=r"refusal\.not_closed"):
        erase.erase(world.deps, "bob")
    with pytest.raises(Refusal, match=r"refusal\.close_balance"):
        erase.erase(world.deps, f"person:{bob}", close=True)
    with pytest.raises(Refusal, match=r"refusal\.erase_by_number"):
        erase.erase(world.deps, "@bob", close=True)
    world.confirm("bob", back)
    world.order("bob", "alice", "12")
    world.post("alice", "@smoney help")
    world.post("bob", "@smoney my secret is that I like nobody here")
    world.dm("bob", "help")
    world.react()
    heard = data_of(world, f"person:{bob}")["messages_received"]
    assert sum("my secret" in str(one["body"]) for one in heard) == 1, (
        "what ordered nothing is listed too"
    )
    unread = world.take_post("bob", "@smoney pay @alice 10€ for words that nobody has read")
    done = erase.erase(world.deps, f"person:{bob}", close=True)
    assert (done.person, done.erased["notes"], done.erased["drafts"]) == (bob, 1, 1)
    assert [one.what for one in done.kept] == ["identity", "books"]
    texts.send_notices(world.deps)
    again = erase.erase(world.deps, f"person:{bob}")
    assert {name for name, count in again.erased.items() if count} == {"text_messages"}
    assert (world.transfers(back)[0].note, world.transfers(got)[0].note) == (None, "rent")
    file = data_of(world, f"person:{bob}")
    assert [one["last_name"] for one in file["person"]] == ["Petit"]
    assert {one["body"] for one in file["messages_received"]} == {None}
    world.react()
    assert world.answer_to(unread) is None
    assert [row["reason"] for row in operate.list_inbox(world.deps)] == []
    with world.store.read() as session:
        rows = session.execute(inbox.inbox.select()).all()
    assert [row.reason for row in rows if row.source_id == unread] == [erase.FORGOTTEN]
    assert {row.author_x_user_id for row in rows} == {world.x_id("alice"), None}, "her words stay"
    assert {one["text"] for one in file["messages_sent"]} == {""}
    assert (file["people_named_in_drafts"], file["text_messages"]) == ([], [])
    assert [one["name"] for one in file["x_accounts"]] == [""]
    ended = world.clock.now()
    assert done.kept[0].until == ended.replace(year=ended.year + IDENTITY_KEPT_YEARS)
    world.clock.set(done.kept[0].until + timedelta(seconds=1))
    prune.prune(world.deps)
    assert [one.what for one in erase.erase(world.deps, f"person:{bob}").kept] == ["books"]
