"""The filtered stream, read by tweepy and by hand."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import tweepy

from tests.sandbox.x_kit import PATIENCE_S, SECRETS, TWEEPY_HOST, LocalX, ToLocalX, assert_fits

KEEP_ALIVE_S = 0.2
PATH = "/2/tweets/search/stream"
FIELDS = "author_id,created_at,conversation_id,entities,display_text_range,referenced_tweets"


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X with the bot's rule, and keep-alives that a test can wait for."""
    with LocalX(keep_alive_s=KEEP_ALIVE_S) as running:
        running.rule = add_rule(running, "@smoney -is:retweet -from:smoney")  # type: ignore[attr-defined]  # kept for the test
        yield running


def add_rule(x: LocalX, value: str, tag: str = "mentions") -> str:
    """Add a rule; its id."""
    body = {"add": [{"value": value, "tag": tag}]}
    answer = x.http.post(f"{PATH}/rules", json=body, headers=x.bearer)
    return str(answer.json()["data"][0]["id"])


class Reader:
    """Reads the stream in a thread, and waits for what a test expects."""

    def __init__(self, x: LocalX, **params: str) -> None:
        self.posts: list[dict[str, Any]] = []
        self.blank_lines = 0
        self.ended = False
        self._news = threading.Condition()
        self._client = httpx.Client(base_url=x.url, timeout=PATIENCE_S, verify=False)
        request = self._client.build_request("GET", PATH, params=params, headers=x.bearer)
        self.response = self._client.send(request, stream=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self.response.iter_lines():
                with self._news:
                    if line:
                        self.posts.append(json.loads(line))
                    else:
                        self.blank_lines += 1
                    self._news.notify_all()
        except httpx.HTTPError:
            pass  # the test has closed the connection
        with self._news:
            self.ended = True
            self._news.notify_all()

    def wait(self, expected: Callable[["Reader"], bool]) -> None:
        """Return as soon as it is so; fail where it never is."""
        with self._news:
            assert self._news.wait_for(lambda: expected(self), PATIENCE_S), self.posts

    def ids(self) -> list[str]:
        """The posts that came, in order."""
        return [one["data"]["id"] for one in self.posts]

    def close(self) -> None:
        """Hang up, even while the thread waits for a line."""
        connection = self.response.extensions["network_stream"].get_extra_info("socket")
        with contextlib.suppress(OSError):  # the server may have hung up first
            connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self.response.close()
        self._client.close()


@pytest.fixture
def reader(x: LocalX) -> Iterator[Reader]:
    """Somebody who reads the stream."""
    reading = Reader(x)
    yield reading
    reading.close()


def test_a_mention_comes_with_what_was_asked_for(x: LocalX) -> None:
    """A line holds the post, who wrote it, and which rule found it."""
    reading = Reader(x, **{"tweet.fields": FIELDS, "expansions": "author_id"})
    asks = x.post("bob", "@smoney pay @alice 10€")
    reading.wait(lambda r: len(r.posts) == 1)
    (line,) = reading.posts
    needed = ["id", "text", "edit_history_tweet_ids", "author_id", "created_at", "entities"]
    assert_fits(line, "StreamPostsResponse", require={"Post": needed})
    assert line["data"]["id"] == asks["id"]
    assert line["includes"]["users"][0]["username"] == "bob"
    assert line["matching_rules"] == [{"id": x.rule, "tag": "mentions"}]  # type: ignore[attr-defined]  # set by the fixture
    reading.close()


def test_what_no_rule_finds_does_not_come(x: LocalX, reader: Reader) -> None:
    """Neither the account's own posts, nor protected ones, nor those that name nobody."""
    x.control("people", {"handle": "carol", "protected": True})
    x.post("carol", "@smoney help")
    x.post("smoney", "@smoney myself")
    x.post("bob", "nothing")
    last = x.post("bob", "@smoney help")
    reader.wait(lambda r: bool(r.posts))
    assert reader.ids() == [last["id"]]


def test_an_edit_comes_as_a_new_post(x: LocalX, reader: Reader) -> None:
    """It shares the history of the old one."""
    old = x.post("bob", "@smoney pay @alice 10€")
    new = x.control(f"posts/{old['id']}/edit", {"text": "@smoney pay @alice 12€"})
    reader.wait(lambda r: len(r.posts) == 2)
    assert reader.posts[1]["data"]["edit_history_tweet_ids"] == [old["id"], new["id"]]


def test_a_silent_stream_says_that_it_lives(reader: Reader) -> None:
    """A blank line, again and again."""
    reader.wait(lambda r: r.blank_lines >= 3)
    assert reader.posts == []


def test_there_is_one_connection(x: LocalX, reader: Reader) -> None:
    """A second one is refused by X's own problem until the first is gone."""
    refused = x.app_get(PATH)
    assert refused.status_code == 429
    assert refused.json()["title"] == "ConnectionException"
    assert refused.json()["connection_issue"] == "TooManyConnections"
    assert x.control("state")["stream"] is True
    reader.close()
    x.wait_until(lambda: not x.control("state")["stream"])
    Reader(x).close()


def test_the_stream_takes_the_bearer_alone(x: LocalX) -> None:
    """A user's credentials are of the wrong kind, an unknown token is none."""
    with pytest.raises(tweepy.Forbidden, match="User Context is forbidden"):
        x.tweepy.request("GET", PATH, user_auth=True)
    with pytest.raises(tweepy.Forbidden):
        x.tweepy.request("GET", f"{PATH}/rules", user_auth=True)
    assert x.http.get(PATH).status_code == 401
    assert x.http.get(PATH, headers={"authorization": "Bearer wrong"}).status_code == 401


def test_the_newer_names_are_taken_on_the_stream_too(x: LocalX) -> None:
    """The family asked for is the family answered."""
    reading = Reader(x, **{"post.fields": "created_at", "expansions": "referenced_posts"})
    first = x.post("bob", "@smoney help")
    x.post("bob", "@smoney again", in_reply_to=first["id"])
    reading.wait(lambda r: len(r.posts) == 2)
    assert reading.posts[1]["data"]["referenced_posts"][0]["id"] == first["id"]
    assert_fits(reading.posts[1], "StreamPostsResponse", older=False)
    reading.close()


def test_rules_are_added_tried_and_deleted(x: LocalX) -> None:
    """A duplicate or a broken rule is named; a dry run leaves nothing."""
    value = "@smoney -is:retweet -from:smoney"
    url, rules = f"{PATH}/rules", [{"value": value}, {"value": "near:paris"}, {"value": "from:bob"}]
    answer = x.http.post(url, json={"add": rules}, headers=x.bearer)
    summary = answer.json()["meta"]["summary"]
    assert summary == {"created": 1, "not_created": 2, "valid": 2, "invalid": 1}
    titles = [one["title"] for one in answer.json()["errors"]]
    assert titles == ["DuplicateRule", "UnprocessableEntity"]
    x.http.post(f"{url}?dry_run=true", json={"add": [{"value": "dry"}]}, headers=x.bearer)
    assert [one["value"] for one in x.app_get(url).json()["data"]] == [value, "from:bob"]
    broken = x.http.post(url, json={"add": [{"value": "a" * 1025}]}, headers=x.bearer)
    assert broken.status_code == 400
    x.http.post(url, json={"delete": {"values": [value]}}, headers=x.bearer)
    assert [one["value"] for one in x.app_get(url).json()["data"]] == ["from:bob"]
    missing = x.http.post(url, json={"delete": {"ids": ["1"]}}, headers=x.bearer).json()
    assert missing["meta"]["summary"] == {"deleted": 0, "not_deleted": 1}
    assert x.http.post(url, json={"nonsense": 1}, headers=x.bearer).status_code == 400


class Client(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy ships no types
    """tweepy's own reader, which stops at the first error or the first post."""

    def __init__(self, x: LocalX) -> None:
        super().__init__(SECRETS.bearer_token)
        self.session.mount(TWEEPY_HOST, ToLocalX(x.url))
        self.seen: list[Any] = []
        self.refused: list[int] = []
        self.connected = threading.Event()

    def on_connect(self) -> None:
        """Connected."""
        self.connected.set()

    def on_response(self, response: Any) -> None:
        """A post came."""
        self.seen.append(response)
        self.disconnect()

    def on_request_error(self, status_code: int) -> None:
        """The connection was refused."""
        self.refused.append(status_code)
        self.disconnect()


def test_tweepy_reads_the_stream(x: LocalX) -> None:
    """As the bot does it."""
    client = Client(x)
    thread = client.filter(threaded=True, tweet_fields=FIELDS)
    assert client.connected.wait(PATIENCE_S)
    asks = x.post("bob", "@smoney pay @alice 10€")
    thread.join(PATIENCE_S)
    (response,) = client.seen
    assert str(response.data.id) == asks["id"]
    assert response.matching_rules[0].tag == "mentions"


def test_tweepy_is_refused_a_second_connection(x: LocalX, reader: Reader) -> None:
    """It learns the status."""
    client = Client(x)
    client.filter(threaded=True).join(PATIENCE_S)
    assert client.refused == [429]


def test_the_server_stops_while_a_stream_is_open(
    x: LocalX, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream ends, and nothing is logged as an error."""
    x.stop()
    reader.wait(lambda r: r.ended)
    assert [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}] == []


def test_the_stream_ends_on_demand(x: LocalX, reader: Reader) -> None:
    """And can be read again."""
    x.control("faults", {"fault": "disconnect"})
    reader.wait(lambda r: r.ended)
    again = Reader(x)
    asks = x.post("bob", "@smoney help")
    again.wait(lambda r: r.ids() == [asks["id"]])
    again.close()


def test_a_stalled_stream_is_silent_and_then_goes_on(x: LocalX, reader: Reader) -> None:
    """No keep-alive either; a new connection does not get what the old one had waiting."""
    reader.wait(lambda r: r.blank_lines >= 1)
    x.control("faults", {"fault": "stall", "seconds": 60})
    asks = x.post("bob", "@smoney help")
    reader.close()
    x.wait_until(lambda: not x.control("state")["stream"])
    again = Reader(x)
    later = x.post("bob", "@smoney help again")
    again.wait(lambda r: bool(r.posts))
    assert again.ids() == [later["id"]]
    assert asks["id"] not in reader.ids()
    again.close()


def test_posts_come_twice_late_reversed_or_never(x: LocalX, reader: Reader) -> None:
    """Each fault for as many posts as was said."""
    x.control("faults", {"fault": "duplicate"})
    one = x.post("bob", "@smoney 1")["id"]
    x.control("faults", {"fault": "lose"})
    x.post("bob", "@smoney 2")
    x.control("faults", {"fault": "reorder", "times": 3, "seconds": 60})
    three, four, five = (x.post("bob", f"@smoney {n}")["id"] for n in (3, 4, 5))
    x.control("faults", {"fault": "delay", "seconds": 0.3})
    six = x.post("bob", "@smoney 6")["id"]
    seven = x.post("bob", "@smoney 7")["id"]
    reader.wait(lambda r: len(r.posts) == 7)
    assert sorted(reader.ids()[5:]) == [six, seven]
    assert reader.ids()[:5] == [one, one, five, four, three]
    assert x.control("faults") == []


def test_held_posts_are_released_when_their_time_is_over(x: LocalX, reader: Reader) -> None:
    """Nobody waits forever for a post that never comes."""
    x.control("faults", {"fault": "reorder", "times": 9, "seconds": 0.1})
    asks = x.post("bob", "@smoney 1")
    reader.wait(lambda r: r.ids() == [asks["id"]])


def test_mentions_may_come_without_ids(x: LocalX) -> None:
    """X says that the id is optional, and it may be null."""
    reading = Reader(x, **{"tweet.fields": "entities"})
    x.control("faults", {"fault": "no-mention-ids"})
    x.post("bob", "@smoney pay @alice 1€")
    reading.wait(lambda r: bool(r.posts))
    mentions = reading.posts[0]["data"]["entities"]["mentions"]
    assert [(one["username"], one["id"]) for one in mentions] == [("smoney", None), ("alice", None)]
    reading.close()
