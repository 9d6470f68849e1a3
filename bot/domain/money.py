"""Amounts: whole cents of euro, and the arithmetic that loses none of them.

There is one currency, so an amount is an `int` whose name ends in `_cents`.
"""

from typing import Final

CURRENCY: Final = "EUR"
"""ISO 4217 code of the only currency."""

MAX_AMOUNT_CENTS: Final = 999_999_999
"""The largest amount that a command may name (cents): 9 999 999.99 €, LANGUAGE.md, "Amounts"."""

PAYMENT_AT_MOST_CENTS: Final = 25_000
"""The most of one payment to a person (cents), where the operator sets no other: S-money's limit of
2014. An order is held to `Policy`; this keeps what is proposed within it."""


def shares(total_cents: int, heads: int) -> tuple[int, ...]:
    """Part a total into equal parts to the cent; the first part takes the cents that remain.

    >>> shares(1000, 3)
    (334, 333, 333)
    """
    assert total_cents >= 0, "a total below zero has no shares"
    assert heads > 0, "nobody to share with"
    part, rest = divmod(total_cents, heads)
    return (part + rest,) + (part,) * (heads - 1)
