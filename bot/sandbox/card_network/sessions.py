"""Checkout Sessions: `/v1/checkout/sessions`.

A session has no PaymentIntent until its page was submitted. It ends complete, or expired: by the
clock, or by a call; its PaymentIntent is then cancelled.
"""

import re
from typing import Any, Final

from bot.sandbox.card_network import customers, intents
from bot.sandbox.card_network.errors import ApiError, invalid_param, missing_param, unfit
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import (
    Params,
    check_charge_amount,
    euros,
    merge_metadata,
)
from bot.sandbox.card_network.shapes import Obj

DEFAULT_LIFE_S: Final = 24 * 3600
"""Seconds that a session is open where nobody says otherwise (Stripe: 24 hours)."""

MIN_LIFE_S: Final = 30 * 60
"""Seconds that a session is open at least (Stripe: 30 minutes)."""

CLOCK_SKEW_S: Final = 10
"""Seconds by which a caller's clock and the call's own time may cut the least life short."""

_LOCALE: Final = re.compile(r"auto|[a-z]{2,3}(-[A-Z0-9]{2,3})?")


def create(net: Network, params: Params) -> Obj:
    """`POST /v1/checkout/sessions`."""
    if params.choice("mode", "payment") is None:
        raise missing_param("mode")
    items = [_line_item(net, item) for item in params.each("line_items")]
    if not items:
        raise missing_param("line_items")
    total_cents = sum(item["amount_total"] for item in items)
    check_charge_amount(total_cents, "line_items")
    fields, intent_data = _read(net, params)
    params.end()
    made = net.store.add(
        "checkout.session",
        amount_subtotal=total_cents,
        amount_total=total_cents,
        payment_status="unpaid",
        **fields,
    )
    made["url"] = f"{net.public_url}/pay/{made['id']}"
    note = net.store.note(made["id"])
    note["items"], note["intent"] = items, intent_data
    return made


