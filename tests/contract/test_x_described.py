"""Nothing is asked of X that its own description does not have: any other X of v2 will do.

Every request of the contract tests is held against the description as its bench closes; here are
those that the worker and the pages make at all, and what the description would not have.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.x.http import XApi
from bot.adapters.x.look import look
from bot.adapters.x.messages import MessageEvents
from tests.contract.raw_server import Exchange, RawServer
from tests.contract.x_bench import Listener, LocalBench, credentials, opened
from tests.contract.x_described import beyond, judge
from tests.sandbox.x_ear import Heard
from tests.sandbox.x_kit import SECRETS

CALLBACK = "http://localhost:8000/signin/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
ALL_CALLS = {
    "GET /2/users/me",
    "GET /2/users",
    "GET /2/users/by",
    "GET /2/users/{id}/mentions",
    "GET /2/users/{id}/tweets",
    "GET /2/tweets",
    "GET /2/tweets/search/recent",
    "GET /2/tweets/search/stream",
    "GET /2/tweets/search/stream/rules",
    "POST /2/tweets/search/stream/rules",
    "POST /2/tweets",
    "DELETE /2/tweets/{id}",
    "GET /2/dm_events",
    "GET /2/dm_conversations/with/{participant_id}/dm_events",
    "POST /2/dm_conversations/with/{participant_id}/messages",
    "POST /2/oauth2/token",
}
BEARER = {"authorization": f"Bearer {SECRETS.bearer_token}"}
SIGNED = {"authorization": "OAuth oauth_nonce=1", "content-type": "application/json"}


@pytest.fixture
def x() -> Iterator[LocalBench]:
    """The adapters against the local X."""
    with opened("local") as bench:
        assert isinstance(bench, LocalBench)
        yield bench


def use_everything(x: LocalBench) -> None:
    """Make every call that the worker and the pages make, with all that it can carry."""
    before = x.now()
    path = "/2/tweets/search/stream/rules"
    body = {"add": [{"value": "somebody else's"}]}
    x.local.http.post(path, json=body, headers=x.local.bearer).raise_for_status()
    listener = Listener(x.stream)
    listener.start()
    first = x.post("bob", "@smoney pay @alice 10€")
    listener.wait_for(1)
    listener.close()
    look(XApi(credentials(), base_url=x.local.url, tries=1))
    x.directory.by_handle(["bob", "alice"])
    x.directory.by_id([x.x_id("bob")])
    list(x.mentions.mentions(since_id=None, since=before))
    list(x.mentions.mentions(since_id=first, since=before))
    x.publisher.replies_to(first, since=before, thoroughly=True)
    excluded = [x.x_id("alice")]
    made = x.publisher.reply(to_post_id=first, text="Hello.", exclude_x_user_ids=excluded)
    granted = [one and (one.most, one.left) for one in (made.budget.quarter, made.budget.day)]
    assert granted == [(100, 99), (10_000, 9_999)], "the headers of an answer come with it"
    x.publisher.delete(made.id)
    x.mentions.deleted([first, made.id])
    for number in range(12):  # more than a page
        x.write("bob", f"hello {number}")
    x.messages.page(x.messages.page(None).older)
    x.publisher.message(to_x_user_id=x.x_id("bob"), text="10 €")
    x.publisher.messages_to(x.x_id("bob"), since=before)
    url = x.sign_in.authorize_url(state="s", verifier=VERIFIER, redirect_uri=CALLBACK)
    x.sign_in.identify(code=x.allow(url, "bob"), verifier=VERIFIER, redirect_uri=CALLBACK)


def test_every_call_that_we_make_is_one_that_x_describes(x: LocalBench) -> None:
    """Path, parameters, body and signature; no exception stands that nobody needs.

    And each is counted as X bills it: what is read twice in a day once.
    """
    use_everything(x)
    with x.tally.handing_over() as used:
        assert used == {
            "own_account": 1,
            "user_read": 2,
            "account_read": 1,
            "reply": 1,
            "reply_deleted": 1,
            "post_looked_up": 1,
            "message_read": 13,
            "message_sent": 1,
            "sign_in": 1,
        }
    verdicts = [judge(heard) for heard in x.local.heard()]
    assert {complaint for one in verdicts for complaint in one.complaints} == set()
    assert {one.operation for one in verdicts} == ALL_CALLS
    needed = {name for one in verdicts for name in one.beyond}
    assert needed == {one.parameter for one in beyond()}
    assert all(one.why for one in beyond())


def test_an_x_that_keeps_to_its_newest_description_is_asked_by_it() -> None:
    """Where it refuses a field that it no longer describes, the call that follows has none."""

    def answer(exchange: Exchange) -> None:
        is_beyond = judge(heard_by(exchange)).beyond
        exchange.answer(400 if is_beyond else 200, {"title": "Invalid"} if is_beyond else {})

    with RawServer(answer) as server:
        MessageEvents(XApi(credentials(), base_url=server.url, tries=1)).page(None)
    refused, taken = (judge(heard_by(exchange)) for exchange in server.exchanges)
    assert refused.beyond == {"dm_event.fields"}
    assert (taken.operation, taken.complaints) == ("GET /2/dm_events", ())
    assert not taken.beyond


def heard_by(exchange: Exchange) -> Heard:
    """A request to a server of bytes, as the local X hears one."""
    path, _, query = exchange.path.partition("?")
    lines = [line.partition(": ") for line in exchange.head.split("\r\n")[1:]]
    headers = {name.lower(): value for name, _, value in lines}
    return Heard(exchange.method, path, query, headers, exchange.body)


MENTIONS = Heard("GET", "/2/users/1/mentions", "max_results=100", BEARER, b"")
POST = Heard("POST", "/2/tweets", "", SIGNED, b'{"text": "hi"}')
FOR_A_CODE = "grant_type=authorization_code&code=1&redirect_uri=2&code_verifier=3"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN = Heard("POST", "/2/oauth2/token", "", FORM, FOR_A_CODE.encode())


@pytest.mark.parametrize("heard", [MENTIONS, POST, TOKEN], ids=lambda heard: str(heard.path))
def test_what_x_describes_is_no_complaint(heard: Heard) -> None:
    """As those that are changed below."""
    assert judge(heard).complaints == ()


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        (replace(MENTIONS, path="/2/mentions"), "X describes no GET /2/mentions"),
        (replace(MENTIONS, method="PUT"), "X describes no PUT"),
        (replace(MENTIONS, path="/2/users/bob/mentions"), "id in the path does not fit"),
        (replace(MENTIONS, query="count=5"), "no parameter count"),
        (replace(MENTIONS, query="max_results=500"), "max_results does not fit"),
        (replace(MENTIONS, query="max_results=many"), "max_results does not fit"),
        (replace(MENTIONS, query="start_time=yesterday"), "start_time does not fit"),
        (replace(MENTIONS, query="tweet.fields=author_id,mood"), "neither family: ['mood']"),
        (replace(MENTIONS, query="user.fields=created_at,mood"), "user.fields does not fit"),
        (replace(MENTIONS, headers=FORM), "signed by nothing"),
        (replace(MENTIONS, body=b"{}"), "no body"),
        (replace(MENTIONS, path="/2/users/by"), "usernames is required"),
        (replace(MENTIONS, path="/2/users/me", query=""), "signed by BearerToken"),
        (
            replace(MENTIONS, path="/2/users/me", query="tweet.fields=mood"),
            "neither family: ['mood']",
        ),
        (
            replace(MENTIONS, path="/2/dm_events", query="dm_event.fields=sender_id,mood"),
            "dm_event.fields does not fit",
        ),
        (
            replace(MENTIONS, path="/2/tweets/search/stream/rules", query="tweet.fields=lang"),
            "no parameter tweet.fields",
        ),
        (replace(POST, body=b'{"text": "hi", "mood": "good"}'), "does not fit at $"),
        (replace(POST, body=b'{"text": 5}'), "does not fit at $.text"),
        (replace(POST, body=b""), "does not fit at $"),
        (replace(POST, headers=BEARER), "its body is application/json"),
        (replace(POST, body=json.dumps({"reply": {}}).encode()), "does not fit at $.reply"),
        (replace(TOKEN, body=b"grant_type=password"), "not by ['grant_type']"),
        (replace(TOKEN, method="GET"), "traded by POST"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_x_does_not_describe_is_a_complaint(heard: Heard, complaint: str) -> None:
    """A check that lets everything pass would prove nothing."""
    assert any(complaint in one for one in judge(heard).complaints), judge(heard)
