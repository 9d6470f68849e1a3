"""A card acquirer in memory, for tests of what lies above `bot.ports`.

It passes `tests/contract/test_cards.py` as the Stripe adapter does. A person's part is played with
`submit` and `secure`; `fail` makes a call go wrong.
"""

import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.cards import (
    AcquirerLine,
    AcquirerPayout,
    CardDispute,
    CardEvent,
    CardRefund,
    CheckoutOrder,
    SavedCard,
)
from bot.domain.errors import Rejected
from bot.ports import CardPayment, CheckoutState, RawEvent
from tests.fakes.card_books import CARDS, TOKENS, CardBooks, Page, shown


class FakeCards(CardBooks):
    """The acquirer; `checkout`, `payments`, `vault` and `webhooks` meet the Protocols."""

    def __init__(self, now: Callable[[], datetime], *, secret: str = "whsec_fake") -> None:
        super().__init__(now, secret=secret)
        self.checkout = FakeCheckout(self)
        self.payments = FakePayments(self)
        self.vault = FakeVault(self)
        self.reversals = FakeReversals(self)
        self.acquirer = FakeAcquirer(self)
        self.webhooks = FakeWebhooks(self)


class FakeCheckout:
    """`bot.ports.Checkout` in memory."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def open(self, order: CheckoutOrder, *, key: str) -> CheckoutState:
        """Open a page for an order."""

        def work() -> str:
            if order.customer_id in self._cards.lost_customers:
                raise Rejected("resource_missing")
            session_id = self._cards.next_id("cs")
            state = CheckoutState(session_id, f"https://cards.example/{session_id}", "open")
            self._cards.pages[session_id] = Page(order, state)
            return session_id

        return self._cards.page(self._cards.once("checkout.open", key, order, work)).state

    def read(self, session_id: str) -> CheckoutState:
        """Read a page."""
        return self._cards.run("checkout.read", lambda: self._cards.page(session_id).state)

    def close(self, session_id: str) -> CheckoutState:
        """Close an open page; one that has ended stays as it ended."""

        def work() -> CheckoutState:
            page = self._cards.page(session_id)
            if page.state.status == "open":
                self._cards.end(page)
            return page.state

        return self._cards.run("checkout.close", work)


class FakePayments:
    """`bot.ports.Payments` in memory."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def read(self, payment_id: str) -> CardPayment:
        """Read a payment."""
        return self._cards.run("payments.read", lambda: self._cards.payment(payment_id))

    def capture(self, payment_id: str, *, amount_cents: int, key: str) -> CardPayment:
        """Take what was authorized."""

        def work() -> str:
            payment = self._cards.payment(payment_id)
            if payment.status == "captured":
                return payment_id
            if payment.status != "authorized":
                raise Rejected("payment_intent_unexpected_state")
            if amount_cents > payment.amount_cents:
                raise Rejected("amount_too_large")
            self._cards.store(replace(payment, status="captured", captured_cents=amount_cents))
            self._cards.emit(
                "payment_intent.succeeded", topup_id=payment.topup_id, payment_id=payment_id
            )
            return payment_id

        arguments = (payment_id, amount_cents)
        return self._cards.payment(self._cards.once("payments.capture", key, arguments, work))

    def void(self, payment_id: str, *, key: str) -> CardPayment:
        """Give an authorization back."""

        def work() -> str:
            payment = self._cards.payment(payment_id)
            if payment.status == "captured":
                raise Rejected("payment_intent_unexpected_state")
            self._cards.store(replace(payment, status="voided"))
            return payment_id

        return self._cards.payment(self._cards.once("payments.void", key, payment_id, work))

    def charge(
        self,
        card: SavedCard,
        *,
        topup_id: str,
        amount_cents: int,
        key: str,
        look_first: bool = False,
    ) -> CardPayment:
        """Charge a saved card off-session."""
        for made in self._cards.paid.values():
            if look_first and made.topup_id == topup_id:
                return made

        def work() -> str:
            owner, plastic = self._cards.kept.get(card.payment_method_id, (None, None))
            if plastic is None or owner != card.customer_id:
                raise Rejected("payment_method_unexpected_state")
            why = "authentication_required" if plastic.needs_person else plastic.decline
            payment = CardPayment(
                id=self._cards.next_id("pi"),
                status="waiting" if why else "captured",
                amount_cents=amount_cents,
                captured_cents=0 if why else amount_cents,
                decline_code=why,
                topup_id=topup_id,
                kept=None if why else card,
                **shown(plastic),
            )
            return self._cards.store(payment).id

        arguments = (card, topup_id, amount_cents)
        return self._cards.payment(self._cards.once("payments.charge", key, arguments, work))

    def refund(self, payment_id: str, *, amount_cents: int, key: str) -> str:
        """Give captured money back to the card."""

        def work() -> str:
            payment = self._cards.payment(payment_id)
            if payment.status != "captured":
                raise Rejected("payment_intent_unexpected_state")
            if amount_cents > payment.captured_cents - payment.refunded_cents:
                raise Rejected("invalid_request")
            refunded_cents = payment.refunded_cents + amount_cents
            if self._cards.is_disputed(payment_id):
                raise Rejected("charge_disputed")
            self._cards.store(replace(payment, refunded_cents=refunded_cents))
            refund_id = self._cards.next_id("re")
            made = CardRefund(refund_id, amount_cents, failed=False)
            self._cards.refunds[refund_id] = (payment_id, made)
            self._cards.emit("refund.created", refund_id=refund_id, payment_id=payment_id)
            return refund_id

        return self._cards.once("payments.refund", key, (payment_id, amount_cents), work)


