"""What is known of a person, and what each level may pay, receive, hold and pay out.

The figures are one table, `bot/config/levels.toml`, or the operator's own of the same shape
(`LEVELS_FILE`). Person-to-person e-money has no waiver of identification in France (Code monétaire
et financier, R. 561-16-1): who has not declared who they are neither pays nor receives, and money
for them waits. The settings' ceilings hold for every level besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bot.domain.errors import Refusal
from bot.domain.replies import Reply


class Level(StrEnum):
    """How well a person is known."""

    UNVERIFIED = "unverified"  # a phone, and no name yet
    DECLARED = "declared"  # they said their name and date of birth
    VERIFIED = "verified"  # an operator saw a proof of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """One row of the table; 0 is nothing at all."""

    pay_cents: int
    """In one transfer."""
    pay_30_days_cents: int
    receive_cents: int
    """In one transfer; at 0 money waits until more is known."""
    hold_cents: int
    """In the wallet."""
    pay_out_cents: int
    """In one payout."""


RIGHTS: Final = tuple(field.name for field in fields(Rights))
"""The columns of the table."""
Levels = Mapping[str, Rights]
"""The table: what each `Level` may do."""
_NOTHING: Final = Rights(
    pay_cents=0, pay_30_days_cents=0, receive_cents=0, hold_cents=0, pay_out_cents=0
)
_NO_CEILING: Final = 10**12
_OPEN: Final = Rights(
    pay_cents=_NO_CEILING,
    pay_30_days_cents=_NO_CEILING,
    receive_cents=_NO_CEILING,
    hold_cents=_NO_CEILING,
    pay_out_cents=_NO_CEILING,
)
WITHOUT_A_TABLE: Final[Levels] = MappingProxyType(
    {Level.UNVERIFIED: _NOTHING, Level.DECLARED: _OPEN, Level.VERIFIED: _OPEN}
)
"""Where no table was read: the law's one word, and no ceiling beside the settings'."""


def check_pay(
    rights: Rights, largest_cents: int, *, paid_30_days_cents: int, total_cents: int
) -> None:
    """Refuse a payment that the payer's level does not permit."""
    if rights.pay_cents == 0:
        raise Refusal(Reply.of("refusal.not_declared"))
    if (
        largest_cents > rights.pay_cents
        or paid_30_days_cents + total_cents > rights.pay_30_days_cents
    ):
        raise Refusal(Reply.of("refusal.above_level"))


def check_pay_out(rights: Rights, amount_cents: int) -> None:
    """Refuse a payout that its owner's level does not permit."""
    if rights.pay_out_cents == 0:
        raise Refusal(Reply.of("refusal.not_declared"))
    if amount_cents > rights.pay_out_cents:
        raise Refusal(Reply.of("refusal.above_level"))
