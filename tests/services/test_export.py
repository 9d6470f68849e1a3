"""The exported books: beancount loads them without an error and finds the same balances."""

import csv
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

from beancount import loader
from beancount.core import data, realization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import books, export
from bot.domain.books import Entry, Posting
from bot.services import claim
from bot.services.export import Format, export_books
from bot.store import ledger
from bot.store.engine import Store
from tests import builders
from tests.builders import NOON
from tests.world import World

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


def a_story(world: World) -> None:
    """Let money come in by card, be paid, held, claimed and given back, on two days."""
    world.join("bob", cents=10_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "12,34€"))
    world.confirm("bob", world.order("bob", "carol", "5€"))
    world.pass_time(hours=20)
    world.confirm("bob", world.order("bob", "dave", "6€"))
    world.pass_time(hours=31 * 24)
    claim.return_due(world.deps)


def exported(world: World, *, since: datetime | None = None) -> str:
    """Return the books as beancount."""
    return "\n".join(export_books(world.deps, "beancount", since=since)) + "\n"


def loaded(text: str) -> dict[str, int]:
    """Load a ledger with beancount; return each account's balance in cents, none that is zero."""
    entries, errors, _options = loader.load_string(text)
    assert errors == []
    found = {}
    tree = realization.realize(entries)  # type: ignore[no-untyped-call]  # beancount's own
    for account in realization.iter_children(tree):  # type: ignore[no-untyped-call]  # likewise
        cents = account.balance.get_currency_units("EUR").number * 100
        assert cents == int(cents), "whole cents"
        if cents:
            found[account.account] = int(cents)
    return found


def kept(world: World) -> dict[str, int]:
    """Return what the books say, by beancount's names and signs."""
    with world.store.read() as session:
        rows = session.execute(ledger.accounts.select()).all()
    return {
        export.beancount_name(row.name): -row.balance_cents for row in rows if row.balance_cents
    }


def test_bean_check_takes_the_export(world: World, tmp_path: Path) -> None:
    """The program itself, on a file; the balances that it proves stand in it."""
    a_story(world)
    path = tmp_path / "books.beancount"
    path.write_text(exported(world))
    ended = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
    assert "balance Assets:Cards 100.00 EUR" in path.read_text()


def test_a_wrong_balance_is_found_by_bean_check(world: World, tmp_path: Path) -> None:
    """The proof would not pass whatever stands there."""
    a_story(world)
    path = tmp_path / "books.beancount"
    path.write_text(exported(world).replace("Assets:Cards 100.00 EUR", "Assets:Cards 101.00 EUR"))
    ended = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    assert ended.returncode == 1


def test_beancount_finds_the_same_balances(world: World) -> None:
    """To the cent, by beancount's own sums; cards and bank with their sign turned."""
    a_story(world)
    found = loaded(exported(world))
    assert found == kept(world)
    assert found["Assets:Cards"] == 10_000
    assert found["Liabilities:Wallet:2"] == -1_234


def test_an_export_since_a_moment_begins_with_what_was_there(world: World) -> None:
    """The same balances, and only the entries since."""
    a_story(world)
    since = NOON + timedelta(hours=1)
    text = exported(world, since=since)
    assert loaded(text) == kept(world)
    entries, _errors, _options = loader.load_string(text)
    said = [one.narration or "" for one in entries if isinstance(one, data.Transaction)]
    assert said[0] == "brought forward"
    assert all(one.startswith("transfer:") for one in said[1:])
    assert len(said) == 4, "a hold, and two that came back after 30 days"


def test_an_export_since_a_time_to_come_holds_what_is_there(world: World) -> None:
    """Nothing but what was brought forward."""
    a_story(world)
    assert loaded(exported(world, since=world.clock.now() + timedelta(days=400))) == kept(world)


def test_empty_books_are_a_ledger_too(world: World) -> None:
    """No entry, no account, no error."""
    assert loaded(exported(world)) == {}


def test_the_values_hold_every_posting(world: World) -> None:
    """One line a posting; what each account's lines sum to is its balance as it is shown."""
    a_story(world)
    lines = list(csv.DictReader(export_books(world.deps, "csv")))
    sums: dict[str, int] = {}
    for line in lines:
        account = line["account"]
        sums[account] = sums.get(account, 0) + int(line["amount_cents"])
        assert datetime.fromisoformat(line["written_at"]).tzinfo is not None
    with world.store.read() as session:
        assert sums == dict(ledger.balances(session))
        assert len(lines) == ledger.counts(session)[1]
    later = list(csv.DictReader(export_books(world.deps, "csv", since=NOON + timedelta(hours=1))))
    assert 0 < len(later) < len(lines)
    assert later == [one for one in lines if one in later]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["wallet:1", "held:3", "payouts", "own:funds", "cards", "bank"]),
        st.sampled_from(["wallet:2", "held:4", "own:costs", "own:losses", "own:fees"]),
        st.integers(1, 10**11),
        st.integers(0, 40 * 24),
    ),
    max_size=15,
)


@given(moves=MOVES, since_h=st.integers(-1, 41 * 24))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_moves_beancount_agrees(
    moves: list[tuple[str, str, int, int]], since_h: int
) -> None:
    """Any entries at any times, exported whole or since any moment: no error, equal balances."""
    legs = [
        [
            export.Leg(number, f"move:{number}", NOON + timedelta(hours=hour), name, sign * cents)
            for name, sign in ((source, -1), (target, 1))
        ]
        for number, (source, target, cents, hour) in enumerate(moves)
    ]
    since = NOON + timedelta(hours=since_h)
    sums: dict[str, int] = {}
    before: dict[str, int] = {}
    for one in (leg for pair in legs for leg in pair):
        sums[one.account] = sums.get(one.account, 0) + one.amount_cents
        if one.written_at < since:
            before[one.account] = before.get(one.account, 0) + one.amount_cents
    text = [export.beancount_head(), *map(export.beancount_open, sums)]
    if any(before.values()):
        rest = [(name, cents) for name, cents in before.items() if cents]
        text.append(export.beancount_brought_forward(since, rest))
    text += [export.beancount_entry(pair) for pair in legs if pair[0].written_at >= since]
    end = NOON + timedelta(days=60)
    text += [export.beancount_balance(end, name, cents) for name, cents in sums.items()]
    expected = {export.beancount_name(name): -cents for name, cents in sums.items() if cents}
    assert loaded("\n".join(text) + "\n") == expected


def test_more_entries_take_no_more_memory(database_url: str) -> None:
    """The export is a stream: of three times as many entries it keeps no more at once."""
    forms: tuple[Format, ...] = ("csv", "beancount")
    store = Store(database_url)
    world = World(store)
    with store.write() as session:
        builders.person(session, "bob")

    def peaks(number: int) -> list[int]:
        with store.write() as session:
            for start in range(0, number, 500):
                legs = (Posting(books.CARDS, -1), Posting(books.wallet(1), 1))
                batch = [Entry(f"k{number}:{start + one}", legs) for one in range(500)]
                ledger.record(session, batch, now=lambda: NOON)
        return [peak(number, form) for form in forms]

    def peak(number: int, form: Format) -> int:
        tracemalloc.start()
        count = sum(1 for _line in export_books(world.deps, form))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count >= number
        return used

    peaks(500)  # what is loaded once is loaded
    few, many = peaks(1_000), peaks(3_000)
    store.close()
    for one, other in zip(few, many, strict=True):
        assert other < one * 2
