"""Test control: people, faults of calls, text messages, and what it refuses."""

import time
from collections.abc import Iterator

import httpx
import pytest
import tweepy

from bot.sandbox.x_server.ids import Snowflakes
from tests.sandbox.x_kit import Clock, LocalX


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


def test_ids_grow_even_where_the_clock_stands_still() -> None:
    """As strings of digits, like X's."""
    fixed = Clock()()
    ids = Snowflakes(lambda: fixed)
    made = [int(ids.next()) for _ in range(100)]
    assert made == sorted(set(made))
    assert 1 <= len(str(made[0])) <= 19


def test_the_people_of_the_sandbox_are_there(x: LocalX) -> None:
    """The bot's account and those of the contract."""
    handles = [one["handle"] for one in x.control("people")]
    assert handles == ["smoney", "bob", "alice", "carol", "dave", "secours_demo"]


def test_a_handle_changes_hands_and_an_id_never_does(x: LocalX) -> None:
    """Renamed, the old handle is free for somebody new."""
    old = x.id_of("alice")
    x.post("alice", "hello")
    x.control("people", {"handle": "alice", "renamed_to": "alice_2"})
    assert x.id_of("alice_2") == old
    assert x.control("posts")[0]["username"] == "alice_2"
    assert x.app_get("/2/users/by/username/alice").json()["errors"]
    x.post("alice", "I am another")
    assert x.id_of("alice") != old
    taken = x.http.post("/_sandbox/people", json={"handle": "alice", "renamed_to": "alice_2"})
    assert taken.status_code == 400


def test_a_suspended_person_is_gone_from_everything(x: LocalX) -> None:
    """Neither looked up nor heard, and does nothing."""
    post = x.post("dave", "@smoney help")
    dave = x.id_of("dave")
    x.control("people", {"handle": "dave", "suspended": True})
    assert x.app_get(f"/2/users/{dave}").json()["errors"][0]["title"] == "Forbidden"
    assert x.app_get(f"/2/tweets/{post['id']}").json()["errors"]
    assert x.app_get(f"/2/users/{dave}/mentions").json()["errors"]
    assert x.http.post("/_sandbox/posts", json={"as": "dave", "text": "hi"}).status_code == 403


def test_a_protected_persons_posts_are_not_shown(x: LocalX) -> None:
    """X says that one may not see them."""
    x.control("people", {"handle": "carol", "protected": True, "name": "Carol C."})
    post = x.post("carol", "secret")
    (error,) = x.app_get(f"/2/tweets/{post['id']}").json()["errors"]
    assert error["type"].endswith("/not-authorized-for-resource")
    shown = x.app_get("/2/users/by/username/carol", **{"user.fields": "protected"}).json()
    assert shown["data"]["protected"] is True
    assert shown["data"]["name"] == "Carol C."


def test_posts_are_listed_oldest_first_with_everything(x: LocalX) -> None:
    """As X gives them, with the author's handle beside."""
    first = x.post("bob", "one")
    x.post("alice", "two", in_reply_to=int(first["id"]))
    one, two = x.control("posts")
    assert (one["username"], two["username"]) == ("bob", "alice")
    assert two["in_reply_to_user_id"] == one["author_id"]
    assert two["referenced_tweets"] == [{"type": "replied_to", "id": one["id"]}]


def test_text_messages_reach_a_phone(x: LocalX) -> None:
    """In order, at their number."""
    x.control("sms", {"to": "+33612345678", "text": "code 123456"})
    x.control("sms", {"to": "+33687654321", "text": "hello"})
    assert [one["text"] for one in x.control("sms")] == ["code 123456", "hello"]
    (one,) = x.http.get("/_sandbox/sms", params={"to": "+33612345678"}).json()
    assert set(one) == {"id", "to", "text", "at"}
    assert x.http.post("/_sandbox/sms", json={"to": "", "text": "x"}).status_code == 400


def test_a_text_message_repeated_with_its_key_comes_once(x: LocalX) -> None:
    """A provider's idempotency: the second answer is the first one's."""
    body, key = {"to": "+33612345678", "text": "code 123456"}, {"Idempotency-Key": "sms-1"}
    first = x.http.post("/_sandbox/sms", json=body, headers=key).json()
    assert x.http.post("/_sandbox/sms", json=body, headers=key).json() == first
    x.http.post("/_sandbox/sms", json=body, headers={"Idempotency-Key": "sms-2"})
    assert len(x.control("sms")) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("posts", {"as": "bob"}),
        ("posts", {"text": "hi"}),
        ("posts", {"as": "no handle", "text": "hi"}),
        ("posts", {"as": "bob", "text": "  "}),
        ("dms", {"as": "bob", "text": 3}),
        ("dms", {"as": "bob", "to": 3, "text": "hi"}),
        ("people", {"protected": True}),
        ("people", {"handle": "bob", "age": 3}),
        ("faults", {"fault": "earthquake"}),
        ("faults", {"fault": "429", "times": "often"}),
        ("faults", {"fault": "429", "nonsense": 1}),
        ("posts", []),
    ],
)
def test_a_mistake_is_said_in_a_sentence(shared: LocalX, path: str, body: object) -> None:
    """Whoever writes a test learns what was wrong."""
    answer = shared.http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["posts/1/edit", "posts"])
