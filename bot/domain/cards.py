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


LineKind = Literal["charge", "refund", "refund_failed", "dispute", "dispute_won", "other"]
"""What moved our balance at the acquirer, in our words."""


@dataclass(frozen=True, slots=True)
class AcquirerLine:
    """A movement that a payout of the acquirer took in, before its fee.

    `about` is the id of the payment, refund or dispute that it is of.
    """

    id: str
    kind: LineKind
    about: str
    amount_cents: int
    fee_cents: int

    @property
    def own_fee_cents(self) -> int:
        """The fee that this line costs us anew: a dispute's was booked with the dispute."""
        return 0 if self.kind in ("dispute", "dispute_won") else self.fee_cents

    @property
    def net_cents(self) -> int:
        """What the line brought to the payout."""
        return self.amount_cents - self.fee_cents


@dataclass(frozen=True, slots=True)
class AcquirerPayout:
    """Money that the acquirer sent to the safeguarding account, as it says itself."""

    id: str
    amount_cents: int
    arrives_at: datetime
