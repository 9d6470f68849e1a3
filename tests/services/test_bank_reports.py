"""The bank's reports: payouts settle or come back, once, or nothing of the report is booked."""

from collections.abc import Callable
from functools import partial

import pytest

from bot.domain.errors import Rejected
from tests.fakes.bank import FakeBankFiles, Movement, camt
from tests.services.paying_out import accounts, ask, export, read, rich, statuses, together
from tests.world import World


@pytest.fixture
def bank() -> FakeBankFiles:
    """The safeguarding bank."""
    return FakeBankFiles()


@pytest.mark.parametrize("settled_first", [True, False])
def test_what_comes_back_is_its_owners_again(
    world: World, bank: FakeBankFiles, *, settled_first: bool
) -> None:
    """From the file, or from the other bank after it had left; it is told."""
    rich(world)
    world.dm("bob", "bonjour")
    payout_id = ask(world, "bob", 2_500)
    export(world, bank)
    if settled_first:
        read(world, bank, camt(bank.transfers(), kind="054"))
    back = [Movement(f"SMONEY-PAYOUT-{payout_id}", 2_500, credit=True, reason="AC04")]
    assert read(world, bank, camt(back)).returned == 1
    assert statuses(world, "bob") == ["returned"]
    assert accounts(world) == {"wallet:1": 10_000, "payouts": 0, "bank": 0, "cards": 10_000}
    world.react()
    assert "vérifiez l’iban" in world.messages_to("bob")[-1].lower()


def test_what_left_and_came_back_in_one_report_is_returned(
    world: World, bank: FakeBankFiles
) -> None:
    """Whatever their order in it."""
    rich(world)
    payout_id = ask(world, "bob", 2_500)
    export(world, bank)
    name = f"SMONEY-PAYOUT-{payout_id}"
    back = Movement(name, 2_500, credit=True, code="PMNT/RCDT/RRTN")
    done = read(world, bank, camt([back, Movement(name, 2_500)]))
    assert (done.settled, done.returned) == (1, 1)
    assert world.balance("bob") == 10_000


def test_the_same_report_twice_changes_nothing(world: World, bank: FakeBankFiles) -> None:
    """Nor does another report of the same movement."""
    rich(world)
    ask(world, "bob", 2_500)
    export(world, bank)
    report = camt(bank.transfers(), report_id="STMT-1")
    read(world, bank, report)
    before = accounts(world)
    again = read(world, bank, report)
    assert (again.reports, again.known, again.settled, again.returned) == (1, 1, 0, 0)
    notified = read(world, bank, camt(bank.transfers(), kind="054", report_id="STMT-1"))
    assert (notified.known, notified.settled) == (0, 0)
    assert accounts(world) == before


def test_movements_that_are_no_payouts_are_left_alone(world: World, bank: FakeBankFiles) -> None:
    """Fees, the acquirer's money, what is only pending."""
    rich(world)
    payout_id = ask(world, "bob", 2_500)
    export(world, bank)
    others = [
        Movement("NOTPROVIDED", 1),
        Movement("STRIPE-PAYOUT", 5_000, credit=True),
        Movement(f"SMONEY-PAYOUT-{payout_id}", 2_500, status="PDNG"),
    ]
    done = read(world, bank, camt(others))
    assert (done.settled, done.returned) == (0, 0)
    assert statuses(world, "bob") == ["exported"]


def returned(name: str, cents: int) -> Movement:
    """What the bank says is a return."""
    return Movement(name, cents, credit=True, reason="AC04")


def unknown(name: str) -> list[Movement]:
    """A payout that was never asked for."""
    return [Movement("SMONEY-PAYOUT-4711", 2_500)]


BAD: dict[str, tuple[Callable[[str], list[Movement]], str]] = {
    "an unknown payout": (unknown, "which is no payout here"),
    "a wrong amount": (lambda name: [Movement(name, 2_499)], "which is of 2500"),
    "the same twice": (lambda name: [Movement(name, 2_500)] * 2, "twice"),
    "the same back twice": (lambda name: [returned(name, 2_500)] * 2, "twice"),
}


@pytest.mark.in_turn
@pytest.mark.parametrize("name", list(BAD))
def test_a_report_that_contradicts_the_books_is_not_booked_at_all(
    world: World, bank: FakeBankFiles, name: str
) -> None:
    """A sentence, and not even the part of it that is right."""
    rich(world)
    good = ask(world, "bob", 1_000)
    other = ask(world, "bob", 2_500, key="passkey-2")
    export(world, bank)
    movements, sentence = BAD[name]
    report = camt([Movement(f"SMONEY-PAYOUT-{good}", 1_000), *movements(f"SMONEY-PAYOUT-{other}")])
    with pytest.raises(Rejected) as refused:
        read(world, bank, report)
    assert sentence in refused.value.detail
    assert refused.value.detail.endswith("Nothing was booked.")
    assert statuses(world, "bob") == ["exported", "exported"]


STRAY: dict[str, tuple[Callable[[str], Movement], str]] = {
    "a cent from anybody": (
        lambda name: Movement(name, 1, credit=True),
        "does not say that it is a return",
    ),
    "its amount from anybody": (
        lambda name: Movement(name, 2_500, credit=True, code="PMNT/RCDT/ESCT"),
        "does not say that it is a return",
    ),
    "a return of another amount": (lambda name: returned(name, 2_499), "is of 2500 cents"),
    "a return of no payout": (
        lambda _name: returned("SMONEY-PAYOUT-4711", 2_500),
        "no payout of that name has left",
    ),
    "a debit that gives anybody's back": (
        lambda name: Movement(name, 2_500, code="PMNT/ICDT/RRTN"),
        "gives back what another account had sent",
    ),
}


