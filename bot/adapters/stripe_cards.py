"""Cards at Stripe: the hosted page, payments and saved cards (`bot.ports`).

Each class meets one Protocol by the calls of a `StripeApi`. A card's no is a value. Where a keyed
call ends in a server error, Stripe repeats that error for the same key, so the object itself is
read: what it says has happened, has happened.
"""

from typing import Any, Final

from bot.adapters.stripe_api import SERVER_ERROR, CardSaidNo, Shown, StripeApi, id_of
from bot.domain.cards import CardFailure, CheckoutOrder, SavedCard
from bot.domain.errors import Rejected, Unavailable
from bot.ports import CardPayment, CheckoutState, PaymentStatus

CURRENCY: Final = "eur"

PAGE: Final = 100
"""Objects that one list brings at most (Stripe's limit)."""

UNEXPECTED: Final = "payment_intent_unexpected_state"
"""Stripe's word where a payment's state does not allow the call."""

_STATUSES: Final[dict[str, PaymentStatus]] = {
    "requires_payment_method": "waiting",
    "requires_confirmation": "waiting",
    "requires_action": "action",
    "processing": "action",
    "requires_capture": "authorized",
    "succeeded": "captured",
    "canceled": "voided",
}

_KEPT_AT: Final = frozenset({"authorized", "captured", "voided"})
"""Where a payment's card is the one that was taken, not one that is only being tried."""

_SESSION_EXPAND: Final = ["payment_intent.latest_charge", "payment_intent.payment_method"]
_INTENT_EXPAND: Final = ["latest_charge", "payment_method"]


class StripeCheckout:
    """Stripe's hosted page (`bot.ports.Checkout`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def open(self, order: CheckoutOrder, *, key: str) -> CheckoutState:
        """Open a page for an order: manual capture, 3-D Secure asked for on every card."""
        marks = {"topup_id": order.topup_id, "reference": order.reference}
        name = f"S-money {order.reference}"
        params: dict[str, Any] = {
            "mode": "payment",
            "payment_method_types": ["card"],
            "line_items": [
                {
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": order.amount_cents,
                        "product_data": {"name": name},
                    },
                    "quantity": 1,
                }
            ],
            "payment_intent_data": {
                "capture_method": "manual",
                "description": name,
                "metadata": marks,
            },
            "payment_method_options": {"card": {"request_three_d_secure": "any"}},
            "client_reference_id": order.topup_id,
            "metadata": marks,
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "expires_at": int(order.expires_at.timestamp()),
            "locale": order.lang,
        }
        if order.customer_id:
            # Stripe attaches the card once it is authorized, and its page says so to the payer.
            params["customer"] = order.customer_id
            params["payment_intent_data"]["setup_future_usage"] = "off_session"
        opened = self._api.call(self._api.v1.checkout.sessions.create, params, key=key)
        return self._state(opened)

    def read(self, session_id: str) -> CheckoutState:
        """Read a page with its payment, the payment's card and its failures."""
        params = {"expand": _SESSION_EXPAND}
        return self._state(
            self._api.call(self._api.v1.checkout.sessions.retrieve, session_id, params)
        )

    def close(self, session_id: str) -> CheckoutState:
        """Close an open page; one that has ended stays as it ended."""
        try:
            self._api.call(self._api.v1.checkout.sessions.expire, session_id)
        except Rejected:
            # It may have ended before us: then the refusal says no more than that.
            state = self.read(session_id)
            if state.status == "open":
                raise
            return state
        return self.read(session_id)

    def _state(self, session: Shown) -> CheckoutState:
        intent = session["payment_intent"]
        if isinstance(intent, str):
            # A replayed `open` may show a page that was submitted since.
            return self.read(session["id"])
        return CheckoutState(
            session_id=session["id"],
            url=session["url"],
            status=session["status"],
            payment=_payment(intent) if intent else None,
            failures=self._failures(intent) if intent else (),
        )

    def _failures(self, intent: Shown) -> tuple[CardFailure, ...]:
        """Return the failed charges, and a 3-D Secure that failed last, which leaves no charge."""
        charges = self._api.call(
            self._api.v1.charges.list, {"payment_intent": intent["id"], "limit": PAGE}
        )
        failed = [
            CardFailure(one["id"], one["payment_method_details"]["card"].get("fingerprint"))
            for one in reversed(charges["data"])  # Stripe lists the newest first
            if one["status"] == "failed"
        ]
        error = intent["last_payment_error"]
        if error and not error.get("charge"):
            method = error.get("payment_method") or {}
            card = method.get("card") or {}
            failed.append(CardFailure(f"3ds:{method.get('id')}", card.get("fingerprint")))
        return tuple(failed)


