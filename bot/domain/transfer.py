"""A transfer: one amount from one payer to one payee, its statuses and its terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from bot.domain.money import CURRENCY


class TransferStatus(StrEnum):
    """Where a transfer stands; `TRANSITIONS` says where each may go."""

    PENDING = "pending"  # waits for its payer
    FUNDING = "funding"  # its payer is with the card; only the driver moves it
    POSTED = "posted"  # the payee has it
    HELD = "held"  # taken from the payer, waits for the payee
    RETURNED = "returned"  # was held, went back to the payer's wallet
    CANCELLED = "cancelled"
    DECLINED = "declined"  # the payer of a request said no
    EXPIRED = "expired"


_S = TransferStatus

TRANSITIONS: Final[Mapping[TransferStatus, frozenset[TransferStatus]]] = MappingProxyType(
    {
        _S.PENDING: frozenset(
            {_S.FUNDING, _S.POSTED, _S.HELD, _S.CANCELLED, _S.DECLINED, _S.EXPIRED}
        ),
        _S.FUNDING: frozenset({_S.PENDING, _S.POSTED, _S.HELD, _S.CANCELLED}),
        _S.HELD: frozenset({_S.POSTED, _S.RETURNED}),
        _S.POSTED: frozenset(),
        _S.RETURNED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.DECLINED: frozenset(),
        _S.EXPIRED: frozenset(),
    }
)
"""DESIGN.md, "The life of a transfer"."""


class Reason(StrEnum):
    """Why a transfer came to its status; stands in its history."""

    ORDERED = "ordered"
    CONFIRMED_FROM_WALLET = "confirmed_from_wallet"
    CONFIRMED_BY_CARD = "confirmed_by_card"
    CARD_CAPTURED = "card_captured"
    CARD_DECLINED = "card_declined"
    CARD_ABANDONED = "card_abandoned"
    CARD_LAPSED = "card_lapsed"
    CARD_NOT_ACCEPTED = "card_not_accepted"
    PAYEE_HAS_NO_WALLET = "payee_has_no_wallet"
    PAYEE_NOT_DECLARED = "payee_not_declared"
    PAYEE_AT_CEILING = "payee_at_ceiling"
    PAYEE_IS_LOCKED = "payee_is_locked"
    NO_LONGER_POSSIBLE = "no_longer_possible"
    UNTICKED = "unticked"
    EDITED = "edited"
    CANCELLED_BY_OWNER = "cancelled_by_owner"
    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    DECLINED_BY_PAYER = "declined_by_payer"
    POST_GONE = "post_gone"
    NOT_CONFIRMED_IN_TIME = "not_confirmed_in_time"
    CLAIMED = "claimed"
    TAKEN_BACK = "taken_back"
    REFUSED_BY_PAYEE = "refused_by_payee"
    NOT_CLAIMED_IN_TIME = "not_claimed_in_time"
    CARD_DISPUTED = "card_disputed"
    REFUNDED = "refunded"

    @property
    def is_payees_own(self) -> bool:
        """Whether it says what keeps a payee from taking money: the payer reads that it waits."""
        return self.name.startswith("PAYEE_")


def may_go(old: TransferStatus, new: TransferStatus) -> bool:
    """Whether a transfer may go from one status to another."""
    return new in TRANSITIONS[old]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a payer agrees to: an amount and a payee (dynamic linking, RTS 2018/389 art. 5)."""

    amount_cents: int
    payee_x_user_id: str
    currency: str = CURRENCY

    def __post_init__(self) -> None:
        """Refuse terms that no transfer can have."""
        assert self.amount_cents > 0, "a transfer is of at least one cent"
        assert self.payee_x_user_id, "a transfer has a payee"

    @property
    def hash(self) -> str:
        """SHA-256 of the terms, hexadecimal."""
        text = f"{self.amount_cents}|{self.currency}|{self.payee_x_user_id}"
        return sha256(text.encode()).hexdigest()


def confirmation_hash(reference: str, hashes: Iterable[tuple[int, str]]) -> str:
    """Return the hash of what a confirmation covers: numbered transfers of one order, in order."""
    lines = [f"{number}:{terms_hash}" for number, terms_hash in sorted(hashes)]
    assert lines, "a confirmation covers at least one transfer"
    return sha256("\n".join([reference, *lines]).encode()).hexdigest()