def test_what_is_not_there_is_said(shared: LocalX, path: str) -> None:
    """A post that nobody made."""
    body = {"as": "bob", "text": "hi", "in_reply_to": "1"}
    assert shared.http.post(f"/_sandbox/{path}", json=body).status_code == 404
    assert shared.http.delete("/_sandbox/posts/1").status_code == 404


def test_an_endpoint_that_is_not_there_is_xs_404(x: LocalX) -> None:
    """With a problem, like every refusal."""
    answer = x.http.get("/2/lists/1")
    assert answer.status_code == 404
    assert answer.json()["title"] == "Not Found"
    assert x.http.get("/nowhere").status_code == 404


def test_a_429_on_demand_is_used_up(x: LocalX) -> None:
    """For the calls it was meant for, so many times."""
    x.control("faults", {"fault": "429", "path": "/2/tweets", "method": "post", "times": 2})
    assert x.tweepy.get_me().data
    for _ in range(2):
        with pytest.raises(tweepy.TooManyRequests) as caught:
            x.tweepy.create_tweet(text="hi")
        assert caught.value.reset_time > time.time() - 1
    assert x.control("posts") == []
    assert x.tweepy.create_tweet(text="hi").data["id"]


@pytest.mark.parametrize(("name", "status"), [("5xx", 503), ("500", 500), ("502", 502)])
def test_a_5xx_on_demand_does_nothing(x: LocalX, name: str, status: int) -> None:
    """The call fails before it does anything."""
    x.control("faults", {"fault": name, "path": "/2/dm_conversations/*"})
    x.control("dms", {"as": "bob", "text": "hi"})
    with pytest.raises(tweepy.TwitterServerError) as caught:
        x.tweepy.create_direct_message(participant_id=x.id_of("bob"), text="hi")
    assert caught.value.response.status_code == status
    assert len(x.control("dms")) == 1


def test_a_time_out_after_success_has_done_its_work(x: LocalX) -> None:
    """The caller cannot tell, and the post is there."""
    x.control("faults", {"fault": "time-out after success", "path": "/2/tweets", "seconds": 0})
    with pytest.raises(tweepy.TwitterServerError):
        x.tweepy.create_tweet(text="one")
    x.control("faults", {"fault": "time-out after success", "path": "/2/users/by"})
    with pytest.raises(httpx.ReadTimeout):
        x.http.get("/2/users/by?usernames=bob", headers=x.bearer, timeout=0.2)
    assert [one["text"] for one in x.control("posts")] == ["one"]


def test_a_stalled_call_is_slow(x: LocalX) -> None:
    """It answers in the end."""
    x.control("faults", {"fault": "stall", "path": "/2/users/by", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        x.http.get("/2/users/by?usernames=bob", headers=x.bearer, timeout=0.2)
    x.control("faults", {"fault": "stall", "path": "/2/users/by", "seconds": 0.01})
    assert x.app_get("/2/users/by", usernames="bob").status_code == 200


def test_a_share_of_calls_and_posts_fails_by_chance_until_it_is_called_off(x: LocalX) -> None:
    """By the same chance for the same seed, counted; posts may be made many at once."""
    answers = []
    for _ in range(2):
        for path in ("/2/users/me", "/2/users/by"):
            x.control("faults", {"fault": "503", "path": path, "share": 0.5, "seed": 7})
        calls = [x.app_get("/2/users/by", usernames="bob").status_code for _ in range(20)]
        assert [one["struck"] for one in x.control("faults")] == [0, calls.count(503)]
        answers.append(calls)
        x.http.delete("/_sandbox/faults")
    assert answers[0] == answers[1]
    assert set(answers[0]) == {200, 503}
    made = x.control("posts", [{"as": "bob", "text": str(one)} for one in range(3)])
    assert [one["id"] for one in made] == [one["id"] for one in x.control("posts")]


def test_faults_can_be_called_off(x: LocalX) -> None:
    """Listed, then gone; test control itself is never hit."""
    x.control("faults", {"fault": "5xx", "times": 100})
    assert x.control("faults")[0]["times"] == 100
    assert x.http.delete("/_sandbox/faults").json() == []
    assert x.tweepy.get_me().data
    x.tweepy.create_tweet(text="Hello @bob")
    assert x.kinds() == ["unsolicited_mention"]
    assert x.http.delete("/_sandbox/violations").json() == []
    assert x.kinds() == []
