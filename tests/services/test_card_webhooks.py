"""The acquirer's webhooks: signed, in the inbox first, read once, in whatever order they come."""

import json
from dataclasses import replace
from itertools import permutations

import psycopg
import pytest
from sqlalchemy import exc, select

from bot.domain.cards import CardEvent
from bot.domain.errors import Rejected
from bot.ports import RawEvent
from bot.services import receive
from bot.store.inbox import inbox
from tests.world import World

GOOD = "4242424242424242"


def take_in(world: World, body: bytes) -> int:
    """Let an event come in, signed; return how many rows were new."""
    return receive.take_in(world.deps, [world.deps.webhooks.verify(body, world.cards.sign(body))])


def rows(world: World) -> list[tuple[str, str | None]]:
    """Return status and reason of every event of the acquirer's, in the order they came."""
    statement = select(inbox).where(inbox.c.source == "stripe").order_by(inbox.c.id)
    with world.store.read() as session:
        return [(row.status, row.reason) for row in session.execute(statement)]


@pytest.mark.in_turn
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_events_may_come_in_any_order_and_twice(world: World, order: tuple[int, ...]) -> None:
    """A failure, a success and the capture's own: each is a hint to look, and the end is one."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, "4000000000000002")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    events = [body for body, _signature in world.cards.events]
    captured = {"type": "payment_intent.succeeded", "id": "evt_late"}
    events.append(json.dumps({**captured, "topup_id": world.topup(reference).id}).encode())
    for index in order:
        assert take_in(world, events[index]) == 1
        assert take_in(world, events[index]) == 0
        receive.read_inbox(world.deps)
    assert world.statuses(reference) == ["posted"]
    assert world.balance("alice") == 1000
    assert world.topup(reference).failed_attempts == 1
    assert [status for status, _reason in rows(world)] == ["done"] * 3


@pytest.mark.parametrize(
    ("event_type", "ids"),
    [
        ("customer.created", {}),
        ("treasury.something.new", {"payment_id": "pi_of_nobody"}),
        ("payment_intent.succeeded", {"topup_id": "nobody's"}),
    ],
)
def test_an_event_of_something_else_is_a_line_in_the_inbox(
    world: World, event_type: str, ids: dict[str, str]
) -> None:
    """Ignored with a sentence, and what comes after it is read."""
    body = json.dumps({"id": "evt_1", "type": event_type, **ids}).encode()
    assert take_in(world, body) == 1
    assert receive.read_inbox(world.deps) == 1
    assert rows(world) == [("ignored", f"{event_type} is about nothing of ours")]


def test_an_event_that_is_not_signed_leaves_no_row(world: World) -> None:
    """Whoever sends it learns nothing."""
    body = b'{"id": "evt_1", "type": "payment_intent.succeeded"}'
    with pytest.raises(Rejected, match="bad_signature"):
        world.deps.webhooks.verify(body, "00")
    assert rows(world) == []


def test_an_event_that_waits_for_the_acquirer_keeps_no_post_waiting(world: World) -> None:
    """What people say is read beside it, by a job of its own."""
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "topup_id": "nobody's"}
    take_in(world, json.dumps(event).encode())
    world.take_post("bob", "@smoney pay @alice 10€")
    assert receive.read_said(world.deps) == 1
    assert [status for status, _reason in rows(world)] == ["waiting"]
    assert receive.read_card_events(world.deps) == 1


def test_a_database_that_goes_is_no_fault_of_the_row_that_is_read(world: World) -> None:
    """The row is as it was, whatever a database that is there again would take down about it."""

    class Gone:
        def decode(self, body: str) -> CardEvent:
            raise exc.OperationalError("SELECT", {}, psycopg.errors.AdminShutdown())

        def verify(self, body: bytes, signature: str) -> RawEvent:
            return world.cards.webhooks.verify(body, signature)

    event = {"id": "evt_1", "type": "payment_intent.succeeded", "topup_id": "nobody's"}
    take_in(world, json.dumps(event).encode())
    with pytest.raises(exc.OperationalError):
        receive.read_card_events(replace(world.deps, webhooks=Gone()))
    assert rows(world) == [("waiting", None)]
