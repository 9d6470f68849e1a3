"""Refunds: never more than was captured and is left; some issuers send them back."""

from typing import Final

from bot.sandbox.card_network import balance
from bot.sandbox.card_network.errors import ApiError, missing_param, unfit
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params, merge_metadata
from bot.sandbox.card_network.shapes import Obj

FAILS_AFTER_S: Final = 1
"""Seconds until a refund to the card that refuses refunds comes back."""


def create(net: Network, params: Params) -> Obj:
    """`POST /v1/refunds`, by charge or payment intent."""
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    amount = params.amount("amount")
    reason = params.choice("reason", "duplicate", "fraudulent", "requested_by_customer")
    metadata = params.metadata()
    params.end()
    charge = _charge(net, charge_id, intent_id)
    left_cents = charge["amount_captured"] - charge["amount_refunded"]
    amount = left_cents if amount is None else amount
    _check(charge, amount, left_cents)
    made = net.store.add(
        "refund",
        amount=amount,
        charge=charge["id"],
        metadata=merge_metadata({}, metadata),
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="succeeded",
    )
    made["destination_details"] = {
        "card": {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
        "type": "card",
    }
    moved = balance.record(net, kind="refund", amount_cents=-amount, fee_cents=0, source=made["id"])
    made["balance_transaction"] = moved["id"]
    _apply(charge, made, amount)
    net.emit("refund.created", made)
    net.emit("charge.refunded", charge)
    method = net.store.get("payment_method", charge["payment_method"])
    if net.card_of(method).refund_fails:
        net.store.note(made["id"])["fails_at"] = net.store.timestamp() + FAILS_AFTER_S
    return made


def _charge(net: Network, charge_id: str | None, intent_id: str | None) -> Obj:
    """Find the charge that is to be refunded."""
    if charge_id:
        return net.store.get("charge", charge_id, param="charge", status=400)
    if not intent_id:
        raise missing_param("payment_intent")
    intent = net.store.get("payment_intent", intent_id, param="payment_intent", status=400)
    charge = net.store.find("charge", intent["latest_charge"])
    if charge is None or not charge["captured"]:
        raise unfit(
            "This PaymentIntent does not have a successful charge to refund.",
            "payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    return charge


def _check(charge: Obj, amount: int, left_cents: int) -> None:
    """Refuse what cannot be given back."""
    if charge["disputed"]:
        raise unfit(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            "charge_disputed",
        )
    if not charge["captured"]:
        raise unfit(f"Charge {charge['id']} has not been captured.", "charge_not_refundable")
    if left_cents == 0:
        raise unfit(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if amount > left_cents:
        raise ApiError(
            400,
            f"Refund amount (€{amount / 100:.2f}) is greater than unrefunded amount on charge "
            f"(€{left_cents / 100:.2f})",
            param="amount",
            begun=True,
        )


def _apply(charge: Obj, refund: Obj, amount_cents: int) -> None:
    """Bring the charge up to date."""
    charge["amount_refunded"] += amount_cents
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    refunds = charge["refunds"]["data"]
    if refund not in refunds:
        refunds.insert(0, refund)


def fail(net: Network, refund: Obj) -> Obj:
    """Let the issuer send a refund back: the money is on our balance again."""
    if refund["status"] != "succeeded":
        raise unfit(f"Refund {refund['id']} is {refund['status']}.", "refund_unexpected_state")
    returned = balance.record(
        net,
        kind="refund_failure",
        amount_cents=refund["amount"],
        fee_cents=0,
        source=refund["id"],
    )
    refund.update(
        status="failed",
        failure_reason="expired_or_canceled_card",
        failure_balance_transaction=returned["id"],
    )
    charge = net.store.get("charge", refund["charge"])
    _apply(charge, refund, -refund["amount"])
    net.emit("refund.failed", refund)
    net.emit("charge.refund.updated", refund)
    return refund


def sweep(net: Network) -> None:
    """Fail the refunds whose time has come."""
    for refund in net.store.every("refund"):
        fails_at = net.store.note(refund["id"]).get("fails_at")
        if fails_at and refund["status"] == "succeeded" and fails_at <= net.store.timestamp():
            fail(net, refund)


def retrieve(net: Network, params: Params, refund_id: str) -> Obj:
    """`GET /v1/refunds/{id}`."""
    params.end()
    return net.store.get("refund", refund_id)


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/refunds`, by charge or payment intent where asked."""
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    found = [
        refund
        for refund in net.store.every("refund")
        if (charge_id is None or refund["charge"] == charge_id)
        and (intent_id is None or refund["payment_intent"] == intent_id)
    ]
    return net.store.page("refund", params, url="/v1/refunds", items=found)
