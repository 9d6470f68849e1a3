"""Orders, limits, strong authentication and shares: the small pure rules, as tables."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import limits, order, sca
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.domain.money import shares

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFF = Policy()
ON = Policy(card_sca_covers_transfer=True)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("4F7K2Q", True),
        ("PLEASE", False),
        ("234567", False),
        ("4F7K2", False),
        ("4F7K2QA", False),
        ("4F7K2O", False),
        ("4F7K21", False),
        ("4f7k2q", False),
        ("4F7K2é", False),
    ],
)
def test_a_reference_has_a_letter_a_digit_and_no_look_alikes(text: str, is_one: bool) -> None:
    """Six of the alphabet: what people type is brought to upper case before."""
    assert order.is_reference(text) == is_one


@pytest.mark.parametrize(
    ("answered_after_h", "expires_after_h"), [(0, 24), (1, 25), (6, 30), (9, 30)]
)
def test_the_time_to_confirm_starts_with_the_reply_and_has_an_end(
    answered_after_h: int, expires_after_h: int
) -> None:
    """24 hours after the reply, 30 after the creation at most."""
    until = order.confirm_by_after_reply(
        NOON + timedelta(hours=answered_after_h), NOON, confirm_within_h=24, answer_within_h=6
    )
    assert until == NOON + timedelta(hours=expires_after_h)


def needs(bites: Literal["amount", "total"], *, card: bool = False) -> sca.NeedsSca:
    """Strong authentication is needed for a figure that is passed."""
    return sca.NeedsSca(card_would_do=card, bites=bites)


@pytest.mark.parametrize(
    ("amount", "since", "policy", "expected"),
    [
        (3000, 0, OFF, sca.Allowed(sca.Basis.LOW_VALUE)),
        (3001, 0, OFF, needs("amount")),
        (3001, 0, ON, needs("amount", card=True)),
        (3000, 7000, OFF, sca.Allowed(sca.Basis.LOW_VALUE)),
        (3000, 7001, OFF, needs("total")),
        (1, 10_000, OFF, needs("total")),
        (1, 10_000, ON, needs("total", card=True)),
        (3001, 10_000, OFF, needs("amount")),
    ],
)
def test_from_the_wallet_only_low_value_goes_without_authentication(
    amount: int, since: int, policy: Policy, expected: sca.Allowed | sca.NeedsSca
) -> None:
    """RTS 2018/389 art. 16: 30 € each and 100 € in total since the last authentication."""
    assert sca.from_wallet(amount, since, policy) == expected


@pytest.mark.parametrize(
    ("amount", "recorded", "three_d_secure", "policy", "expected"),
    [
        (3000, "low_value", False, OFF, sca.Allowed(sca.Basis.LOW_VALUE)),
        (3000, "card_3ds", True, ON, sca.Allowed(sca.Basis.CARD_3DS)),
        (3001, "card_3ds", True, ON, sca.Allowed(sca.Basis.CARD_3DS)),
        (3001, "card_3ds", False, ON, needs("amount", card=True)),
        (3001, "low_value", True, OFF, needs("amount")),
        (3001, "card_3ds", True, OFF, needs("amount")),
        (3001, "code", False, OFF, sca.Allowed(sca.Basis.CODE)),
        (3001, "passkey", True, OFF, sca.Allowed(sca.Basis.PASSKEY)),
    ],
)
def test_the_cards_3d_secure_counts_only_where_the_operator_says_so(
    amount: int,
    recorded: str,
    three_d_secure: bool,
    policy: Policy,
    expected: sca.Allowed | sca.NeedsSca,
) -> None:
    """`CARD_SCA_COVERS_TRANSFER` is off by default; on, it needs 3-D Secure to have happened.

    Factors of our own, given before the card's page, do either way.
    """
    by_card = sca.by_card(amount, 0, three_d_secure=three_d_secure, policy=policy)
    assert sca.recorded(recorded, by_card) == expected


@pytest.mark.parametrize(
    ("amount", "to_organisation", "fits"),
    [(25_000, False, True), (25_001, False, False), (50_000, True, True), (50_001, True, False)],
)
def test_one_transfer_has_a_limit(amount: int, to_organisation: bool, fits: bool) -> None:
    """250 € to a person, 500 € to an organisation."""
    if fits:
        limits.check_amount(amount, to_organisation=to_organisation, policy=OFF)
        return
    with pytest.raises(Refusal) as refused:
        limits.check_amount(amount, to_organisation=to_organisation, policy=OFF)
    assert refused.value.reply.key == "refusal.above_limit"


def test_thirty_days_have_a_limit_to_the_cent() -> None:
    """500 € is allowed, a cent more is not."""
    limits.check_30_days(40_000, 10_000, OFF)
    with pytest.raises(Refusal):
        limits.check_30_days(40_000, 10_001, OFF)


@given(st.integers(0, 10**9), st.integers(1, 50))
def test_shares_are_equal_to_the_cent_and_lose_nothing(total: int, heads: int) -> None:
    """The remainder goes to the first, who asked; all others have the same."""
    first, *others = shares(total, heads)
    assert first + sum(others) == total
    assert len(set(others)) <= 1
    assert all(first - other in range(heads) for other in others)
