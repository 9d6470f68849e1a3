"""PaymentIntents: `/v1/payment_intents`, and the charges that they leave behind."""

from typing import Any, Final

from bot.sandbox.card_network import charging, customers
from bot.sandbox.card_network.cards import Decline
from bot.sandbox.card_network.errors import ApiError, invalid_param, unfit
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import (
    Params,
    check_charge_amount,
    euros,
    merge_metadata,
)
from bot.sandbox.card_network.shapes import Obj

CANCELLABLE: Final = frozenset(
    {
        "requires_payment_method",
        "requires_capture",
        "requires_confirmation",
        "requires_action",
        "processing",
    }
)
CONFIRMABLE: Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action"}
)


def make(net: Network, **fields: Any) -> Obj:
    """Make a PaymentIntent."""
    intent = net.store.add("payment_intent", client_secret=None, **fields)
    intent["client_secret"] = f"{intent['id']}_secret_sandbox"
    net.emit("payment_intent.created", intent)
    return intent


def create(net: Network, params: Params) -> Obj:
    """`POST /v1/payment_intents`, confirmed at once where asked."""
    amount = params.need_amount("amount")
    euros(params)
    check_charge_amount(amount, "amount")
    confirm_now = params.flag("confirm")
    if not confirm_now and {"off_session", "return_url"} & set(params.names()):
        name = "off_session" if "off_session" in params else "return_url"
        raise invalid_param(
            name,
            f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
            "`confirm` is set to true.",
        )
    fields = _read_terms(params)
    customer_id, method_id = params.text("customer"), params.text("payment_method")
    confirmation = _read_confirmation(params)
    params.end()
    if customer_id:
        customers.get_customer(net, customer_id)
    method = customers.usable(net, method_id, customer=customer_id) if method_id else None
    intent = make(
        net,
        amount=amount,
        customer=customer_id,
        payment_method=method["id"] if method else None,
        status="requires_confirmation" if method else "requires_payment_method",
        **fields,
    )
    return _confirm(net, intent, confirmation) if confirm_now else intent


def _read_terms(params: Params) -> dict[str, Any]:
    """Read what a PaymentIntent is made of, beside amount, customer and card."""
    automatic = params.within("automatic_payment_methods")
    enabled = automatic.flag("enabled")
    redirects = automatic.choice("allow_redirects", "always", "never")
    methods = params.texts("payment_method_types")
    if any(name != "card" for name in methods):
        raise invalid_param("payment_method_types", "This sandbox takes cards alone.")
    return {
        "automatic_payment_methods": (
            {"allow_redirects": redirects or "always", "enabled": True} if enabled else None
        ),
        "capture_method": params.choice("capture_method", "automatic", "automatic_async", "manual")
        or "automatic",
        "description": params.text("description"),
        "metadata": merge_metadata({}, params.metadata()),
        "payment_method_options": read_options(params),
        "receipt_email": params.text("receipt_email"),
        "setup_future_usage": params.choice("setup_future_usage", "off_session", "on_session"),
        "statement_descriptor_suffix": params.text("statement_descriptor_suffix"),
    }


def read_options(params: Params) -> Obj:
    """Read `payment_method_options[card]`."""
    card = params.within("payment_method_options").within("card")
    wanted = card.choice("request_three_d_secure", "any", "automatic", "challenge")
    return {"card": {"request_three_d_secure": wanted or "automatic"}}


def _read_confirmation(params: Params) -> dict[str, Any]:
    """Read what a confirmation takes."""
    return {
        "off_session": params.choice("off_session", "true", "false", "one_off", "recurring")
        not in {None, "false"},
        "return_url": params.text("return_url"),
        "strict": params.flag("error_on_requires_action"),
    }


def _confirm(net: Network, intent: Obj, confirmation: dict[str, Any]) -> Obj:
    """Confirm, and answer a card's no with 402."""
    method_id = intent["payment_method"]
    if method_id is None:
        raise unfit(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
            payment_intent=intent,
        )
    if confirmation["off_session"]:
        _require_kept(net, intent)
    decline = charging.confirm(
        net,
        intent,
        off_session=confirmation["off_session"],
        return_url=confirmation["return_url"],
    )
    if decline is None and intent["status"] == "requires_action" and confirmation["strict"]:
        decline = charging.authenticate(net, intent, passed=False)
    if decline:
        raise card_error(net, intent, decline)
    return intent


def _require_kept(net: Network, intent: Obj) -> None:
    """Let only what a customer keeps be charged while they are away: a test token never was."""
    if intent["customer"] is None:
        raise invalid_param("customer", "Off-session payments need a customer.")
    method = net.store.get("payment_method", intent["payment_method"])
    if method["customer"] != intent["customer"]:
        raise invalid_param(
            "payment_method",
            f"The payment method must be attached to the customer {intent['customer']}.",
        )


