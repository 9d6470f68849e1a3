"""The two acquirers of the contract tests, each with a person before its pages.

The adapter speaks to the local card network, served over HTTP, through the real `stripe` package.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

import pytest

from bot.adapters.stripe_api import StripeApi
from bot.adapters.stripe_cards import StripeCheckout, StripePayments, StripeVault
from bot.adapters.stripe_payouts import StripePayouts
from bot.adapters.stripe_reversals import StripeReversals
from bot.adapters.stripe_webhooks import StripeWebhooks
from bot.domain.cards import CheckoutOrder, SavedCard
from bot.domain.errors import Rejected
from bot.ports import (
    Acquirer,
    CardPayment,
    CardVault,
    Checkout,
    Payments,
    Reversals,
    Webhooks,
)
from tests.fakes.cards import FakeCards
from tests.sandbox.card_world import (
    API_KEY,
    CANCEL_URL,
    PLAIN,
    WEBHOOK_SECRET,
    CardWorld,
    MovableClock,
    Sink,
    card_world,
)


class Bench(ABC):
    """An acquirer behind the Protocols, and a person before its pages."""

    checkout: Checkout
    payments: Payments
    reversals: Reversals
    acquirer: Acquirer
    vault: CardVault
    webhooks: Webhooks
    clock: MovableClock

    @abstractmethod
    def submit(self, session_id: str, number: str) -> None:
        """Type a card on the page."""

    @abstractmethod
    def secure(self, session_id: str, *, passed: bool) -> None:
        """Answer the issuer's page."""

    @abstractmethod
    def dispute(self, payment_id: str) -> str:
        """Dispute a captured payment, as its card's holder; return the dispute's id."""

    @abstractmethod
    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """Decide a dispute, as the card network."""

    @abstractmethod
    def send_back(self, refund_id: str) -> None:
        """Send a refund back, as the card's issuer."""

    @abstractmethod
    def pay_out(self) -> str:
        """Pay out all that is there, as the acquirer; return the payout's id."""

    @abstractmethod
    def event(self, event_type: str) -> tuple[bytes, str]:
        """Return the first webhook of a type, with its signature."""


class FakeBench(Bench):
    """The fake, driven directly."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.fake = FakeCards(self.clock)
        self.checkout = self.fake.checkout
        self.payments = self.fake.payments
        self.reversals = self.fake.reversals
        self.acquirer = self.fake.acquirer
        self.vault = self.fake.vault
        self.webhooks = self.fake.webhooks

    def submit(self, session_id: str, number: str) -> None:
        """Type a card on the page."""
        self.fake.submit(session_id, number)

    def secure(self, session_id: str, *, passed: bool) -> None:
        """Answer the issuer's page."""
        self.fake.secure(session_id, passed=passed)

    def dispute(self, payment_id: str) -> str:
        """Dispute a captured payment."""
        return self.fake.dispute(payment_id)

    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """Decide a dispute."""
        self.fake.decide(dispute_id, outcome)

    def send_back(self, refund_id: str) -> None:
        """Send a refund back."""
        self.fake.send_back(refund_id)

    def pay_out(self) -> str:
        """Pay out all that is there."""
        return self.fake.pay_out()

    def event(self, event_type: str) -> tuple[bytes, str]:
        """Return the first webhook of a type, with its signature."""
        wanted = f'"type": "{event_type}"'.encode()
        return next(event for event in self.fake.events if wanted in event[0])


class StripeBench(Bench):
    """The adapter, against the local card network; the person has a browser."""

    def __init__(self, world: CardWorld, sink: Sink) -> None:
        self.world = world
        self.sink = sink
        self.clock = world.clock
        api = StripeApi(api_key=API_KEY, base_url=world.url, tries=1)
        self.checkout = StripeCheckout(api)
        self.payments = StripePayments(api)
        self.reversals = StripeReversals(api)
        self.acquirer = StripePayouts(api)
        self.vault = StripeVault(api)
        self.webhooks = StripeWebhooks(secret=WEBHOOK_SECRET)

    def submit(self, session_id: str, number: str) -> None:
        """Type a card on the page."""
        form = {"number": number, "expiry": "12 / 34", "cvc": "123"}
        self.world.browser.post(f"/pay/{session_id}", data=form)

    def secure(self, session_id: str, *, passed: bool) -> None:
        """Answer the issuer's page."""
        intent_id = self.world.session(session_id).payment_intent
        result = "succeed" if passed else "fail"
        self.world.browser.post(f"/3ds/{intent_id}", data={"result": result})

    def dispute(self, payment_id: str) -> str:
        """Dispute a captured payment."""
        return str(self.world.control("disputes", {"payment_intent": payment_id})["id"])

    def decide(self, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        """Decide a dispute."""
        self.world.control("disputes", {"dispute": dispute_id, "outcome": outcome})

    def send_back(self, refund_id: str) -> None:
        """Send a refund back."""
        self.world.control("refunds", {"refund": refund_id})

    def pay_out(self) -> str:
        """Pay out all that is there."""
        return str(self.world.control("payouts")["id"])

    def event(self, event_type: str) -> tuple[bytes, str]:
        """Return the first webhook of a type, with its signature."""
        wanted = f'"type": "{event_type}"'.encode()
        with self.sink.arrived:
            came = self.sink.arrived.wait_for(
                lambda: any(wanted in body for body, _ in self.sink.received), timeout=10
            )
            assert came, event_type
            return next(event for event in self.sink.received if wanted in event[0])


@contextmanager
def open_bench(name: str) -> Iterator[Bench]:
    """Make one of the two, new."""
    if name == "fake":
        yield FakeBench()
        return
    sink = Sink()
    try:
        with card_world(webhook_url=sink.url) as world:
            yield StripeBench(world, sink)
    finally:
        sink.close()


def order_for(bench: Bench, topup_id: str = "t1") -> CheckoutOrder:
    """What a page of 12 € asks for."""
    return CheckoutOrder(
        topup_id=topup_id,
        reference="4F7K2Q",
        amount_cents=1200,
        success_url="http://localhost:8000/t/4F7K2Q?card=done",
        cancel_url=CANCEL_URL,
        expires_at=bench.clock() + timedelta(minutes=31),
        lang="fr",
    )


def opened(bench: Bench) -> str:
    """Open a page; return its session."""
    return bench.checkout.open(order_for(bench), key="topup-t1-checkout").session_id


def paid(bench: Bench, number: str = PLAIN) -> CardPayment:
    """Open a page, pay it, return the payment."""
    session_id = opened(bench)
    bench.submit(session_id, number)
    payment = bench.checkout.read(session_id).payment
    assert payment is not None
    return payment


def captured(bench: Bench) -> CardPayment:
    """Return a captured payment."""
    return bench.payments.capture(paid(bench).id, amount_cents=1200, key="topup-t1-capture")


def kept(bench: Bench, token: str = "pm_card_fr") -> SavedCard:
    """Keep a card for a person."""
    customer_id = bench.vault.customer(person_id="7", key="person-7-customer")
    return bench.vault.keep(customer_id=customer_id, payment_method=token, key="card-1-keep")


def refusal(call: Callable[[], object]) -> str:
    """Make a call that is rejected; return why."""
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.code
