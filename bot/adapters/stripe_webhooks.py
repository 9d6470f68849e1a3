"""Stripe's webhooks: their signature, and what each points at (`bot.ports.Webhooks`)."""

import json
from datetime import UTC, datetime
from typing import Final

import stripe

from bot.adapters.stripe_api import Shown, id_of
from bot.domain.cards import CardEvent
from bot.domain.errors import Rejected
from bot.ports import RawEvent

SIGNATURE_TOLERANCE_S: Final = 300
"""How old a webhook's signature may be (seconds): Stripe's own advice against replays."""


class StripeWebhooks:
    """Stripe's webhooks (`bot.ports.Webhooks`)."""

    def __init__(self, *, secret: str) -> None:
        self._secret = secret

    def verify(self, body: bytes, signature: str) -> RawEvent:
        """Check the signature; `Rejected("bad_signature")` where it does not hold."""
        try:
            text = body.decode("utf-8")
            stripe.WebhookSignature.verify_header(
                text, signature, self._secret, SIGNATURE_TOLERANCE_S
            )
        except (UnicodeDecodeError, stripe.SignatureVerificationError) as error:
            raise Rejected("bad_signature") from error
        event = _read_event(text)
        created = event.get("created")
        return RawEvent(
            source="stripe",
            id=event["id"],
            body=text,
            happened_at=datetime.fromtimestamp(created, UTC) if isinstance(created, int) else None,
        )

    def decode(self, body: str) -> CardEvent:
        """Read an event that was verified; an unknown object gives an event with no ids."""
        event = _read_event(body)
        about = event["data"]["object"]
        kind, own_id = about.get("object"), id_of(about)
        is_session = kind == "checkout.session"
        metadata = about.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        return CardEvent(
            id=event["id"],
            type=event["type"],
            topup_id=id_of(metadata.get("topup_id")),
            session_id=own_id if is_session else None,
            payment_id=own_id if kind == "payment_intent" else id_of(about.get("payment_intent")),
            dispute_id=own_id if kind == "dispute" else None,
            refund_id=own_id if kind == "refund" else None,
        )


def _read_event(text: str) -> Shown:
    """Read an event's JSON; `Rejected("undecodable")` where it is none."""
    try:
        event: Shown = json.loads(text)
        is_event = (
            isinstance(event["id"], str)
            and isinstance(event["type"], str)
            and isinstance(event["data"]["object"], dict)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected("undecodable") from error
    if not is_event:
        raise Rejected("undecodable")
    return event
