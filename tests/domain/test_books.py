"""The journal's entries, case by case, as a table of postings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import books
from bot.domain.books import Entry, Posting

CASES = [
    (books.capture("t0", 1, 500), "topup:t0:capture", {"cards": -500, "wallet:1": 500}),
    (books.post(9, 1, 2, 500), "transfer:9:post", {"wallet:1": -500, "wallet:2": 500}),
    (books.hold(9, 1, 500), "transfer:9:hold", {"wallet:1": -500, "held:9": 500}),
    (books.claim(9, 2, 500), "transfer:9:claim", {"held:9": -500, "wallet:2": 500}),
    (books.give_back(9, 1, 500), "transfer:9:return", {"held:9": -500, "wallet:1": 500}),
]


@pytest.mark.parametrize(("entry", "key", "legs"), CASES, ids=[case[1] for case in CASES])
def test_each_case_moves_these_accounts_under_this_key(
    entry: Entry, key: str, legs: dict[str, int]
) -> None:
    """DESIGN.md, "The ledger": what goes where, and how it is keyed."""
    assert entry.key == key
    assert {leg.account: leg.amount_cents for leg in entry.postings} == legs


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Posting("cards", -1),),
        (Posting("cards", -2), Posting("wallet:1", 1)),
        (Posting("cards", 0), Posting("wallet:1", 0)),
    ],
)
def test_an_entry_that_would_break_the_books_cannot_be_made(legs: tuple[Posting, ...]) -> None:
    """Too few legs, a sum that is not zero, a leg of nothing: a programmer's error."""
    with pytest.raises(AssertionError):
        Entry("key", legs)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_entries_with_the_same_postings_have_the_same_hash(one: int, other: int) -> None:
    """The hash tells a repetition from a contradiction under the same key."""
    first, second = books.post(1, 2, 3, one), books.post(1, 2, 3, other)
    assert (first.hash == second.hash) == (one == other)
