"""What the fake acquirer knows and does, before it is given the shape of `bot.ports`.

Cards go by Stripe's test numbers. A keyed call is done once; `fail` makes a call go wrong.
"""

import hmac
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, TypeVar

from bot.domain.cards import (
    AcquirerLine,
    AcquirerPayout,
    CardDispute,
    CardFailure,
    CardRefund,
    CheckoutOrder,
    SavedCard,
)
from bot.domain.errors import BotError, Rejected
from bot.ports import CardPayment, CheckoutState

T = TypeVar("T")

DISPUTE_FEE_CENTS: Final = 2000
"""The acquirer's fee for a dispute, kept by it whatever the outcome."""
RESPOND_WITHIN: Final = timedelta(days=7)
"""The time for evidence."""
AUTHORIZED_FOR: Final = timedelta(days=7)
"""How long an authorization holds."""


def charge_fee_cents(amount_cents: int) -> int:
    """Return the fee of a charge: 1.5 % and 0.25 €."""
    return (amount_cents * 15 + 500) // 1000 + 25


@dataclass(frozen=True, slots=True)
class FakeCard:
    """What a test number does."""

    number: str
    country: str = "FR"
    decline: str | None = None
    keepable: bool = True
    needs_person: bool = False
    until_kept: bool = False
    """Whether the person is no longer asked for once they were there when it was kept."""


CARDS: Final = {
    card.number: card
    for card in (
        FakeCard("4242424242424242"),
        FakeCard("4000002760003184", needs_person=True),
        FakeCard("4000002500003155", needs_person=True, until_kept=True),
        FakeCard("4000000000000341", decline="generic_decline"),
        FakeCard("4000000000000002", decline="generic_decline", keepable=False),
        FakeCard("4000000000009995", decline="insufficient_funds", keepable=False),
        FakeCard("4000008260000000", country="GB"),
        FakeCard("4000002500000003"),
    )
}
TOKENS: Final = {
    "pm_card_visa": "4242424242424242",
    "pm_card_fr": "4000002500000003",
    "pm_card_gb": "4000008260000000",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_visa_chargeDeclined": "4000000000000002",
}


@dataclass(slots=True)
class Page:
    order: CheckoutOrder
    state: CheckoutState
    card: FakeCard | None = None


