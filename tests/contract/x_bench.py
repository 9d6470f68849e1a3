"""The two X of the contract tests, each with people on it.

The adapters speak to the local X, served over HTTP, through the real tweepy and requests.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

from bot.adapters.x.gateway import XDirectory, XMentionReader, XPublisher
from bot.adapters.x.http import XApi, XCredentials
from bot.adapters.x.messages import MessageEvents, XMessageReader
from bot.adapters.x.sign_in import XSignIn
from bot.adapters.x.stream import XMentionStream
from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.ports import (
    Directory,
    MentionReader,
    MentionStream,
    MessageReader,
    Publisher,
    RawEvent,
    SignIn,
)
from tests.contract.x_described import assert_described
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults
from tests.fakes.x import FakeXRoles
from tests.fakes.x_world import FakeX
from tests.sandbox.x_kit import PATIENCE_S, SECRETS, LocalX

READ_TIMEOUT_S = 1.0
"""How long the adapters of these tests wait for an answer (seconds): it comes at once, or never."""

Call = Literal["reply", "replies_to", "message", "users", "mentions", "messages"]
"""A call that can be told to fail."""


class XBench(ABC):
    """An X behind the Protocols, and people who use it."""

    publisher: Publisher
    directory: Directory
    mentions: MentionReader
    messages: MessageReader
    sign_in: SignIn
    stream: MentionStream

    @abstractmethod
    def now(self) -> datetime:
        """The time on this X."""

    @abstractmethod
    def post(self, handle: str, text: str, *, in_reply_to: str | None = None) -> str:
        """Somebody posts; the post's id."""

    @abstractmethod
    def edit(self, post_id: str, text: str) -> str:
        """The author edits a post; the new version's id."""

    @abstractmethod
    def delete(self, post_id: str) -> None:
        """The author deletes a post."""

    @abstractmethod
    def write(self, handle: str, text: str, *, to: list[str] | None = None) -> str:
        """Somebody writes a direct message, to the bot or to several; the event's id."""

    @abstractmethod
    def x_id(self, handle: str) -> str:
        """The id of an account."""

    @abstractmethod
    def suspend(self, handle: str) -> None:
        """X suspends an account."""

    @abstractmethod
    def rename(self, handle: str, new_handle: str) -> None:
        """An account takes another handle."""

    @abstractmethod
    def shown(self, post_id: str) -> str:
        """The text of a post, as everybody sees it."""

    @abstractmethod
    def allow(self, url: str, handle: str) -> str:
        """Somebody allows the sign-in; the code that their browser brings back."""

    @abstractmethod
    def lose_answer(self, call: Call) -> None:
        """Let the next such call do its work and never answer."""

    @abstractmethod
    def limit(self, call: Call) -> None:
        """Let X's limit for such a call be reached."""

    @abstractmethod
    def break_down(self, call: Call) -> None:
        """Let X be in trouble at the next such call."""

    @abstractmethod
    def disconnect(self) -> None:
        """X ends the stream."""

    @abstractmethod
    def repeat_next_post(self) -> None:
        """X delivers the next post twice on the stream."""

    @abstractmethod
    def posts_of_bot(self) -> int:
        """How many posts of the bot stand."""


