"""Calls to Stripe's API: time-outs, tries, and the end of Stripe's errors.

It promises that nothing but `bot.domain.errors` leaves it. Every mutating call is keyed, or may be
repeated by its nature (to expire, to detach): so a call without an answer is `Unavailable`, never
`OutcomeUnknown`. A call takes at most `patience.BUDGET_S`, its repetitions included.
"""

from collections.abc import Callable
from typing import Any, Final

import stripe

from bot.adapters.patience import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TRIES, retrying
from bot.domain.errors import Rejected, Unavailable

SERVER_ERROR: Final = "server_error"
"""Why a call is `Unavailable` whose key may bring the same 500 for ever: read the object."""

CONFLICT: Final = 409

Shown = dict[str, Any]
"""An object of Stripe's as plain dictionaries."""

# The package would write an id of the machine into the home folder and send our latencies along.
stripe.enable_telemetry = False


class StripeApi:
    """A client of Stripe's API that speaks our errors; `tries=1` turns repetition off."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        tries: int = TRIES,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url.rstrip("/")},
            http_client=stripe.RequestsClient(timeout=(connect_timeout_s, read_timeout_s)),
            max_network_retries=0,
        )
        # The package types parameters as closed dictionaries and ids as "text, object or None";
        # what we send and read is checked by the contract tests against a server instead.
        self.v1: Any = client.v1
        # A mutating call carries its key, so that whatever is `Unavailable` may be tried again.
        self._retrying = retrying(
            lambda _: True, tries=tries, slowest_s=connect_timeout_s + read_timeout_s
        )

    def call(self, method: Callable[..., Any], *arguments: Any, key: str | None = None) -> Shown:
        """Make a call, again where that may help; return the object."""
        options = {"idempotency_key": key} if key else {}

        def once() -> Shown:
            try:
                shown: Shown = method(*arguments, options=options).to_dict()
            except stripe.StripeError as error:
                raise translated(error) from error
            return shown

        return self._retrying.copy()(once)


class CardSaidNo(Rejected):
    """The issuer refused the card: where that is an answer, the caller makes it a value."""

    def __init__(self, error: stripe.CardError) -> None:
        super().__init__(error.code or "card_declined", error.user_message or "")
        body: Any = error.json_body or {}
        intent = body.get("error", {}).get("payment_intent") or {}
        self.payment_id: str | None = intent.get("id")


def translated(error: stripe.StripeError) -> Rejected | Unavailable:
    """Say in our words what an error of Stripe's means for the caller."""
    said = error.user_message or ""
    ours: Rejected | Unavailable
    match error:
        case stripe.CardError():
            ours = CardSaidNo(error)
        case stripe.InvalidRequestError():
            ours = Rejected(error.code or "invalid_request", said)
        case stripe.AuthenticationError() | stripe.PermissionError():
            ours = Rejected("wrong_credentials", said)
        case stripe.IdempotencyError():
            # Our own mistake: a key stands for one call. Nothing was done.
            ours = Rejected("idempotency_error", said)
        case stripe.RateLimitError():
            ours = Unavailable("rate_limited")
        case stripe.APIConnectionError():
            ours = Unavailable("no_answer")
        case _ if error.http_status == CONFLICT:
            # Another call holds the object, or the same key still works: soon neither will.
            ours = Unavailable("busy")
        case _:
            ours = Unavailable(SERVER_ERROR)
    return ours


def id_of(value: Any) -> str | None:
    """Return an object's id, whether it was expanded or not; None where there is none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None
