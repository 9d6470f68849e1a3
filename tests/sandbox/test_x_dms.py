"""Direct messages: to whom the account may write, and how it reads."""

from collections.abc import Iterator

import pytest
import tweepy

from tests.sandbox.x_kit import LocalX


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X."""
    with LocalX() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalX]:
    """A local X for tests that only make mistakes."""
    with LocalX() as running:
        yield running


def test_who_wrote_first_gets_an_answer(x: LocalX) -> None:
    """In the same conversation, named by both ids."""
    asked = x.control("dms", {"as": "bob", "text": "solde"})
    sent = x.tweepy.create_direct_message(participant_id=x.id_of("bob"), text="90 € & more").data
    assert sent["dm_conversation_id"] == asked["dm_conversation_id"]
    assert asked["dm_conversation_id"] == f"{x.id_of('smoney')}-{x.id_of('bob')}"
    listed = x.control("dms")
    assert [one["username"] for one in listed] == ["bob", "smoney"]
    assert listed[1]["text"] == "90 € &amp; more"
    assert listed[1]["id"] == sent["dm_event_id"]
    assert x.kinds() == []


def test_nobody_else_may_be_written_to(x: LocalX) -> None:
    """X refuses it, and it is written down."""
    x.post("bob", "@smoney help")
    with pytest.raises(tweepy.Forbidden, match="do not have permission to DM"):
        x.tweepy.create_direct_message(participant_id=x.id_of("bob"), text="hello")
    (violation,) = x.control("violations")
    assert violation["kind"] == "unsolicited_dm"
    assert violation["to"] == x.id_of("bob")


@pytest.mark.parametrize("body", [{}, {"text": " "}, {"text": "a" * 10_001}, {"attachments": []}])
def test_a_message_that_x_does_not_take_is_refused(shared: LocalX, body: dict[str, object]) -> None:
    """Each malformed body is an invalid request."""
    shared.control("dms", {"as": "bob", "text": "solde"})
    path = f"/2/dm_conversations/with/{shared.id_of('bob')}/messages"
    with pytest.raises(tweepy.BadRequest):
        shared.tweepy.request("POST", path, json=body, user_auth=True)


def test_events_come_newest_first_and_in_pages(x: LocalX) -> None:
    """There is no since_id: one pages on while ids are new."""
    made = [x.control("dms", {"as": "bob", "text": f"{n}"})["id"] for n in range(5)]
    first = x.tweepy.get_direct_message_events(max_results=3)
    token = first.meta["next_token"]
    second = x.tweepy.get_direct_message_events(max_results=3, pagination_token=token)
    assert [str(one.id) for one in first.data + second.data] == made[::-1]
    assert "next_token" not in second.meta
    assert len(token) >= 16


def test_one_conversation_can_be_read_alone(x: LocalX) -> None:
    """That with bob holds nothing of alice's."""
    x.control("dms", {"as": "alice", "text": "from alice"})
    x.control("dms", {"as": "bob", "text": "from bob"})
    x.control("dms", {"as": "bob", "to": "alice", "text": "not the bot's business"})
    found = x.tweepy.get_direct_message_events(participant_id=x.id_of("bob")).data
    assert [one.text for one in found] == ["from bob"]
    assert len(x.tweepy.get_direct_message_events().data) == 2


def test_a_conversation_of_several_is_told_apart(x: LocalX) -> None:
    """Its id is not made of two ids, and it begins with people joining."""
    group = x.control("dms", {"as": "bob", "to": ["smoney", "carol"], "text": "oui 4F7K2Q"})
    assert "-" not in group["dm_conversation_id"]
    events = x.tweepy.get_direct_message_events(
        dm_event_fields="participant_ids,dm_conversation_id,sender_id"
    ).data
    assert [one.event_type for one in events] == ["MessageCreate", "ParticipantsJoin"]
    assert len(events[1].participant_ids) == 3
    only = x.tweepy.get_direct_message_events(event_types="MessageCreate").data
    assert len(only) == 1
    # Having written to a group opens no conversation of two.
    with pytest.raises(tweepy.Forbidden):
        x.tweepy.create_direct_message(participant_id=x.id_of("bob"), text="hello")


def test_messages_take_no_bearer(x: LocalX) -> None:
    """Only the user whose messages they are."""
    assert x.app_get("/2/dm_events").status_code == 403
    assert x.http.get("/2/dm_events").status_code == 401


def test_a_newcomer_may_write(x: LocalX) -> None:
    """Whoever is typed into the local X exists from then on."""
    x.control("dms", {"as": "@zoe", "text": "hi"})
    assert x.id_of("zoe")
    answer = x.http.post("/_sandbox/dms", json={"as": "smoney", "to": "smoney", "text": "me"})
    assert answer.status_code == 400
