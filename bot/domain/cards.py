"""What an acquirer tells of a card besides its payment: failures, disputes, refunds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class CardFailure:
    """An attempt that failed on a hosted page; `key` is the acquirer's name of it."""

    key: str
    card_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class CardDispute:
    """A dispute at the acquirer; `taken` once it moved money, with its fee."""

    id: str
    payment_id: str
    amount_cents: int
    fee_cents: int
    status: Literal["open", "won", "lost"]
    taken: bool
    respond_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class CardRefund:
    """A refund at the acquirer; `failed` where the card's issuer sent it back."""

    id: str
    amount_cents: int
    failed: bool
    reason: str | None = None
