"""What operators see and mend: the objects of the contract, what died, the books' proof."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.adapters.x.decode import XDecoder
from bot.domain.errors import Refusal, Rejected
from bot.domain.said import Post
from bot.ports import RawEvent
from bot.services import operate, persons, receive
from bot.services.back_off import BACK_OFF_AT_MOST_S
from bot.store import inbox, people
from bot.telemetry import METRICS
from tests.world import World

KEYS = [
    "reference",
    "status",
    "payer",
    "payee",
    "amount_cents",
    "currency",
    "note",
    "funding",
    "post_id",
    "created_at",
    "confirm_by",
    "confirmed_at",
    "posted_at",
    "history",
    "sca",
    "refund_of",
    "to_card",
]
"""CONTRACT.md, `transfer show --json`, and what was added since."""


def paid(world: World) -> str:
    """Let bob pay alice from his wallet; return the reference."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€ for pizza")
    world.confirm("bob", reference)
    return reference


def test_a_transfer_is_shown_as_the_contract_says(world: World) -> None:
    """Every key, both parties, the amount in cents, the times in UTC, the whole history."""
    reference = paid(world)
    (shown,) = operate.show_order(world.deps, reference.lower())
    assert list(shown) == KEYS
    assert shown["reference"] == f"{reference}-1"
    assert shown["status"] == "posted"
    assert shown["payer"] == {"x_user_id": world.x_id("bob"), "handle": "bob"}
    assert shown["payee"] == {"x_user_id": world.x_id("alice"), "handle": "alice"}
    assert (shown["amount_cents"], shown["currency"], shown["note"]) == (1000, "EUR", "pizza")
    assert shown["funding"] == "wallet"
    assert shown["created_at"] == "2026-11-23T12:00:00Z"
    assert shown["posted_at"] == "2026-11-23T12:00:00Z"
    assert [one["status"] for one in shown["history"]] == ["pending", "posted"]
    assert set(shown["history"][0]) == {"status", "at", "reason"}
    json.dumps(shown)


def test_the_post_that_ordered_is_named(world: World) -> None:
    """`post_id` is X's; what came by direct message has none."""
    world.join("bob", cents=5000)
    world.order("bob", "alice")
    world.dm("bob", "pay @alice 5€")
    by_post, by_message = operate.list_transfers(world.deps)
    assert by_post["post_id"] in world.x.posts
    assert by_message["post_id"] is None


def test_one_transfer_of_an_order_can_be_named(world: World) -> None:
    """`4F7K2Q-2` shows that one, the bare reference all of them."""
    reply = world.post("bob", "@smoney pay @alice @carol 10€ each")
    assert reply is not None
    reference = operate.list_transfers(world.deps)[0]["reference"][:6]
    assert len(operate.show_order(world.deps, reference)) == 2
    (second,) = operate.show_order(world.deps, f"{reference}-2")
    assert second["payee"]["handle"] == "carol"
    with pytest.raises(Refusal):
        operate.show_order(world.deps, f"{reference}-3")


def test_an_unknown_reference_is_refused(world: World) -> None:
    """Showing and cancelling alike."""
    with pytest.raises(Refusal, match=r"refusal\.unknown_reference"):
        operate.show_order(world.deps, "ABC234")
    with pytest.raises(Refusal, match=r"refusal\.unknown_reference"):
        operate.cancel_order(world.deps, "ABC234")


def test_transfers_are_listed_by_status_and_time(world: World) -> None:
    """Oldest first; `since` counts from when they were made."""
    first = paid(world)
    world.pass_time(hours=1)
    second = world.order("bob", "carol")
    everything = operate.list_transfers(world.deps)
    assert [one["reference"] for one in everything] == [f"{first}-1", f"{second}-1"]
    (pending,) = operate.list_transfers(world.deps, status="pending")
    assert pending["reference"] == f"{second}-1"
    (late,) = operate.list_transfers(world.deps, since=world.clock.now() - timedelta(minutes=5))
    assert late["reference"] == f"{second}-1"


def test_an_operator_cancels_what_waits_and_nothing_else(world: World) -> None:
    """A pending order ends, with its reason; a posted one is refused."""
    reference = world.order("bob", "alice")
    assert operate.cancel_order(world.deps, reference) == 1
    (shown,) = operate.show_order(world.deps, reference)
    assert shown["history"][-1]["reason"] == "cancelled_by_operator"
    with pytest.raises(Refusal, match=r"refusal\.nothing_to_cancel"):
        operate.cancel_order(world.deps, reference)
    posted = paid(world)
    with pytest.raises(Refusal, match=r"refusal\.nothing_to_cancel"):
        operate.cancel_order(world.deps, posted)
    assert world.statuses(posted) == ["posted"]


def test_what_died_in_the_outbox_is_listed_first_and_tried_again(world: World) -> None:
    """The reason stands there, the text does not; a retry goes out once."""
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.roles.publisher.faults.add(Rejected("not_allowed", "The account is protected."))
    world.react()
    (dead,) = operate.list_outbox(world.deps)
    assert (dead["status"], dead["channel"]) == ("dead", "reply")
    assert "not_allowed" in dead["reason"]
    assert "text" not in dead
    assert operate.retry_outbox(world.deps, [dead["id"] + 1]) == 0
    assert operate.retry_outbox(world.deps, [dead["id"]]) == 1
    world.react()
    assert world.answer_to(post_id) is not None
    assert operate.list_outbox(world.deps) == []


