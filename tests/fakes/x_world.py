"""X without a wire: people, posts and messages in memory, shown as X's JSON.

As much of X as our contract tests hold against the local X, and no more.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.errors import Rejected
from bot.ports import Clock, RawEvent, Sent, XUser

BOT = XUser(id="1", handle="smoney", name="S-money")
HANDLE = re.compile(r"(?<![A-Za-z0-9_@])@([A-Za-z0-9_]{1,15})(?![A-Za-z0-9_@])")


@dataclass
class FakePost:
    """A post, in one version."""

    id: str
    author_id: str
    typed: str
    created_at: datetime
    versions: list[str]
    filled_in: tuple[str, ...] = ()
    reply_to: str | None = None
    quotes: str | None = None
    is_deleted: bool = False

    @property
    def text(self) -> str:
        """The text with what X puts before it."""
        return "".join(f"@{handle} " for handle in self.filled_in) + self.typed


@dataclass
class FakeMessage:
    """A direct message."""

    id: str
    sender_id: str
    text: str
    created_at: datetime
    conversation_id: str


@dataclass
class FakeX:
    """Everything that is so on this X; people act by its methods, the bot by the fakes' roles."""

    clock: Clock
    bot: XUser = BOT
    handles: tuple[str, ...] = ("bob", "alice", "carol", "dave")
    """Who is there from the start."""
    people: dict[str, XUser] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Ids of suspended accounts."""
    missing: set[str] = field(default_factory=set)
    """Handles, in lower case, that nobody has."""
    posts: dict[str, FakePost] = field(default_factory=dict)
    messages: list[FakeMessage] = field(default_factory=list)
    on_mention: list[Callable[[RawEvent], None]] = field(default_factory=list)
    last_id: int = 2_000_000_000_000_000_000

    def __post_init__(self) -> None:
        self.add(self.bot)
        for handle in self.handles:
            self.person(handle)

    def next_id(self) -> str:
        """A new id, larger than all before."""
        self.last_id += 1
        return str(self.last_id)

    # People.

    def person(self, handle: str) -> XUser:
        """The account of that handle, in any case; a new one where nobody has it."""
        known = self.find(handle)
        if known is not None:
            return known
        user = XUser(
            id=self.next_id(), handle=handle, name=handle.title(), created_at=self.clock.now()
        )
        self.add(user)
        return user

    def add(self, user: XUser) -> None:
        """Add an account, or change the one of that id; its handle is its own from now on."""
        self.people.pop(user.id, None)
        self.people[user.id] = user

    def find(self, handle: str) -> XUser | None:
        """The account that took that handle last, in any case."""
        newest_first = reversed(list(self.people.values()))
        return next((one for one in newest_first if one.handle.lower() == handle.lower()), None)

    def change(
        self, handle: str, *, new_handle: str | None = None, protected: bool = False
    ) -> None:
        """Give an account another handle, or let it protect its posts."""
        user = self.person(handle)
        self.add(XUser(user.id, new_handle or user.handle, user.name, user.created_at, protected))

    def suspend(self, handle: str) -> None:
        """X suspends an account."""
        self.gone.add(self.person(handle).id)

    # Posts.

    def post(
        self, handle: str, text: str, *, in_reply_to: str | None = None, quotes: str | None = None
    ) -> str:
        """Somebody posts; the post's id."""
        return self.publish(self.person(handle), text, reply_to=in_reply_to, quotes=quotes).id

    def publish(
        self,
        author: XUser,
        typed: str,
        *,
        reply_to: str | None = None,
        quotes: str | None = None,
        exclude: frozenset[str] = frozenset(),
    ) -> FakePost:
        """Add a post to the world."""
        post_id = self.next_id()
        parent = self.posts.get(reply_to or "")
        return self._put(
            FakePost(
                id=post_id,
                author_id=author.id,
                typed=typed,
                created_at=self.clock.now(),
                versions=[post_id],
                filled_in=self._filled_in(author, parent, exclude) if parent else (),
                reply_to=reply_to,
                quotes=quotes,
            )
        )

    def edit(self, post_id: str, text: str) -> str:
        """The author edits a post; the new version's id."""
        old, new_id = self.posts[post_id], self.next_id()
        old.versions.append(new_id)
        new = FakePost(
            id=new_id,
            author_id=old.author_id,
            typed=text,
            created_at=self.clock.now(),
            versions=old.versions,
            filled_in=old.filled_in,
            reply_to=old.reply_to,
            quotes=old.quotes,
        )
        return self._put(new).id

    def delete(self, post_id: str) -> None:
        """A post is gone."""
        self.posts[post_id].is_deleted = True

    def timeline(self) -> Iterator[FakePost]:
        """The posts that stand, newest first."""
        return (post for post in reversed(list(self.posts.values())) if not post.is_deleted)

    def is_mention(self, post: FakePost) -> bool:
        """Whether a post names the bot, is not its own, and is shown to it."""
        named = {handle.lower() for handle in HANDLE.findall(post.text)}
        author = self.people[post.author_id]
        is_shown = author.id not in {self.bot.id, *self.gone} and not author.protected
        return is_shown and self.bot.handle.lower() in named

    def event(self, post_id: str) -> RawEvent:
        """A post as it reaches the inbox."""
        post = self.posts[post_id]
        data = self._post_data(post)
        return RawEvent("post", post.id, _body(data), post.created_at)

    def answers(self, post_id: str) -> list[Sent]:
        """What the bot answered to a post, oldest first."""
        return [
            Sent(one.id, one.typed, one.created_at)
            for one in self.posts.values()
            if one.reply_to == post_id and one.author_id == self.bot.id and not one.is_deleted
        ]

    def _put(self, post: FakePost) -> FakePost:
        for handle in HANDLE.findall(post.typed):
            if handle.lower() not in self.missing:
                self.person(handle)
        self.posts[post.id] = post
        if self.is_mention(post):
            for listener in list(self.on_mention):
                listener(self.event(post.id))
        return post

    def _filled_in(
        self, author: XUser, parent: FakePost, exclude: frozenset[str]
    ) -> tuple[str, ...]:
        addressee = self.people[parent.author_id]
        named = [self.find(handle) for handle in HANDLE.findall(parent.text)]
        others = [one for one in named if one is not None and one.id not in exclude]
        return tuple(dict.fromkeys(one.handle for one in [addressee, *others] if one != author))

    def _post_data(self, post: FakePost) -> dict[str, Any]:
        text = html.escape(post.text, quote=False)
        parent = self.posts.get(post.reply_to or "")
        references = [("replied_to", post.reply_to), ("quoted", post.quotes)]
        data: dict[str, Any] = {
            "id": post.id,
            "author_id": post.author_id,
            "text": text,
            "created_at": _moment(post.created_at),
            "conversation_id": self._root(post).id,
            "display_text_range": [len(post.text) - len(post.typed), len(text)],
            "edit_history_tweet_ids": post.versions[: post.versions.index(post.id) + 1],
            "entities": {"mentions": list(self._mentions(text))},
            "referenced_tweets": [{"type": kind, "id": one} for kind, one in references if one],
        }
        return data | ({"in_reply_to_user_id": parent.author_id} if parent else {})

    def _root(self, post: FakePost) -> FakePost:
        while post.reply_to in self.posts:
            post = self.posts[post.reply_to]
        return self.posts[post.versions[0]]

    def _mentions(self, text: str) -> Iterator[dict[str, Any]]:
        for found in HANDLE.finditer(text):
            user = self.find(found[1])
            if user is not None:
                place = {"start": found.start(), "end": found.end()}
                yield place | {"username": user.handle, "id": user.id}

    # Direct messages.

    def write(self, handle: str, text: str, *, to: Iterable[str] = ()) -> str:
        """Somebody writes, to the bot or to several; the event's id."""
        sender = self.person(handle)
        others = [self.person(one) for one in to] or [self.bot]
        return self.send(sender, text, [one.id for one in others]).id

    def send(self, sender: XUser, text: str, to_ids: list[str]) -> FakeMessage:
        """Add a message to the world."""
        event_id = self.next_id()
        is_pair = len(to_ids) == 1
        conversation = self.pair(sender.id, to_ids[0]) if is_pair else self.next_id()
        message = FakeMessage(event_id, sender.id, text, self.clock.now(), conversation)
        self.messages.append(message)
        return message

    def pair(self, one_id: str, other_id: str) -> str:
        """The id of the conversation of two."""
        return "-".join(sorted((one_id, other_id), key=int))

    def check_may_write(self, to_id: str) -> None:
        """Refuse a message to nobody, or to somebody who never wrote to the bot."""
        wrote = {(one.sender_id, one.conversation_id) for one in self.messages}
        if to_id in self.gone or (to_id, self.pair(self.bot.id, to_id)) not in wrote:
            raise Rejected("not_allowed", "You do not have permission to DM this person.")

    def message_event(self, message: FakeMessage) -> RawEvent:
        """A message as it reaches the inbox."""
        data = {
            "id": message.id,
            "event_type": "MessageCreate",
            "sender_id": message.sender_id,
            "text": html.escape(message.text, quote=False),
            "dm_conversation_id": message.conversation_id,
            "created_at": _moment(message.created_at),
        }
        return RawEvent("dm", message.id, _body(data), message.created_at)

    def messages_from_bot(self, handle: str) -> list[str]:
        """What the bot wrote to somebody, oldest first."""
        conversation = self.pair(self.bot.id, self.person(handle).id)
        return [
            one.text
            for one in self.messages
            if one.sender_id == self.bot.id and one.conversation_id == conversation
        ]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _body(data: dict[str, Any]) -> str:
    return json.dumps({"data": data}, ensure_ascii=False)
