"""The ledger alone beside a model: entries with any legs, in batches, repeated and contradicted."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy.exc import IntegrityError

from bot.domain import books
from bot.domain.books import Entry, Posting
from bot.services.check import prove
from bot.store import ledger
from bot.store.engine import Store
from tests.builders import NOON

UNEXPLAINED = "that no fact explains"
"""What the proof says of every leg here: no transfer and no top-up stands behind it."""

WALLETS = ("wallet:1", "wallet:2")

moves = st.tuples(
    st.integers(0, 5),
    st.dictionaries(
        st.sampled_from([*WALLETS, books.CARDS, books.BANK]),
        st.sampled_from([-100, -1, 1, 100, 300, 500]),
        min_size=1,
        max_size=3,
    ),
)
"""The number of an entry and its legs; `own:funds` takes what they leave over."""


class LedgerMachine(RuleBasedStateMachine):
    """What was recorded under which key, and what each account has by that."""

    def __init__(self, fresh: Callable[[], Store]) -> None:
        super().__init__()
        self.store = fresh()
        self.cents = Counter[str]()
        self.known: dict[str, Entry] = {}

    @rule(some=st.lists(moves, min_size=1, max_size=4), fails=st.booleans())
    def record(self, some: list[tuple[int, dict[str, int]]], fails: bool) -> None:
        """A batch is recorded whole or not at all; what is known changes nothing."""
        batch = [_entry(number, legs) for number, legs in some]
        known, cents = dict(self.known), self.cents.copy()
        contradicts = False
        for one in batch:
            contradicts = contradicts or known.setdefault(one.key, one).hash != one.hash
        for key in known.keys() - self.known.keys():
            for leg in known[key].postings:
                cents[leg.account] += leg.amount_cents
        below = any(cents[name] < 0 for name in WALLETS)
        expected = AssertionError if contradicts else IntegrityError if below else ZeroDivisionError
        if contradicts or below or fails:
            with pytest.raises(expected):
                self._write(batch, fails=True)
            return
        self._write(batch, fails=False)
        self.known, self.cents = known, cents

    def _write(self, batch: list[Entry], *, fails: bool) -> None:
        with self.store.write() as session:
            ledger.record(session, batch, now=lambda: NOON)
            if fails:
                raise ZeroDivisionError  # something else in the same commit went wrong

    @invariant()
    def balances_and_entries_are_the_models(self) -> None:
        """No cent more, none less, and every entry with its legs."""
        with self.store.read() as session:
            shown = dict(ledger.balances(session))
            entries, postings, _accounts = ledger.counts(session)
        turned = {
            name: -cents if name in books.SIGN_TURNED else cents for name, cents in shown.items()
        }
        assert Counter(turned) == self.cents, f"{turned}, the model says {self.cents}"
        assert sum(turned.values()) == 0, turned
        legs = sum(len(one.postings) for one in self.known.values())
        assert (entries, postings) == (len(self.known), legs)

    @invariant()
    def nothing_else_is_wrong(self) -> None:
        """The proof misses the facts behind the entries, and nothing else."""
        problems = prove(self.store).problems
        assert [one for one in problems if not one.endswith(UNEXPLAINED)] == []

    def teardown(self) -> None:
        """Leave the file."""
        self.store.close()


def _entry(number: int, legs: dict[str, int]) -> Entry:
    rest = -sum(legs.values())
    postings = [Posting(name, cents) for name, cents in legs.items()]
    if rest or len(postings) == 1:
        postings.append(Posting(books.FUNDS, rest))
    return Entry(f"entry:{number}", tuple(postings))
