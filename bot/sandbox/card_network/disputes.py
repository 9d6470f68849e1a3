"""Disputes: the acquirer takes the money back, with a fee; won, it gives the money again."""

from typing import Final, Literal

from bot.sandbox.card_network import balance
from bot.sandbox.card_network.errors import unfit
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params, merge_metadata
from bot.sandbox.card_network.shapes import Obj

Outcome = Literal["won", "lost"]

RESPOND_WITHIN_S: Final = 7 * 24 * 3600
"""Seconds in which evidence has to be there (card networks give 7 to 21 days)."""


def open_dispute(
    net: Network, charge: Obj, *, reason: str = "fraudulent", amount_cents: int | None = None
) -> Obj:
    """Dispute a captured charge: amount and fee leave our balance at once."""
    left_cents = charge["amount_captured"] - charge["amount_refunded"]
    amount_cents = left_cents if amount_cents is None else amount_cents
    if not charge["captured"] or charge["disputed"]:
        raise unfit(
            f"Charge {charge['id']} is not captured, or disputed already.", "charge_disputed"
        )
    if not 0 < amount_cents <= left_cents:
        raise unfit(f"Only {left_cents} cents are left to dispute.", "amount_too_large")
    made = net.store.add(
        "dispute",
        amount=amount_cents,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="needs_response",
    )
    made["evidence_details"]["due_by"] = made["created"] + RESPOND_WITHIN_S
    made["payment_method_details"]["card"]["case_type"] = "chargeback"
    charge["disputed"] = True
    taken = balance.record(
        net,
        kind="adjustment",
        category="dispute",
        amount_cents=-amount_cents,
        fee_cents=balance.DISPUTE_FEE_CENTS,
        source=made["id"],
    )
    made["balance_transactions"] = [dict(taken)]
    net.emit("charge.dispute.created", made)
    net.emit("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(net: Network, dispute: Obj, outcome: Outcome) -> Obj:
    """End a dispute; won, the amount comes back, the fee does not."""
    if dispute["status"] in {"won", "lost"}:
        raise unfit(f"Dispute {dispute['id']} is {dispute['status']}.", "dispute_closed")
    dispute["status"] = outcome
    if outcome == "won":
        given = balance.record(
            net,
            kind="adjustment",
            category="dispute_reversal",
            amount_cents=dispute["amount"],
            fee_cents=0,
            source=dispute["id"],
        )
        dispute["balance_transactions"].append(dict(given))
        net.emit("charge.dispute.funds_reinstated", dispute)
    net.emit("charge.dispute.closed", dispute)
    return dispute


def retrieve(net: Network, params: Params, dispute_id: str) -> Obj:
    """`GET /v1/disputes/{id}`."""
    params.end()
    return net.store.get("dispute", dispute_id)


def update(net: Network, params: Params, dispute_id: str) -> Obj:
    """`POST /v1/disputes/{id}`: evidence in words."""
    dispute = net.store.get("dispute", dispute_id)
    evidence = params.within("evidence")
    given = {name: evidence.text(name) for name in evidence.names()}
    params.flag("submit")
    metadata = params.metadata()
    params.end()
    dispute["evidence"].update(given)
    dispute["metadata"] = merge_metadata(dispute["metadata"], metadata)
    if given:
        dispute["evidence_details"].update(has_evidence=True, submission_count=1)
        dispute["status"] = "under_review"
    net.emit("charge.dispute.updated", dispute)
    return dispute


def close(net: Network, params: Params, dispute_id: str) -> Obj:
    """`POST /v1/disputes/{id}/close`: we give it up."""
    params.end()
    return close_dispute(net, net.store.get("dispute", dispute_id), "lost")


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/disputes`, by charge or payment intent where asked."""
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    found = [
        dispute
        for dispute in net.store.every("dispute")
        if (charge_id is None or dispute["charge"] == charge_id)
        and (intent_id is None or dispute["payment_intent"] == intent_id)
    ]
    return net.store.page("dispute", params, url="/v1/disputes", items=found)
