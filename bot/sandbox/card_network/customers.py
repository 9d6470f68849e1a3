"""Customers and the payment methods that they keep."""

from datetime import UTC, datetime
from typing import Final

from bot.sandbox.card_network.cards import TOKENS, Card, find_card, luhn
from bot.sandbox.card_network.errors import ApiError, invalid_param, missing_param, unfit
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params, merge_metadata
from bot.sandbox.card_network.shapes import CURRENCY, Obj

TOKEN_EXPIRY: Final = (12, 2034)
"""Month and year until which the cards behind test tokens are valid."""


def create(net: Network, params: Params) -> Obj:
    """`POST /v1/customers`."""
    fields = _read(params)
    metadata = params.metadata()
    method_id = params.text("payment_method")
    params.end()
    made = net.store.add("customer", metadata=merge_metadata({}, metadata), **fields)
    if method_id:
        keep(net, usable(net, method_id, customer=None), made)
    net.emit("customer.created", made)
    return made


def _read(params: Params) -> dict[str, str]:
    read = {name: params.text(name) for name in ("description", "email", "name", "phone")}
    return {name: value for name, value in read.items() if value is not None}


def get_customer(net: Network, customer_id: str, *, param: str = "customer") -> Obj:
    """Return a customer that another call names."""
    return net.store.get("customer", customer_id, param=param, status=400)


def retrieve(net: Network, params: Params, customer_id: str) -> Obj:
    """`GET /v1/customers/{id}`."""
    params.end()
    return net.store.get("customer", customer_id)


def update(net: Network, params: Params, customer_id: str) -> Obj:
    """`POST /v1/customers/{id}`."""
    customer = net.store.get("customer", customer_id)
    fields, metadata = _read(params), params.metadata()
    params.end()
    customer.update(fields)
    customer["metadata"] = merge_metadata(customer["metadata"], metadata)
    net.emit("customer.updated", customer)
    return customer


