"""From a text to an order and one answer, or to a refusal that helps, or to silence."""

import pytest

from bot.domain.limits import Policy
from bot.services import receive, wallet
from bot.store.engine import Store
from tests.world import World, reference_in


def test_a_tweet_becomes_an_order_and_one_reply_that_names_nothing(world: World) -> None:
    """The reply bears the link and no amount, payee or note: the post may go, the reply stays."""
    reply = world.post("bob", "@smoney pay @alice 10€ for pizza")
    assert reply is not None
    (row,) = world.transfers(reference_in(reply))
    assert (row.amount_cents, row.note, row.status) == (1000, "pizza", "pending")
    assert not any(word in reply for word in ("alice", "10", "pizza", "@"))


def test_a_reply_notifies_nobody_but_its_author(world: World) -> None:
    """Everybody else whom X would put in front of it is excluded."""
    carols = world.x.post("carol", "hello @dave")
    post_id = world.take_post("bob", "@smoney pay @alice 10€", in_reply_to=carols)
    world.react()
    (reply,) = [one for one in world.x.posts.values() if one.reply_to == post_id]
    assert reply.filled_in == ("bob",)


def test_a_mention_that_comes_twice_is_answered_once(world: World) -> None:
    """By the stream and by the backfill: one row, one order, one reply."""
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert receive.take_in(world.deps, [world.x.event(post_id)]) == 0
    assert receive.backfill(world.deps) == []
    world.react()
    assert world.answer_to(post_id) is not None
    assert world.outbox() == [("reply", "sent")]


@pytest.mark.parametrize(
    "text",
    ["I used @smoney to pay @alice 10€ yesterday", "thanks @smoney!", "RT @bob: @smoney help"],
)
def test_small_talk_gets_silence(world: World, text: str) -> None:
    """A bot that answers small talk breaks X's rules and costs money."""
    assert world.post("bob", text) is None
    assert world.outbox() == []