class StripePayments:
    """Card payments by their id (`bot.ports.Payments`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def read(self, payment_id: str) -> CardPayment:
        """Read a payment."""
        params = {"expand": _INTENT_EXPAND}
        return _payment(self._api.call(self._api.v1.payment_intents.retrieve, payment_id, params))

    def capture(self, payment_id: str, *, amount_cents: int, key: str) -> CardPayment:
        """Take what was authorized; `Rejected` where the authorization has lapsed."""
        params = {"amount_to_capture": amount_cents, "expand": _INTENT_EXPAND}
        try:
            return _payment(
                self._api.call(self._api.v1.payment_intents.capture, payment_id, params, key=key)
            )
        except (Rejected, Unavailable) as error:
            return self._unless(payment_id, "captured", error)

    def void(self, payment_id: str, *, key: str) -> CardPayment:
        """Give an authorization back; a payment that is already voided is a success."""
        params = {"expand": _INTENT_EXPAND}
        try:
            return _payment(
                self._api.call(self._api.v1.payment_intents.cancel, payment_id, params, key=key)
            )
        except (Rejected, Unavailable) as error:
            return self._unless(payment_id, "voided", error)

    def _unless(
        self, payment_id: str, wanted: PaymentStatus, error: Rejected | Unavailable
    ) -> CardPayment:
        """Return the payment where it is as it was wanted all the same; else raise the error."""
        if (isinstance(error, Rejected) and error.code == UNEXPECTED) or _is_server_error(error):
            payment = self.read(payment_id)
            if payment.status == wanted:
                return payment
        raise error

    def charge(
        self,
        card: SavedCard,
        *,
        topup_id: str,
        amount_cents: int,
        key: str,
        look_first: bool = False,
    ) -> CardPayment:
        """Charge a saved card off-session, captured at once; its no is a payment that waits."""
        if look_first and (made_before := self._made_for(card, topup_id)) is not None:
            return made_before
        params = {
            "amount": amount_cents,
            "currency": CURRENCY,
            "customer": card.customer_id,
            "payment_method": card.payment_method_id,
            "payment_method_types": ["card"],
            "off_session": True,
            "confirm": True,
            "metadata": {"topup_id": topup_id},
            "expand": _INTENT_EXPAND,
        }
        try:
            made = self._api.call(self._api.v1.payment_intents.create, params, key=key)
        except CardSaidNo as error:
            if error.payment_id is None:
                raise
            return self.read(error.payment_id)
        except Unavailable as error:
            found = self._made_for(card, topup_id) if _is_server_error(error) else None
            if found is None:
                raise
            return found
        return _payment(made)

    def _made_for(self, card: SavedCard, topup_id: str) -> CardPayment | None:
        """Find the payment that a call without a good answer has made."""
        params = {"customer": card.customer_id, "limit": PAGE, "expand": _in_list(_INTENT_EXPAND)}
        listed = self._api.call(self._api.v1.payment_intents.list, params)
        for intent in listed["data"]:
            if intent["metadata"].get("topup_id") == topup_id:
                return _payment(intent)
        return None

    def refund(self, payment_id: str, *, amount_cents: int, key: str) -> str:
        """Give captured money back to the card; return the refund's id.

        Refunds are rare, so what was made is looked for first: a key may be forgotten by now. One
        that has failed since has its id all the same: without it its movements explain nothing.
        """
        params = {
            "payment_intent": payment_id,
            "amount": amount_cents,
            "metadata": {"refund_key": key},
        }
        made = self._refund_of(payment_id, key)
        try:
            made = made or self._api.call(self._api.v1.refunds.create, params, key=key)
        except Unavailable as error:
            made = self._refund_of(payment_id, key) if _is_server_error(error) else None
            if made is None:
                raise
        return str(made["id"])

    def _refund_of(self, payment_id: str, key: str) -> Shown | None:
        """Find the refund that a call without a good answer has made."""
        params = {"payment_intent": payment_id, "limit": PAGE}
        for refund in self._api.call(self._api.v1.refunds.list, params)["data"]:
            if refund["metadata"].get("refund_key") == key:
                shown: Shown = refund
                return shown
        return None


class StripeVault:
    """Cards kept at Stripe (`bot.ports.CardVault`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    def customer(self, *, person_id: str, key: str) -> str:
        """Make a customer; Stripe learns our id of the person and nothing else."""
        params = {"metadata": {"person_id": person_id}}
        return str(self._api.call(self._api.v1.customers.create, params, key=key)["id"])

    def keep(self, *, customer_id: str, payment_method: str, key: str) -> SavedCard:
        """Attach a payment method to a customer; `Rejected` with the card's no."""
        params = {"customer": customer_id}
        method = self._api.call(
            self._api.v1.payment_methods.attach, payment_method, params, key=key
        )
        return _saved_card(method)

    def forget(self, payment_method_id: str) -> None:
        """Detach a card; one that is already gone is a success."""
        try:
            self._api.call(self._api.v1.payment_methods.detach, payment_method_id)
        except Rejected:
            if not self._is_gone(payment_method_id):
                raise

    def _is_gone(self, payment_method_id: str) -> bool:
        try:
            method = self._api.call(self._api.v1.payment_methods.retrieve, payment_method_id)
        except Rejected as error:
            return error.code == "resource_missing"
        return method["customer"] is None


def _payment(intent: Shown) -> CardPayment:
    """Read a PaymentIntent that was expanded with its latest charge and its card."""
    charge = intent["latest_charge"] or {}
    on_charge = (charge.get("payment_method_details") or {}).get("card") or {}
    secure = on_charge.get("three_d_secure") or {}
    error = intent["last_payment_error"] or {}
    status = _STATUSES[intent["status"]]
    method = intent["payment_method"] or {}
    present = method.get("card") or {}
    # While 3-D Secure is under way the card has no charge yet; the latest one may be another's.
    card = (present or on_charge) if status == "action" else (on_charge or present)
    return CardPayment(
        id=intent["id"],
        status=status,
        amount_cents=intent["amount"],
        captured_cents=intent["amount_received"],
        refunded_cents=charge.get("amount_refunded", 0) if status == "captured" else 0,
        card_country=card.get("country"),
        card_fingerprint=card.get("fingerprint"),
        card_brand=card.get("brand"),
        card_last4=card.get("last4"),
        three_d_secure=secure.get("result") == "authenticated",
        decline_code=error.get("decline_code") or error.get("code"),
        topup_id=intent["metadata"].get("topup_id"),
        kept=_saved_card(method) if method.get("customer") and status in _KEPT_AT else None,
    )


def _saved_card(method: Shown) -> SavedCard:
    """Read a payment method that a customer holds."""
    card = method["card"]
    return SavedCard(
        customer_id=str(id_of(method["customer"])),
        payment_method_id=method["id"],
        brand=card["brand"],
        last4=card["last4"],
        country=card["country"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        fingerprint=card["fingerprint"],
    )


def _is_server_error(error: Rejected | Unavailable) -> bool:
    return isinstance(error, Unavailable) and error.reason == SERVER_ERROR


def _in_list(paths: list[str]) -> list[str]:
    return [f"data.{path}" for path in paths]