def _read(net: Network, params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a session's fields, and what its PaymentIntent will be made of."""
    if any(name != "card" for name in params.texts("payment_method_types")):
        raise invalid_param("payment_method_types", "This sandbox takes cards alone.")
    customer = params.text("customer")
    if customer:
        customers.get_customer(net, customer)
    locale = params.text("locale")
    if locale and not _LOCALE.fullmatch(locale):
        raise invalid_param("locale", f"Invalid locale: {locale}")
    options = intents.read_options(params)
    fields = {
        "cancel_url": _url(params, "cancel_url"),
        "client_reference_id": params.text("client_reference_id"),
        "customer": customer,
        "customer_creation": params.choice("customer_creation", "always", "if_required")
        or (None if customer else "if_required"),
        "customer_email": params.text("customer_email"),
        "expires_at": _expires_at(net, params),
        "locale": locale,
        "metadata": merge_metadata({}, params.metadata()),
        "payment_method_options": options,
        "submit_type": params.choice("submit_type", "auto", "book", "donate", "pay"),
        "success_url": _url(params, "success_url"),
    }
    params.choice("ui_mode", "hosted_page")
    if fields["success_url"] is None:
        raise missing_param("success_url")
    return fields, {**_intent_data(params), "payment_method_options": options}


def _intent_data(params: Params) -> dict[str, Any]:
    """Read `payment_intent_data`."""
    data = params.within("payment_intent_data")
    return {
        "capture_method": data.choice("capture_method", "automatic", "automatic_async", "manual")
        or "automatic",
        "description": data.text("description"),
        "metadata": merge_metadata({}, data.metadata()),
        "receipt_email": data.text("receipt_email"),
        "setup_future_usage": data.choice("setup_future_usage", "off_session", "on_session"),
        "statement_descriptor_suffix": data.text("statement_descriptor_suffix"),
    }


def _line_item(net: Network, item: Params) -> Obj:
    """Read one line: `price_data`, or the older `amount` with `currency` and `name`."""
    quantity = item.amount("quantity") or 1
    if "amount" in item:
        unit_cents, currency, name = item.need_amount("amount"), euros(item), item.need("name")
        item.text("description")
    else:
        price = item.within("price_data")
        unit_cents, currency = price.need_amount("unit_amount"), euros(price)
        product = price.within("product_data")
        name = product.need("name")
        product.text("description")
    total_cents = unit_cents * quantity
    return {
        "id": f"li_{net.store.timestamp()}",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total_cents,
        "amount_tax": 0,
        "amount_total": total_cents,
        "currency": currency,
        "description": name,
        "price": None,
        "quantity": quantity,
    }


def _url(params: Params, name: str) -> str | None:
    """Read an address; its template stays as it is."""
    value = params.text(name)
    if value is not None and not value.startswith(("http://", "https://")):
        raise invalid_param(name, "Not a valid URL", code="url_invalid")
    return value


def _expires_at(net: Network, params: Params) -> int:
    """Read when the session ends: 30 minutes to 24 hours from now."""
    now = net.store.timestamp()
    expires_at = params.integer("expires_at")
    if expires_at is None:
        return now + DEFAULT_LIFE_S
    if expires_at < now + MIN_LIFE_S - CLOCK_SKEW_S:
        raise invalid_param(
            "expires_at",
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
        )
    if expires_at > now + DEFAULT_LIFE_S + CLOCK_SKEW_S:
        raise invalid_param(
            "expires_at",
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        )
    return expires_at


def retrieve(net: Network, params: Params, session_id: str) -> Obj:
    """`GET /v1/checkout/sessions/{id}`."""
    params.end()
    return net.store.get("checkout.session", session_id, param="session")


def update(net: Network, params: Params, session_id: str) -> Obj:
    """`POST /v1/checkout/sessions/{id}`: metadata."""
    session = net.store.get("checkout.session", session_id, param="session")
    metadata = params.metadata()
    params.end()
    session["metadata"] = merge_metadata(session["metadata"], metadata)
    return session


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/checkout/sessions`, by payment intent, customer or status where asked."""
    wanted = {name: params.text(name) for name in ("payment_intent", "customer", "status")}
    found = [
        session
        for session in net.store.every("checkout.session")
        if all(value is None or session[name] == value for name, value in wanted.items())
    ]
    return net.store.page("checkout.session", params, url="/v1/checkout/sessions", items=found)


def line_items(net: Network, params: Params, session_id: str) -> Obj:
    """`GET /v1/checkout/sessions/{id}/line_items`."""
    net.store.get("checkout.session", session_id, param="session")
    params.integer("limit")
    params.end()
    return {
        "object": "list",
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
        "has_more": False,
        "data": net.store.note(session_id)["items"],
    }


def expire(net: Network, params: Params, session_id: str) -> Obj:
    """`POST /v1/checkout/sessions/{id}/expire`."""
    params.end()
    session = net.store.get("checkout.session", session_id, param="session")
    if session["status"] != "open":
        raise unfit(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}.",
            "checkout_session_unexpected_state",
        )
    close(net, session)
    return session


def close(net: Network, session: Obj) -> None:
    """End an open session without a payment: its PaymentIntent is cancelled with it."""
    session.update(status="expired", url=None)
    intent = net.store.find("payment_intent", session["payment_intent"])
    if intent and intent["status"] in intents.CANCELLABLE:
        intents.void(net, intent, "expired")
    net.emit("checkout.session.expired", session)


def complete(net: Network, session: Obj, intent: Obj) -> None:
    """End a session with its payment: authorized alone is still `unpaid`."""
    customer = net.store.find("customer", session["customer"])
    session.update(
        status="complete",
        url=None,
        payment_status="paid" if intent["status"] == "succeeded" else "unpaid",
        customer_details={
            "address": None,
            "business_name": None,
            "email": customer["email"] if customer else session["customer_email"],
            "individual_name": None,
            "name": customer["name"] if customer else None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    )
    net.emit("checkout.session.completed", session)


def intent_of(net: Network, session: Obj) -> Obj:
    """Return the session's PaymentIntent, made now where the page was never submitted before."""
    intent = net.store.find("payment_intent", session["payment_intent"])
    if intent is not None:
        return intent
    data = net.store.note(session["id"])["intent"]
    intent = intents.make(
        net,
        amount=session["amount_total"],
        customer=_customer_for(net, session, data),
        status="requires_payment_method",
        **data,
    )
    net.store.note(intent["id"])["session"] = session["id"]
    session["payment_intent"] = intent["id"]
    return intent


def _customer_for(net: Network, session: Obj, data: dict[str, Any]) -> str | None:
    """Return the customer that pays, made now where one is needed."""
    if session["customer"] is None and (
        session["customer_creation"] == "always" or data["setup_future_usage"]
    ):
        made = net.store.add("customer", email=session["customer_email"])
        net.emit("customer.created", made)
        session["customer"] = made["id"]
    customer = session["customer"]
    assert customer is None or isinstance(customer, str)
    return customer


def require_open(session: Obj) -> None:
    """Refuse to pay on a session that has ended."""
    if session["status"] != "open":
        raise ApiError(400, f"This session is {session['status']}.", begun=True)
