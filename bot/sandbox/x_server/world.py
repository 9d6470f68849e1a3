"""Everything that is so in the local X, and the few ways in which it changes.

Promises: nobody else changes posts, messages or people; each change raises `version` by one; ids
grow. It knows no HTTP and refuses nothing that X's rules forbid: `etiquette` does that.
Touched by the server's event loop alone, so that it needs no lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from bot.sandbox.x_server.compose import Composer, guess_language
from bot.sandbox.x_server.ids import Snowflakes
from bot.sandbox.x_server.model import (
    Conversation,
    DmEvent,
    Post,
    Reference,
    Text,
    User,
    Violation,
)
from bot.sandbox.x_server.people import People
from bot.sandbox.x_server.weighted import limit

SHORT_CODE_BYTES = 5  # gives a code as long as X's own


class World:
    """The local X's state."""

    def __init__(
        self,
        *,
        bot_handle: str,
        now: Callable[[], datetime],
        link_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self.now = now
        self.ids = Snowflakes(now)
        self.people = People(self.ids, now)
        self.bot = self.people.ensure(bot_handle)
        self.posts: dict[str, Post] = {}
        self.replies: dict[str, list[Post]] = {}
        self._typed: dict[tuple[str, str], list[Post]] = {}
        self.events: list[DmEvent] = []
        self._wrote: set[tuple[str, str]] = set()
        self.conversations: dict[str, Conversation] = {}
        self.violations: list[Violation] = []
        self.short_links: dict[str, str] = {}
        self.version = 0
        self.on_post: list[Callable[[Post], None]] = []
        self.on_message: list[Callable[[DmEvent], None]] = []
        self.composer = Composer(self._named, self._shorten, hosts=link_hosts)

    # People, as `rules.Directory` asks for them.

    def user(self, user_id: str) -> User | None:
        """The user with that id."""
        return self.people.get(user_id)

    def post(self, post_id: str) -> Post | None:
        """The post with that id, unless it was deleted."""
        post = self.posts.get(post_id)
        return None if post is None or post.deleted else post

    def author(self, post: Post) -> User:
        """Who wrote a post."""
        author = self.people.get(post.author_id)
        assert author is not None, "a post's author is never removed"
        return author

    def changed(self) -> None:
        """Something is different now."""
        self.version += 1

    def _named(self, handle: str) -> tuple[str, str] | None:
        user = self.people.find(handle)
        return None if user is None or user.suspended else (user.id, user.username)

    def _shorten(self, url: str) -> str:
        short = f"https://t.co/{secrets.token_hex(SHORT_CODE_BYTES)}"
        self.short_links[short] = url
        return short

    # Posts.

    def timeline(self) -> Iterator[Post]:
        """The posts as they stand, newest first: no deleted ones, no superseded versions."""
        for post in reversed(self.posts.values()):
            if not post.deleted and not post.superseded:
                yield post

    def newest_of(self, author: User, typed: str) -> Post | None:
        """The newest post of an author in which the same was typed, as it stands."""
        same = self._typed.get((author.id, typed.strip()), [])
        return next((one for one in reversed(same) if not one.deleted and not one.superseded), None)

    def visible(self, post: Post) -> bool:
        """Whether X shows the post to an app: its author is neither protected nor suspended."""
        author = self.author(post)
        return not post.deleted and not author.protected and not author.suspended

    def publish(
        self,
        author: User,
        typed: str,
        *,
        in_reply_to: Post | None = None,
        quotes: Post | None = None,
        exclude: Iterable[str] = (),
        by_app: bool = False,
    ) -> Post:
        """Post what was typed, with the mentions in front that X fills into a reply."""
        if not by_app:
            for handle in self.composer.handles(typed):
                self.people.meet(handle)
        filled_in = self._filled_in(author, in_reply_to, set(exclude)) if in_reply_to else ()
        references = []
        if in_reply_to:
            references.append(Reference(kind="replied_to", id=in_reply_to.id))
        if quotes:
            references.append(Reference(kind="quoted", id=quotes.id))
            typed = f"{typed} https://x.com/{self.author(quotes).username}/status/{quotes.id}"
        post_id = self.ids.next()
        return self._put(
            Post(
                id=post_id,
                author_id=author.id,
                created_at=self.now(),
                typed=typed,
                body=Text(text=""),
                conversation_id=in_reply_to.conversation_id if in_reply_to else post_id,
                edit_ids=[post_id],
                filled_in=filled_in,
                in_reply_to_user_id=in_reply_to.author_id if in_reply_to else None,
                references=tuple(references),
                by_app=by_app,
            )
        )

    def edit(self, old: Post, typed: str) -> Post:
        """Post another version of a post: a new id in the same history."""
        for handle in self.composer.handles(typed):
            self.people.meet(handle)
        post_id = self.ids.next()
        old.edit_ids.append(post_id)
        return self._put(
            Post(
                id=post_id,
                author_id=old.author_id,
                created_at=self.now(),
                typed=typed,
                body=Text(text=""),
                conversation_id=old.conversation_id,
                edit_ids=old.edit_ids,
                filled_in=old.filled_in,
                in_reply_to_user_id=old.in_reply_to_user_id,
                references=old.references,
            )
        )

    def delete(self, post: Post) -> None:
        """Take a post down, in all its versions."""
        for post_id in post.edit_ids:
            self.posts[post_id].deleted = True
        self.changed()

    def _put(self, post: Post) -> Post:
        post.lang = guess_language(post.typed)
        whole = self.composer.deliver(post.typed, filled_in=post.filled_in)
        if self.composer.weigh(post.typed) > limit():
            permalink = f"https://x.com/{self.author(post).username}/status/{post.id}"
            post.note = whole
            post.body = self.composer.cut(post.typed, permalink, filled_in=post.filled_in)
        else:
            post.body = whole
        self.posts[post.id] = post
        self._typed.setdefault((post.author_id, post.typed.strip()), []).append(post)
        parent_id = post.reference("replied_to")
        if parent_id is not None:
            self.replies.setdefault(parent_id, []).append(post)
        self.changed()
        for listener in self.on_post:
            listener(post)
        return post

    def _filled_in(self, author: User, parent: Post, exclude: set[str]) -> tuple[str, ...]:
        """The handles in front of a reply: its addressee, then whom that post mentions."""
        ids = [parent.author_id]
        ids += [one.user_id for one in parent.full.mentions if one.user_id is not None]
        names = []
        for user_id in dict.fromkeys(ids):
            user = self.people.get(user_id)
            excluded = user_id in exclude and user_id != parent.author_id
            if user is not None and user is not author and not (excluded or user.suspended):
                names.append(user.username)
        return tuple(names)

    # Direct messages.

    def conversation(self, people: Iterable[User], *, group: bool = False) -> Conversation:
        """The conversation of these people; two share one, a group is new each time."""
        members = sorted({person.id for person in people}, key=int)
        if group or len(members) > 2:
            made = Conversation(id=self.ids.next(), participant_ids=tuple(members))
            self.conversations[made.id] = made
            self._happened(
                DmEvent(
                    id=self.ids.next(),
                    kind="ParticipantsJoin",
                    conversation_id=made.id,
                    created_at=self.now(),
                    participant_ids=made.participant_ids,
                )
            )
            return made
        name = f"{members[0]}-{members[-1]}"
        return self.conversations.setdefault(
            name, Conversation(id=name, participant_ids=tuple(members))
        )

    def send(
        self, sender: User, conversation: Conversation, typed: str, *, by_app: bool = False
    ) -> DmEvent:
        """Write into a conversation."""
        event = DmEvent(
            id=self.ids.next(),
            kind="MessageCreate",
            conversation_id=conversation.id,
            created_at=self.now(),
            sender_id=sender.id,
            body=self.composer.deliver(typed),
            by_app=by_app,
        )
        return self._happened(event)

    def _happened(self, event: DmEvent) -> DmEvent:
        self.events.append(event)
        if event.sender_id is not None:
            self._wrote.add((event.sender_id, event.conversation_id))
        self.changed()
        for listener in self.on_message:
            listener(event)
        return event

    def has_written(self, sender: User, conversation_id: str) -> bool:
        """Whether the sender ever wrote in that conversation."""
        return (sender.id, conversation_id) in self._wrote

    def pair(self, one: User, other: User) -> str:
        """The id of the conversation of two, whether it has begun or not."""
        smaller, larger = sorted([one.id, other.id], key=int)
        return f"{smaller}-{larger}"

    # What X would have objected to.

    def objected(self, kind: str, detail: str, *, refused: bool, **about: str) -> None:
        """Write down a violation."""
        self.violations.append(
            Violation(kind=kind, at=self.now(), detail=detail, refused=refused, about=about)
        )
        self.changed()
