"""Answers held against X's own description, closed, in both families of names."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.sandbox.x_server import asked
from tests.sandbox.x_kit import OLDER, LocalX, assert_fits, openapi

POST_FIELDS = (
    "conversation_id,created_at,display_text_range,edit_controls,entities,lang,public_metrics,"
    "reply_settings,possibly_sensitive"
)
COMMON = POST_FIELDS.split(",")
USER_FIELDS = "created_at,description,protected,public_metrics,verified,verified_type"


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X with a conversation in it."""
    with LocalX() as running:
        asks = running.post("bob", "@smoney pay @alice 10€ https://example.com #fun " + "a" * 300)
        running.reply(asks, "Here you are")
        running.post("alice", "look", quotes=asks["id"])
        yield running


def enum_of(parameters: list[dict[str, Any]], name: str) -> set[str]:
    """The values that X lists for a parameter."""
    (found,) = [one for one in parameters if one.get("name") == name]
    return set(found["schema"]["items"]["enum"])


def test_fields_are_those_that_x_names() -> None:
    """The names taken are X's, no more and no fewer."""
    paths, shared = openapi()["paths"], openapi()["components"]["parameters"]
    stream = paths["/2/tweets/search/stream"]["get"]["parameters"]
    assert enum_of(stream, "tweet.fields") == asked.TWEET_FIELDS
    assert enum_of(stream, "expansions") == asked.TWEET_EXPANSIONS
    both = enum_of(stream, "user.fields") | enum_of([shared["UserFieldsParameter"]], "user.fields")
    assert both == asked.USER_FIELDS
    posts = [shared["PostFieldsParameter"]]
    assert enum_of(posts, "post.fields") == asked.POST_FIELDS
    assert enum_of([shared["PostExpansionsParameter"]], "expansions") == asked.POST_EXPANSIONS
    events = enum_of([shared["DmEventFieldsParameter"]], "dm_event.fields")
    assert events | {"participant_ids", "referenced_tweets", "sender_id"} == asked.DM_FIELDS


def test_a_post_has_its_default_fields_and_no_others(x: LocalX) -> None:
    """Nothing that was not asked for."""
    post = x.control("posts")[0]
    assert set(x.app_get(f"/2/tweets/{post['id']}").json()["data"]) == {
        "id",
        "text",
        "edit_history_tweet_ids",
    }
    newer = x.app_get(f"/2/tweets/{post['id']}", **{"post.fields": "lang"}).json()["data"]
    assert set(newer) == {"id", "text", "lang"}


def test_posts_in_the_older_family_fit(x: LocalX) -> None:
    """tweet.fields: everything asked for is there, under the older names."""
    posts = x.control("posts")
    answer = x.app_get(
        "/2/tweets",
        ids=",".join(one["id"] for one in posts),
        expansions="author_id,referenced_tweets.id,in_reply_to_user_id,entities.mentions.username",
        **{
            "tweet.fields": POST_FIELDS + ",author_id,note_tweet,referenced_tweets",
            "user.fields": USER_FIELDS,
        },
    ).json()
    needed = ["id", "text", "author_id", *COMMON]
    needed.remove("entities")
    assert_fits(
        answer,
        "GetPostsByIdsResponse",
        require={"Post": needed, "User": ["id", "name", "username", *USER_FIELDS.split(",")]},
    )
    long, reply, quote = answer["data"]
    assert "note_tweet" in long
    assert reply["referenced_tweets"] == [{"type": "replied_to", "id": long["id"]}]
    assert quote["referenced_tweets"] == [{"type": "quoted", "id": long["id"]}]
    assert {"users", "tweets"} == set(answer["includes"])


def test_posts_in_the_newer_family_fit(x: LocalX) -> None:
    """post.fields: the same under the newer names, authors by expansion."""
    posts = x.control("posts")
    answer = x.app_get(
        "/2/tweets",
        ids=",".join(one["id"] for one in posts),
        expansions="author_id,referenced_posts,edit_history_post_ids,in_reply_to_user_id,username",
        **{"post.fields": POST_FIELDS + ",note_post", "user.fields": USER_FIELDS},
    ).json()
    needed = ["id", "text", "author_id", "edit_history_post_ids", "username", *COMMON]
    needed.remove("entities")
    assert_fits(answer, "GetPostsByIdsResponse", older=False, require={"Post": needed})
    assert "note_post" in answer["data"][0]
    assert not set(OLDER.values()) & set(answer["data"][1])
    assert {"users", "posts"} == set(answer["includes"])


def test_timelines_fit(x: LocalX) -> None:
    """Mentions, a user's posts and search, with their meta."""
    bot = x.id_of("smoney")
    meta = ["newest_id", "oldest_id", "result_count"]
    for path, name, params in (
        (f"/2/users/{bot}/mentions", "GetUsersMentionsResponse", {}),
        (f"/2/users/{bot}/tweets", "GetUsersPostsResponse", {}),
        ("/2/tweets/search/recent", "SearchPostsRecentResponse", {"query": "from:bob"}),
    ):
        answer = x.app_get(path, **params, **{"tweet.fields": "author_id,entities"}).json()
        assert_fits(answer, name, require={"Post": ["id", "text", "author_id"]})
        assert set(answer["meta"]) == set(meta)