@pytest.mark.in_turn
@pytest.mark.parametrize("stray", list(STRAY))
@pytest.mark.parametrize("settled_first", [True, False])
def test_money_under_a_payouts_name_is_neither_its_return_nor_stops_a_report(
    world: World, bank: FakeBankFiles, stray: str, *, settled_first: bool
) -> None:
    """Each payee knows that name and may send with it: told, not booked; the rest is booked."""
    rich(world)
    good = ask(world, "bob", 1_000)
    other = ask(world, "bob", 2_500, key="passkey-2")
    export(world, bank)
    if settled_first:
        read(world, bank, camt([Movement(f"SMONEY-PAYOUT-{other}", 2_500)]))
    balance, before = world.balance("bob"), statuses(world, "bob")[1]
    movement, why = STRAY[stray]
    line = movement(f"SMONEY-PAYOUT-{other}")
    report = camt([line, Movement(f"SMONEY-PAYOUT-{good}", 1_000), line], report_id="STMT-1")
    done = read(world, bank, report)
    assert (done.settled, done.returned) == (1, 0)
    assert statuses(world, "bob") == ["settled", before]
    assert world.balance("bob") == balance
    told = done.strays[0]
    cents = line.cents if line.credit else -line.cents
    assert (told.report_id, told.end_to_end_id) == ("camt.053:STMT-1", line.end_to_end_id)
    assert (told.amount_cents, len(done.strays)) == (cents, 2)
    assert why in told.detail
    assert read(world, bank, report).strays == (), "it was told"


def test_money_under_the_name_of_a_payout_that_waits_does_not_bring_it_back(
    world: World, bank: FakeBankFiles
) -> None:
    """Nor that of one that was cancelled: what was in no file cannot have come back."""
    rich(world)
    waits = ask(world, "bob", 1_000)
    done = read(world, bank, camt([returned(f"SMONEY-PAYOUT-{waits}", 1_000)]))
    assert (done.returned, len(done.strays)) == (0, 1)
    assert (statuses(world, "bob"), world.balance("bob")) == (["requested"], 9_000)


def test_a_true_return_beside_money_under_its_name_still_comes_back(
    world: World, bank: FakeBankFiles
) -> None:
    """Whoever is first in the report."""
    rich(world)
    payout_id = ask(world, "bob", 2_500)
    export(world, bank)
    name = f"SMONEY-PAYOUT-{payout_id}"
    movements = [
        Movement(name, 2_500),
        Movement(name, 2_500, credit=True),
        returned(name, 2_500),
        Movement(name, 1, credit=True),
    ]
    done = read(world, bank, camt(movements))
    assert (done.settled, done.returned, len(done.strays)) == (1, 1, 2)
    assert world.balance("bob") == 10_000


def test_a_report_of_another_account_is_not_booked(world: World, bank: FakeBankFiles) -> None:
    """Whatever it names."""
    rich(world)
    ask(world, "bob", 1_000)
    export(world, bank)
    with pytest.raises(Rejected) as refused:
        read(world, bank, camt(bank.transfers(), iban="DE89370400440532013000"))
    assert "not about our account FR76 … 0189" in refused.value.detail
    assert statuses(world, "bob") == ["exported"]


def test_a_payout_in_no_file_cannot_have_left(world: World, bank: FakeBankFiles) -> None:
    """The bank names one that waits: somebody has to look."""
    rich(world)
    payout_id = ask(world, "bob", 1_000)
    with pytest.raises(Rejected) as refused:
        read(world, bank, camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 1_000)]))
    assert "was in no file" in refused.value.detail
    assert statuses(world, "bob") == ["requested"]


def test_a_report_with_other_movements_under_a_known_name_is_refused(
    world: World, bank: FakeBankFiles
) -> None:
    """It is not the same report, and not booked."""
    rich(world)
    ask(world, "bob", 1_000)
    export(world, bank)
    read(world, bank, camt([], report_id="STMT-1"))
    with pytest.raises(Rejected) as refused:
        read(world, bank, camt(bank.transfers(), report_id="STMT-1"))
    assert "with other movements was read on" in refused.value.detail
    assert statuses(world, "bob") == ["exported"]


def test_a_statement_with_another_balance_under_a_known_name_is_refused(
    world: World, bank: FakeBankFiles
) -> None:
    """A bank that corrects its statement is asked; the same once more is no news."""
    first = camt([], report_id="S1", closing=(960, "2026-11-25"))
    read(world, bank, first)
    for other in ((500, "2026-11-25"), (960, "2026-11-26"), None):
        with pytest.raises(Rejected) as refused:
            read(world, bank, camt([], report_id="S1", closing=other))
        assert "S1 with another balance was read on" in refused.value.detail, other
    assert read(world, bank, first).known == 1


def test_reports_and_requests_at_once_do_not_wait_in_a_circle(
    world: World, bank: FakeBankFiles
) -> None:
    """Both want the wallet and `payouts`: whoever reads a report takes all accounts at once."""
    rich(world, cents=50_000)
    for turn in range(8):
        left, back = (ask(world, "bob", 100, key=f"{turn}-{which}") for which in ("left", "back"))
        export(world, bank)
        report = camt(
            [
                Movement(f"SMONEY-PAYOUT-{left}", 100),
                returned(f"SMONEY-PAYOUT-{back}", 100),
            ]
        )
        asks = [partial(ask, world, "bob", 1, key=f"{turn}-more-{one}") for one in range(3)]
        together(partial(read, world, bank, report), *asks)
    assert statuses(world, "bob").count("returned") > 0
    assert accounts(world)["wallet:1"] == 50_000 - 8 * 100 - 8 * 3
