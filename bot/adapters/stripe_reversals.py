"""What takes a captured payment back at Stripe: disputes and refunds, read by id (`bot.ports`)."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from bot.adapters.stripe_api import Shown, StripeApi
from bot.domain.cards import CardDispute, CardRefund

_FAILED: Final = frozenset({"failed", "canceled"})


class StripeReversals:
    """Disputes and refunds (`bot.ports.Reversals`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def dispute(self, dispute_id: str) -> CardDispute:
        """Read a dispute; one that moved no money is an inquiry, and only a warning."""
        shown = self._api.call(self._api.v1.disputes.retrieve, dispute_id)
        moved = shown["balance_transactions"] or []
        due_by = (shown["evidence_details"] or {}).get("due_by")
        return CardDispute(
            id=shown["id"],
            payment_id=_id(shown["payment_intent"]),
            amount_cents=shown["amount"],
            fee_cents=sum(one["fee"] for one in moved if one["amount"] < 0),
            status=_outcome(shown),
            taken=any(one["amount"] < 0 for one in moved),
            respond_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        )

    def refund(self, refund_id: str) -> CardRefund:
        """Read a refund: one that an issuer sent back says that it failed."""
        shown = self._api.call(self._api.v1.refunds.retrieve, refund_id)
        return CardRefund(
            id=shown["id"],
            amount_cents=shown["amount"],
            failed=shown["status"] in _FAILED,
            reason=shown.get("failure_reason"),
        )


def _outcome(dispute: Shown) -> Literal["open", "won", "lost"]:
    status = dispute["status"]
    if status == "won":
        return "won"
    return "lost" if status == "lost" else "open"


def _id(value: Any) -> str:
    return str(value["id"] if isinstance(value, dict) else value)
