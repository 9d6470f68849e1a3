"""Disputes, refunds and saved cards over the wire: the bot, Stripe's package, the local network.

What other tests play on a fake is played here once against a program that keeps its own books, and
the bot's account `cards` ends as what that program owes.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.stripe_api import StripeApi
from bot.adapters.stripe_cards import StripeCheckout, StripePayments, StripeVault
from bot.adapters.stripe_payouts import StripePayouts
from bot.adapters.stripe_reversals import StripeReversals
from bot.adapters.stripe_webhooks import StripeWebhooks
from bot.domain.topup import FAILURES_A_PAGE
from bot.services import operate, receive, reconcile, settle, topup
from bot.services.confirm import GoToCard, Settled
from bot.services.views import OrderView
from bot.store import ledger
from bot.store.engine import Store
from tests.sandbox.card_world import (
    API_KEY,
    DECLINED,
    PLAIN,
    WEBHOOK_SECRET,
    CardWorld,
    Sink,
    card_world,
)
from tests.world import World


class Wire:
    """A bot whose acquirer is the local card network."""

    def __init__(self, store: Store, network: CardWorld, sink: Sink) -> None:
        self.network = network
        self.sink = sink
        self.read = 0
        self.world = World(store)
        self.world.clock.advance((datetime.now(UTC) - self.world.clock.now()).total_seconds())
        api = StripeApi(api_key=API_KEY, base_url=network.url, tries=1)
        self.world.deps = replace(
            self.world.deps,
            checkout=StripeCheckout(api),
            payments=StripePayments(api),
            reversals=StripeReversals(api),
            acquirer=StripePayouts(api),
            vault=StripeVault(api),
            webhooks=StripeWebhooks(secret=WEBHOOK_SECRET),
        )

    def pay(self, reference: str, number: str = PLAIN) -> None:
        """Type a card on the page of an order."""
        form = {"number": number, "expiry": "12 / 34", "cvc": "123"}
        session_id = self.world.topup(reference).session_id
        self.network.browser.post(f"/pay/{session_id}", data=form)

    def hear(self, event_type: str) -> None:
        """Wait for a webhook of this type, and read all that came."""
        wanted = f'"type": "{event_type}"'.encode()
        with self.sink.arrived:
            came = self.sink.arrived.wait_for(
                lambda: any(wanted in body for body, _ in self.sink.received[self.read :]),
                timeout=10,
            )
            assert came, event_type
            new = self.sink.received[self.read :]
            self.read += len(new)
        for body, signature in new:
            receive.take_in(self.world.deps, [self.world.deps.webhooks.verify(body, signature)])
        receive.read_inbox(self.world.deps)

    def owed_cents(self) -> int:
        """Return what the network owes us before the fees of charges, which no payout took yet."""
        listed = self.network.stripe.v1.balance_transactions.list({"limit": 100}).data
        taken = {
            one.id
            for payout in self.network.stripe.v1.payouts.list({"limit": 100}).data
            for one in self.network.stripe.v1.balance_transactions.list({"payout": payout.id}).data
        }
        left = [one for one in listed if one.id not in taken]
        return sum(one.amount - (0 if one.type == "charge" else one.fee) for one in left)

    def cards_cents(self) -> int:
        """Return the bot's own account of the same."""
        with self.world.store.read() as session:
            return dict(ledger.balances(session)).get("cards", 0)

    def settled(self, payee: str, *, keep: bool = False) -> str:
        """Let bob pay 10 € by card; return the reference."""
        reference = self.world.order("bob", payee)
        outcome = self.world.confirm("bob", reference, funding="card", keep=keep)
        assert isinstance(outcome, GoToCard)
        self.pay(reference)
        self.hear("checkout.session.completed")
        assert self.world.topup(reference).status == "captured"
        return reference


@pytest.fixture
def database_url(kept_sqlite_url: str) -> str:
    """SQLite alone: what is tried here is the wire."""
    return kept_sqlite_url


@pytest.fixture
def wire(store: Store) -> Iterator[Wire]:
    """A bot and a card network of its own."""
    sink = Sink()
    try:
        with card_world(webhook_url=sink.url) as network:
            wire = Wire(store, network, sink)
            wire.world.join("bob")
            wire.world.join("alice")
            yield wire
            assert wire.cards_cents() == wire.owed_cents()
    finally:
        sink.close()


def dispute(wire: Wire, reference: str, **fields: Any) -> str:
    """Let the card's holder dispute what an order's top-up brought."""
    payment_id = wire.world.topup(reference).payment_id
    made = wire.network.control("disputes", {"payment_intent": payment_id, **fields})
    wire.hear("charge.dispute.created")
    return str(made["id"])


def test_a_dispute_takes_the_held_money_back_and_won_it_is_there_again(wire: Wire) -> None:
    """The network's own webhooks, its fee, and its end."""
    reference = wire.settled("carol")
    dispute_id = dispute(wire, reference)
    assert wire.world.statuses(reference) == ["returned"]
    assert wire.world.topup(reference).status == "disputed"
    assert wire.cards_cents() == -2000
    wire.network.control("disputes", {"dispute": dispute_id, "outcome": "won"})
    wire.hear("charge.dispute.closed")
    assert wire.world.topup(reference).status == "captured"
    assert wire.cards_cents() == -1000