def test_an_error_gets_a_hint_that_says_what_was_read(world: World) -> None:
    """In public without `@`, with nothing written down but the answer."""
    reply = world.post("bob", "@smoney pay @alice 10")
    assert reply is not None
    assert "10" in reply
    assert "@" not in reply


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@smoney pay @smoney 10€", ""),
        ("@smoney pay @bob 10€", "yourself|both sides"),
        ("@smoney pay @alice 250.01€", "€250"),
        ("@smoney split 30€ with @bob", "split"),
        ("@smoney split 0.02€ with @alice @carol", "€0.02"),
        ("@smoney donate 10€ @alice", "alice"),
        ("@smoney cancel", "cancel"),
        ("@smoney decline #4F7K2Q", "4F7K2Q"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(world: World, text: str, words: str) -> None:
    """Each refusal helps, names nobody with `@`, and leaves no order behind."""
    reply = world.post("bob", text)
    assert reply is not None
    assert any(word in reply for word in words.split("|")), reply
    assert "@" not in reply
    assert "/t/" not in reply


def test_a_handle_that_x_did_not_see_as_a_mention_is_nobody(world: World) -> None:
    """X's entities are the truth of who is mentioned."""
    world.x.missing.add("ghost")
    reply = world.post("bob", "@smoney pay @ghost 10€")
    assert reply is not None
    assert "ghost" in reply
    assert "/t/" not in reply


def test_too_many_orders_and_too_many_people_are_refused(store: Store) -> None:
    """MAX_PENDING and MAX_PEOPLE, counted when the command is read; who splits is none of them."""
    world = World(store, Policy(max_pending=2, max_people=2))
    world.order("bob", "alice")
    world.order("bob", "alice", "11€")
    reply = world.post("bob", "@smoney pay @alice 12€")
    assert reply is not None
    assert "/t/" not in reply
    reply = world.post("erin", "@smoney pay @alice @carol @dave 1€ each")
    assert reply is not None
    assert "/t/" not in reply
    reply = world.post("erin", "@smoney split 9€ with @erin @alice @carol")
    assert reply is not None
    assert "/t/" in reply


def test_stop_ends_every_answer_until_start(world: World) -> None:
    """No reply and no DM to who opted out, in public and in private alike."""
    assert world.post("bob", "@smoney stop") is None
    assert world.post("bob", "@smoney pay @alice 10€") is None
    assert world.dm("bob", "help") == []
    assert world.post("bob", "@smoney start") is not None
    assert world.post("bob", "@smoney pay @alice 10€") is not None


def test_who_opted_out_while_an_answer_waited_does_not_get_it(world: World) -> None:
    """The deliverer looks once more before it sends."""
    first = world.take_post("bob", "@smoney pay @alice 10€")
    world.take_post("bob", "@smoney stop")
    world.react()
    assert world.answer_to(first) is None
    assert world.outbox() == [("reply", "dropped")]


def test_the_bots_own_posts_and_group_conversations_are_ignored(world: World) -> None:
    """Nothing that the bot says makes it answer, and a group is not private."""
    assert world.post("smoney", "@smoney pay @alice 10€") is None
    assert world.dm("bob", "pay @alice 10€", to=("smoney", "carol")) == []
    assert world.outbox() == []


def test_a_direct_message_is_answered_by_direct_message_with_the_terms(world: World) -> None:
    """In private the amount and the payee may be named."""
    (answer,) = world.dm("bob", "pay @alice 10€")
    assert "€10" in answer
    assert "@alice" in answer
    assert world.statuses(reference_in(answer)) == ["pending"]


def test_a_post_that_is_read_too_late_gets_no_answer_but_keeps_its_order(world: World) -> None:
    """Older than ANSWER_WITHIN_H: it stands in its author's wallet."""
    post_id = world.x.post("bob", "@smoney pay @alice 10€")
    world.pass_time(hours=7)
    assert len(receive.backfill(world.deps)) == 1
    world.react()
    assert world.answer_to(post_id) is None
    (row,) = world.involving("bob")
    (waits,) = wallet.waits(world.deps, world.visitor("bob"))
    assert (waits.what, waits.reference) == ("to_confirm", row.reference)


def test_a_request_is_answered_to_its_asker_and_paid_by_who_was_asked(world: World) -> None:
    """One reply, worded for both sides; the payer is the person asked."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("alice", "bob", "10€", kind="request")
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["posted"]
    assert world.balance("alice") == 1000


def test_several_payees_are_one_order_and_what_is_unticked_is_cancelled(world: World) -> None:
    """One link, one confirmation of what is ticked."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.join("carol")
    reference = reference_in(world.post("bob", "@smoney pay @alice @carol 10€ each"))
    world.confirm("bob", reference, numbers=(2,))
    assert world.statuses(reference) == ["cancelled", "posted"]
    assert (world.balance("alice"), world.balance("carol")) == (0, 1000)


def test_a_donation_goes_to_an_organisation_that_was_verified(world: World) -> None:
    """To anybody else it is refused, and `pay` is offered."""
    world.join("secours_demo", organisation=True)
    assert world.order("bob", "secours_demo", "300€", kind="donate")


def test_a_mention_that_x_shows_after_a_newer_one_is_not_lost(world: World) -> None:
    """The backfill's cursor stays behind what is so new that an older post may yet appear."""
    older = world.x.post("bob", "@smoney pay @alice 10€")
    world.x.posts[older].is_deleted = True
    world.x.post("carol", "@smoney pay @alice 11€")
    assert len(receive.backfill(world.deps)) == 1
    world.x.posts[older].is_deleted = False
    assert len(receive.backfill(world.deps)) == 1
    world.pass_time(minutes=3)
    receive.backfill(world.deps)
    assert receive.backfill(world.deps) == []


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("@smoney pay @alice 10", "€10 to alice – with the at sign before the name"),
        ("@smoney payer 10€ @alice @carol", "à alice et carol – avec l’arobase devant chaque nom"),
    ],
)
def test_a_public_example_says_how_to_write_whom_it_names(
    world: World, text: str, how: str
) -> None:
    """There it has no `@`, since X would notify them; copied as it stands it would name nobody."""
    reply = world.post("bob", text)
    assert reply is not None
    assert how in reply
    assert "@" not in reply