def test_a_post_made_and_deleted_fits(x: LocalX) -> None:
    """What X says after the fact."""
    made = x.client()
    answer = made.request("POST", "/2/tweets", json={"text": "Hello"}, user_auth=True).json()
    assert_fits(answer, "CreatePostsResponse", require={"CreatePostsResponse": ["data"]})
    gone = made.request("DELETE", f"/2/tweets/{answer['data']['id']}", user_auth=True).json()
    assert_fits(gone, "DeletePostsResponse", require={"DeletePostsResponse": ["data"]})


def test_users_fit_and_those_missing_are_errors(x: LocalX) -> None:
    """Found ones as data, the rest as X's problems; single ones likewise."""
    x.control("people", {"handle": "dave", "suspended": True})
    bob, dave = x.id_of("bob"), x.id_of("dave")
    needed = ["id", "name", "username", *USER_FIELDS.split(",")]
    fields = {"user.fields": USER_FIELDS}
    many = x.app_get("/2/users", ids=f"{bob},{dave},1", **fields).json()
    by = x.app_get("/2/users/by", usernames="bob,dave,nobody", **fields).json()
    for answer in (many, by):
        assert_fits(answer, "GetUsersByIdsResponse", require={"User": needed})
        assert len(answer["data"]) == 1
        assert len(answer["errors"]) == 2
    for path in (f"/2/users/{bob}", "/2/users/by/username/BOB"):
        found = x.app_get(path, **fields).json()
        assert_fits(found, "GetUsersByIdResponse", require={"User": needed})
        assert found["data"]["username"] == "bob"
    missing = x.app_get("/2/users/by/username/nobody").json()
    assert_fits(missing, "GetUsersByUsernameResponse")
    assert set(missing) == {"errors"}
    newest = x.app_get(
        f"/2/users/{bob}", expansions="most_recent_post_id", **{"post.fields": "lang"}
    ).json()
    assert_fits(newest, "GetUsersByIdResponse", older=False)
    assert newest["includes"]["posts"]


def test_me_fits(x: LocalX) -> None:
    """The account that the bot learns its handle and id from."""
    answer = x.tweepy.request("GET", "/2/users/me", user_auth=True).json()
    assert_fits(answer, "GetUsersMeResponse", require={"User": ["id", "name", "username"]})
    assert answer["data"]["username"] == "smoney"


def test_messages_fit_in_both_families(x: LocalX) -> None:
    """Events with their sender, asked for as tweepy does and as X's description has it."""
    x.control("dms", {"as": "bob", "text": "solde @alice https://example.com"})
    reader = x.client()
    events = reader.request(
        "GET",
        "/2/dm_events",
        params={"dm_event.fields": "sender_id,created_at,dm_conversation_id,entities"},
        user_auth=True,
    ).json()
    needed = ["id", "event_type", "text", "sender_id", "created_at", "dm_conversation_id"]
    assert_fits(events, "GetDirectMessagesEventsResponse", require={"DmEvent": needed})
    newer = reader.request(
        "GET",
        "/2/dm_events",
        params={"dm_event.fields": "created_at", "expansions": "sender_id"},
        user_auth=True,
    ).json()
    assert_fits(
        newer, "GetDirectMessagesEventsResponse", require={"DmEvent": ["sender_id", "created_at"]}
    )
    assert newer["includes"]["users"][0]["username"] == "bob"
    bare = reader.request("GET", "/2/dm_events", user_auth=True).json()
    assert set(bare["data"][0]) == {"id", "event_type", "text"}
    sent = reader.request(
        "POST",
        f"/2/dm_conversations/with/{x.id_of('bob')}/messages",
        json={"text": "90 €"},
        user_auth=True,
    ).json()
    name = "CreateDirectMessagesByParticipantIdResponse"
    assert_fits(sent, name, require={name: ["data"]})


def test_rules_fit(x: LocalX) -> None:
    """Added, listed and deleted."""
    path = "/2/tweets/search/stream/rules"
    body = {"add": [{"value": "@smoney", "tag": "mentions"}, {"value": "from:bob"}]}
    added = x.http.post(path, json=body, headers=x.bearer).json()
    assert_fits(added, "UpdateRulesResponse", require={"UpdateRulesResponse": ["data", "meta"]})
    listed = x.app_get(path).json()
    assert_fits(listed, "GetRulesResponse", require={"GetRulesResponse": ["data", "meta"]})
    assert [one.get("tag") for one in listed["data"]] == ["mentions", None]
    wanted = {"delete": {"ids": [listed["data"][0]["id"]]}}
    deleted = x.http.post(path, json=wanted, headers=x.bearer).json()
    assert_fits(deleted, "UpdateRulesResponse", require={"UpdateRulesResponse": ["meta"]})
    assert deleted["meta"]["summary"] == {"deleted": 1, "not_deleted": 0}
