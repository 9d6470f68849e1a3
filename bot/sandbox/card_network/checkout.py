"""What the hosted page does when it is submitted: a card is tried on the session's PaymentIntent.

Nothing is made before that. A no leaves the session open, so that another card can be tried.
"""

import re
from dataclasses import dataclass
from typing import Final

from bot.sandbox.card_network import charging, customers, sessions
from bot.sandbox.card_network.cards import find_card, luhn
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.texts import COUNTRIES

PAID: Final = frozenset({"requires_capture", "succeeded"})
"""Statuses of an intent with which its session is complete."""

_EXPIRY: Final = re.compile(r"([0-9]{1,2}) */? *(?:20)?([0-9]{2})")
_CENTURY: Final = 2000


@dataclass(frozen=True, slots=True)
class CardForm:
    """What a person typed."""

    number: str
    expiry: str
    cvc: str
    country: str = ""


def submit(net: Network, session: Obj, form: CardForm) -> str | None:
    """Try a card; return the name of what is wrong with the form, if anything is."""
    number = re.sub(r"[ -]", "", form.number)
    if not re.fullmatch(r"[0-9]{12,19}", number) or not luhn(number):
        return "incorrect_number"
    expiry = _read_expiry(net, form.expiry)
    if expiry is None:
        return "invalid_expiry"
    if not re.fullmatch(r"[0-9]{3,4}", form.cvc.strip()):
        return "invalid_cvc"
    card = find_card(number)
    country = form.country if form.country in COUNTRIES else card.page_country
    intent = sessions.intent_of(net, session)
    method = customers.make_method(net, card, expiry=expiry, country=country)
    method["card"]["checks"]["cvc_check"] = "pass"
    intent["payment_method"] = method["id"]
    charging.confirm(net, intent, return_url=session["success_url"])
    finish(net, session, intent)
    return None


def finish(net: Network, session: Obj, intent: Obj) -> None:
    """Complete the session where its intent is paid or authorized."""
    if intent["status"] in PAID:
        sessions.complete(net, session, intent)


def authenticate(net: Network, intent: Obj, *, passed: bool) -> None:
    """Go on after the 3-D Secure page; a second answer to it changes nothing."""
    session = session_of(net, intent)
    if intent["status"] != "requires_action" or (session and session["status"] != "open"):
        return
    charging.authenticate(net, intent, passed=passed)
    if session:
        finish(net, session, intent)


def session_of(net: Network, intent: Obj) -> Obj | None:
    """Return the session that an intent belongs to."""
    return net.store.find("checkout.session", net.store.note(intent["id"]).get("session"))


def success_url(session: Obj) -> str:
    """Return where the person goes once the card is taken."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _read_expiry(net: Network, text: str) -> tuple[int, int] | None:
    """Read `12/34`, `12 / 2034` or `1234`; None where it is no month that is still to come."""
    found = _EXPIRY.fullmatch(text.strip())
    if not found:
        return None
    month, year = int(found[1]), _CENTURY + int(found[2])
    return (month, year) if customers.is_valid_until(net, month, year) else None
