"""The state machine of a transfer, as a table, and the hash of what a payer agrees to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.transfer import TRANSITIONS, Terms, TransferStatus, confirmation_hash, may_go

S = TransferStatus
ALLOWED = {
    (S.PENDING, S.FUNDING),
    (S.PENDING, S.POSTED),
    (S.PENDING, S.HELD),
    (S.PENDING, S.CANCELLED),
    (S.PENDING, S.DECLINED),
    (S.PENDING, S.EXPIRED),
    (S.FUNDING, S.PENDING),
    (S.FUNDING, S.POSTED),
    (S.FUNDING, S.HELD),
    (S.FUNDING, S.CANCELLED),
    (S.HELD, S.POSTED),
    (S.HELD, S.RETURNED),
}


@pytest.mark.parametrize("old", list(S))
@pytest.mark.parametrize("new", list(S))
def test_a_transfer_moves_only_as_the_design_draws_it(old: S, new: S) -> None:
    """Each of the 64 pairs is either in DESIGN.md's picture or impossible."""
    assert may_go(old, new) == ((old, new) in ALLOWED)


def test_what_has_ended_never_moves_again() -> None:
    """The statuses without a way out are exactly the six ends."""
    ends = {status for status, ways in TRANSITIONS.items() if not ways}
    assert ends == {S.POSTED, S.RETURNED, S.CANCELLED, S.DECLINED, S.EXPIRED}


@given(
    amounts=st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)),
    payees=st.tuples(st.integers(1, 10**18), st.integers(1, 10**18)),
)
def test_terms_have_the_same_hash_exactly_where_they_are_the_same(
    amounts: tuple[int, int], payees: tuple[int, int]
) -> None:
    """Another amount or another payee is another hash (RTS 2018/389 art. 5)."""
    one = Terms(amounts[0], str(payees[0]))
    other = Terms(amounts[1], str(payees[1]))
    assert (one == other) == (one.hash == other.hash)


@pytest.mark.parametrize("amount_cents", [0, -1])
def test_a_transfer_of_nothing_is_a_programmers_error(amount_cents: int) -> None:
    """No terms can be made with less than a cent."""
    with pytest.raises(AssertionError):
        Terms(amount_cents, "1")


def test_a_confirmation_covers_what_was_shown_and_nothing_else() -> None:
    """Its hash depends on the order, on which transfers, and on their terms, not on their order."""
    first, second = (1, Terms(1000, "7").hash), (2, Terms(500, "8").hash)
    both = confirmation_hash("4F7K2Q", [first, second])
    assert both == confirmation_hash("4F7K2Q", [second, first])
    assert both != confirmation_hash("4F7K2Q", [first])
    assert both != confirmation_hash("4F7K2R", [first, second])
    assert both != confirmation_hash("4F7K2Q", [first, (2, Terms(501, "8").hash)])
