"""After the end of an account: whose it was stays whose it was, and what comes late is paid out."""

from dataclasses import replace

import pytest

from bot.domain.errors import Refusal
from bot.services import blocks, operate, persons, report_note, without_x, wrong
from bot.services.history import history
from bot.services.sessions import Visitor
from bot.services.views import NotYours
from bot.store import cases, people
from tests.fakes.bank import FakeBankFiles, Movement, camt
from tests.services.paying_out import ask, export, read, rich
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
        assert report_note.read_note(world.deps, reference, 1, me) is None, reference
        assert blocks.asker_of(world.deps, reference, me) is None, reference
        assert blocks.payer_of(world.deps, reference, me) is None, reference
        for deed in (
            wrong.disown,
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


def test_what_a_bank_sends_back_after_the_end_is_a_case(world: World) -> None:
    """It is in the closed wallet, and an operator is told to look for its owner."""
    bank = FakeBankFiles()
    rich(world, "bob", 1000)
    ask(world, "bob", 1000)
    export(world, bank)
    read(world, bank, camt(bank.transfers()))
    bob = person(world, "bob").id
    close(world, "bob")
    (sent,) = bank.transfers()
    back = Movement(sent.end_to_end_id, 1000, credit=True, code="PMNT/RCDT/RRTN")
    assert read(world, bank, camt([back])).returned == 1
    with world.store.read() as session:
        (case,) = cases.every(session, closed=False)
    assert (case.kind, case.person_id) == ("late_money", bob)
    (shown,) = persons.list_persons(world.deps)
    assert shown["balance_cents"] == 1000


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
