"""Mentions, a user's posts, search: what is in them, and how they are paged."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.x_kit import LocalX, assert_fits


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


def ids(answer: dict[str, Any]) -> list[str]:
    """The posts of an answer, in order."""
    return [one["id"] for one in answer.get("data", [])]


def test_mentions_come_newest_first_and_in_pages(x: LocalX) -> None:
    """Each page says where it begins and ends, and how to go on."""
    posts = [x.post("bob", f"@smoney help {number}")["id"] for number in range(12)]
    path = f"/2/users/{x.id_of('smoney')}/mentions"
    first = x.app_get(path, max_results=5).json()
    assert first["meta"]["newest_id"] == posts[11]
    assert first["meta"]["oldest_id"] == posts[7]
    assert first["meta"]["result_count"] == 5
    token = first["meta"]["next_token"]
    second = x.app_get(path, max_results=5, pagination_token=token).json()
    third = x.app_get(path, max_results=5, pagination_token=second["meta"]["next_token"]).json()
    assert ids(first) + ids(second) + ids(third) == posts[::-1]
    assert "next_token" not in third["meta"]


def test_mentions_since_an_id_and_before_one(x: LocalX) -> None:
    """What the backfill asks for."""
    posts = [x.post("bob", f"@smoney help {number}")["id"] for number in range(4)]
    path = f"/2/users/{x.id_of('smoney')}/mentions"
    assert ids(x.app_get(path, since_id=posts[1]).json()) == [posts[3], posts[2]]
    assert ids(x.app_get(path, until_id=posts[2]).json()) == [posts[1], posts[0]]
    assert x.app_get(path, since_id=posts[3]).json() == {"meta": {"result_count": 0}}


def test_mentions_within_a_time(x: LocalX) -> None:
    """From a start, up to an end that does not belong."""
    first = x.post("bob", "@smoney one")
    x.clock.advance(minutes=5)
    second = x.post("bob", "@smoney two")
    path = f"/2/users/{x.id_of('smoney')}/mentions"
    middle = second["created_at"]
    assert ids(x.app_get(path, start_time=middle).json()) == [second["id"]]
    assert ids(x.app_get(path, end_time=middle).json()) == [first["id"]]


def test_protected_deleted_and_own_posts_are_no_mentions(x: LocalX) -> None:
    """X shows an app what anybody can see."""
    x.control("people", {"handle": "carol", "protected": True})
    x.post("carol", "@smoney help")
    gone = x.post("bob", "@smoney help")
    x.http.delete(f"/_sandbox/posts/{gone['id']}")
    x.post("smoney", "@smoney talks to itself")
    x.post("bob", "no mention")
    path = f"/2/users/{x.id_of('smoney')}/mentions"
    assert ids(x.app_get(path).json()) == []


def test_a_users_posts_with_and_without_replies(x: LocalX) -> None:
    """The timeline of one account."""
    asks = x.post("bob", "@smoney help")
    reply, plain = x.reply(asks, "Like this"), x.tweepy.create_tweet(text="plain").data
    path = f"/2/users/{x.id_of('smoney')}/tweets"
    assert ids(x.app_get(path).json()) == [plain["id"], reply["id"]]
    assert ids(x.app_get(path, exclude="replies").json()) == [plain["id"]]


def test_search_finds_the_reply_to_a_post(x: LocalX) -> None:
    """How the bot learns whether its reply went out."""
    asks = x.post("bob", "@smoney help")
    query = f"from:smoney in_reply_to_tweet_id:{asks['id']}"
    assert ids(x.app_get("/2/tweets/search/recent", query=query).json()) == []
    reply = x.reply(asks, "Like this")
    answer = x.app_get("/2/tweets/search/recent", query=query, since_id=asks["id"]).json()
    assert ids(answer) == [reply["id"]]
    found = x.tweepy.search_recent_tweets(query, user_auth=True)
    assert str(found.data[0].id) == reply["id"]


def test_expansions_bring_people_and_posts_along(x: LocalX) -> None:
    """Authors, people named, and the post answered."""
    asks = x.post("bob", "@smoney pay @alice 5€")
    x.reply(asks, "Like this")
    answer = x.app_get(
        "/2/tweets/search/recent",
        query="from:smoney",
        expansions="author_id,referenced_tweets.id,referenced_tweets.id.author_id",
        **{"tweet.fields": "author_id", "user.fields": "created_at,protected"},
    ).json()
    users = answer["includes"]["users"]
    assert [one["username"] for one in users] == ["smoney", "bob"]
    assert users[1]["protected"] is False
    assert answer["includes"]["tweets"][0]["id"] == asks["id"]


@pytest.mark.parametrize(
    "params",
    [
        {"max_results": "4"},
        {"max_results": "101"},
        {"max_results": "٥"},
        {"since_id": "abc"},
        {"pagination_token": "abc"},
        {"start_time": "yesterday"},
        {"tweet.fields": "author_id,shoe_size"},
        {"expansions": "author"},
        {"user.fields": "email"},
        {"nonsense": "1"},
        {"tweet.fields": "note_post"},
        {"tweet.fields": "author_id", "post.fields": "created_at"},
    ],
)
def test_parameters_that_x_does_not_know_are_refused(
    shared: LocalX, params: dict[str, str]
) -> None:
    """Each is an invalid request that names what is wrong."""
    answer = shared.app_get(f"/2/users/{shared.id_of('smoney')}/mentions", **params)
    assert answer.status_code == 400
    assert_fits(answer.json(), "InvalidRequestProblem")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_query_that_cannot_be_read_is_refused(shared: LocalX) -> None:
    """X says which operator it does not know."""
    answer = shared.app_get("/2/tweets/search/recent", query="near:paris")
    assert answer.status_code == 400
    assert "near:paris" in answer.json()["detail"]