class FakeReversals:
    """`bot.ports.Reversals` in memory."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def dispute(self, dispute_id: str) -> CardDispute:
        """Read a dispute."""
        return self._cards.run("reversals.dispute", lambda: self._cards.disputed(dispute_id))

    def refund(self, refund_id: str) -> CardRefund:
        """Read a refund."""

        def work() -> CardRefund:
            if refund_id not in self._cards.refunds:
                raise Rejected("resource_missing")
            return self._cards.refunds[refund_id][1]

        return self._cards.run("reversals.refund", work)


class FakeVault:
    """`bot.ports.CardVault` in memory."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def customer(self, *, person_id: str, key: str) -> str:
        """Make a customer."""

        def work() -> str:
            self._cards.emit("customer.created")
            return self._cards.next_id("cus")

        return self._cards.once("vault.customer", key, person_id, work)

    def keep(self, *, customer_id: str, payment_method: str, key: str) -> SavedCard:
        """Attach a payment method to a customer."""

        def work() -> SavedCard:
            if payment_method not in TOKENS:
                raise Rejected("resource_missing")
            plastic = CARDS[TOKENS[payment_method]]
            if not plastic.keepable:
                raise Rejected("card_declined")
            return self._cards.keep(customer_id, plastic)

        arguments = (customer_id, payment_method)
        return self._cards.once("vault.keep", key, arguments, work)

    def forget(self, payment_method_id: str) -> None:
        """Detach a card."""

        def work() -> None:
            if payment_method_id in self._cards.kept:
                plastic = self._cards.kept[payment_method_id][1]
                self._cards.kept[payment_method_id] = (None, plastic)

        self._cards.run("vault.forget", work)


class FakeAcquirer:
    """`bot.ports.Acquirer` over what the fake moved."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def paid_out(self, is_known: Callable[[Iterable[str]], set[str]]) -> list[AcquirerPayout]:
        """Return the payouts that are not known, newest first."""

        def work() -> list[AcquirerPayout]:
            known = is_known(one.id for one, _lines in self._cards.payouts)
            made = [one for one, _lines in self._cards.payouts if one.id not in known]
            return list(reversed(made))

        return self._cards.run("acquirer.paid_out", work)

    def lines(self, payout_id: str) -> tuple[AcquirerLine, ...]:
        """Return what a payout was made of."""
        for one, lines in self._cards.payouts:
            if one.id == payout_id:
                return lines
        raise Rejected("resource_missing")


class FakeWebhooks:
    """`bot.ports.Webhooks` over the fake's own events."""

    def __init__(self, cards: CardBooks) -> None:
        self._cards = cards

    def verify(self, body: bytes, signature: str) -> RawEvent:
        """Check the signature."""
        if not hmac.compare_digest(self._cards.sign(body), signature):
            raise Rejected("bad_signature")
        text = body.decode()
        return RawEvent("stripe", self.decode(text).id, text, self._cards.now())

    def decode(self, body: str) -> CardEvent:
        """Read an event."""
        try:
            event = json.loads(body)
            return CardEvent(
                id=event["id"],
                type=event["type"],
                topup_id=event.get("topup_id"),
                session_id=event.get("session_id"),
                payment_id=event.get("payment_id"),
                dispute_id=event.get("dispute_id"),
                refund_id=event.get("refund_id"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("undecodable") from error
