"""The test cards: Stripe's numbers and what each of them does.

A number's country is Stripe's. The hosted page of this sandbox has a field for the country that
stands on FR, so that the plain cards (4242 …) pass with `CARD_COUNTRIES=FR`; the international
cards keep their own.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decline:
    """Why the issuer, or the network, says no."""

    code: str
    decline_code: str | None
    message: str


DECLINED = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

Secure = Literal["not_enrolled", "supported", "required_unless_set_up", "required"]
"""3-D Secure: never challenged, challenged when asked for, on the first use, always."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card by its number."""

    number: str
    country: str = "US"
    brand: str = "visa"
    decline: Decline | None = None
    attaches: bool = True
    """Whether a customer can keep it: a card that declines at once cannot be attached."""
    secure: Secure = "not_enrolled"
    disputed: bool = False
    """Whether its holder disputes every payment."""
    refund_fails: bool = False
    """Whether its issuer sends refunds back."""

    @property
    def last4(self) -> str:
        """The last four figures."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """The same for the same number, and tells nothing of it."""
        return sha256(f"card {self.number}".encode()).hexdigest()[:16]

    @property
    def page_country(self) -> str:
        """The country that the hosted page presets."""
        return self.country if self.number in INTERNATIONAL else "FR"


INTERNATIONAL = {
    "4000002500000003": "FR",
    "4000002500001001": "FR",
    "4000008260000000": "GB",
    "4000002760000016": "DE",
    "4000000560000004": "BE",
    "4000003800000008": "IT",
    "4000007240000007": "ES",
    "4000005280000002": "NL",
    "4000006200000007": "PT",
    "4000007560000009": "CH",
    "4000004420000006": "LU",
    "4000001240000000": "CA",
    "4000003920000003": "JP",
}
"""Plain cards of one country each, as Stripe lists them."""

_CARDS = (
    Card("4242424242424242"),
    Card("4000056655665556"),
    Card("5555555555554444", brand="mastercard"),
    Card("378282246310005", brand="amex"),
    Card("4000000000003055", secure="supported"),
    Card("4000000000003220", secure="required"),
    Card("4000002760003184", country="DE", secure="required"),
    Card("4000002500003155", country="FR", secure="required_unless_set_up"),
    Card("4000008260003178", country="GB", secure="required", decline=NO_FUNDS),
    Card("4000008400001629", secure="required", decline=DECLINED),
    Card("4000000000000341", decline=DECLINED),
    Card("4000000000000002", decline=DECLINED, attaches=False),
    Card("4000000000009995", decline=NO_FUNDS, attaches=False),
    Card("4000000000009987", decline=LOST, attaches=False),
    Card("4000000000009979", decline=STOLEN, attaches=False),
    Card("4000000000000069", decline=EXPIRED, attaches=False),
    Card("4000000000000127", decline=WRONG_CVC, attaches=False),
    Card("4000000000000119", decline=PROCESSING, attaches=False),
    Card("4000000000000259", disputed=True),
    Card("4000000000005126", refund_fails=True),
    *(Card(number, country=country) for number, country in INTERNATIONAL.items()),
)
CARDS = {card.number: card for card in _CARDS}

TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_fr": "4000002500000003",
    "pm_card_gb": "4000008260000000",
    "pm_card_de": "4000002760000016",
    "pm_card_be": "4000000560000004",
    "pm_card_it": "4000003800000008",
    "pm_card_es": "4000007240000007",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureOptional": "4000000000003055",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_refundFail": "4000000000005126",
}
"""Stripe's test payment methods, by the card that each stands for."""


def luhn(number: str) -> bool:
    """Say whether a card number's check figure fits."""
    total = 0
    for index, figure in enumerate(reversed(number)):
        value = int(figure) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def find_card(number: str) -> Card:
    """Return the test card of a number; any other is declined as a live card in test mode."""
    return CARDS.get(number) or Card(number, decline=NOT_A_TEST_CARD, attaches=False)