class CardBooks:
    """Pages, payments, kept cards, keys and events; `now` is the test's clock."""

    def __init__(self, now: Callable[[], datetime], *, secret: str = "whsec_fake") -> None:
        self.now = now
        self.secret = secret
        self.pages: dict[str, Page] = {}
        self.paid: dict[str, CardPayment] = {}
        self.authorized_at: dict[str, datetime] = {}
        self.kept: dict[str, tuple[str | None, FakeCard]] = {}
        self.events: list[tuple[bytes, str]] = []
        self.disputes: dict[str, CardDispute] = {}
        self.refunds: dict[str, tuple[str, CardRefund]] = {}
        self.payouts: list[tuple[AcquirerPayout, tuple[AcquirerLine, ...]]] = []
        self.lost_customers: set[str | None] = set()
        self._answers: dict[str, tuple[object, object]] = {}
        self._failures: dict[str, list[tuple[BotError, bool]]] = defaultdict(list)
        self._numbers = itertools.count(1)

    # --- what a test does -------------------------------------------------------------------

    def fail(self, call: str, error: BotError, *, after: bool = False) -> None:
        """Let the next call of this name (`payments.capture`) raise, before or after its work."""
        self._failures[call].append((error, after))

    def heal(self) -> None:
        """Let every call go well again."""
        self._failures.clear()

    def forget_keys(self) -> None:
        """Let a day pass for the keys of calls: each may do its work once more."""
        self._answers.clear()

    def submit(self, session_id: str, number: str, *, country: str | None = None) -> None:
        """Type a card on the page."""
        page = self._page(session_id)
        if page.state.status != "open":
            return
        card = CARDS[number.replace(" ", "")]
        page.card = replace(card, country=country or card.country)
        payment = page.state.payment or CardPayment(
            id=self.next_id("pi"),
            status="waiting",
            amount_cents=page.order.amount_cents,
            topup_id=page.order.topup_id,
        )
        payment = replace(payment, decline_code=None, three_d_secure=False, **shown(page.card))
        if card.needs_person:
            self._put(page, replace(payment, status="action"))
        else:
            self._try(page, payment, page.card)

    def secure(self, session_id: str, *, passed: bool) -> None:
        """Answer the issuer's 3-D Secure page."""
        page = self._page(session_id)
        payment = page.state.payment
        assert payment is not None
        assert page.card is not None
        assert payment.status == "action"
        if passed:
            self._try(page, replace(payment, three_d_secure=True), page.card)
        else:
            self._refuse(page, payment, "payment_intent_authentication_failure")

    def dispute(self, payment_id: str, *, amount_cents: int | None = None) -> str:
        """Let the holder dispute a captured payment; return the dispute."""
        payment = self.payment(payment_id)
        dispute = CardDispute(
            id=self.next_id("dp"),
            payment_id=payment_id,
            amount_cents=amount_cents or payment.captured_cents - payment.refunded_cents,
            fee_cents=DISPUTE_FEE_CENTS,
            status="open",
            taken=True,
            respond_by=self.now().replace(microsecond=0) + RESPOND_WITHIN,
        )
        self.disputes[dispute.id] = dispute
        self.emit("charge.dispute.created", dispute_id=dispute.id, payment_id=payment_id)
        return dispute.id

    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """Let the card network decide a dispute."""
        self.disputes[dispute_id] = replace(self.disputes[dispute_id], status=outcome)
        payment_id = self.disputes[dispute_id].payment_id
        self.emit("charge.dispute.closed", dispute_id=dispute_id, payment_id=payment_id)

    def send_back(self, refund_id: str) -> None:
        """Let the issuer send a refund back."""
        payment_id, refund = self.refunds[refund_id]
        payment = self.payment(payment_id)
        back = payment.refunded_cents - refund.amount_cents
        self.store(replace(payment, refunded_cents=back))
        failed = replace(refund, failed=True, reason="expired_or_canceled_card")
        self.refunds[refund_id] = (payment_id, failed)
        self.emit("refund.failed", refund_id=refund_id, payment_id=payment_id)

    def pay_out(self, *, strange_cents: int = 0) -> str:
        """Pay out all that no payout took yet, with a movement that nobody knows; return its id."""
        taken = {line.id for _payout, lines in self.payouts for line in lines}
        moved = [*self.moved()]
        if strange_cents:
            moved.append(AcquirerLine(self.next_id("txn"), "other", "", strange_cents, 0))
        lines = tuple(one for one in moved if one.id not in taken)
        total = sum(one.net_cents for one in lines)
        assert total > 0, "there is nothing to pay out"
        payout = AcquirerPayout(self.next_id("po"), total, self.now().replace(microsecond=0))
        self.payouts.append((payout, lines))
        return payout.id

    def moved(self) -> Iterator[AcquirerLine]:
        """Yield every movement of money, as payouts are made of."""
        for one in self.paid.values():
            if one.captured_cents:
                fee = charge_fee_cents(one.captured_cents)
                yield AcquirerLine(f"charge:{one.id}", "charge", one.id, one.captured_cents, fee)
        for _payment_id, refund in self.refunds.values():
            cents = refund.amount_cents
            yield AcquirerLine(f"refund:{refund.id}", "refund", refund.id, -cents, 0)
            if refund.failed:
                yield AcquirerLine(f"back:{refund.id}", "refund_failed", refund.id, cents, 0)
        for dispute in self.disputes.values():
            cents, fee = dispute.amount_cents, dispute.fee_cents
            yield AcquirerLine(f"dispute:{dispute.id}", "dispute", dispute.id, -cents, fee)
            if dispute.status == "won":
                yield AcquirerLine(f"won:{dispute.id}", "dispute_won", dispute.id, cents, 0)

    # --- what happens -----------------------------------------------------------------------

    def next_id(self, prefix: str) -> str:
        """Number an object."""
        return f"{prefix}_fake_{next(self._numbers)}"

    def run(self, call: str, work: Callable[[], T]) -> T:
        """Do a call, and let it go wrong where a test asked for that."""
        error, after = self._failures[call].pop(0) if self._failures[call] else (None, False)
        if error and not after:
            raise error
        result = work()
        if error:
            raise error
        return result

    def once(self, call: str, key: str, arguments: object, work: Callable[[], T]) -> T:
        """Do a keyed call once; the same key with other arguments is refused."""

        def keyed() -> T:
            if key in self._answers:
                before, answer = self._answers[key]
                if before != (call, arguments):
                    raise Rejected("idempotency_error")
                if isinstance(answer, Rejected):
                    raise answer
                return answer  # type: ignore[return-value]  # the same call gave it
            try:
                result = work()
            except Rejected as refusal:
                self._answers[key] = ((call, arguments), refusal)
                raise
            self._answers[key] = ((call, arguments), result)
            return result

        return self.run(call, keyed)

    def emit(self, event_type: str, **ids: str | None) -> None:
        """Write a signed event down."""
        body = json.dumps({"id": self.next_id("evt"), "type": event_type, **ids}).encode()
        self.events.append((body, self.sign(body)))

    def sign(self, body: bytes) -> str:
        """Sign a webhook's body."""
        return hmac.new(self.secret.encode(), body, sha256).hexdigest()

    def page(self, session_id: str) -> Page:
        """Return a page, ended where its time is over."""
        page = self._page(session_id)
        if page.state.status == "open" and page.order.expires_at <= self.now():
            self.end(page)
        return page

    def end(self, page: Page) -> None:
        """End a page without a payment."""
        payment = page.state.payment
        if payment:
            payment = replace(payment, status="voided")
            self.paid[payment.id] = payment
        page.state = replace(page.state, status="expired", url=None, payment=payment)
        self.emit(
            "checkout.session.expired",
            topup_id=page.order.topup_id,
            session_id=page.state.session_id,
        )

    def payment(self, payment_id: str) -> CardPayment:
        """Return a payment, lapsed where its authorization is too old."""
        payment = self.paid.get(payment_id)
        if payment is None:
            raise Rejected("resource_missing")
        if (
            payment.status == "authorized"
            and self.authorized_at[payment_id] + AUTHORIZED_FOR <= self.now()
        ):
            payment = self.store(replace(payment, status="voided"))
        return payment

    def disputed(self, dispute_id: str) -> CardDispute:
        """Return a dispute."""
        if dispute_id not in self.disputes:
            raise Rejected("resource_missing")
        return self.disputes[dispute_id]

    def is_disputed(self, payment_id: str) -> bool:
        """Whether a payment is, or was, disputed."""
        return any(one.payment_id == payment_id for one in self.disputes.values())

    def store(self, payment: CardPayment) -> CardPayment:
        """Keep a payment as it is now, on its page too."""
        self.paid[payment.id] = payment
        for page in self.pages.values():
            if page.state.payment and page.state.payment.id == payment.id:
                page.state = replace(page.state, payment=payment)
        return payment

    def _page(self, session_id: str) -> Page:
        if session_id not in self.pages:
            raise Rejected("resource_missing")
        return self.pages[session_id]

    def _put(self, page: Page, payment: CardPayment) -> None:
        self.paid[payment.id] = payment
        page.state = replace(page.state, payment=payment)

    def _try(self, page: Page, payment: CardPayment, card: FakeCard) -> None:
        if card.decline:
            self._refuse(page, payment, card.decline)
            return
        self.authorized_at[payment.id] = self.now()
        kept = self.keep(page.order.customer_id, card) if page.order.customer_id else None
        self._put(page, replace(payment, status="authorized", kept=kept))
        page.state = replace(
            page.state, status="complete", url=None, failures=charges_of(page.state)
        )
        self.emit(
            "checkout.session.completed",
            topup_id=page.order.topup_id,
            session_id=page.state.session_id,
            payment_id=payment.id,
        )

    def keep(self, customer_id: str, card: FakeCard) -> SavedCard:
        """Attach a card to a customer, as a payment method of its own."""
        method_id = self.next_id("pm")
        self.kept[method_id] = (
            customer_id,
            replace(card, needs_person=card.needs_person and not card.until_kept),
        )
        return SavedCard(
            customer_id=customer_id,
            payment_method_id=method_id,
            brand="visa",
            last4=card.number[-4:],
            country=card.country,
            exp_month=12,
            exp_year=2034,
            fingerprint=fingerprint(card),
        )

    def _refuse(self, page: Page, payment: CardPayment, why: str) -> None:
        self._put(page, replace(payment, status="waiting", decline_code=why))
        on_card = not why.endswith("authentication_failure")
        key = f"ch_{next(self._numbers)}" if on_card else f"3ds:{next(self._numbers)}"
        failed = CardFailure(key, payment.card_fingerprint)
        page.state = replace(page.state, failures=(*charges_of(page.state), failed))
        self.emit(
            "payment_intent.payment_failed",
            topup_id=page.order.topup_id,
            payment_id=payment.id,
        )


def charges_of(state: CheckoutState) -> tuple[CardFailure, ...]:
    """Return the failures that left a charge: of a 3-D Secure that failed only the last is told."""
    return tuple(one for one in state.failures if not one.key.startswith("3ds:"))


def fingerprint(card: FakeCard) -> str:
    """Name a card by its number, which it does not tell."""
    return sha256(card.number.encode()).hexdigest()[:16]


def shown(card: FakeCard) -> dict[str, Any]:
    """Return what a payment says of its card."""
    return {
        "card_country": card.country,
        "card_fingerprint": fingerprint(card),
        "card_brand": "visa",
        "card_last4": card.number[-4:],
    }
