"""`cancel` and `decline`: which order they mean, by whom, and what is said."""

from typing import NamedTuple

import pytest

from tests.world import World, reference_in, wordings


class Told(NamedTuple):
    """A post that asked for something, and the reference of what it made."""

    post_id: str
    reference: str


def ask(world: World, author: str, text: str, *, in_reply_to: str | None = None) -> Told:
    """Let somebody order by a post."""
    post_id = world.take_post(author, text, in_reply_to=in_reply_to)
    world.react()
    return Told(post_id, reference_in(world.answer_to(post_id)))


# Each row: who orders what, what then happens to it, who writes which verb, where the transfer then
# stands, and words of which the answer holds one.
PAY, REQUEST = "@smoney pay @alice 10€", "@smoney request 10€ from @bob"
CASES = [
    # `cancel` by who ordered
    ("bob", PAY, "waits", "bob", "cancel", "cancelled", "nothing more will leave|Nothing more"),
    ("bob", PAY, "is paid", "bob", "cancel", "posted", "arrived"),
    ("bob", PAY, "is held", "bob", "cancel", "returned", "in your wallet"),
    ("bob", PAY, "is cancelled", "bob", "cancel", "cancelled", "nothing left|nothing is left"),
    ("bob", PAY, "expires", "bob", "cancel", "expired", "nothing left|nothing is left"),
    ("alice", REQUEST, "waits", "alice", "cancel", "cancelled", "your request|Your request"),
    ("alice", REQUEST, "is paid", "alice", "cancel", "posted", "already"),
    # `cancel` by the other party
    ("bob", PAY, "waits", "alice", "cancel", "pending", "something else"),
    ("bob", PAY, "is held", "alice", "cancel", "held", "decline #"),
    ("bob", PAY, "is paid", "alice", "cancel", "posted", "already"),
    ("alice", REQUEST, "waits", "bob", "cancel", "pending", "decline #"),
    ("alice", REQUEST, "is held", "bob", "cancel", "returned", "in your wallet"),
    ("alice", REQUEST, "is declined", "bob", "cancel", "declined", "nothing left|nothing is left"),
    # `decline` by who is asked, or whom money waits for
    ("alice", REQUEST, "waits", "bob", "decline", "declined", "eclined"),
    ("alice", REQUEST, "is paid", "bob", "decline", "posted", "arrived"),
    ("alice", REQUEST, "is declined", "bob", "decline", "declined", "left to decline"),
    ("bob", PAY, "is held", "alice", "decline", "returned", "goes back|returns"),
    ("alice", REQUEST, "is held", "alice", "decline", "returned", "goes back|returns"),
    ("bob", PAY, "is paid", "alice", "decline", "posted", "already"),
    ("bob", PAY, "waits", "alice", "decline", "pending", "something else"),
    # `decline` by who ordered
    ("bob", PAY, "waits", "bob", "decline", "pending", "cancel #"),
    ("bob", PAY, "is held", "bob", "decline", "held", "cancel #"),
    ("alice", REQUEST, "waits", "alice", "decline", "pending", "cancel #"),
    # a stranger, whatever has happened
    ("bob", PAY, "waits", "mallory", "cancel", "pending", "something else"),
    ("bob", PAY, "is held", "mallory", "decline", "held", "something else"),
    ("alice", REQUEST, "is paid", "mallory", "cancel", "posted", "something else"),
]


@pytest.mark.in_turn
@pytest.mark.parametrize(("owner", "text", "fate", "writer", "verb", "status", "words"), CASES)
def test_in_the_thread_of_an_order(
    world: World, owner: str, text: str, fate: str, writer: str, verb: str, status: str, words: str
) -> None:
    """Everybody who may write there, in every state: what is done, and what is said."""
    world.join("bob", cents=5000)
    if fate != "is held":
        world.join("alice")
    order = ask(world, owner, text)
    match fate:
        case "is paid" | "is held":
            world.confirm("bob", order.reference)
        case "is cancelled":
            world.post(owner, f"@smoney cancel #{order.reference}")
        case "is declined":
            world.post("bob", f"@smoney decline #{order.reference}")
        case "expires":
            world.pass_time(hours=31)
            world.expire()
    said = world.post(writer, f"@smoney {verb}", in_reply_to=order.post_id)
    assert world.statuses(order.reference) == [status]
    assert said is not None
    assert any(word in said for word in words.split("|")), said
    if writer == "mallory":
        assert order.reference not in said


@pytest.mark.in_turn
@pytest.mark.parametrize("place", ["asking post", "bot's answer", "further down", "further still"])
def test_every_place_of_a_thread_means_its_order(world: World, place: str) -> None:
    """Also where a newer order of one's own waits elsewhere."""
    order = ask(world, "bob", PAY)
    elsewhere = ask(world, "bob", "@smoney pay @dave 11€")
    (answer,) = world.x.answers(order.post_id)
    below = world.x.post("carol", "what is this?", in_reply_to=order.post_id)
    places = {
        "asking post": order.post_id,
        "bot's answer": answer.id,
        "further down": below,
        "further still": world.x.post("carol", "well?", in_reply_to=below),
    }
    world.post("bob", "@smoney cancel", in_reply_to=places[place])
    assert world.statuses(order.reference) == ["cancelled"]
    assert world.statuses(elsewhere.reference) == ["pending"]


