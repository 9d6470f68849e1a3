"""Payouts: out of the wallet at once, in one file, settled or back; each cent in one place."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import Refusal
from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import payout_files, payouts
from bot.services.check import prove
from tests import builders
from tests.fakes.bank import FakeBankFiles, Movement, camt
from tests.services.paying_out import (
    IBAN,
    accounts,
    ask,
    export,
    read,
    rich,
    statuses,
    terms,
    together,
)
from tests.world import World, wordings


@pytest.fixture
def bank() -> FakeBankFiles:
    """The safeguarding bank."""
    return FakeBankFiles()


def test_a_payout_leaves_the_wallet_goes_to_the_bank_and_is_settled(
    world: World, bank: FakeBankFiles
) -> None:
    """Wallet, payouts, bank: at each step the money is in one place."""
    rich(world)
    world.dm("bob", "bonjour")
    payout_id = ask(world, "bob", 2_500)
    assert accounts(world) == {"wallet:1": 7_500, "payouts": 2_500, "bank": 0, "cards": 10_000}
    (message_id,) = export(world, bank)
    assert bank.transfers() == [Movement(f"SMONEY-PAYOUT-{payout_id}", 2_500)]
    assert statuses(world, "bob") == ["exported"]
    assert accounts(world)["payouts"] == 2_500
    done = read(world, bank, camt(bank.transfers()))
    assert (done.reports, done.known, done.settled, done.returned) == (1, 0, 1, 0)
    assert statuses(world, "bob") == ["settled"]
    assert accounts(world) == {"wallet:1": 7_500, "payouts": 0, "bank": -2_500, "cards": 10_000}
    world.react()
    said = wordings(
        "news.payout.settled",
        lang="fr",
        amount_cents=2_500,
        iban="FR14 … 2606",
        url="https://smoney.test/wallet/payout",
    )
    assert world.messages_to("bob")[-1] in said
    assert message_id.startswith("SMONEY-2026")


def test_without_strong_authentication_nothing_leaves(world: World) -> None:
    """One for other terms is none."""
    rich(world)
    other = Authenticated("k", terms(2_501).hash, Basis.PASSKEY)
    with pytest.raises(Refusal, match=r"refusal\.changed"):
        payouts.request(world.deps, world.visitor("bob"), terms(2_500), other)
    assert world.balance("bob") == 10_000


def test_one_authentication_is_one_payout(world: World) -> None:
    """The form twice is the payout once; for other terms it is none."""
    rich(world)
    assert ask(world, "bob", 2_500) == ask(world, "bob", 2_500)
    with pytest.raises(Refusal, match=r"refusal\.changed"):
        ask(world, "bob", 2_400)
    assert world.balance("bob") == 7_500


def test_a_locked_wallet_pays_nothing_out(world: World, bank: FakeBankFiles) -> None:
    """Neither a new payout nor one that waits for its file; what comes back still comes."""
    rich(world)
    first = ask(world, "bob", 1_000)
    export(world, bank)
    ask(world, "bob", 2_000, key="passkey-2")
    world.lock("bob")
    with pytest.raises(Refusal, match=r"refusal\.locked"):
        ask(world, "bob", 500, key="passkey-3")
    assert export(world, bank) == []
    assert statuses(world, "bob") == ["exported", "requested"]
    read(world, bank, camt([Movement(f"SMONEY-PAYOUT-{first}", 1_000, credit=True, reason="AC04")]))
    assert world.balance("bob") == 8_000


def test_what_a_card_brought_has_to_wait(world: World) -> None:
    """Balance less own top-ups of the last hours; what others paid may leave at once."""
    world.join("bob", cents=10_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    with pytest.raises(Refusal, match=r"refusal\.payout_nothing"):
        ask(world, "bob", 1)
    assert payouts.payout_page(world.deps, world.visitor("alice")).most_cents == 2_000
    ask(world, "alice", 2_000, key="alice-1")
    world.pass_time(hours=world.deps.policy.card_payout_after_h)
    with world.store.write() as session:
        builders.fund(session, "topup-late", 1, 3_000, at=world.clock.now())
    page = payouts.payout_page(world.deps, world.visitor("bob"))
    assert (page.balance_cents, page.most_cents) == (11_000, 8_000)
    with pytest.raises(Refusal, match=r"refusal\.payout_too_much"):
        ask(world, "bob", 8_001)
    ask(world, "bob", 8_000)


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("iban", "holder", "amount", "key"),
    [
        ("FR14 2004 1010 0505 0001 3M02 607", "Bob", "1", "iban_not_read"),
        ("FR14", "Bob", "1", "iban_not_read"),
        ("", "Bob", "1", "iban_not_read"),
        ("DE8937040044053201300", "Bob", "1", "iban_not_read"),
        ("ZZ7630006000011234567890189", "Bob", "1", "iban_not_read"),
        ("SA03 8000 0000 6080 1016 7519", "Bob", "1", "iban_outside_sepa"),
        (IBAN, "  ", "1", "holder_missing"),
        (IBAN, "李", "1", "holder_missing"),
        (IBAN, "Bob", "", "payout_amount"),
        (IBAN, "Bob", "0", "payout_amount"),
        (IBAN, "Bob", "-5", "payout_amount"),
        (IBAN, "Bob", "1,005", "payout_amount"),
        (IBAN, "Bob", "١", "payout_amount"),
        (IBAN, "Bob", "100,01", "payout_too_much"),
    ],
)
def test_bad_input_is_a_sentence(
    world: World, iban: str, holder: str, amount: str, key: str
) -> None:
    """What was typed wrongly is said, and nothing is done."""
    rich(world)
    with pytest.raises(Refusal) as refused:
        payouts.read_terms(
            world.deps,
            world.visitor("bob"),
            iban_text=iban,
            holder_text=holder,
            amount_text=amount,
            everything=False,
        )
    assert refused.value.reply.key == f"refusal.{key}"


def test_everything_is_all_that_may_leave(world: World) -> None:
    """To the cent, with what was typed for amount left aside; an IBAN with spaces is one."""
    rich(world, cents=12_345)
    asked = payouts.read_terms(
        world.deps,
        world.visitor("bob"),
        iban_text=" fr14 2004 1010 0505 0001 3m02 606 ",
        holder_text="Zoé Lefèvre",
        amount_text="7",
        everything=True,
    )
    assert asked == PayoutTerms(12_345, IBAN, "Zoe Lefevre")
    assert (
        payouts.read_terms(
            world.deps,
            world.visitor("bob"),
            iban_text=IBAN,
            holder_text="Zoé Lefèvre",
            amount_text="1 € ",
            everything=False,
        ).amount_cents
        == 100
    )


def test_a_payout_is_cancelled_before_its_file_and_not_after(
    world: World, bank: FakeBankFiles
) -> None:
    """By its owner alone; the money is back, and the file does not hold it."""
    rich(world)
    rich(world, "alice")
    first = ask(world, "bob", 1_000)
    with pytest.raises(Refusal, match=r"refusal\.payout_unknown"):
        payouts.cancel(world.deps, world.visitor("alice"), first)
    payouts.cancel(world.deps, world.visitor("bob"), first)
    assert world.balance("bob") == 10_000
    assert export(world, bank) == []
    second = ask(world, "bob", 1_000, key="passkey-2")
    export(world, bank)
    for payout_id in (first, second):
        with pytest.raises(Refusal, match=r"refusal\.payout_under_way"):
            payouts.cancel(world.deps, world.visitor("bob"), payout_id)
    assert statuses(world, "bob") == ["cancelled", "exported"]


def test_no_payout_is_ever_in_two_files(world: World, bank: FakeBankFiles) -> None:
    """Each file its own id; one that is written again is the same to the byte."""
    rich(world)
    ask(world, "bob", 1_000)
    (first,) = export(world, bank)
    assert export(world, bank) == []
    ask(world, "bob", 2_000, key="passkey-2")
    (second,) = export(world, bank)
    assert first != second
    assert sorted(one.cents for one in bank.transfers()) == [1_000, 2_000]
    before = dict(bank.files)
    world.pass_time(hours=100)
    again = payout_files.export_again(world.deps, bank, first)
    assert again is not None
    assert (again.message_id, bank.files) == (first, before)
    assert payout_files.export_again(world.deps, bank, "SMONEY-NONE") is None


def test_a_full_disk_loses_nothing(world: World, bank: FakeBankFiles) -> None:
    """The next export writes the file that is missing, with the same id, and no other."""
    rich(world)
    ask(world, "bob", 1_000)
    bank.disk_full = True
    with pytest.raises(OSError, match="No space"):
        export(world, bank)
    assert bank.files == {}
    bank.disk_full = False
    assert len(export(world, bank)) == 1
    assert export(world, bank) == []
    assert [one.cents for one in bank.transfers()] == [1_000]


def test_two_exports_at_once_share_nothing(world: World, bank: FakeBankFiles) -> None:
    """Two operators at the same moment: every payout is in one file."""
    rich(world)
    for number in range(6):
        ask(world, "bob", 100 + number, key=f"passkey-{number}")
    together(lambda: export(world, bank), lambda: export(world, bank))
    assert sorted(one.cents for one in bank.transfers()) == [100, 101, 102, 103, 104, 105]


def test_two_requests_at_once_never_spend_a_cent_twice(world: World) -> None:
    """Of two payouts that the wallet could pay one by one, one is refused."""
    rich(world, cents=1_000)
    refused: list[str] = []

    def want(key: str) -> None:
        try:
            ask(world, "bob", 600, key=key)
        except Refusal as refusal:
            refused.append(refusal.reply.key)

    together(lambda: want("one"), lambda: want("two"))
    assert refused == ["refusal.payout_too_much"]
    assert world.balance("bob") == 400


STORY = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "export", "left", "back", "time"]),
        st.integers(0, 3),
        st.integers(1, 4_000),
    ),
    max_size=14,
)


@given(story=STORY)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_each_cent_is_in_one_place(
    world: World, story: list[tuple[str, int, int]]
) -> None:
    """Any order of requests, cancels, files and reports: the books prove themselves each time."""
    bank = FakeBankFiles()
    name = f"bob{next(builders._numbers)}"
    rich(world, name, cents=10_000)
    made: list[int] = []
    for step, (what, which, cents) in enumerate(story):
        try:
            if what == "ask":
                made.append(ask(world, name, cents, key=f"{name}-{step}"))
            elif what == "cancel" and made:
                payouts.cancel(world.deps, world.visitor(name), made[which % len(made)])
            elif what == "export":
                export(world, bank)
            elif what in ("left", "back") and bank.transfers():
                one = bank.transfers()[which % len(bank.transfers())]
                report = [Movement(one.end_to_end_id, one.cents, credit=what == "back")]
                read(world, bank, camt(report))
            elif what == "time":
                world.clock.advance(timedelta(hours=which).total_seconds())
        except Refusal:
            continue
    assert prove(world.store).problems == []
    names = [one.end_to_end_id for one in bank.transfers()]
    assert len(names) == len(set(names)), "no payout is in two files"
    page = payouts.payout_page(world.deps, world.visitor(name))
    gone = sum(
        one.amount_cents for one in page.lines if one.status not in ("cancelled", "returned")
    )
    assert page.balance_cents == 10_000 - gone
