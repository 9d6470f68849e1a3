"""The roles of `bot.ports` on a `FakeX`: what the bot does on X, and how it fails.

Each role has its own `faults`. `FakeXRoles` holds one of each on one world; a role that is made
without one has an empty one for itself.
"""

import base64
import hashlib
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from bot.domain.errors import BotError, Rejected, Unavailable
from bot.domain.pace import Accepted, Budget
from bot.ports import Clock, MessagePage, RawEvent, Sent, XUser
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults
from tests.fakes.x_world import BOT, FakeX

DUPLICATE_WITHIN: Final = timedelta(minutes=15)
"""How long X refuses the same text again."""
PAGE: Final = 10
"""Messages that a page holds."""


class SentReply(NamedTuple):
    """A reply of the bot's."""

    id: str
    to_post_id: str
    text: str
    exclude_x_user_ids: tuple[str, ...]


class SentMessage(NamedTuple):
    """A direct message of the bot's."""

    id: str
    to_x_user_id: str
    text: str


class FakePublisher:
    """Says things on a fake X, which refuses what X refuses.

    Without an X of its own it knows no posts and nobody: it then takes whatever is well-formed.
    """

    def __init__(self, clock: Clock | None = None, *, x: FakeX | None = None) -> None:
        self.x = x or FakeX(clock or FakeClock(), handles=())
        self.faults = Faults()
        self.replies: list[SentReply] = []
        self.messages: list[SentMessage] = []
        self.budget = Budget()
        """What X says with every answer that it grants still."""
        self.search_shows = True
        """Whether X's search shows our replies; the timeline, which costs more, always does."""
        self.timelines_read = 0
        self._knows_people = x is not None

    def reply(self, *, to_post_id: str, text: str, exclude_x_user_ids: Iterable[str]) -> Accepted:
        """Answer a post, notifying nobody but its author."""
        excluded = tuple(exclude_x_user_ids)
        with self.faults.creating(to_post_id):
            self._check_summons(to_post_id)
            self._check_is_new(text)
            post = self.x.publish(
                self.x.bot, text, reply_to=to_post_id, exclude=frozenset(excluded)
            )
            self.replies.append(SentReply(post.id, to_post_id, text, excluded))
            return Accepted(post.id, self.budget)

    def _check_summons(self, post_id: str) -> None:
        parent = self.x.posts.get(post_id)
        if not self._knows_people:
            return
        if parent is None or parent.is_deleted:
            raise Rejected("not_allowed", "The post is deleted or not visible.")
        if not self.x.is_mention(parent):
            raise Rejected("not_allowed", "The author did not summon the bot.")

    def _check_is_new(self, text: str) -> None:
        since = self.x.clock.now() - DUPLICATE_WITHIN
        for post in self.x.timeline():
            is_ours = post.author_id == self.x.bot.id
            if is_ours and post.typed == text and post.created_at >= since:
                raise Rejected("duplicate", "The same text again.")

    def replies_to(self, post_id: str, *, since: datetime, thoroughly: bool) -> list[Sent]:
        """Find our own replies to a post; `thoroughly`: also in the timeline."""
        with self.faults.reading():
            found = [one for one in self.x.answers(post_id) if _is_since(one.sent_at, since)]
            if found and self.search_shows:
                return found
            self.timelines_read += thoroughly
            return found if thoroughly else []

    def message(self, *, to_x_user_id: str, text: str) -> Accepted:
        """Send a direct message; its id is its event's."""
        with self.faults.creating(to_x_user_id):
            if self._knows_people:
                self.x.check_may_write(to_x_user_id)
            message = self.x.send(self.x.bot, text, [to_x_user_id])
            self.messages.append(SentMessage(message.id, to_x_user_id, text))
            return Accepted(message.id, self.budget)

    def messages_to(self, x_user_id: str, *, since: datetime) -> list[Sent]:
        """Find our own direct messages to an account."""
        with self.faults.reading():
            conversation = self.x.pair(self.x.bot.id, x_user_id)
            return [
                Sent(one.id, one.text, one.created_at)
                for one in reversed(self.x.messages)
                if one.conversation_id == conversation
                and one.sender_id == self.x.bot.id
                and _is_since(one.created_at, since)
            ]

    def delete(self, post_id: str) -> None:
        """Delete a post of our own; one that is already gone is a success."""
        with self.faults.reading():
            post = self.x.posts.get(post_id)
            if post is None or post.is_deleted:
                return
            if post.author_id != self.x.bot.id:
                raise Rejected("not_allowed", "The post is not ours.")
            self.x.delete(post_id)


