"""A payout: its statuses and terms, the accounts at its ends, and what banks are told of it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from bot.domain.money import CURRENCY


def read_iban(text: str) -> str | None:
    """Return an IBAN without spaces; None where its shape or check digits are wrong (ISO 13616)."""
    iban = text.replace(" ", "").upper()
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return None
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return iban if int(digits) % 97 == 1 else None


def read_bic(text: str) -> str | None:
    """Return a BIC without spaces, or None where it is none (ISO 9362)."""
    bic = text.replace(" ", "").upper()
    return bic if re.fullmatch("[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", bic) else None


class PayoutStatus(StrEnum):
    """Where a payout stands; `TRANSITIONS` says where each may go."""

    REQUESTED = "requested"  # taken from the wallet, waits for the next file
    EXPORTED = "exported"  # in a file, once and for all
    SETTLED = "settled"  # the bank says that it left
    CANCELLED = "cancelled"  # before the file: back in the wallet
    RETURNED = "returned"  # it came back, from the file or later: back in the wallet


_S = PayoutStatus

TRANSITIONS: Final[Mapping[PayoutStatus, frozenset[PayoutStatus]]] = MappingProxyType(
    {
        _S.REQUESTED: frozenset({_S.EXPORTED, _S.CANCELLED}),
        _S.EXPORTED: frozenset({_S.SETTLED, _S.RETURNED}),
        _S.SETTLED: frozenset({_S.RETURNED}),
        _S.CANCELLED: frozenset(),
        _S.RETURNED: frozenset(),
    }
)
"""DESIGN.md, "The life of a transfer"."""

NAME_AT_MOST: Final = 70
"""Characters of a name in a SEPA file (EPC rulebook)."""
BUSINESS_DAYS_TO_ARRIVE: Final = 2
"""From the day on which a payout is asked for."""
_SATURDAY: Final = 5
_END_TO_END: Final = "SMONEY-PAYOUT-"


def may_go(old: PayoutStatus, new: PayoutStatus) -> bool:
    """Whether a payout may go from one status to another."""
    return new in TRANSITIONS[old]


def end_to_end_id(payout_id: int) -> str:
    """Name a payout to the banks: the key by which it comes back in their reports."""
    return f"{_END_TO_END}{payout_id}"


def read_end_to_end_id(text: str) -> int | None:
    """Return the payout that a bank's report names; None where it is none of ours.

    >>> read_end_to_end_id(end_to_end_id(7)), read_end_to_end_id("NOTPROVIDED")
    (7, None)
    """
    found = re.fullmatch(f"{_END_TO_END}([1-9][0-9]{{0,17}})", text.strip())
    return int(found[1]) if found else None


def bank_name(text: str) -> str:
    """Write a name with the characters that every SEPA bank takes; empty where nothing is left.

    >>> bank_name(" Zoé  Lefèvre & Cœur "), bank_name("李")
    ('Zoe Lefevre Coeur', '')
    """
    for letter, plain in _LIGATURES.items():
        text = text.replace(letter, plain)
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    kept = re.sub("[^A-Za-z0-9/?:().,'+ -]", " ", plain)
    return " ".join(kept.split())[:NAME_AT_MOST].strip()


_LIGATURES: Final = {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O"}


@dataclass(frozen=True, slots=True)
class PayoutTerms:
    """What a holder agrees to: an amount and the account that gets it (RTS 2018/389 art. 5)."""

    amount_cents: int
    iban: str
    holder_name: str

    def __post_init__(self) -> None:
        """Refuse terms that no payout can have."""
        assert self.amount_cents > 0, "a payout is of at least one cent"
        assert read_iban(self.iban) == self.iban, "an IBAN that was read"
        assert bank_name(self.holder_name) == self.holder_name != "", "a name that banks take"

    @property
    def hash(self) -> str:
        """SHA-256 of the terms, hexadecimal."""
        text = f"payout|{self.amount_cents}|{CURRENCY}|{self.iban}|{self.holder_name}"
        return sha256(text.encode()).hexdigest()


def most_cents(balance_cents: int, own_topups_cents: int) -> int:
    """Return what a wallet pays out at most: its balance less its own top-ups of late."""
    return max(0, balance_cents - own_topups_cents)


def arrives_on(day: date) -> date:
    """Return the day by which a payout that is asked for on a day is at its account.

    The file leaves on the next business day and the banks have one more (SEPA rulebook, 4.3). Bank
    holidays are not known here: it may be a day later then.

    >>> arrives_on(date(2026, 11, 25)), arrives_on(date(2026, 11, 27))
    (datetime.date(2026, 11, 27), datetime.date(2026, 12, 1))
    """
    left = BUSINESS_DAYS_TO_ARRIVE
    while left:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY:
            left -= 1
    return day


# --- what goes to the bank, and what comes from it ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Debtor:
    """The account that payouts leave from."""

    name: str
    iban: str
    bic: str


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """A payout in a file."""

    end_to_end_id: str
    amount_cents: int
    iban: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """A file of payouts: everything that its text is made of."""

    message_id: str
    made_at: datetime
    debtor: Debtor
    transfers: tuple[CreditTransfer, ...]

    @property
    def total_cents(self) -> int:
        """The sum of the file."""
        return sum(one.amount_cents for one in self.transfers)


@dataclass(frozen=True, slots=True)
class BankLine:
    """A booked movement of a bank's report that names its transfer."""

    end_to_end_id: str
    amount_cents: int
    is_credit: bool
    """Money that came: from anybody, under any name that its sender chose."""
    reason: str = ""
    """Why the bank gives a transfer back; empty where it does not say that it does."""

    @property
    def is_return(self) -> bool:
        """Whether the bank itself says that this gives a transfer back."""
        return self.reason != ""


@dataclass(frozen=True, slots=True)
class BankReport:
    """A statement or a notification of one account, as the bank names it."""

    report_id: str
    iban: str
    lines: tuple[BankLine, ...]
    closing_cents: int | None = None
    """The account's booked closing balance, below zero where it is overdrawn."""
    closing_on: date | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of the movements that the report says; its balance is not in it."""
        return sha256(repr((self.iban, self.lines)).encode()).hexdigest()