def test_what_died_in_the_inbox_is_listed_and_read_again(world: World) -> None:
    """A body that could not be read is dead with its reason; a retry reads it anew."""
    receive.take_in(world.deps, [RawEvent("post", "77", "not JSON")])
    receive.read_inbox(world.deps)
    (dead,) = operate.list_inbox(world.deps)
    assert (dead["status"], dead["source_id"]) == ("dead", "77")
    assert "undecodable" in dead["reason"]
    assert "body" not in dead
    assert operate.retry_inbox(world.deps) == 1
    (waiting,) = operate.list_inbox(world.deps)
    assert waiting["status"] == "waiting"
    receive.read_inbox(world.deps)
    assert operate.list_inbox(world.deps)[0]["status"] == "dead"


class Broken(XDecoder):
    """A decoder with a mistake of ours in it."""

    def post(self, body: str) -> Post:
        """Fail, whatever is read."""
        raise ZeroDivisionError(body[:1])


def test_a_row_dies_of_our_own_mistakes_alone(world: World) -> None:
    """Not of readers that died with it, nor of X that was away: of eight mistakes it does."""
    world.take_post("bob", "@smoney help")
    with world.store.write() as session:
        for _ in range(receive.TRIES_AT_MOST):
            at = world.clock.now()
            (row,) = inbox.lease(session, at=at, leased_at=at, limit=1)
            world.pass_time(seconds=inbox.LEASE_S + 1)
    assert row.attempts == receive.TRIES_AT_MOST
    deps = replace(world.deps, decoder=Broken())
    for number in range(receive.TRIES_AT_MOST):
        (listed,) = operate.list_inbox(world.deps)
        assert listed["status"] == "waiting", number
        receive.read_inbox(deps)
        world.pass_time(seconds=BACK_OFF_AT_MOST_S)
    (listed,) = operate.list_inbox(world.deps)
    assert (listed["status"], listed["reason"]) == ("dead", "ZeroDivisionError: see the log")


def test_what_has_no_text_any_more_is_not_read_again(world: World) -> None:
    """Its body was pruned: there is nothing to read."""
    receive.take_in(world.deps, [RawEvent("post", "77", "not JSON")])
    receive.read_inbox(world.deps)
    with world.store.write() as session:
        inbox.prune_bodies(session, before=world.clock.now() + timedelta(days=1))
    assert operate.retry_inbox(world.deps) == 0


def test_the_proof_of_the_books_is_kept_and_shown(world: World) -> None:
    """A gauge for this process, a row for the others."""
    paid(world)
    operate.prove_books(world.deps)
    assert METRICS.books_balanced._value.get() == 1
    with world.store.read() as session:
        kept = inbox.read_cursor(session, operate.PROOF)
    assert kept is not None
    assert json.loads(kept) == {"balanced": True, "problems": 0}


def test_books_that_do_not_balance_are_told(world: World) -> None:
    """The gauge falls; the row says how many problems there are."""
    paid(world)
    wrong = "UPDATE account SET balance_cents = balance_cents + {} WHERE name = 'cards'"
    with world.store.write() as session:
        session.execute(text(wrong.format(1)))
    operate.prove_books(world.deps)
    assert METRICS.books_balanced._value.get() == 0
    with world.store.write() as session:
        kept = inbox.read_cursor(session, operate.PROOF)
        session.execute(text(wrong.format(-1)))
    assert kept is not None
    assert json.loads(kept)["balanced"] is False


def test_a_person_is_found_by_handle_and_by_id_and_verified(world: World) -> None:
    """The number of the phone is not shown whole."""
    world.join("alice", cents=700)
    by_handle = persons.show_person(world.deps, "@Alice")
    assert by_handle == persons.show_person(world.deps, world.x_id("alice"))
    assert by_handle["balance_cents"] == 700
    with pytest.raises(Refusal, match=r"refusal\.unknown_handle"):
        persons.show_person(world.deps, f"@{world.x_id('alice')}")
    assert by_handle["phone"].startswith("…")
    assert (by_handle["level"], by_handle["organisation"]) == ("declared", False)
    verified = persons.verify(world.deps, "alice", level="verified", is_organisation=True)
    assert (verified["level"], verified["organisation"]) == ("verified", True)
    assert persons.list_persons(world.deps) == [verified]
    with pytest.raises(Refusal):
        persons.show_person(world.deps, "nobody")
    world.join("bob")
    figures, accounts = "4711", people.x_accounts
    with world.store.write() as session:
        people.see(session, figures, at=world.clock.now())
        of_alice = accounts.update().where(accounts.c.x_user_id == figures)
        session.execute(of_alice.values(person_id=1))
        people.see(session, world.x_id("bob"), at=world.clock.now(), handle=figures)
    with pytest.raises(Refusal, match=r"refusal\.two_people"):
        persons.lock(world.deps, figures, "review")
    assert persons.show_person(world.deps, f"@{figures}")["person"] == 2
    assert persons.show_person(world.deps, "@alice")["person"] == 1


def test_the_acquirers_last_webhook_is_known(world: World) -> None:
    """None before the first."""
    assert operate.newest_event_at(world.deps, "stripe") is None
    receive.take_in(world.deps, [RawEvent("stripe", "evt_1", "{}")])
    assert operate.newest_event_at(world.deps, "stripe") == world.clock.now()
