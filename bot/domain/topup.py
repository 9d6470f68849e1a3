"""A top-up: a card payment into the payer's own wallet, and its statuses."""

from collections.abc import Mapping
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
        _S.REFUNDED: frozenset(),
    }
)
"""DESIGN.md, "The life of a transfer". A saved card's charge goes from created to captured."""

UNFINISHED: Final = (TopupStatus.CREATED, TopupStatus.AUTHORIZED)
"""What the driver still has to bring to an end."""

ATTEMPTS_AN_ORDER: Final = 3
"""Top-ups that one payer of an order may begin: against card testing."""
FAILURES_A_PAGE: Final = 3
"""Failed charges on one hosted page, after which the driver closes it: against card testing."""
SESSION_MINUTES: Final = 31
"""Life of a hosted page (minutes): Stripe grants no less than 30 from when the call arrives."""


def may_go(old: TopupStatus, new: TopupStatus) -> bool:
    """Whether a top-up may go from one status to another."""
    return new in TRANSITIONS[old]
