"""Equal shares to the cent: nothing is lost, nothing is asked twice, the rest is the asker's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Refusal
from bot.domain.split import Shares, share

CENTS = st.integers(1, 999_999_999)
OTHERS = st.integers(1, 20)


@pytest.mark.parametrize(
    ("total", "others", "with_own", "each", "own"),
    [
        (3000, 2, True, 1000, 1000),
        (1000, 2, True, 333, 334),
        (1001, 2, True, 333, 335),
        (1, 1, False, 1, 0),
        (2, 1, True, 1, 1),
        (1000, 3, False, 333, 1),
        (1000, 2, False, 500, 0),
        (5, 4, True, 1, 1),
    ],
)
def test_shares_are_equal_and_the_odd_cents_are_the_askers(
    total: int, others: int, with_own: bool, each: int, own: int
) -> None:
    """With a share of their own the asker pays the cents that do not divide on top of it."""
    assert share(total, others, with_own=with_own) == Shares(each, own)


@pytest.mark.parametrize(
    ("total", "others", "with_own"), [(1, 1, True), (3, 4, False), (4, 4, True)]
)
def test_less_than_a_cent_for_each_is_refused(total: int, others: int, with_own: bool) -> None:
    """Nobody can be asked for nothing."""
    with pytest.raises(Refusal):
        share(total, others, with_own=with_own)


@given(CENTS, OTHERS, st.booleans())
def test_the_shares_are_the_total_to_the_cent(total: int, others: int, with_own: bool) -> None:
    """And the asker's differs from the others' by less than a cent for each of them."""
    parts = others + 1 if with_own else others
    if total < parts:
        return
    shares = share(total, others, with_own=with_own)
    assert shares.each_cents * others + shares.own_cents == total
    rest = shares.own_cents - (shares.each_cents if with_own else 0)
    assert 0 <= rest < parts


@given(CENTS, st.lists(st.text("123456789", min_size=1), min_size=1, max_size=5, unique=True))
def test_what_an_asker_agrees_to_is_bound_to_amounts_people_and_order(
    cents: int, ids: list[str]
) -> None:
    """Another amount, another person or another order has another hash."""
    shares = Shares(cents, 0)
    known = shares.hash("4F7K2Q", ids)
    assert known == Shares(cents, 0).hash("4F7K2Q", list(ids))
    assert known != Shares(cents + 1, 0).hash("4F7K2Q", ids)
    assert known != shares.hash("4F7K2R", ids)
    assert known != shares.hash("4F7K2Q", [*ids, "0"])
