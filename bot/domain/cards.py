"""What there is to know of a card besides its payment: its mandate, failures, disputes, refunds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal

from bot.domain.commands import Lang

MANDATE_VERSION: Final = "2026-11"
"""The words of `page.keep.means`, which a mandate's giver has read; recorded with it."""
MANDATE_DAYS: Final = 365
"""How long a mandate lasts (days): long enough to be of use, and asked for again every year."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a mandate permits, as it stands on the page: the most of one charge, and its end."""

    version: str
    limit_cents: int
    ends_at: datetime

    @property
    def text(self) -> str:
        """Name it, so that a form tells which one was shown: `2026-11/3000/2027-11-25`."""
        return f"{self.version}/{self.limit_cents}/{self.ends_at:%Y-%m-%d}"

    def agreed_with(self, terms_hash: str) -> str:
        """Return the hash of what is authenticated where it is given with a payment's terms."""
        return sha256(f"mandate|{self.text}|{terms_hash}".encode()).hexdigest()


def permission(limit_cents: int, at: datetime) -> Permission:
    """Return what a page shown at this moment asks for: it ends as its last day begins, in UTC."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Permission(MANDATE_VERSION, limit_cents, day + timedelta(days=MANDATE_DAYS))


def read_permission(text: str, limit_cents: int, at: datetime) -> Permission | None:
    """Return the permission that a form names; None where no page of today or yesterday had it."""
    shown = (permission(limit_cents, at - timedelta(days=days)) for days in (0, 1))
    return next((one for one in shown if one.text == text), None)


NEEDS_PERSON: Final = "refusal.card_needs_person"
"""Where the issuer of a saved card wants to see its holder."""
_REFUSALS: Final = {
    "authentication_required": NEEDS_PERSON,
    "expired_card": "refusal.card_expired",
    "insufficient_funds": "refusal.card_no_funds",
    "payment_intent_authentication_failure": "refusal.card_not_authenticated",
}
"""What its holder can mend, by the acquirer's word. Of a lost or stolen card they learn no more
than of any other: whoever holds it may not be its owner."""


def refusal_of(decline_code: str | None) -> str:
    """Return the key of the sentence that says why a card was declined."""
    return _REFUSALS.get(decline_code or "", "refusal.card_declined")


def is_expired(exp_month: int, exp_year: int, at: datetime) -> bool:
    """Whether a card is past its last month."""
    return (exp_year, exp_month) < (at.year, at.month)


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card kept at the acquirer."""

    customer_id: str
    payment_method_id: str
    brand: str
    last4: str
    country: str | None
    exp_month: int
    exp_year: int
    fingerprint: str | None = None
    """The same for the same number, however often it was typed."""


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


@dataclass(frozen=True, slots=True)
class CardEvent:
    """A webhook's event: only a hint to look, what it points at is read from the acquirer."""

    id: str
    type: str
    topup_id: str | None
    session_id: str | None
    payment_id: str | None
    dispute_id: str | None = None
    refund_id: str | None = None


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


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What the acquirer's hosted page is to ask for."""

    topup_id: str
    reference: str
    amount_cents: int
    success_url: str
    cancel_url: str
    expires_at: datetime
    lang: Lang
    customer_id: str | None = None
    """For whom the card is kept, to be charged off-session later; None: it is not kept."""
