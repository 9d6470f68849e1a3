"""What people say on X, once it is decoded: posts and direct messages."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.commands import Lang


@dataclass(frozen=True, slots=True)
class NamedUser:
    """An account that a post names: `entities.mentions`, where the id may be missing."""

    handle: str
    x_user_id: str | None


@dataclass(frozen=True, slots=True)
class Post:
    """A post that reached us, decoded from either family of X's field names."""

    id: str
    author_id: str
    text: str
    created_at: datetime | None = None
    conversation_id: str | None = None
    in_reply_to_user_id: str | None = None
    in_reply_to_post_id: str | None = None
    quoted_post_id: str | None = None
    is_retweet: bool = False
    typed_from: int | None = None
    """`display_text_range[0]`, in code points; None where X did not say."""
    mentions: tuple[NamedUser, ...] = ()
    edit_history: tuple[str, ...] = ()
    """Ids of every version of the post, oldest first, this one included."""
    lang: Lang | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A direct message that reached us."""

    id: str
    sender_id: str
    text: str
    conversation_id: str
    participant_ids: tuple[str, ...] = ()
    """Everybody in the conversation where X says; more than two is a group."""
    created_at: datetime | None = None
    is_group: bool = False
    """Whether others read along; X names a group's people only where they come and go."""