def card_error(net: Network, intent: Obj, decline: Decline) -> ApiError:
    """Answer a card's no: the intent as it stands now is in the error."""
    error = intent["last_payment_error"]
    fields = {name: error[name] for name in ("charge", "decline_code") if name in error}
    return ApiError(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        begun=True,
        payment_intent=net.store.expand(intent, ()),
        payment_method=error["payment_method"],
        **fields,
    )


def retrieve(net: Network, params: Params, intent_id: str) -> Obj:
    """`GET /v1/payment_intents/{id}`."""
    params.text("client_secret")
    params.end()
    return net.store.get("payment_intent", intent_id, param="intent")


def update(net: Network, params: Params, intent_id: str) -> Obj:
    """`POST /v1/payment_intents/{id}`: description and metadata."""
    intent = net.store.get("payment_intent", intent_id, param="intent")
    description, metadata = params.text("description"), params.metadata()
    params.end()
    intent["description"] = description or intent["description"]
    intent["metadata"] = merge_metadata(intent["metadata"], metadata)
    return intent


def confirm(net: Network, params: Params, intent_id: str) -> Obj:
    """`POST /v1/payment_intents/{id}/confirm`."""
    intent = net.store.get("payment_intent", intent_id, param="intent")
    method_id = params.text("payment_method")
    confirmation = _read_confirmation(params)
    params.end()
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "confirm")
    if method_id:
        method = customers.usable(net, method_id, customer=intent["customer"])
        intent["payment_method"] = method["id"]
    return _confirm(net, intent, confirmation)


def capture(net: Network, params: Params, intent_id: str) -> Obj:
    """`POST /v1/payment_intents/{id}/capture`, all or less of what was authorized."""
    intent = net.store.get("payment_intent", intent_id, param="intent")
    amount = params.amount("amount_to_capture")
    metadata = params.metadata()
    params.text("statement_descriptor_suffix")
    params.end()
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "capture")
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        raise unfit(
            f"The remaining amount you can capture is {intent['amount_capturable']}.",
            "amount_too_large",
            param="amount_to_capture",
        )
    intent["metadata"] = merge_metadata(intent["metadata"], metadata)
    charge = net.store.get("charge", intent["latest_charge"])
    charging.collect(net, intent, charge, amount)
    session = net.store.find("checkout.session", net.store.note(intent_id).get("session"))
    if session:
        session["payment_status"] = "paid"
    net.emit("charge.captured", charge)
    net.emit("payment_intent.succeeded", intent)
    charging.dispute_by_card(net, charge)
    return intent


def cancel(net: Network, params: Params, intent_id: str) -> Obj:
    """`POST /v1/payment_intents/{id}/cancel`: what was authorized is free again."""
    intent = net.store.get("payment_intent", intent_id, param="intent")
    reason = params.choice(
        "cancellation_reason", "abandoned", "duplicate", "fraudulent", "requested_by_customer"
    )
    params.end()
    session = net.store.find("checkout.session", net.store.note(intent_id).get("session"))
    if session and session["status"] == "open":
        raise unfit(
            "You cannot cancel this PaymentIntent because it was created by Checkout. Expire the "
            "Checkout Session instead.",
            "payment_intent_unexpected_state",
            payment_intent=intent,
        )
    if intent["status"] not in CANCELLABLE:
        raise _unexpected(intent, "cancel")
    void(net, intent, reason)
    return intent


def void(net: Network, intent: Obj, reason: str | None) -> None:
    """Cancel an intent, whoever wants it."""
    authorized = intent["status"] == "requires_capture"
    intent.update(
        amount_capturable=0,
        canceled_at=net.store.timestamp(),
        cancellation_reason=reason,
        next_action=None,
        status="canceled",
    )
    if authorized:
        charge = net.store.get("charge", intent["latest_charge"])
        charge.update(amount_refunded=charge["amount"], refunded=True)
        net.emit("charge.expired" if reason == "automatic" else "charge.refunded", charge)
    net.emit("payment_intent.canceled", intent)


def _unexpected(intent: Obj, verb: str) -> ApiError:
    return unfit(
        f"This PaymentIntent could not be {_PAST[verb]} because it has a status of "
        f"{intent['status']}.",
        "payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )


_PAST: Final = {"confirm": "confirmed", "capture": "captured", "cancel": "canceled"}


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/payment_intents`, by customer where asked."""
    customer = params.text("customer")
    found = [
        intent
        for intent in net.store.every("payment_intent")
        if customer is None or intent["customer"] == customer
    ]
    return net.store.page("payment_intent", params, url="/v1/payment_intents", items=found)


def charge(net: Network, params: Params, charge_id: str) -> Obj:
    """`GET /v1/charges/{id}`."""
    params.end()
    return net.store.get("charge", charge_id)


def charges(net: Network, params: Params) -> Obj:
    """`GET /v1/charges`, by payment intent or customer where asked."""
    intent_id, customer = params.text("payment_intent"), params.text("customer")
    found = [
        item
        for item in net.store.every("charge")
        if (intent_id is None or item["payment_intent"] == intent_id)
        and (customer is None or item["customer"] == customer)
    ]
    return net.store.page("charge", params, url="/v1/charges", items=found)
