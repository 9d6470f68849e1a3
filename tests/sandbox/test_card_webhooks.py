"""Webhooks of the local card network: signed, repeated until taken, and worse where asked."""

from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.card_world import WEBHOOK_SECRET, CardWorld, Sink, card_world


@pytest.fixture
def sink() -> Iterator[Sink]:
    """What stands for the bot's webhook address."""
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def world(sink: Sink) -> Iterator[CardWorld]:
    """A network that sends its events there."""
    with card_world(webhook_url=sink.url) as world:
        yield world


def test_events_arrive_signed(world: CardWorld, sink: Sink) -> None:
    """The real package verifies them; a changed body does not pass."""
    intent = world.captured()
    [event] = sink.wait_for(1, "payment_intent.succeeded")
    assert event.data.object["id"] == intent.id
    assert event.data.object["metadata"]["topup_id"] == "t1"
    body, signature = sink.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", signature, WEBHOOK_SECRET)


def test_an_event_is_sent_again_until_it_is_taken(world: CardWorld, sink: Sink) -> None:
    """Anything but a 2xx is a no."""
    sink.answers = [500, 302]
    world.stripe.v1.customers.create()
    events = sink.wait_for(3, "customer.created")
    assert len({event.id for event in events}) == 1
    attempts = world.browser.get("/_sandbox/webhooks").json()["deliveries"]
    assert [attempt["answer"] for attempt in attempts[:2]] == [500, 302]


def test_an_event_is_given_up_after_its_last_attempt(world: CardWorld, sink: Sink) -> None:
    """One attempt and as many more as there are delays."""
    sink.answers = [500] * 4
    world.stripe.v1.customers.create()
    sink.wait_for(4, "customer.created")
    world.stripe.v1.customers.create()
    events = sink.wait_for(5, "customer.created")
    assert [len([e for e in events if e.id == event.id]) for event in events[::4]] == [4, 1]


def test_an_event_can_come_twice(world: CardWorld, sink: Sink) -> None:
    """webhook_twice."""
    world.fault("webhook_twice", type="customer.")
    world.stripe.v1.customers.create()
    first, second = sink.wait_for(2, "customer.created")
    assert first.id == second.id


def test_an_event_can_never_come(world: CardWorld, sink: Sink) -> None:
    """webhook_never: it is in the list of events all the same, and can be sent by hand."""
    world.fault("webhook_never", type="customer.created")
    lost = world.stripe.v1.customers.create()
    world.stripe.v1.customers.create()
    [came] = sink.wait_for(1, "customer.created")
    assert came.data.object["id"] != lost.id
    missed = world.stripe.v1.events.list({"type": "customer.created"}).data[-1]
    world.control("webhook/resend", {"event": missed.id})
    assert sink.wait_for(2, "customer.created")[1].id == missed.id


def test_events_can_come_out_of_order(world: CardWorld, sink: Sink) -> None:
    """webhook_out_of_order: after the one that follows."""
    world.fault("webhook_out_of_order", type="charge.captured", seconds=60)
    world.captured()
    sink.wait_for(1, "charge.captured")
    order = [event.type for event in sink.wait_for(1)]
    assert order.index("payment_intent.succeeded") < order.index("charge.captured")


def test_an_event_can_be_late(world: CardWorld, sink: Sink) -> None:
    """webhook_late: it waits while everything else passes it."""
    world.fault("webhook_late", type="customer.created", seconds=3600)
    world.stripe.v1.customers.create()
    world.authorized()
    sink.wait_for(1, "checkout.session.completed")
    assert world.browser.get("/_sandbox/webhooks").json()["waiting"] >= 1
    assert "customer.created" not in [event.type for event in sink.wait_for(1)]


def test_a_late_event_comes_in_the_end(world: CardWorld, sink: Sink) -> None:
    """Once its time is over."""
    world.fault("webhook_late", type="customer.created", seconds=0.1)
    late = world.stripe.v1.customers.create()
    [event] = sink.wait_for(1, "customer.created")
    assert event.data.object["id"] == late.id


def test_an_endpoint_made_by_the_api_gets_what_it_asked_for(world: CardWorld) -> None:
    """With a secret of its own, shown once."""
    other = Sink()
    try:
        endpoint = world.stripe.v1.webhook_endpoints.create(
            {"url": other.url, "enabled_events": ["customer.updated"]}
        )
        customer = world.stripe.v1.customers.create()
        world.stripe.v1.customers.update(customer.id, {"name": "Bob"})
        with other.arrived:
            assert other.arrived.wait_for(lambda: other.received, timeout=10)
        body, signature = other.received[0]
        event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
        assert (event.type, event.data.object["name"]) == ("customer.updated", "Bob")
        assert world.stripe.v1.webhook_endpoints.delete(endpoint.id).deleted
    finally:
        other.close()


def test_webhooks_can_be_pointed_elsewhere(sink: Sink) -> None:
    """The bot's address may be known only after the network has started."""
    with card_world() as world:
        world.stripe.v1.customers.create()
        world.control("webhook", {"url": sink.url})
        told = world.stripe.v1.customers.create()
        [event] = sink.wait_for(1)
        assert event.data.object["id"] == told.id


def test_a_bot_that_is_down_does_not_stop_the_network() -> None:
    """Nobody listens there: calls work, and the network ends cleanly with events waiting."""
    with card_world(webhook_url="http://127.0.0.1:9/", retry_delays_s=(60.0,)) as world:
        assert world.captured().status == "succeeded"
        assert world.browser.get("/_sandbox/webhooks").json()["waiting"] > 0
