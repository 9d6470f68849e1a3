"""What happens when a PaymentIntent meets a card: 3-D Secure, authorization, capture or a no.

Each attempt on a card leaves a charge, succeeded or failed, and its events. A no is returned, not
raised: the hosted page shows it, the API answers 402 with it.
"""

from typing import Any, Final

from bot.sandbox.card_network import balance, customers, disputes
from bot.sandbox.card_network.cards import AUTHENTICATION_REQUIRED, Card, Decline
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.store import random_id

AUTHENTICATION_FAILED: Final = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)

_ASKED_FOR: Final = frozenset({"any", "challenge"})
"""Values of `request_three_d_secure` that ask for it wherever the card supports it."""


def confirm(
    net: Network, intent: Obj, *, off_session: bool = False, return_url: str | None = None
) -> Decline | None:
    """Try the intent's payment method: authorized or captured, 3-D Secure asked for, or a no."""
    method = net.store.get("payment_method", intent["payment_method"])
    card = net.card_of(method)
    intent["last_payment_error"] = None
    if _needs_person(net, intent, method, card):
        if off_session:
            return _fail(net, intent, method, AUTHENTICATION_REQUIRED, charged=True)
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "url": f"{net.public_url}/3ds/{intent['id']}",
                "return_url": return_url,
            },
        }
        net.emit("payment_intent.requires_action", intent)
        return None
    return _charge(net, intent, method, secure=_without_challenge(intent, card))


def authenticate(net: Network, intent: Obj, *, passed: bool) -> Decline | None:
    """Go on after the 3-D Secure page."""
    method = net.store.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        return _fail(net, intent, method, AUTHENTICATION_FAILED, charged=False)
    return _charge(net, intent, method, secure=_three_d_secure("challenge", "authenticated"))


def _asked_for(intent: Obj) -> bool:
    options = intent["payment_method_options"].get("card") or {}
    return options.get("request_three_d_secure") in _ASKED_FOR


def _needs_person(net: Network, intent: Obj, method: Obj, card: Card) -> bool:
    """Say whether the issuer wants to see the person."""
    match card.secure:
        case "required":
            return True
        case "required_unless_set_up":
            return "set_up" not in net.store.note(method["id"]) or _asked_for(intent)
        case "supported":
            return _asked_for(intent)
        case "not_enrolled":
            return False


def _without_challenge(intent: Obj, card: Card) -> Obj | None:
    """Return what 3-D Secure says of a card that was not challenged."""
    if card.secure == "not_enrolled" and _asked_for(intent):
        return _three_d_secure(None, "attempt_acknowledged", reason="card_not_enrolled")
    return None


def _three_d_secure(flow: str | None, result: str, *, reason: str | None = None) -> Obj:
    return {
        "authentication_flow": flow,
        "electronic_commerce_indicator": "05" if result == "authenticated" else "06",
        "exemption_indicator": None,
        "result": result,
        "result_reason": reason,
        "transaction_id": random_id("ds"),
        "version": "2.2.0",
    }


def _charge(net: Network, intent: Obj, method: Obj, *, secure: Obj | None) -> Decline | None:
    """Ask the issuer."""
    decline = net.card_of(method).decline
    if decline is not None:
        return _fail(net, intent, method, decline, charged=True, secure=secure)
    charge = _make_charge(net, intent, method, secure=secure)
    intent["latest_charge"] = charge["id"]
    net.store.note(method["id"])["spent"] = True
    _set_up(net, intent, method)
    if intent["capture_method"] == "manual":
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        net.emit("charge.succeeded", charge)
        net.emit("payment_intent.amount_capturable_updated", intent)
        return None
    collect(net, intent, charge, intent["amount"])
    net.emit("charge.succeeded", charge)
    net.emit("payment_intent.succeeded", intent)
    dispute_by_card(net, charge)
    return None


def dispute_by_card(net: Network, charge: Obj) -> None:
    """Let the holder of the disputing test card dispute at once."""
    if net.card_of(net.store.get("payment_method", charge["payment_method"])).disputed:
        disputes.open_dispute(net, charge)


def collect(net: Network, intent: Obj, charge: Obj, amount_cents: int) -> None:
    """Take an authorized amount: the charge is captured and the balance credited."""
    fee_cents = balance.charge_fee_cents(amount_cents)
    transaction = balance.record(
        net, kind="charge", amount_cents=amount_cents, fee_cents=fee_cents, source=charge["id"]
    )
    charge.update(
        captured=True, amount_captured=amount_cents, balance_transaction=transaction["id"]
    )
    intent.update(status="succeeded", amount_received=amount_cents, amount_capturable=0)


def _make_charge(
    net: Network,
    intent: Obj,
    method: Obj,
    *,
    secure: Obj | None,
    decline: Decline | None = None,
) -> Obj:
    """Write an attempt down."""
    charge = net.store.add(
        "charge",
        amount=intent["amount"],
        billing_details=method["billing_details"],
        customer=intent["customer"],
        description=intent["description"],
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        metadata=dict(intent["metadata"]),
        outcome=_outcome(decline),
        paid=decline is None,
        payment_intent=intent["id"],
        payment_method=method["id"],
        status="failed" if decline else "succeeded",
    )
    charge["refunds"]["url"] = f"/v1/charges/{charge['id']}/refunds"
    shown = {
        name: method["card"][name]
        for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")
    }
    charge["payment_method_details"]["card"].update(
        shown,
        amount_authorized=None if decline else intent["amount"],
        last4=method["card"]["last4"],
        three_d_secure=secure,
        wallet=None,
        installments=None,
        network=method["card"]["brand"],
    )
    return charge


def _outcome(decline: Decline | None) -> Obj:
    """Return what Stripe says of an attempt."""
    outcome: dict[str, Any] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline:
        outcome.update(
            network_status="declined_by_network",
            network_decline_code="05",
            reason=decline.decline_code,
            seller_message="The bank did not return any further details with this decline.",
            type="issuer_declined",
        )
    return outcome


def _fail(
    net: Network,
    intent: Obj,
    method: Obj,
    decline: Decline,
    *,
    charged: bool,
    secure: Obj | None = None,
) -> Decline:
    """Write a no down: the intent waits for another card."""
    error: Obj = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": dict(method),
        "type": "card_error" if charged else "invalid_request_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if charged:
        charge = _make_charge(net, intent, method, secure=secure, decline=decline)
        intent["latest_charge"] = error["charge"] = charge["id"]
        net.emit("charge.failed", charge)
    intent.update(
        last_payment_error=error,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    net.emit("payment_intent.payment_failed", intent)
    return decline


def _set_up(net: Network, intent: Obj, method: Obj) -> None:
    """Keep the card for later where the intent says so."""
    if not intent["setup_future_usage"]:
        return
    net.store.note(method["id"])["set_up"] = True
    if intent["customer"] and method["customer"] is None:
        customers.keep(net, method, net.store.get("customer", intent["customer"]))
