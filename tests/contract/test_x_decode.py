"""The decoder on what X sends, and might send: either family of names, gaps, nonsense."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.x.decode import XDecoder, read_sent
from bot.domain.errors import Rejected
from bot.domain.said import Message, NamedUser, Post

OLDER: dict[str, Any] = {
    "id": "1800000000000000003",
    "author_id": "7",
    "text": "@smoney @alice pay @carol 10€",
    "created_at": "2026-08-03T10:00:00.250Z",
    "conversation_id": "1800000000000000001",
    "display_text_range": [15, 29],
    "edit_history_tweet_ids": ["1800000000000000002", "1800000000000000003"],
    "entities": {
        "mentions": [
            {"start": 0, "end": 7, "username": "smoney", "id": "1"},
            {"start": 8, "end": 14, "username": "alice", "id": "8"},
            {"start": 19, "end": 25, "username": "carol", "id": None},
        ],
        "urls": [],
    },
    "in_reply_to_user_id": "8",
    "lang": "en",
    "referenced_tweets": [
        {"type": "replied_to", "id": "1800000000000000001"},
        {"type": "quoted", "id": "1700000000000000000"},
    ],
}
RENAMED = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
}
NEWER = {RENAMED.get(name, name): value for name, value in OLDER.items()}
MESSAGE: dict[str, Any] = {
    "id": "1800000000000000009",
    "event_type": "MessageCreate",
    "text": "yes 4F7K2Q",
    "sender_id": "7",
    "dm_conversation_id": "1-7",
    "created_at": "2026-08-03T10:00:00.000Z",
}


def body(data: object, **more: object) -> str:
    """What X sends."""
    return json.dumps({"data": data} | more)


def post(data: dict[str, Any], **changed: object) -> Post:
    """A post with some fields changed; those that are None are left out."""
    shown = {name: value for name, value in (data | changed).items() if value is not None}
    return XDecoder().post(body(shown))


def message(**changed: object) -> Message:
    """A message with some fields changed; those that are None are left out."""
    shown = {name: value for name, value in (MESSAGE | changed).items() if value is not None}
    return XDecoder().message(body(shown))


@pytest.mark.parametrize("data", [OLDER, NEWER], ids=["tweet.fields", "post.fields"])
def test_a_post_is_read_from_either_family(data: dict[str, Any]) -> None:
    """X renames its fields; the bot reads on."""
    assert post(data) == Post(
        id="1800000000000000003",
        author_id="7",
        text="@smoney @alice pay @carol 10€",
        created_at=datetime(2026, 8, 3, 10, 0, 0, 250_000, tzinfo=UTC),
        conversation_id="1800000000000000001",
        in_reply_to_user_id="8",
        in_reply_to_post_id="1800000000000000001",
        quoted_post_id="1700000000000000000",
        is_retweet=False,
        typed_from=15,
        mentions=(NamedUser("smoney", "1"), NamedUser("alice", "8"), NamedUser("carol", None)),
        edit_history=("1800000000000000002", "1800000000000000003"),
        lang="en",
    )


def test_a_line_of_the_stream_is_read_like_an_entry_of_a_timeline() -> None:
    """It says beside it which rule it matched."""
    line = body(OLDER, matching_rules=[{"id": "5", "tag": "smoney"}], includes={})
    assert XDecoder().post(line) == post(OLDER)


def test_what_is_missing_is_none() -> None:
    """Nothing in X's schemas is required; a version of its own a post always has."""
    assert post({"id": "3", "author_id": "7", "text": ""}) == Post(
        id="3", author_id="7", text="", edit_history=("3",)
    )


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"created_at": "yesterday"}, id="time"),
        pytest.param({"created_at": 12}, id="time as number"),
        pytest.param({"conversation_id": "x"}, id="conversation"),
        pytest.param({"display_text_range": [-1, 5]}, id="range before the text"),
        pytest.param({"display_text_range": [99, 120]}, id="range behind the text"),
        pytest.param({"display_text_range": ["0"]}, id="range of texts"),
        pytest.param({"edit_history_tweet_ids": "3"}, id="history"),
        pytest.param({"entities": {"mentions": [{"id": "8"}, None, 3]}}, id="mentions"),
        pytest.param({"entities": []}, id="entities"),
        pytest.param({"lang": ["fr"]}, id="language"),
        pytest.param({"lang": "pt"}, id="language of others"),
        pytest.param({"note_tweet": {"entities": {}}}, id="note without text"),
        pytest.param({"referenced_tweets": [{"type": "replied_to"}, "x"]}, id="references"),
    ],
)
def test_what_is_odd_is_none(odd: dict[str, Any]) -> None:
    """An optional field never costs a post."""
    assert post({"id": "3", "author_id": "7", "text": "hi"}, **odd) == Post(
        id="3", author_id="7", text="hi", edit_history=("3",)
    )


