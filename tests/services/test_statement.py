"""Monthly statements: opening and entries are the closing, and the next month's opening."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import books
from bot.services import claim, statement
from bot.services.statement import Statement
from bot.store import ledger
from bot.store.engine import Store
from tests import builders
from tests.fakes.bank import FakeBankFiles, Movement, camt
from tests.services.paying_out import ask, export, read, rich
from tests.world import World


def of(world: World, handle: str, month: str) -> Statement:
    """Return somebody's statement of a month that there is."""
    found = statement.statement(world.deps, world.visitor(handle), month)
    assert found is not None
    return found


def months_from(first: str, count: int) -> list[str]:
    """Return months in a row."""
    year, month = map(int, first.split("-"))
    numbers = range(year * 12 + month - 1, year * 12 + month - 1 + count)
    return [f"{one // 12}-{one % 12 + 1:02}" for one in numbers]


def test_a_statement_says_each_entry_with_its_other_party(
    world: World,
) -> None:
    """By card, paid, held, back, received, paid out and back: each in words of its own."""
    rich(world)
    bank = FakeBankFiles()
    world.join("alice", cents=2_000)
    paid = world.order("bob", "alice", "12,34€")
    world.confirm("bob", paid)
    held = world.order("bob", "carol", "5€")
    world.confirm("bob", held)
    claim.take_back(world.deps, held, world.x_id("bob"))
    got = world.order("alice", "bob", "3€")
    world.confirm("alice", got)
    payout_id = ask(world, "bob", 1_000)
    export(world, bank)
    read(
        world,
        bank,
        camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 1_000, credit=True, reason="AC04")]),
    )
    found = of(world, "bob", "2026-11")
    said = [(one.what.key.rpartition(".")[2], one.what.values) for one in found.lines]
    assert said == [
        ("topup", {}),
        ("paid", {"handle": "alice"}),
        ("held", {"handle": "carol"}),
        ("returned", {"handle": "carol"}),
        ("transfer", {"handle": "alice"}),
        ("payout", {"iban": "FR14 … 2606"}),
        ("payout_returned", {"iban": "FR14 … 2606"}),
    ]
    assert [one.amount_cents for one in found.lines] == [
        10_000,
        -1_234,
        -500,
        500,
        300,
        -1_000,
        1_000,
    ]
    assert [one.balance_cents for one in found.lines][-1] == found.closing_cents
    assert found.lines[1].reference == f"{paid}-1"
    assert found.closing_cents == world.balance("bob") == 9_066
    assert (found.opening_cents, found.is_over, found.handles) == (0, False, ("bob",))


def test_an_entry_that_no_word_is_known_for_is_said_all_the_same(database_url: str) -> None:
    """A statement leaves no cent out: what a later version books is another entry."""
    opened = Store(database_url)
    world = World(opened)
    bob, alice = world.join("bob", cents=1_000), world.join("alice")
    legs = (books.Posting(books.wallet(bob), -5), books.Posting(books.wallet(alice), 5))
    with opened.write() as session:
        ledger.record(session, [books.Entry("fee:7:take", legs)], now=lambda: builders.NOON)
    found = of(world, "bob", "2026-11")
    opened.close()
    assert [one.what.key for one in found.lines][-1] == "page.statement.what.other"
    assert found.closing_cents == 995


def test_months_are_those_of_paris(world: World) -> None:
    """Half an hour past midnight there is the new month, in summer and in winter."""
    bob = world.join("bob")
    with world.store.write() as session:
        for number, at in enumerate(
            (
                datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC),  # 23:59:59 on 30 September
                datetime(2026, 9, 30, 22, 0, tzinfo=UTC),  # midnight: October, summer time
                datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC),  # 23:59:59 on 31 October
                datetime(2026, 10, 31, 23, 0, tzinfo=UTC),  # midnight: November, winter time
            )
        ):
            builders.fund(session, f"topup-{number}", bob, 10**number, at=at)
    found = [of(world, "bob", month) for month in ("2026-09", "2026-10", "2026-11")]
    assert [[line.amount_cents for line in one.lines] for one in found] == [[1], [10, 100], [1_000]]
    assert [(one.opening_cents, one.closing_cents) for one in found] == [
        (0, 1),
        (1, 111),
        (111, 1_111),
    ]
    assert [one.is_over for one in found] == [True, True, False]


@pytest.mark.in_turn
@pytest.mark.parametrize(
    "month",
    ["2026-13", "2026-00", "2026-1", "26-11", "2026-12", "9999-12", "0001-01", "x", "٢٠٢٦-11"],
)
def test_what_is_no_month_or_is_to_come_has_no_statement(world: World, month: str) -> None:
    """Nor has who has no wallet."""
    world.join("bob")
    assert statement.statement(world.deps, world.visitor("bob"), month) is None
    assert statement.statement(world.deps, world.visitor("carol"), "2026-11") is None