def test_in_a_thread_of_several_orders_the_newest_that_the_writer_can_cancel(world: World) -> None:
    """Not the newest of all, which is another's; but a direct reply means the one replied to."""
    root = world.x.post("carol", "dinner was great")
    first = ask(world, "bob", "@smoney pay @alice 10€", in_reply_to=root)
    second = ask(world, "bob", "@smoney pay @alice 11€", in_reply_to=root)
    third = ask(world, "dave", "@smoney pay @alice 12€", in_reply_to=root)
    elsewhere = ask(world, "bob", "@smoney pay @alice 13€")
    world.post("bob", "@smoney cancel", in_reply_to=root)
    orders = (first, second, third, elsewhere)
    assert [world.statuses(one.reference)[0] for one in orders] == [
        "pending", "cancelled", "pending", "pending",
    ]  # fmt: skip
    world.post("bob", "@smoney cancel", in_reply_to=first.post_id)
    assert world.statuses(first.reference) == ["cancelled"]
    said = world.post("bob", "@smoney cancel", in_reply_to=root)
    assert said is not None
    assert third.reference not in said
    assert world.statuses(third.reference) == ["pending"]
    assert world.statuses(elsewhere.reference) == ["pending"]


def test_elsewhere_cancel_is_the_newest_of_ones_own_that_can_be_cancelled(world: World) -> None:
    """Newer ones that are over, or another's, are passed over; with nothing left it says so."""
    world.join("bob", cents=5000)
    world.join("alice")
    held = world.order("bob", "carol", "9€")
    world.confirm("bob", held)
    waits = world.order("bob", "alice", "10€")
    paid = world.order("bob", "alice", "11€")
    world.confirm("bob", paid)
    asked = world.order("alice", "bob", "12€", kind="request")
    chat = world.x.post("dave", "a thread without any order")
    assert world.post("bob", "@smoney cancel", in_reply_to=chat) is not None
    assert (world.statuses(waits), world.statuses(held)) == (["cancelled"], ["held"])
    assert world.dm("bob", "cancel")
    assert world.statuses(held) == ["returned"]
    (said,) = world.dm("bob", "cancel")
    assert "othing to cancel" in said
    assert (world.statuses(paid), world.statuses(asked)) == (["posted"], ["pending"])


def test_elsewhere_decline_is_the_newest_that_waits_for_the_writer(world: World) -> None:
    """Asked of them, or held for them; what they ordered themselves is none."""
    world.join("bob", cents=5000)
    asked = world.order("alice", "carol", "10€", kind="request")
    held = world.order("bob", "carol", "11€")
    world.confirm("bob", held)
    own = world.order("carol", "bob", "12€")
    assert world.dm("carol", "decline")
    assert (world.statuses(held), world.statuses(asked)) == (["returned"], ["pending"])
    assert world.post("carol", "@smoney decline") is not None
    assert world.statuses(asked) == ["declined"]
    (said,) = world.dm("carol", "decline")
    assert "othing to decline" in said
    assert world.statuses(own) == ["pending"]


@pytest.mark.parametrize("verb", ["cancel", "decline"])
def test_a_reference_means_that_one_wherever_it_is_written(world: World, verb: str) -> None:
    """Also in another order's thread."""
    owner, text = ("bob", PAY) if verb == "cancel" else ("alice", REQUEST)
    older, newer = ask(world, owner, text), ask(world, owner, text.replace("10", "11"))
    world.post("bob", f"@smoney {verb} #{older.reference}", in_reply_to=newer.post_id)
    ended = {"cancel": "cancelled", "decline": "declined"}[verb]
    assert world.statuses(older.reference) == [ended]
    assert world.statuses(newer.reference) == ["pending"]


@pytest.mark.parametrize("verb", ["cancel", "decline"])
def test_a_reference_that_is_anothers_is_said_as_one_that_does_not_exist(
    world: World, verb: str
) -> None:
    """Who guesses references learns nothing."""
    order = ask(world, "bob", PAY)
    for reference in (order.reference, "4F7K2Q"):
        (said,) = world.dm("mallory", f"{verb} {reference}")
        assert said in wordings("refusal.unknown_reference", reference=reference)
    assert world.statuses(order.reference) == ["pending"]


def test_another_x_account_of_the_same_person_cancels_and_takes_back(world: World) -> None:
    """What is theirs counts by person: the money comes back to the one wallet that paid."""
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    held = world.order("bob", "carol", "9€")
    world.confirm("bob", held)
    waits = world.order("bob", "alice", "10€")
    assert world.dm("bob_pro", "cancel")
    assert world.statuses(waits) == ["cancelled"]
    assert world.dm("bob_pro", f"cancel {held}")
    assert world.statuses(held) == ["returned"]
    assert world.balance("bob") == 5000


def test_another_x_account_of_the_same_person_declines(world: World) -> None:
    """What was asked of one account, and what is held for it."""
    world.join("bob", cents=5000)
    asked = world.order("bob", "alice", "10€", kind="request")
    held = world.order("bob", "alice", "11€")
    world.confirm("bob", held)
    world.join("alice")
    world.link("alice_pro", to="alice")
    for reference, status in ((held, "returned"), (asked, "declined")):
        assert world.dm("alice_pro", "decline")
        assert world.statuses(reference) == [status]
    assert world.balance("bob") == 5000
