"""A top-up: a card payment into the payer's own wallet, and its statuses."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TopupStatus(StrEnum):
    """Where a top-up stands; `TRANSITIONS` says where each may go."""

    CREATED = "created"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"  # the card said no
    VOIDED = "voided"  # authorized, then given back: foreign card, limit, lapsed
    EXPIRED = "expired"  # abandoned
    DISPUTED = "disputed"
    REFUNDED = "refunded"


class DisputeStatus(StrEnum):
    """Where a dispute stands: `open` until the card network has decided."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class RefundStatus(StrEnum):
    """Where a refund to a card stands; one that failed is back in the wallet."""

    CREATED = "created"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_S = TopupStatus

TRANSITIONS: Final[Mapping[TopupStatus, frozenset[TopupStatus]]] = MappingProxyType(
    {
        _S.CREATED: frozenset({_S.AUTHORIZED, _S.CAPTURED, _S.DECLINED, _S.EXPIRED}),
        _S.AUTHORIZED: frozenset({_S.CAPTURED, _S.VOIDED}),
        _S.CAPTURED: frozenset({_S.DISPUTED, _S.REFUNDED}),
        _S.DISPUTED: frozenset({_S.CAPTURED, _S.REFUNDED}),
        _S.DECLINED: frozenset(),
        _S.VOIDED: frozenset(),
        _S.EXPIRED: frozenset(),
        _S.REFUNDED: frozenset({_S.CAPTURED, _S.DISPUTED}),  # the issuer sent a refund back later
    }
)
"""DESIGN.md, "The life of a transfer". A saved card's charge goes from created to captured."""

UNFINISHED: Final = (TopupStatus.CREATED, TopupStatus.AUTHORIZED)
"""What the driver still has to bring to an end."""
TAKEN: Final = (TopupStatus.CAPTURED, TopupStatus.DISPUTED, TopupStatus.REFUNDED)
"""The card paid, whatever became of the money since."""

ATTEMPTS_AN_ORDER: Final = 3
"""Top-ups that one payer of an order may begin: against card testing."""
FAILURES_A_PAGE: Final = 3
"""Failed charges on one hosted page, after which the driver closes it: against card testing."""
DECLINES_A_DAY: Final = 3
"""Failed attempts of a person, of a card or from an address in 24 hours: against card testing."""
CLOSED_FOR: Final = timedelta(hours=24)
"""How long cards are closed after the last of these, and the window in which they count."""
FAILURES_KEPT: Final = 2 * CLOSED_FOR
"""How long a failure is kept: its window, and as long as what it closes."""
KEYS_LAST: Final = timedelta(hours=23)
"""How long a key surely stands for the one call (Stripe forgets it after 24 hours at the earliest):
a charge that was asked for before that, its outcome unknown, is looked for first."""
SESSION_MINUTES: Final = 31
"""Life of a hosted page (minutes): Stripe grants no less than 30 from when the call arrives."""


def may_go(old: TopupStatus, new: TopupStatus) -> bool:
    """Whether a top-up may go from one status to another."""
    return new in TRANSITIONS[old]


def taken_as(*, is_refunded_whole: bool, is_disputed: bool) -> TopupStatus:
    """Return where a top-up stands whose card has paid.

    >>> taken_as(is_refunded_whole=True, is_disputed=True).value
    'refunded'
    """
    if is_refunded_whole:
        return TopupStatus.REFUNDED
    return TopupStatus.DISPUTED if is_disputed else TopupStatus.CAPTURED


def is_closed(failed_at: Iterable[datetime], at: datetime) -> bool:
    """Whether cards are closed now, given when attempts failed: three in a day close for a day."""
    times = sorted(failed_at)
    last_of = zip(times, times[DECLINES_A_DAY - 1 :], strict=False)
    return any(last - first <= CLOSED_FOR and at - last < CLOSED_FOR for first, last in last_of)
