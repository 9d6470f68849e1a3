"""What every stream of mentions does, and the adapter's against servers that misbehave."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.adapters.x.decode import XDecoder
from bot.adapters.x.gateway import XDirectory
from bot.adapters.x.http import XApi
from bot.adapters.x.stream import XMentionStream, rule_for
from bot.domain.errors import BotError, Rejected, Unavailable
from bot.ports import RawEvent, XUser
from tests.contract.raw_server import Exchange, RawServer
from tests.contract.x_bench import BENCHES, Listener, XBench, credentials, opened
from tests.sandbox.x_kit import LocalX

BOT = XUser(id="1", handle="smoney")
RULE = "@smoney -is:retweet -from:smoney"


@pytest.fixture(params=BENCHES)
def x(request: pytest.FixtureRequest) -> Iterator[XBench]:
    """The fakes, and the adapters against the local X, in turn."""
    with opened(request.param) as bench:
        yield bench


# Every stream ------------------------------------------------------------------------------------


def test_mentions_come_as_they_are_posted(x: XBench) -> None:
    """Those of others are left out, and so are posts that name somebody else."""
    listener = Listener(x.stream)
    listener.start()
    first = x.post("bob", "@smoney pay @alice 10€")
    x.post("bob", "@alice hello")
    second = x.post("alice", "@smoney balance")
    assert listener.wait_for(2) == [first, second]
    assert listener.close() is None
    post = XDecoder().post(listener.events[0].body)
    assert (post.id, post.author_id) == (first, x.x_id("bob"))
    assert listener.events[0].happened_at == post.created_at


def test_our_own_posts_do_not_come(x: XBench) -> None:
    """A reply names its addressee, who may be the bot itself."""
    listener = Listener(x.stream)
    listener.start()
    first = x.post("bob", "@smoney help")
    reply = x.publisher.reply(to_post_id=first, text="Hello @smoney.", exclude_x_user_ids=[])
    second = x.post("bob", "@smoney and now?", in_reply_to=reply.id)
    assert listener.wait_for(2) == [first, second]
    assert listener.close() is None


def test_what_comes_twice_is_handed_on_twice(x: XBench) -> None:
    """The inbox tells them apart, not the callback."""
    listener = Listener(x.stream)
    listener.start()
    x.repeat_next_post()
    post_id = x.post("bob", "@smoney help")
    assert listener.wait_for(2) == [post_id, post_id]
    assert listener.close() is None


def test_a_connection_that_ends_is_unavailable(x: XBench) -> None:
    """The supervisor gets control, and may listen again."""
    listener = Listener(x.stream)
    listener.start()
    x.disconnect()
    assert isinstance(listener.ended(), Unavailable)
    again = Listener(x.stream)
    again.start()
    post_id = x.post("bob", "@smoney help")
    assert again.wait_for(1) == [post_id]
    assert again.close() is None


def test_an_error_in_the_callback_comes_to_light(x: XBench) -> None:
    """It ends `listen`, and is raised there as it was."""

    def fail(_: RawEvent) -> None:
        raise ZeroDivisionError("the disk is full")

    listener = Listener(x.stream, react=fail)
    listener.start()
    x.post("bob", "@smoney help")
    assert isinstance(listener.ended(), ZeroDivisionError)


def test_a_close_before_listening_ends_the_next_listening(x: XBench) -> None:
    """A worker that is told to stop while it connects does stop; the one after it listens."""
    x.stream.close()
    assert x.stream.listen(lambda _: None, lambda: None) is None  # type: ignore[func-returns-value]  # it returns, and that is all
    listener = Listener(x.stream)
    listener.start()
    assert listener.close() is None


# The rule ----------------------------------------------------------------------------------------


@pytest.fixture
def local() -> Iterator[LocalX]:
    """A local X that says something every 50 milliseconds."""
    with LocalX(keep_alive_s=0.05) as running:
        yield running


def stream_of(url: str, *, silence_s: float = 120.0, **changed: str) -> XMentionStream:
    """A stream from that address, which gives up long after the test has."""
    api = XApi(credentials(**changed), base_url=url, tries=1, read_timeout_s=30.0)
    return XMentionStream(api, lambda: BOT, silence_s=silence_s)


def rules_of(local: LocalX) -> list[str]:
    """The rules that stand."""
    return [rule["value"] for rule in local.app_get("/2/tweets/search/stream/rules").json()["data"]]


def add_rules(local: LocalX, *values: str, tag: str = "smoney") -> None:
    """Let rules stand that somebody added before."""
    rules = [{"value": value, "tag": tag} for value in values]
    path = "/2/tweets/search/stream/rules"
    local.http.post(path, json={"add": rules}, headers=local.bearer).raise_for_status()


@pytest.mark.parametrize(
    "standing",
    [
        pytest.param([], id="none"),
        pytest.param([RULE], id="ours"),
        pytest.param(["@smoney", "@old_handle -is:retweet"], id="old ones"),
        pytest.param(["cats", RULE, "dogs"], id="ours among foreign ones"),
    ],
)
def test_one_rule_stands_whatever_stood_before(local: LocalX, standing: list[str]) -> None:
    """The bot's mentions, no reposts, not its own; X bills what another rule would bring."""
    if standing:
        add_rules(local, *standing)
    for _ in range(2):
        listener = Listener(stream_of(local.url))
        listener.start()
        assert rules_of(local) == [RULE]
        assert listener.close() is None
        local.wait_until(lambda: not local.control("state")["stream"])