def delete(net: Network, params: Params, customer_id: str) -> Obj:
    """`DELETE /v1/customers/{id}`: its payment methods go with it."""
    params.end()
    customer = net.store.get("customer", customer_id)
    for method in net.store.every("payment_method"):
        if method["customer"] == customer_id:
            release(net, method)
    net.store.drop("customer", customer_id)
    net.emit("customer.deleted", customer)
    return {"id": customer_id, "object": "customer", "deleted": True}


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/customers`."""
    email = params.text("email")
    found = [c for c in net.store.every("customer") if email is None or c["email"] == email]
    return net.store.page("customer", params, url="/v1/customers", items=found)


# --- payment methods ---------------------------------------------------------------------------


def make_method(
    net: Network,
    card: Card,
    *,
    expiry: tuple[int, int] = TOKEN_EXPIRY,
    country: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """Make a payment method of a card; `country` overrides the card's own."""
    made = net.store.add("payment_method", metadata=metadata or {}, customer=None)
    made["card"].update(
        brand=card.brand,
        checks={
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        country=country or card.country,
        display_brand=card.brand,
        exp_month=expiry[0],
        exp_year=expiry[1],
        fingerprint=card.fingerprint,
        generated_from=None,
        last4=card.last4,
        networks={"available": [card.brand], "preferred": None},
        wallet=None,
    )
    net.store.note(made["id"])["card"] = card
    return made


def create_method(net: Network, params: Params) -> Obj:
    """`POST /v1/payment_methods`: a card by its test number."""
    params.choice("type", "card")
    params.need("type")
    card = params.within("card")
    number = card.need("number").replace(" ", "")
    month, year = card.integer("exp_month"), card.integer("exp_year")
    card.text("cvc")
    metadata = params.metadata()
    params.end()
    if not (number.isascii() and number.isdigit() and luhn(number)):
        raise ApiError(
            402,
            "Your card number is incorrect.",
            kind="card_error",
            code="incorrect_number",
            param="card[number]",
        )
    if month is None or year is None:
        raise missing_param("card[exp_month]" if month is None else "card[exp_year]")
    if not is_valid_until(net, month, year):
        raise ApiError(
            402,
            "Your card's expiration year is invalid.",
            kind="card_error",
            code="invalid_expiry_year",
            param="card[exp_year]",
        )
    return make_method(net, find_card(number), expiry=(month, year), metadata=metadata)


def is_valid_until(net: Network, month: int, year: int) -> bool:
    """Say whether a card that ends with this month is still valid."""
    today = datetime.fromtimestamp(net.store.timestamp(), UTC)
    return 1 <= month <= 12 and (today.year, today.month) <= (year, month) <= (today.year + 50, 12)


def usable(net: Network, method_id: str, *, customer: str | None) -> Obj:
    """Return the payment method that a call names: an id, or one of Stripe's test tokens."""
    if method_id in TOKENS:
        return make_method(net, find_card(TOKENS[method_id]))
    method = net.store.get("payment_method", method_id, param="payment_method", status=400)
    note = net.store.note(method_id)
    if note.get("spent") and method["customer"] is None:
        raise unfit(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            "payment_method_unexpected_state",
        )
    if method["customer"] is not None and method["customer"] != customer:
        raise invalid_param(
            "customer",
            f"The PaymentMethod {method_id} belongs to a Customer. Please include the Customer in "
            "the `customer` parameter on the PaymentIntent."
            if customer is None
            else f"The customer does not have a payment method with the ID {method_id}. The "
            "payment method must be attached to the customer.",
        )
    return method


def keep(net: Network, method: Obj, customer: Obj) -> None:
    """Attach a payment method to a customer; a card that declines at once cannot be kept."""
    card = net.card_of(method)
    if not card.attaches:
        decline = card.decline
        assert decline is not None
        raise ApiError(
            402,
            decline.message,
            kind="card_error",
            code=decline.code,
            begun=True,
            decline_code=decline.decline_code,
        )
    method["customer"] = customer["id"]
    customer["currency"] = CURRENCY
    net.emit("payment_method.attached", method)


def release(net: Network, method: Obj) -> None:
    """Detach a payment method: it can never be used again."""
    method["customer"] = None
    net.store.note(method["id"])["spent"] = True
    net.emit("payment_method.detached", method)


def attach(net: Network, params: Params, method_id: str) -> Obj:
    """`POST /v1/payment_methods/{id}/attach`; a test token makes a method of its own."""
    customer = get_customer(net, params.need("customer"))
    params.end()
    method = usable(net, method_id, customer=customer["id"])
    if method["customer"] is None:
        keep(net, method, customer)
    return method


def detach(net: Network, params: Params, method_id: str) -> Obj:
    """`POST /v1/payment_methods/{id}/detach`."""
    params.end()
    method = net.store.get("payment_method", method_id, param="payment_method")
    if method["customer"] is None:
        raise unfit(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            "payment_method_unexpected_state",
        )
    release(net, method)
    return method


def method(net: Network, params: Params, method_id: str) -> Obj:
    """`GET /v1/payment_methods/{id}`."""
    params.end()
    return net.store.get("payment_method", method_id, param="payment_method")


def methods(net: Network, params: Params) -> Obj:
    """`GET /v1/payment_methods?customer=…`."""
    customer = params.text("customer")
    params.choice("type", "card")
    if customer:
        get_customer(net, customer)
    return _kept_by(net, params, customer, "/v1/payment_methods")


def methods_of(net: Network, params: Params, customer_id: str) -> Obj:
    """`GET /v1/customers/{id}/payment_methods`."""
    net.store.get("customer", customer_id)
    params.choice("type", "card")
    return _kept_by(net, params, customer_id, f"/v1/customers/{customer_id}/payment_methods")


def _kept_by(net: Network, params: Params, customer: str | None, url: str) -> Obj:
    found = [m for m in net.store.every("payment_method") if m["customer"] == customer]
    return net.store.page("payment_method", params, url=url, items=found)
