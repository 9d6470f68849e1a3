"""The filtered stream of posts that mention the bot: one rule, one connection, no work.

Promises of `listen`: before it connects, the one rule stands and no other; it makes one connection
and never a second (tweepy's own reconnecting is held off: the supervisor's business); an error in a
callback ends it and is raised, never swallowed; silence ends it after `SILENCE_S`; where X's window
has no other connection, `Unavailable` says when the next one begins.
"""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
import tweepy
from urllib3.exceptions import HTTPError

from bot.adapters.patience import CONNECT_TIMEOUT_S
from bot.adapters.x.decode import entries, is_handle, raw_event, read_id
from bot.adapters.x.errors import NO_ANSWER, refused, translated
from bot.adapters.x.gateway import POST_FIELDS
from bot.adapters.x.http import XApi, XSession
from bot.adapters.x.limits import has_calls_left, spent_until
from bot.domain.errors import Rejected, Unavailable
from bot.ports import RawEvent, XUser

RULE_TAG: Final = "smoney"
"""By what an operator recognises the rule."""
SILENCE_S: Final = 30.0
"""After how long without a byte a connection is given up (seconds): X sends one every 20."""
CHUNK_BYTES: Final = 16 * 1024
"""The most that is read at once; what has come is handed on, it is never waited for."""

LOST: Final = "connection_lost"
"""Why the stream is `Unavailable` that broke off, fell silent, or could not be read."""
ENDED: Final = "ended_by_x"
"""Why the stream is `Unavailable` that X ended in good order."""

OnEvent = Callable[[RawEvent], None]
OnByte = Callable[[], None]