def test_a_handle_that_is_none_makes_no_rule() -> None:
    """What X says of us is not put into a query unseen."""
    with pytest.raises(Rejected):
        rule_for("smoney OR cats")


# Refusals ----------------------------------------------------------------------------------------


def ending(stream: XMentionStream) -> BotError:
    """How a stream ends that never began."""
    with pytest.raises(BotError) as ended:
        stream.listen(lambda _: None, lambda: None)
    return ended.value


def test_wrong_credentials_are_rejected(local: LocalX) -> None:
    """Waiting would not help."""
    refusal = ending(stream_of(local.url, bearer_token="wrong"))
    assert isinstance(refusal, Rejected)
    assert refusal.code == "unauthorized"


def test_a_second_connection_waits_without_a_date(local: LocalX) -> None:
    """X holds the old one for alive: it is over in seconds, not when a window ends."""
    listener = Listener(stream_of(local.url))
    listener.start()
    refusal = ending(stream_of(local.url))
    assert isinstance(refusal, Unavailable)
    assert refusal.retry_at is None
    assert listener.close() is None


@pytest.mark.parametrize(
    ("said", "left", "reason", "has_date"),
    [
        ({"title": "ConnectionException"}, 49, "too_many_connections", False),
        ({"type": "https://x.test/streaming-connection"}, 49, "too_many_connections", False),
        ({"title": "ConnectionException"}, 0, "too_many_connections", True),
        ({"title": "Too Many Requests"}, 49, "rate_limited", False),
        ({"title": "Too Many Requests"}, 0, "rate_limited", True),
        ([], 0, "rate_limited", True),
    ],
)
def test_a_connection_waits_for_a_windows_end_where_the_window_is_spent_alone(
    said: object, left: int, reason: str, has_date: bool
) -> None:
    """A connection that X holds for alive is over in seconds, in whichever words X says so."""
    headers = (f"x-rate-limit-remaining: {left}", "x-rate-limit-reset: 1785750000")

    def answer(exchange: Exchange) -> None:
        if exchange.path.startswith("/2/tweets/search/stream/rules"):
            exchange.answer(200, {"data": [{"id": "1", "value": RULE}]})
        else:
            exchange.answer(429, said, *headers)

    with RawServer(answer) as server:
        refusal = ending(stream_of(server.url))
    assert isinstance(refusal, Unavailable)
    assert (refusal.reason, refusal.retry_at is not None) == (reason, has_date)


def test_the_last_connection_of_a_window_says_when_the_next_begins(local: LocalX) -> None:
    """X is not asked for one that it would refuse."""
    local.control("limits", {"endpoints": {"GET /2/tweets/search/stream": {"limit": 1}}})
    listener = Listener(stream_of(local.url))
    listener.start()
    local.control("faults", {"fault": "disconnect"})
    lost = listener.ended()
    assert isinstance(lost, Unavailable)
    assert lost.reason != "rate_limited"
    assert lost.retry_at is not None


@pytest.mark.parametrize(("fault", "has_date"), [("429", True), ("5xx", False)])
def test_a_refused_connection_is_unavailable(local: LocalX, fault: str, has_date: bool) -> None:
    """With the date of X's reset where the limit is spent."""
    local.control("faults", {"fault": fault, "path": "/2/tweets/search/stream"})
    refusal = ending(stream_of(local.url))
    assert isinstance(refusal, Unavailable)
    assert (refusal.retry_at is not None) == has_date


def test_nobody_there_is_unavailable() -> None:
    """The supervisor waits and tries again."""
    with RawServer(lambda _: None) as server:
        url = server.url
    assert isinstance(ending(stream_of(url)), Unavailable)


def test_the_bot_is_read_from_x_when_it_first_listens(local: LocalX) -> None:
    """Its handle comes from `users/me`, and a renamed bot gets another rule."""
    api = XApi(credentials(), base_url=local.url, tries=1)
    listener = Listener(XMentionStream(api, XDirectory(api).bot))
    listener.start()
    assert rules_of(local) == [RULE]
    assert listener.close() is None


