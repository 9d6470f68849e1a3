"""What the local X holds: users, posts, direct messages, rules, violations.

Plain values; `world` keeps them, `render` shows them as X's v2 does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ReferenceKind = Literal["replied_to", "quoted", "retweeted"]


@dataclass(kw_only=True)
class User:
    """An account. Its id never changes; its handle may, and may then be taken by another."""

    id: str
    username: str
    name: str
    created_at: datetime
    protected: bool = False
    suspended: bool = False
    verified: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A handle in a text, with where it stands (code points of the text as delivered)."""

    start: int
    end: int
    username: str
    user_id: str | None


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link in a text that X replaced by its own short one."""

    start: int
    end: int
    url: str
    expanded_url: str
    display_url: str


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A hashtag or a cashtag."""

    start: int
    end: int
    tag: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text as X delivers it (links shortened, `&`, `<` and `>` escaped), with its entities."""

    text: str
    mentions: tuple[Mention, ...] = ()
    links: tuple[Link, ...] = ()
    hashtags: tuple[Tag, ...] = ()
    cashtags: tuple[Tag, ...] = ()
    typed_from: int = 0


@dataclass(frozen=True, kw_only=True)
class Reference:
    """That one post answers or quotes another."""

    kind: ReferenceKind
    id: str


@dataclass(kw_only=True)
class Post:
    """A post; an edited one is a new post that shares its `edit_ids`, the oldest first."""

    id: str
    author_id: str
    created_at: datetime
    typed: str
    body: Text
    conversation_id: str
    edit_ids: list[str]
    filled_in: tuple[str, ...] = ()
    note: Text | None = None
    in_reply_to_user_id: str | None = None
    references: tuple[Reference, ...] = ()
    lang: str = "und"
    deleted: bool = False
    by_app: bool = False
    mention_ids_hidden: bool = False

    def reference(self, kind: ReferenceKind) -> str | None:
        """The id of the post that this one answers or quotes."""
        return next((one.id for one in self.references if one.kind == kind), None)

    @property
    def full(self) -> Text:
        """The whole text: that of a long post is in its note."""
        return self.note or self.body

    @property
    def superseded(self) -> bool:
        """Whether an edit has taken this version's place."""
        return self.edit_ids[-1] != self.id

    def mentions_user(self, user_id: str) -> bool:
        """Whether the text names that user, typed or filled in by X."""
        return any(mention.user_id == user_id for mention in self.full.mentions)


@dataclass(kw_only=True)
class Conversation:
    """Who writes to whom; one of two has the id `smaller-larger`, as on X."""

    id: str
    participant_ids: tuple[str, ...]


@dataclass(kw_only=True)
class DmEvent:
    """One event of a conversation."""

    id: str
    kind: Literal["MessageCreate", "ParticipantsJoin", "ParticipantsLeave"]
    conversation_id: str
    created_at: datetime
    sender_id: str | None = None
    body: Text | None = None
    participant_ids: tuple[str, ...] = ()
    by_app: bool = False


@dataclass(frozen=True, kw_only=True)
class StreamRule:
    """A rule of the filtered stream."""

    id: str
    value: str
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What X would have objected to in what the app did."""

    kind: str
    at: datetime
    detail: str
    refused: bool
    about: dict[str, str] = field(default_factory=dict)
