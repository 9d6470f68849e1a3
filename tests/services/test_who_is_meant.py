"""Who is meant: X's entities say it by id; nobody is paid by a bare handle or by a guess."""

import json
from dataclasses import replace

import pytest

from bot.domain.errors import Rejected, Unavailable
from bot.domain.x_bill import XUse
from bot.ports import RawEvent
from bot.services import receive
from bot.store import people
from bot.telemetry import Tally
from tests.world import PUBLIC_URL, World, reference_in


def _read(world: World, post_id: str, **changed: object) -> str | None:
    """Let a post reach the bot with fields that X filled in otherwise; return the reply."""
    event = world.x.event(post_id)
    data = json.loads(event.body)["data"] | changed
    body = json.dumps({"data": {key: one for key, one in data.items() if one is not None}})
    receive.take_in(world.deps, [RawEvent("post", post_id, body, event.happened_at)])
    world.react()
    return world.answer_to(post_id)


def _payees(world: World, reply: str | None) -> list[str]:
    rows = world.transfers(reference_in(reply))
    return [row.payee_x_user_id for row in rows]


def _without_ids(world: World, post_id: str, *handles: str) -> dict[str, object]:
    """Return the entities of a post with no id for some of those whom it mentions."""
    data = json.loads(world.x.event(post_id).body)["data"]
    for mention in data["entities"]["mentions"]:
        if mention["username"] in handles:
            mention["id"] = None
    return {"entities": data["entities"]}


def test_a_payee_is_the_account_that_the_post_named_whoever_bears_the_handle_later(
    world: World,
) -> None:
    """The id stays; a handle can change hands between the post and the confirmation."""
    world.join("bob", cents=5000)
    alice = world.x_id("alice")
    reference = world.order("bob", "alice")
    world.x.change("alice", new_handle="alice_new")
    impostor = world.x_id("alice")
    assert impostor != alice
    world.confirm("bob", reference)
    (row,) = world.transfers(reference)
    assert row.payee_x_user_id == alice


@pytest.mark.parametrize("text", ["@smoney pay 10€", "@smoney pay 10€ for this"])
def test_a_quoted_author_is_no_payee(world: World, text: str) -> None:
    """Quoting is not naming: the command names nobody."""
    carols = world.x.post("carol", "I need 10€")
    post_id = world.x.post("bob", text, quotes=carols)
    reply = _read(world, post_id)
    assert reply is not None
    assert "/t/" not in reply


def test_a_reply_that_names_nobody_is_about_the_author_replied_to(world: World) -> None:
    """By X's id of them, which the reply itself bears."""
    carols = world.x.post("carol", "I need 10€")
    reply = world.post("bob", "@smoney pay 10€", in_reply_to=carols)
    assert _payees(world, reply) == [world.x_id("carol")]


def test_people_whom_x_put_before_a_reply_are_not_paid(world: World) -> None:
    """Only whom the writer typed: `display_text_range` says where that begins."""
    carols = world.x.post("carol", "hello @dave")
    reply = world.post("bob", "@smoney pay @alice 10€", in_reply_to=carols)
    assert _payees(world, reply) == [world.x_id("alice")]


def test_without_the_range_a_reply_to_several_names_nobody_for_certain(world: World) -> None:
    """X did not say where typing begins: when in doubt, nobody is paid."""
    carols = world.x.post("carol", "hello @dave")
    post_id = world.x.post("bob", "@smoney pay 10€", in_reply_to=carols)
    reply = _read(world, post_id, display_text_range=None)
    assert reply is not None
    assert "/t/" not in reply


@pytest.mark.parametrize(
    ("text", "path"), [("pay @alice @carol 10€ each", "pay"), ("request 10€ from @carol", "ask")]
)
def test_for_an_id_that_x_left_out_a_reply_leads_to_the_page(
    world: World, text: str, path: str
) -> None:
    """No user read is paid for on the way to it, no handle of old is guessed by, nobody notified.

    What X said of a handle minutes ago still holds.
    """
    world.dm("dave", "pay @carol 1€")
    before = world.roles.directory.users_read
    post_id = world.x.post("bob", f"@smoney {text}")
    reply = _read(world, post_id, **_without_ids(world, post_id, "carol", "smoney"))
    assert reply is not None
    assert f"{PUBLIC_URL}/{path}#" in reply
    assert world.involving("bob") == []
    assert world.x_id("carol") in world.roles.publisher.replies[-1].exclude_x_user_ids
    with world.store.write() as session:
        people.change_account(session, world.x_id("carol"), looked_up_at=world.clock.now())
    post_id = world.x.post("bob", f"@smoney {text}")
    reply = _read(world, post_id, **_without_ids(world, post_id, "carol", "smoney"))
    rows = world.transfers(reference_in(reply))
    assert world.x_id("carol") in {
        one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)
    }
    assert world.roles.directory.users_read == before