class XMentionStream:
    """The filtered stream, for one thread that listens and any that closes."""

    def __init__(
        self,
        api: XApi,
        bot: Callable[[], XUser],
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._api = api
        self._bot = bot
        self._timeouts_s = {"connect_timeout_s": connect_timeout_s, "read_timeout_s": silence_s}
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._closed = False

    def listen(self, on_event: OnEvent, on_byte: OnByte) -> None:
        """Keep the rule, connect, hand on every post until the connection ends or `close`."""
        try:
            if not self._closed:
                keep_rule(self._api, self._bot().handle)
            connection = _Connection(
                self._api.bearer_token,
                XSession(base_url=self._api.base_url, **self._timeouts_s),
                on_event,
                on_byte,
            )
            with self._lock:
                if self._closed:
                    return
                self._connection = connection
            connection.run()
        finally:
            with self._lock:
                # A `close` that came between two `listen`s ended the second one, and no third.
                self._connection, self._closed = None, False

    def close(self) -> None:
        """End `listen` from another thread, or the next one where none is under way."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()


def rule_for(handle: str) -> str:
    """Return the rule: whoever mentions the bot, save reposts and the bot itself."""
    if not is_handle(handle):
        raise Rejected("bad_rule", "the bot's handle is not one of X's")
    return f"@{handle} -is:retweet -from:{handle}"


def keep_rule(api: XApi, handle: str) -> None:
    """Let the one rule stand and no other: the stream is the app's, and X bills what it brings."""
    wanted = rule_for(handle)
    client = tweepy.StreamingClient(api.bearer_token, return_type=dict)
    client.session = api.session()
    standing = entries(api.read(client.get_rules))
    kept = [rule for rule in standing if rule.get("value") == wanted][:1]
    others = [rule_id for rule in standing if (rule_id := _id_beside(rule, kept)) is not None]
    if others:
        api.read(client.delete_rules, others)
    if not kept:
        answer = api.read(client.add_rules, tweepy.StreamRule(value=wanted, tag=RULE_TAG))
        _check_added(answer)


def _id_beside(rule: Mapping[str, Any], kept: list[Mapping[str, Any]]) -> str | None:
    return None if rule in kept else read_id(rule.get("id"))


def _check_added(answer: Mapping[str, Any]) -> None:
    """Another worker may have been quicker, or our first try had arrived: the rule stands then."""
    errors = answer.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and error.get("title") != "DuplicateRule":
            raise Rejected("bad_rule", str(error.get("title", "")))


def _refusal(response: requests.Response) -> Exception:
    """Say why X refuses a connection.

    Where calls are left it is no window that it waits for: its end says nothing.
    """
    failure = refused(response)
    if isinstance(failure, Unavailable) and has_calls_left(response.headers):
        failure.retry_at = spent_until(response.headers)
    return failure


class _Connection(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy ships no types
    """One connection, whose callbacks hand on and never work; why it ended is in `failure`."""

    def __init__(
        self, bearer_token: str, session: XSession, on_event: OnEvent, on_byte: OnByte
    ) -> None:
        super().__init__(bearer_token, return_type=dict, max_retries=0, chunk_size=CHUNK_BYTES)
        self.session = session
        session.hooks["response"].append(self._opened)
        self._on_event = on_event
        self._on_byte = on_byte
        self._lock = threading.Lock()
        self._response: requests.Response | None = None
        self._is_closing = False
        self._is_ours = False
        self.failure: Exception | None = None

    def run(self) -> None:
        """Connect and read to the end; return where `close` ended it, else raise why it ended."""
        self.filter(tweet_fields=POST_FIELDS)
        if self.failure is None and not self._is_closing:
            self.failure = Unavailable(ENDED)
        if self.failure is not None and (self._is_ours or not self._is_closing):
            self._say_when()
            raise self.failure

    def _say_when(self) -> None:
        """Say when X takes another connection, where this one was the last of its window."""
        failure, answer = self.failure, self._response
        if isinstance(failure, Unavailable) and failure.retry_at is None and answer is not None:
            failure.retry_at = spent_until(answer.headers)

    def close(self) -> None:
        """End the connection from another thread, however deep it is in a read."""
        with self._lock:
            self._is_closing = True
            self.running = False
            self._shut()

    def _shut(self) -> None:
        if self._response is None:
            return
        try:
            self._response.raw.shutdown()
        except (OSError, RuntimeError, ValueError):
            return  # it has ended already

    def _opened(self, response: requests.Response, *_: Any, **__: Any) -> None:
        raw = response.raw
        if not raw.chunked:
            # urllib3 would wait for a full buffer of a body that has neither chunks nor an end.
            raw.stream = lambda amt, **_: iter(lambda: raw.read1(amt), b"")  # type: ignore[method-assign]  # this one object's
        with self._lock:
            if self._response is not None:
                self._end(Unavailable(ENDED))
            self._response = response
            if self._is_closing:
                self._shut()

    def _hand_on(self, hand_on: Callable[[], None]) -> None:
        """Call back. An error is ours, not the network's: it ends the stream and is raised."""
        try:
            hand_on()
        except Exception as error:  # noqa: BLE001 (it is raised by `run`, not lost)
            self.failure, self._is_ours, self.running = error, True, False

    def on_connect(self) -> None:
        """X has accepted us, which is the first sign of life."""
        self._hand_on(self._on_byte)

    def on_keep_alive(self) -> None:
        """X has nothing to say, and lives."""
        self._hand_on(self._on_byte)

    def on_data(self, raw_data: bytes) -> None:
        """Hand on one line, as it came."""
        self._hand_on(self._on_byte)
        try:
            body = raw_data.decode()
            said = json.loads(body)
        except ValueError:
            self._end(Unavailable(LOST))
            return
        data = said.get("data") if isinstance(said, dict) else None
        if isinstance(data, dict):
            event = raw_event("post", data, body=body)
            if event is not None:
                self._hand_on(lambda: self._on_event(event))
        else:
            # X says why it is about to disconnect; a post that was lost is brought by the backfill.
            self._end(Unavailable(ENDED))

    def on_request_error(self, _status_code: int) -> None:
        """X refuses the connection."""
        if self._response is None:
            self._end(Unavailable(NO_ANSWER))
        else:
            self._end(_refusal(self._response))

    def on_connection_error(self) -> None:
        """The network failed us, or X was silent for too long."""
        self._end(Unavailable(LOST))

    def on_closed(self, _response: requests.Response) -> None:
        """X ended the stream."""
        self._end(Unavailable(ENDED))

    def on_exception(self, exception: Exception) -> None:
        """Something else went wrong: the network's errors have many names."""
        if isinstance(exception, requests.RequestException):
            self._end(translated(exception, key=None))
        elif isinstance(exception, OSError | HTTPError):
            self._end(Unavailable(LOST))
        else:
            self._is_ours = True
            self._end(exception)

    def on_disconnect(self) -> None:
        """The connection is gone; `run` says why."""

    def _end(self, failure: Exception) -> None:
        self.running = False
        if self.failure is None:
            self.failure = failure