class FakeDirectory:
    """Knows who is who on a fake X, and counts the accounts that were read."""

    def __init__(self, bot: XUser | None = None, *, x: FakeX | None = None) -> None:
        self.x = x or FakeX(FakeClock(), bot=bot or BOT, handles=())
        self.faults = Faults()
        self.users_read = 0
        self.known: XUser | None = None
        self.of_keys = "fake"

    def add(self, user: XUser) -> None:
        """Add an account, or change the one of that id; its handle is its own from now on."""
        self.x.add(user)

    def me(self) -> XUser:
        """Return the bot's own account, read anew: `bot` returns it from then on."""
        with self.faults.reading():
            self.users_read += 1
            self.known = self.x.people[self.x.bot.id]
            return self.known

    def bot(self) -> XUser:
        """Return the bot's own account as it was last read or told."""
        return self.known or self.me()

    def know(self, bot: XUser) -> None:
        """Be told who `bot` is: nothing is read."""
        self.known = bot

    def keys(self) -> str:
        """Tell the keys apart that the account belongs to."""
        return self.of_keys

    def by_handle(self, handles: Iterable[str]) -> Mapping[str, XUser]:
        """Look handles up (without `@`, any case); keys are the handles as they were asked for."""
        wanted = [handle for handle in handles if re.fullmatch("[A-Za-z0-9_]{1,15}", handle)]
        if not wanted:
            return {}
        with self.faults.reading():
            asked = ((handle, self.x.find(handle)) for handle in wanted)
            return self._found({handle: user for handle, user in asked if user is not None})

    def by_id(self, x_user_ids: Iterable[str]) -> Mapping[str, XUser]:
        """Look ids up; those not found or suspended are absent."""
        with self.faults.reading():
            known = self.x.people
            return self._found({one: known[one] for one in x_user_ids if one in known})

    def _found(self, users: dict[str, XUser]) -> dict[str, XUser]:
        found = {key: user for key, user in users.items() if user.id not in self.x.gone}
        self.users_read += len(found)
        return found


class FakeMentionReader:
    """Reads the mentions of a fake X, and counts the look-ups of posts."""

    def __init__(self, x: FakeX | None = None) -> None:
        self.x = x or FakeX(FakeClock(), handles=())
        self.faults = Faults()
        self.looked_up = 0

    def mentions(self, *, since_id: str | None, since: datetime) -> Iterator[RawEvent]:
        """Every mention after `since_id` (where given) and after `since`, oldest page last."""
        with self.faults.reading():
            for post in self.x.timeline():
                is_later = int(post.id) > int(since_id or 0) and post.created_at >= since
                if is_later and self.x.is_mention(post):
                    yield self.x.event(post.id)

    def deleted(self, post_ids: Iterable[str]) -> set[str]:
        """Which of some posts are gone."""
        with self.faults.reading():
            self.looked_up += 1
            known = self.x.posts
            return {one for one in post_ids if one not in known or known[one].is_deleted}