def test_nobody_is_looked_up_for_too_many_people_or_on_a_short_budget(world: World) -> None:
    """Each account costs: it is said what else to do, and nobody is guessed."""
    world.join("bob", cents=5000)
    before = world.roles.directory.users_read
    many = " ".join(f"@nobody{number}" for number in range(world.deps.policy.max_people + 1))
    (said,) = world.dm("bob", f"pay {many} 1€ each")
    assert str(world.deps.policy.max_people) in said
    world.deps = replace(world.deps, tally=Tally(), x_budget_mills=1000)
    world.deps.tally.count(XUse.REPLY, 80)
    for text, path in (("pay @alice 1€", "pay"), ("request 1€ from @alice", "ask")):
        (said,) = world.dm("bob", text)
        assert said.endswith(f"{PUBLIC_URL}/{path}"), said
    assert world.involving("bob") == []
    assert world.roles.directory.users_read == before


def test_nobody_is_looked_up_where_x_says_who_it_is(world: World) -> None:
    """No user read is paid for on the way to the reply."""
    world.roles.directory.faults.add(Unavailable("nobody is to ask"))
    assert world.order("bob", "alice")


def test_a_look_up_that_x_delays_is_tried_again_and_nothing_is_guessed(world: World) -> None:
    """The message waits in the inbox, also where X refuses our keys: that is not its fault."""
    for error in (Unavailable("busy"), Rejected("unauthorized")):
        world.roles.directory.faults.add(error)
        assert world.dm("bob", "pay @carol 10€") == []
        world.pass_time(minutes=1)
        world.react()
        assert _payees(world, world.messages_to("bob")[-1]) == [world.x_id("carol")]


@pytest.mark.parametrize("name", ["bob", "bobs_other"])
def test_the_writer_is_no_payee_under_any_account(world: World, name: str) -> None:
    """Refused with a sentence of its own when read, alone or among others."""
    world.join("bob", cents=5000)
    world.link("bobs_other", to="bob")
    for text in (f"@smoney pay @{name} 10€", f"@smoney pay @alice @{name} 10€ each"):
        reply = world.post("bob", text)
        assert reply is not None
        assert "yourself" in reply or "both sides" in reply
        assert "/t/" not in reply


def test_the_bot_is_no_payee_under_its_id(world: World) -> None:
    """Its handle is dropped where it stands; under another handle it is known by its id."""
    reply = world.post("bob", "@smoney pay @alice @smoney 5€ each")
    assert _payees(world, reply) == [world.x_id("alice")]
    post_id = world.x.post("bob", "@smoney pay @smoney_old 5€")
    data = json.loads(world.x.event(post_id).body)["data"]
    for mention in data["entities"]["mentions"]:
        if mention["username"] == "smoney_old":
            mention["id"] = world.x.bot.id
    reply = _read(world, post_id, entities=data["entities"])
    assert reply is not None
    assert "/t/" not in reply


def test_a_direct_message_names_people_whom_x_knows(world: World) -> None:
    """Looked up by handle; who is not there is refused by name."""
    (answer,) = world.dm("bob", "pay @alice 10€")
    assert _payees(world, answer) == [world.x_id("alice")]
    world.x.missing.add("nobody_here")
    (answer,) = world.dm("bob", "pay @nobody_here 10€")
    assert "@nobody_here" in answer
    assert "/t/" not in answer


LONG = "for the pizza and " + "so much more to say about it all, " * 20


def test_a_long_post_is_read_whole(world: World) -> None:
    """The command stands in the first 280 characters, the note goes on and is cut at a word."""
    typed = f"@smoney pay @alice 10€ {LONG}"
    post_id = world.x.post("bob", typed)
    cut = typed[:277] + "…"
    entities = json.loads(world.x.event(post_id).body)["data"]["entities"]
    reply = _read(
        world,
        post_id,
        text=cut,
        note_tweet={"text": typed, "entities": entities},
        display_text_range=[0, len(cut)],
    )
    (row,) = world.transfers(reference_in(reply))
    assert row.note.startswith("the pizza")
    assert row.note.endswith("…")
    assert len(row.note) <= 140


def test_somebody_named_beyond_the_cut_makes_a_long_post_ambiguous(world: World) -> None:
    """What the cut text hides is read: a second person in the note is no note."""
    typed = f"@smoney pay @alice 10€ {LONG} and @carol 5€"
    post_id = world.x.post("bob", typed)
    cut = typed[:277] + "…"
    entities = json.loads(world.x.event(post_id).body)["data"]["entities"]
    reply = _read(world, post_id, text=cut, note_tweet={"text": typed, "entities": entities})
    assert reply is not None
    assert "/t/" not in reply


def test_a_command_that_reaches_beyond_the_first_280_characters_is_not_followed(
    world: World,
) -> None:
    """People far down in a long post are no arguments that anybody sees."""
    typed = "@smoney pay " + "please " * 45 + "@alice 10€"
    post_id = world.x.post("bob", typed)
    entities = json.loads(world.x.event(post_id).body)["data"]["entities"]
    cut = typed[:277] + "…"
    reply = _read(world, post_id, text=cut, note_tweet={"text": typed, "entities": entities})
    assert reply is None or "/t/" not in reply


@pytest.mark.parametrize("typed", ["@smoney cancel", "@smoney annuler"])
def test_a_reply_in_ones_own_thread_is_a_reply(world: World, typed: str) -> None:
    """X puts no writer's own handle before it, and those whom it puts there are no arguments."""
    first = world.take_post("bob", "@smoney pay @alice @carol 10€ each")
    world.react()
    reference = reference_in(world.answer_to(first))
    world.post("bob", typed, in_reply_to=first)
    assert world.statuses(reference) == ["cancelled", "cancelled"]