# Servers that misbehave --------------------------------------------------------------------------


def line(number: int, **more: Any) -> bytes:
    """A post as the stream sends it."""
    data = {"id": str(number), "text": "@smoney €", "author_id": "7"} | more
    return json.dumps({"data": data}, ensure_ascii=False).encode() + b"\r\n"


def chunk(content: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

Send = Callable[[bytes], None]


@pytest.fixture
def finished() -> Iterator[threading.Event]:
    """Lets a server that holds a connection go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def serving(body: Callable[[Send], None]) -> RawServer:
    """A server that has the one rule, and streams what `body` sends."""

    def answer(exchange: Exchange) -> None:
        if exchange.path.startswith("/2/tweets/search/stream/rules"):
            exchange.answer(200, {"data": [{"id": "1", "value": RULE}]})
        else:
            body(exchange.send)

    return RawServer(answer)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_post_is_handed_on_before_more_comes(finished: threading.Event, chunked: bool) -> None:
    """Neither the next byte nor a full buffer is waited for, chunks or none."""

    def body(send: Send) -> None:
        send(CHUNKED if chunked else ENDLESS)
        send(chunk(line(1)) if chunked else line(1))
        finished.wait()

    with serving(body) as server:
        listener = Listener(stream_of(server.url))
        listener.start()
        assert listener.wait_for(1) == ["1"]
        assert listener.close() is None
        finished.set()
    assert server.count("/2/tweets/search/stream?") == 1


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_ends_is_one_connection(chunked: bool) -> None:
    """The package would connect again by itself."""

    def body(send: Send) -> None:
        send(CHUNKED if chunked else ENDLESS)
        send(chunk(line(1)) + chunk(b"") if chunked else line(1))

    with serving(body) as server:
        listener = Listener(stream_of(server.url))
        listener.start()
        assert isinstance(listener.ended(), Unavailable)
        assert [event.id for event in listener.events] == ["1"]
    assert server.count("/2/tweets/search/stream?") == 1


def test_a_connection_that_breaks_off_is_one_connection() -> None:
    """In the middle of a post, which the backfill brings."""

    def body(send: Send) -> None:
        send(CHUNKED + chunk(line(1)) + chunk(line(2))[:20])

    with serving(body) as server:
        listener = Listener(stream_of(server.url))
        listener.start()
        assert isinstance(listener.ended(), Unavailable)
        assert [event.id for event in listener.events] == ["1"]
    assert server.count("/2/tweets/search/stream?") == 1


def test_silence_ends_the_connection(finished: threading.Event) -> None:
    """X sends something every 20 seconds; here a third of one is too long."""

    def body(send: Send) -> None:
        send(CHUNKED + chunk(b"\r\n"))
        finished.wait()

    with serving(body) as server:
        listener = Listener(stream_of(server.url, silence_s=0.3))
        listener.start()
        assert isinstance(listener.ended(), Unavailable)
        finished.set()


def test_keep_alives_are_signs_of_life(local: LocalX) -> None:
    """They are all that a quiet night brings."""
    listener = Listener(stream_of(local.url, silence_s=1.0))
    listener.start()
    for _ in range(3):
        listener.wait_for_sign_of_life()
    assert listener.close() is None
    assert listener.events == []


def test_a_post_that_comes_in_pieces_is_put_together() -> None:
    """A chunk may end within a line, and within a character."""
    whole = line(1, text="@smoney pay @alice 10€ — merci 🎂") + line(2)

    def body(send: Send) -> None:
        send(CHUNKED + b"".join(chunk(bytes([byte])) for byte in whole) + chunk(b""))

    with serving(body) as server:
        listener = Listener(stream_of(server.url))
        listener.start()
        listener.ended()
    assert [event.id for event in listener.events] == ["1", "2"]
    assert XDecoder().post(listener.events[0].body).text.endswith("10€ — merci 🎂")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b'{"errors":[{"title":"operational-disconnect"}]}\r\n', id="farewell"),
        pytest.param(b"<html>\r\n", id="not JSON"),
        pytest.param(b"[]\r\n", id="no object"),
        pytest.param(b"\xff\xfe\r\n", id="no text"),
    ],
)
def test_what_is_no_post_ends_the_connection(finished: threading.Event, said: bytes) -> None:
    """X says farewell, or something stands between: the supervisor connects anew."""

    def body(send: Send) -> None:
        send(CHUNKED + chunk(line(1)) + chunk(said))
        finished.wait()

    with serving(body) as server:
        listener = Listener(stream_of(server.url))
        listener.start()
        assert isinstance(listener.ended(), Unavailable)
        finished.set()
    assert [event.id for event in listener.events] == ["1"]