@pytest.mark.parametrize("name", ["id", "author_id", "text"])
@pytest.mark.parametrize("value", [None, ["3"], "", "²"])
def test_a_post_without_id_author_or_text_cannot_be_read(name: str, value: object) -> None:
    """Its row is marked and listed, not retried."""
    if name == "text" and isinstance(value, str):
        assert post(OLDER, text=value, display_text_range=None).text == value
        return
    with pytest.raises(Rejected) as refusal:
        post(OLDER, **{name: value})
    assert refusal.value.code == "undecodable"


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"data": []}', "{", "[" * 100_000])
def test_what_is_no_post_at_all_cannot_be_read(text: str) -> None:
    """Whatever a body holds, the answer is the same."""
    for decode in (XDecoder().post, XDecoder().message):
        with pytest.raises(Rejected) as refusal:
            decode(text)
        assert refusal.value.code == "undecodable"


def test_a_repost_is_one() -> None:
    """The rule leaves them out; a timeline may not."""
    assert post(OLDER, referenced_tweets=[{"type": "retweeted", "id": "2"}]).is_retweet


@pytest.mark.parametrize("name", ["note_tweet", "note_post"])
def test_a_long_post_is_read_whole(name: str) -> None:
    """Whom it names beyond the cut is in the note alone, and ids may be in either."""
    whole = OLDER["text"] + " and @dave 5€"
    mentions = [{"username": "Alice", "id": None}, {"username": "dave", "id": "9"}]
    note = {"text": whole, "entities": {"mentions": mentions}}
    read = post(OLDER, **{name: note})
    assert (read.text, read.typed_from) == (whole, 15)
    assert {one.handle.lower(): one.x_user_id for one in read.mentions} == {
        "alice": "8",
        "dave": "9",
        "smoney": "1",
        "carol": None,
    }


def test_a_long_post_that_leaves_out_what_x_put_before_it_was_typed_whole() -> None:
    """The range is that of the text that was cut."""
    assert post(OLDER, note_tweet={"text": "pay @carol 10€ …"}).typed_from == 0


def test_a_message_is_read() -> None:
    """A conversation of two bears both names."""
    assert message() == Message(
        id="1800000000000000009",
        sender_id="7",
        text="yes 4F7K2Q",
        conversation_id="1-7",
        participant_ids=("1", "7"),
        created_at=datetime(2026, 8, 3, 10, 0, tzinfo=UTC),
        is_group=False,
    )


@pytest.mark.parametrize(
    ("changed", "is_group"),
    [
        ({"dm_conversation_id": "1800000000000000001"}, True),
        ({"dm_conversation_id": "group:5"}, True),
        ({"participant_ids": ["1", "7", "8"]}, True),
        ({"participant_ids": ["1", "7"]}, False),
        ({"dm_conversation_id": None}, False),
    ],
)
def test_a_group_is_told_from_two(changed: dict[str, Any], is_group: bool) -> None:
    """X names a group's people only where they come and go; its id names nobody."""
    assert message(**changed).is_group is is_group


@pytest.mark.parametrize("name", ["id", "sender_id", "text"])
def test_a_message_without_id_sender_or_text_cannot_be_read(name: str) -> None:
    """Its row is marked and listed, not retried."""
    with pytest.raises(Rejected):
        message(**{name: None})


def test_somebody_who_joins_says_nothing() -> None:
    """Only MessageCreate is a message."""
    with pytest.raises(Rejected):
        message(event_type="ParticipantsJoin")


def test_what_we_sent_is_read_as_we_sent_it() -> None:
    """X fills in handles, escapes, and shortens links."""
    sent = read_sent(
        {
            "id": "9",
            "text": "@bob Confirm &amp; pay: https://t.co/AbC",
            "display_text_range": [5, 40],
            "entities": {
                "urls": [{"url": "https://t.co/AbC", "expanded_url": "https://s.test/t/4F7K2Q"}]
            },
        }
    )
    assert sent.text == "Confirm & pay: https://s.test/t/4F7K2Q"