class FakeMessageReader:
    """Reads the messages of a fake X."""

    def __init__(self, x: FakeX | None = None) -> None:
        self.x = x or FakeX(FakeClock(), handles=())
        self.faults = Faults()
        self.pages_read = 0
        self.closes: tuple[int, datetime] | None = None
        """After how many pages X takes no more until when."""

    def page(self, token: str | None) -> MessagePage:
        """Read the newest events, or those that `token` names."""
        with self.faults.reading():
            self.pages_read += 1
            below = [one for one in self.x.messages if token is None or int(one.id) < int(token)]
            page = below[::-1][:PAGE]
            events = [self.x.message_event(one) for one in page]
            older = page[-1].id if len(below) > PAGE else None
            after, until = self.closes or (None, None)
            return MessagePage(events, older, until if self.pages_read == after else None)


class FakeMentionStream:
    """The stream of the fake X: brings every mention from the moment somebody listens."""

    def __init__(self, x: FakeX) -> None:
        self.x = x
        self.faults = Faults()
        self.is_listening = threading.Event()
        self._queue: queue.SimpleQueue[RawEvent | BotError | str] = queue.SimpleQueue()
        self._is_closed = False

    def listen(self, on_event: Callable[[RawEvent], None], on_byte: Callable[[], None]) -> None:
        """Hand on every mention until the connection ends or `close`."""
        try:
            if self._is_closed:
                return
            with self.faults.reading():
                self._queue = queue.SimpleQueue()
                self.x.on_mention.append(self._queue.put)
            self.is_listening.set()
            on_byte()
            self._hand_on(on_event, on_byte)
        finally:
            self.x.on_mention[:] = []
            self.is_listening.clear()
            self._is_closed = False

    def _hand_on(self, on_event: Callable[[RawEvent], None], on_byte: Callable[[], None]) -> None:
        while not self._is_closed:
            said = self._queue.get()
            match said:
                case BotError():
                    raise said
                case RawEvent():
                    on_byte()
                    on_event(said)
                case "keep-alive":
                    on_byte()

    def close(self) -> None:
        """End `listen` from another thread, or the next one where none is under way."""
        self._is_closed = True
        self._queue.put("close")

    def keep_alive(self) -> None:
        """X sends a blank line."""
        self._queue.put("keep-alive")

    def disconnect(self, error: BotError | None = None) -> None:
        """X ends the connection, or the network does."""
        self._queue.put(error or Unavailable("connection_lost"))

    def repeat(self, post_id: str) -> None:
        """X delivers a post once more."""
        self._queue.put(self.x.event(post_id))


class FakeSignIn:
    """Sign-in with a fake X: `allow` is what a person does on X's page."""

    def __init__(self, x: FakeX | None = None) -> None:
        self.x = x or FakeX(FakeClock(), handles=())
        self.faults = Faults()
        self._codes: dict[str, tuple[str, str, str]] = {}

    def authorize_url(self, *, state: str, verifier: str, redirect_uri: str) -> str:
        """Return where the browser goes."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"https://x.test/i/oauth2/authorize?{urlencode(query)}"

    def allow(self, url: str, handle: str) -> str:
        """Somebody lets the app know who they are; the code that their browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{self.x.next_id()}"
        terms = (self.x.person(handle).id, asked["redirect_uri"], asked["code_challenge"])
        self._codes[code] = terms
        return code

    def identify(self, *, code: str, verifier: str, redirect_uri: str) -> XUser:
        """Trade the code for who it is; it works once."""
        with self.faults.reading():
            user_id, address, challenge = self._codes.pop(code, ("", "", ""))
            made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
            if not user_id or address != redirect_uri or made.decode().rstrip("=") != challenge:
                raise Rejected("bad_code", "X does not take the code")
            return self.x.people[user_id]


class FakeXRoles:
    """One of each role on one fake X."""

    def __init__(self, x: FakeX) -> None:
        self.x = x
        self.publisher = FakePublisher(x=x)
        self.directory = FakeDirectory(x=x)
        self.mentions = FakeMentionReader(x)
        self.messages = FakeMessageReader(x)
        self.stream = FakeMentionStream(x)
        self.sign_in = FakeSignIn(x)


def _is_since(moment: datetime | None, since: datetime) -> bool:
    return moment is None or moment >= since