def test_the_wallet_lists_its_months(world: World) -> None:
    """From the first to this one, the newest first, a year and this month at most."""
    world.join("bob")
    visitor = world.visitor("bob")
    assert [f"{one:%Y-%m}" for one in statement.months(world.deps, visitor)] == ["2026-11"]
    world.pass_time(hours=24 * 70)
    listed = [f"{one:%Y-%m}" for one in statement.months(world.deps, visitor)]
    assert listed == ["2027-02", "2027-01", "2026-12", "2026-11"]
    world.pass_time(hours=24 * 800)
    assert len(statement.months(world.deps, visitor)) == statement.MONTHS_LISTED
    assert statement.months(world.deps, world.visitor("carol")) == []


MIDNIGHT = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
"""In Paris, where December begins."""
WAITS_S = 0.3
"""After which somebody who is not through is taken to wait (seconds)."""


def test_what_waited_for_a_wallet_over_midnight_is_of_the_new_month(world: World) -> None:
    """An entry has the time of its lock: none comes into a month that has been said to be over."""
    rich(world)
    bob = world.x_id("bob")
    world.clock.set(MIDNIGHT - timedelta(minutes=1))
    held, paid = world.order("bob", "carol", "5€"), world.order("bob", "carol", "6€")
    world.confirm("bob", held)
    world.clock.set(MIDNIGHT - timedelta(seconds=1))
    deeds = (
        lambda: world.confirm("bob", paid),
        lambda: claim.take_back(world.deps, held, bob),
        lambda: ask(world, "bob", 1_000),
    )
    with ThreadPoolExecutor(len(deeds)) as threads:
        with world.store.write() as session:
            ledger.lock_accounts(session, [books.wallet(1)])
            waiting = [threads.submit(deed) for deed in deeds]
            assert not wait(waiting, WAITS_S).done
            world.clock.set(MIDNIGHT + timedelta(seconds=1))
        for one in waiting:
            one.result()
    november, december = of(world, "bob", "2026-11"), of(world, "bob", "2026-12")
    assert [line.amount_cents for line in november.lines] == [10_000, -500]
    assert (november.is_over, november.closing_cents) == (True, 9_500)
    assert sorted(line.amount_cents for line in december.lines) == [-1_000, -600, 500]


def test_a_statement_waits_for_who_is_writing_to_the_wallet(world: World) -> None:
    """Of a month that is over nothing is missing that is dated in it."""
    bob = world.join("bob", cents=1_000)
    visitor = world.visitor("bob")
    with ThreadPoolExecutor(1) as threads:
        with world.store.write() as session:
            world.clock.set(MIDNIGHT - timedelta(seconds=1))
            builders.fund(session, "topup-late", bob, 500, at=world.clock.now())
            world.clock.set(MIDNIGHT + timedelta(seconds=1))
            asked = threads.submit(statement.statement, world.deps, visitor, "2026-11")
            assert not wait([asked], WAITS_S).done
        found = asked.result()
    assert found is not None
    assert (found.is_over, found.closing_cents) == (True, 1_500)


MOVES = st.lists(
    st.tuples(
        st.integers(-(10**4), 10**4).filter(bool),
        st.integers(0, 5 * 31 * 24 * 60),
    ),
    max_size=20,
)


@given(moves=MOVES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_opening_and_entries_are_the_closing_and_the_next_opening(
    world: World, moves: list[tuple[int, int]]
) -> None:
    """Whatever moved a wallet, whenever: no cent falls between two months."""
    number = next(builders._numbers)
    handle = f"bob{number}"
    person = world.join(handle)
    first = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)
    balance = 0
    with world.store.write() as session:
        for index, (cents, minutes) in enumerate(sorted(moves, key=lambda one: one[1])):
            at = first + timedelta(minutes=minutes)
            if cents > 0:
                builders.fund(session, f"topup-{number}-{index}", person, cents, at=at)
            elif balance + cents >= 0:
                x_id = world.x_id(handle)
                builders.pay_out(session, person, handle, -cents, at=at, x_user_id=x_id)
            else:
                continue
            balance += cents
    found = [of(world, handle, month) for month in months_from("2026-01", 8)]
    for one in found:
        assert one.opening_cents + sum(line.amount_cents for line in one.lines) == one.closing_cents
        assert all(one.begins <= line.at < one.ends for line in one.lines)
    assert found[0].opening_cents == 0
    assert [one.opening_cents for one in found[1:]] == [one.closing_cents for one in found[:-1]]
    assert [one.begins for one in found[1:]] == [one.ends for one in found[:-1]]
    assert found[-1].closing_cents == balance == world.balance(handle)
    with world.store.read() as session:
        assert ledger.balance(session, books.wallet(person)) == balance