class FakeBench(XBench):
    """The fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.x = FakeX(self.clock)
        self.roles = FakeXRoles(self.x)
        self.publisher = self.roles.publisher
        self.directory = self.roles.directory
        self.mentions = self.roles.mentions
        self.messages = self.roles.messages
        self.sign_in = self.roles.sign_in
        self.stream = self.roles.stream
        self._repeats = False

    def _faults(self, call: Call) -> Faults:
        match call:
            case "users":
                return self.roles.directory.faults
            case "mentions":
                return self.roles.mentions.faults
            case "messages":
                return self.roles.messages.faults
            case _:
                return self.roles.publisher.faults

    def now(self) -> datetime:
        return self.clock.now()

    def post(self, handle: str, text: str, *, in_reply_to: str | None = None) -> str:
        post_id = self.x.post(handle, text, in_reply_to=in_reply_to)
        if self._repeats:
            self._repeats = False
            self.roles.stream.repeat(post_id)
        return post_id

    def edit(self, post_id: str, text: str) -> str:
        return self.x.edit(post_id, text)

    def delete(self, post_id: str) -> None:
        self.x.delete(post_id)

    def write(self, handle: str, text: str, *, to: list[str] | None = None) -> str:
        return self.x.write(handle, text, to=to or ())

    def x_id(self, handle: str) -> str:
        return self.x.person(handle).id

    def suspend(self, handle: str) -> None:
        self.x.suspend(handle)

    def rename(self, handle: str, new_handle: str) -> None:
        self.x.change(handle, new_handle=new_handle)

    def shown(self, post_id: str) -> str:
        return self.x.posts[post_id].text

    def allow(self, url: str, handle: str) -> str:
        return self.roles.sign_in.allow(url, handle)

    def lose_answer(self, call: Call) -> None:
        self._faults(call).lose_answer()

    def limit(self, call: Call) -> None:
        retry_at = self.clock.now().replace(minute=59)
        self._faults(call).add(Unavailable("rate_limited", retry_at))

    def break_down(self, call: Call) -> None:
        creates = call in {"reply", "message"}
        key = self.x.person("bob").id
        fault = OutcomeUnknown(key, "server_error") if creates else Unavailable("server_error")
        self._faults(call).add(fault)

    def disconnect(self) -> None:
        self.roles.stream.disconnect()

    def repeat_next_post(self) -> None:
        self._repeats = True

    def posts_of_bot(self) -> int:
        return sum(post.author_id == self.x.bot.id for post in self.x.timeline())


def credentials(**changed: str) -> XCredentials:
    """What the local X knows the bot by, with other secrets where given."""
    known = {
        "bearer_token": SECRETS.bearer_token,
        "api_key": SECRETS.api_key,
        "api_secret": SECRETS.api_secret,
        "access_token": SECRETS.access_token,
        "access_token_secret": SECRETS.access_token_secret,
    }
    return XCredentials(**(known | changed))


class LocalBench(XBench):
    """The adapters, against the local X."""

    _PATHS: ClassVar[dict[Call, tuple[str, str]]] = {
        "reply": ("POST", "/2/tweets"),
        "replies_to": ("GET", "/2/tweets/search/recent"),
        "message": ("POST", "/2/dm_conversations/*"),
        "users": ("GET", "/2/users/by"),
        "mentions": ("GET", "/2/users/*/mentions"),
        "messages": ("GET", "/2/dm_events"),
    }

    def __init__(self, local: LocalX) -> None:
        self.local = local
        api = XApi(credentials(), base_url=local.url, tries=1, read_timeout_s=READ_TIMEOUT_S)
        directory = XDirectory(api)
        self.tally = api.tally
        self.publisher = XPublisher(api, directory.bot, MessageEvents(api))
        self.directory = directory
        self.mentions = XMentionReader(api, directory.bot)
        self.messages = XMessageReader(api, MessageEvents(api))
        self.stream = XMentionStream(api, directory.bot)
        self.sign_in = XSignIn(
            authorize_url=f"{local.url}/i/oauth2/authorize",
            base_url=local.url,
            client_id=SECRETS.client_id,
            client_secret=SECRETS.client_secret,
            tally=self.tally,
        )

    def _fault(self, fault: str, call: Call) -> None:
        method, path = self._PATHS[call]
        self.local.control("faults", {"fault": fault, "method": method, "path": path})

    def now(self) -> datetime:
        return self.local.clock()

    def post(self, handle: str, text: str, *, in_reply_to: str | None = None) -> str:
        more = {"in_reply_to": in_reply_to} if in_reply_to else {}
        return str(self.local.post(handle, text, **more)["id"])

    def edit(self, post_id: str, text: str) -> str:
        return str(self.local.control(f"posts/{post_id}/edit", {"text": text})["id"])

    def delete(self, post_id: str) -> None:
        self.local.http.delete(f"/_sandbox/posts/{post_id}").raise_for_status()

    def write(self, handle: str, text: str, *, to: list[str] | None = None) -> str:
        more = {"to": to} if to else {}
        return str(self.local.control("dms", {"as": handle, "text": text} | more)["id"])

    def x_id(self, handle: str) -> str:
        return self.local.id_of(handle)

    def suspend(self, handle: str) -> None:
        self.local.control("people", {"handle": handle, "suspended": True})

    def rename(self, handle: str, new_handle: str) -> None:
        self.local.control("people", {"handle": handle, "renamed_to": new_handle})

    def shown(self, post_id: str) -> str:
        posts = self.local.control("posts")
        return next(str(one["text"]) for one in posts if one["id"] == post_id)

    def allow(self, url: str, handle: str) -> str:
        form = dict(parse_qsl(urlsplit(url).query)) | {"handle": handle, "decision": "allow"}
        answer = self.local.http.post(url.partition("?")[0], data=form)
        assert answer.status_code == 303, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    def lose_answer(self, call: Call) -> None:
        self._fault("time-out after success", call)

    def limit(self, call: Call) -> None:
        self._fault("429", call)

    def break_down(self, call: Call) -> None:
        self._fault("5xx", call)

    def disconnect(self) -> None:
        self.local.control("faults", {"fault": "disconnect"})

    def repeat_next_post(self) -> None:
        self.local.control("faults", {"fault": "duplicate"})

    def posts_of_bot(self) -> int:
        return sum(one["username"] == "smoney" for one in self.local.control("posts"))


BENCHES = ("fake", "local")


@contextmanager
def opened(name: str) -> Iterator[XBench]:
    """One of the two, from nothing. What was asked of the local X, X describes."""
    if name == "fake":
        yield FakeBench()
        return
    with LocalX(people=("bob", "alice", "carol", "dave"), keep_alive_s=0.05) as local:
        yield LocalBench(local)
        assert_described(local.heard())


@dataclass
class Listener:
    """Somebody who listens to a stream in a thread, and keeps what comes."""

    stream: MentionStream
    react: Callable[[RawEvent], None] = lambda _: None
    events: list[RawEvent] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._alive = threading.Event()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        try:
            self.stream.listen(self._keep, self._alive.set)
        except BaseException as error:  # noqa: BLE001 (the test looks at it)
            self.error = error
        with self._arrived:
            self._arrived.notify_all()

    def _keep(self, event: RawEvent) -> None:
        self.react(event)
        with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()

    def start(self) -> None:
        """Begin to listen; return once X has accepted."""
        self._thread.start()
        assert self._alive.wait(PATIENCE_S), f"nothing came: {self.error!r}"

    def wait_for(self, count: int) -> list[str]:
        """Wait for so many events; their ids."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.events) >= count, PATIENCE_S)
        return [event.id for event in self.events]

    def wait_for_sign_of_life(self) -> None:
        """Wait for one more byte."""
        self._alive.clear()
        assert self._alive.wait(PATIENCE_S), "nothing came"

    def ended(self) -> BaseException | None:
        """Wait for the end; why it ended."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "it still listens"
        return self.error

    def close(self) -> BaseException | None:
        """Close the stream; why it ended."""
        self.stream.close()
        return self.ended()
