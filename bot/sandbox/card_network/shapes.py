"""Objects with every field that Stripe's have, and nothing in those that nobody set.

The fields come from Stripe's own fixtures (`bot/sandbox/data/stripe`); the examples that stand in
them are taken out here, by kind.
"""

import copy
import json
from pathlib import Path
from typing import Any, Final

Obj = dict[str, Any]

_FIXTURES: Final[dict[str, Obj]] = json.loads(
    (Path(__file__).parent.parent / "data" / "stripe" / "fixtures.json").read_text("utf-8")
)

_NO_ADDRESS: Final[Obj] = dict.fromkeys(
    ("city", "country", "line1", "line2", "postal_code", "state")
)
_NOBODY: Final[Obj] = {
    "address": _NO_ADDRESS,
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}

_PLAIN: Final[dict[str, Obj]] = {
    "payment_intent": {
        "automatic_payment_methods": None,
        "canceled_at": None,
        "last_payment_error": None,
        "managed_payments": {"enabled": False},
        "next_action": None,
        "payment_method_configuration_details": None,
        "processing": None,
        "shipping": None,
        "transfer_data": None,
    },
    "charge": {
        "balance_transaction": None,
        "billing_details": _NOBODY,
        "description": None,
        "outcome": None,
        "receipt_url": None,
        "shipping": None,
        "source": None,
        "transfer_data": None,
    },
    "refund": {},
    "checkout.session": {
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": None,
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        "consent": None,
        "consent_collection": None,
        "currency_conversion": None,
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_details": None,
        "invoice_creation": None,
        "managed_payments": {"enabled": False},
        "payment_intent": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "permissions": None,
        "saved_payment_method_options": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "wallet_options": None,
    },
    "customer": {
        "address": None,
        "currency": None,
        "discount": None,
        "shipping": None,
    },
    "payment_method": {"billing_details": _NOBODY, "metadata": {}},
    "dispute": {"is_charge_refundable": False},
    "balance_transaction": {"description": None},
    "payout": {"trace_id": {"status": "pending", "value": None}},
    "event": {},
    "webhook_endpoint": {"description": None},
    "balance": {},
}

PREFIXES: Final = {
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "checkout.session": "cs_test",
    "customer": "cus",
    "payment_method": "pm",
    "dispute": "dp",
    "balance_transaction": "txn",
    "payout": "po",
    "event": "evt",
    "webhook_endpoint": "we",
}
"""What an id of each kind begins with."""

CURRENCY: Final = "eur"


def shape(kind: str, **fields: Any) -> Obj:
    """Make an object of a kind; a field that Stripe's objects do not have is our mistake."""
    made: Obj = copy.deepcopy(_FIXTURES[kind])
    made.update(copy.deepcopy(_PLAIN[kind]))
    if "currency" in made:
        made["currency"] = CURRENCY
    extra = {"secret"} if kind == "webhook_endpoint" else set()
    unknown = fields.keys() - made.keys() - extra
    assert not unknown, f"a {kind} has no {sorted(unknown)}"
    made.update(fields)
    return made