def test_a_lost_dispute_of_a_part_stays_a_loss(wire: Wire) -> None:
    """Less than the whole was disputed."""
    reference = wire.settled("alice")
    dispute(wire, reference, amount=400, outcome="lost")
    assert wire.world.topup(reference).status == "disputed"
    assert wire.cards_cents() == 1000 - 400 - 2000


def test_a_refund_goes_to_the_card_and_comes_back(wire: Wire) -> None:
    """The issuer takes it, then sends it back: it is in the wallet."""
    reference = wire.settled("alice")
    operate.refund_order(wire.world.deps, reference, to="card")
    assert operate.show_order(wire.world.deps, reference)[-1]["to_card"] == "succeeded"
    assert (wire.world.topup(reference).status, wire.cards_cents()) == ("refunded", 0)
    (refund,) = wire.network.stripe.v1.refunds.list({}).data
    wire.network.control("refunds", {"refund": refund.id})
    wire.hear("refund.failed")
    assert operate.show_order(wire.world.deps, reference)[-1]["to_card"] == "failed"
    assert (wire.world.balance("bob"), wire.cards_cents()) == (1000, 1000)


def test_a_saved_card_pays_and_is_taken_out(wire: Wire) -> None:
    """The network keeps it from its own page, charges it off-session, and then no more."""
    bob = wire.world.visitor("bob").person_id
    assert bob is not None
    wire.settled("alice", keep=True)
    reference = wire.world.order("bob", "alice", "11€")
    page = wire.world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None
    ((card_id, last4),) = [(one.id, one.last4) for one in page.to_confirm.saved]
    assert last4 == "4242"
    outcome = wire.world.confirm("bob", reference, funding="card", saved_card_id=card_id)
    assert outcome == Settled(reference)
    topup.remove_card(wire.world.deps, bob, card_id)
    assert topup.forget_removed(wire.world.deps) == 0
    with wire.world.store.read() as session:
        row = session.connection().exec_driver_sql(
            "SELECT payment_method_id, forgotten_at FROM saved_card"
        )
        method_id, forgotten_at = row.one()
    assert forgotten_at is not None
    assert wire.network.stripe.v1.payment_methods.retrieve(method_id).customer is None


def test_three_declined_cards_close_the_networks_page(wire: Wire) -> None:
    """Counted from the network's charges, by their webhooks."""
    reference = wire.world.order("bob", "alice")
    wire.world.confirm("bob", reference, funding="card")
    for _ in range(FAILURES_A_PAGE):
        wire.pay(reference, DECLINED)
        wire.hear("payment_intent.payment_failed")
    settle.drive(wire.world.deps, wire.world.topup(reference).id)
    topped = wire.world.topup(reference)
    assert (topped.status, topped.failed_attempts) == ("declined", 3)
    assert wire.network.session(topped.session_id).status == "expired"


def test_what_the_network_paid_out_is_in_the_bank_and_all_that_is_owed_is_covered(
    wire: Wire,
) -> None:
    """Charges, a refund that came back, disputes lost and won, two payouts: books as its own."""
    references = [wire.settled("alice") for _ in range(5)]
    operate.refund_order(wire.world.deps, references[0], to="card")
    first = wire.network.control("payouts")
    wire.settled("alice")
    dispute(wire, references[1], amount=400, outcome="lost")
    dispute_id = dispute(wire, references[2])
    found = reconcile.reconcile_books(wire.world.deps)
    assert (found.payouts, found.paid_out_cents) == (1, first["amount"])
    (refund,) = wire.network.stripe.v1.refunds.list({}).data
    wire.network.control("refunds", {"refund": refund.id})
    wire.hear("refund.failed")
    wire.network.control("disputes", {"dispute": dispute_id, "outcome": "won"})
    wire.hear("charge.dispute.closed")
    wire.world.unlock("bob")
    for _ in range(3):
        wire.settled("alice")
    second = wire.network.control("payouts")
    wire.settled("alice")
    found = reconcile.reconcile_books(wire.world.deps)
    assert (found.payouts, found.paid_out_cents) == (1, second["amount"])
    assert (found.differences, found.short_cents, found.late_cents) == ([], 0, 0)
    assert reconcile.reconcile_books(wire.world.deps).payouts == 0
    with wire.world.store.read() as session:
        shown = dict(ledger.balances(session))
    assert shown["bank"] == first["amount"] + second["amount"] + shown["own:funds"]
    fees = sum(
        one.fee
        for payout in (first, second)
        for one in wire.network.stripe.v1.balance_transactions.list(
            {"payout": payout["id"], "limit": 100}
        ).data
    )
    assert shown["own:costs"] == -fees
    assert found.safeguarded_cents >= found.owed_cents
