"""Posts, users and messages as X's v2 gives them: the fields asked for and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.x_server.asked import EVERYTHING, RENAMED, Asked
from bot.sandbox.x_server.model import DmEvent, Post, Text, User
from bot.sandbox.x_server.world import World

EDITABLE_FOR = timedelta(hours=1)  # X's window for edits
EDITS = 5  # how often X lets a post be edited
POST_METRICS = (
    *("retweet_count", "like_count", "quote_count", "bookmark_count", "impression_count"),
    "reply_count",
)
USER_METRICS = (
    *("followers_count", "following_count", "listed_count", "like_count", "media_count"),
    "tweet_count",
)
PICTURE = "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"

_NEWER = {older: newer for newer, older in RENAMED.items()}
_NEWER_METRICS = {"retweet_count": "repost_count", "tweet_count": "post_count"}
# What an expansion puts beside itself into the object that it starts from.
_BROUGHT = {
    "author_id": "author_id",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "referenced_tweets.id": "referenced_tweets",
    "referenced_tweets.id.author_id": "referenced_tweets",
    "edit_history_tweet_ids": "edit_history_tweet_ids",
    "entities.mentions.username": "entities",
    "username": "username",
    "sender_id": "sender_id",
    "participant_ids": "participant_ids",
}

Fields = dict[str, Callable[[], Any]]
"""Each field with what makes its value; None stands for a field that is not there."""


def moment(at: datetime) -> str:
    """A point in time as X writes it."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def entities(text: Text, *, hide_ids: bool = False) -> dict[str, Any] | None:
    """The entities of a text; None where it has none."""
    found: dict[str, Any] = {}
    if text.mentions:
        found["mentions"] = [
            {
                "start": one.start,
                "end": one.end,
                "username": one.username,
                "id": None if hide_ids else one.user_id,
            }
            for one in text.mentions
        ]
    if text.links:
        found["urls"] = [
            {
                "start": one.start,
                "end": one.end,
                "url": one.url,
                "expanded_url": one.expanded_url,
                "display_url": one.display_url,
            }
            for one in text.links
        ]
    for name, tags in (("hashtags", text.hashtags), ("cashtags", text.cashtags)):
        if tags:
            found[name] = [{"start": t.start, "end": t.end, "tag": t.tag} for t in tags]
    return found or None


def _chosen(fields: Fields, names: Iterable[str], asked: Asked) -> dict[str, Any]:
    shown = {}
    for name in names:
        value = fields[name]() if name in fields else None
        if value is not None:
            shown[_NEWER.get(name, name) if asked.family == "post" else name] = value
    return shown


class Renderer:
    """Shows what the world holds."""

    def __init__(self, world: World) -> None:
        self._world = world

    def post(self, post: Post, asked: Asked) -> dict[str, Any]:
        """A post with its default fields and those asked for."""
        defaults = ["id", "text"]
        if asked.family == "tweet":
            defaults.append("edit_history_tweet_ids")
        brought = [_BROUGHT[name] for name in sorted(asked.expansions) if name in _BROUGHT]
        names = dict.fromkeys([*defaults, *sorted(asked.post_fields), *brought])
        return _chosen(self._post_fields(post, asked), names, asked)

    def _post_fields(self, post: Post, asked: Asked) -> Fields:
        return {
            "id": lambda: post.id,
            "text": lambda: post.body.text,
            "edit_history_tweet_ids": lambda: list(post.edit_ids),
            "author_id": lambda: post.author_id,
            "username": lambda: self._world.author(post).username,
            "conversation_id": lambda: post.conversation_id,
            "created_at": lambda: moment(post.created_at),
            "display_text_range": lambda: [post.body.typed_from, len(post.body.text)],
            "edit_controls": lambda: {
                "edits_remaining": max(0, EDITS - len(post.edit_ids) + 1),
                "is_edit_eligible": True,
                "editable_until": moment(post.created_at + EDITABLE_FOR),
            },
            "entities": lambda: entities(post.body, hide_ids=post.mention_ids_hidden),
            "in_reply_to_user_id": lambda: post.in_reply_to_user_id,
            "lang": lambda: post.lang,
            "note_tweet": lambda: self._note(post),
            "possibly_sensitive": lambda: False,
            "public_metrics": lambda: self._post_metrics(post, asked),
            "referenced_tweets": lambda: (
                [{"type": one.kind, "id": one.id} for one in post.references] or None
            ),
            "reply_settings": lambda: "everyone",
        }

    def _note(self, post: Post) -> dict[str, Any] | None:
        if post.note is None:
            return None
        found = entities(post.note, hide_ids=post.mention_ids_hidden)
        return {"text": post.note.text} | ({"entities": found} if found else {})

    def _post_metrics(self, post: Post, asked: Asked) -> dict[str, int]:
        replies = [one for one in self._world.replies.get(post.id, []) if not one.deleted]
        return _metrics(dict.fromkeys(POST_METRICS, 0) | {"reply_count": len(replies)}, asked)

    def user(self, user: User, asked: Asked) -> dict[str, Any]:
        """A user with the default fields and those asked for."""
        names = dict.fromkeys(["id", "name", "username", *sorted(asked.user_fields)])
        return _chosen(self._user_fields(user, asked), names, asked)

    def _user_fields(self, user: User, asked: Asked) -> Fields:
        return {
            "id": lambda: user.id,
            "name": lambda: user.name,
            "username": lambda: user.username,
            "created_at": lambda: moment(user.created_at),
            "description": lambda: user.description,
            "most_recent_tweet_id": lambda: self._most_recent(user),
            "profile_image_url": lambda: PICTURE,
            "protected": lambda: user.protected,
            "public_metrics": lambda: self._user_metrics(user, asked),
            "receives_your_dm": lambda: self._receives_dm(user),
            "url": lambda: "",
            "verified": lambda: user.verified,
            "verified_type": lambda: "blue" if user.verified else "none",
        }

    def _most_recent(self, user: User) -> str | None:
        own = (post.id for post in self._world.timeline() if post.author_id == user.id)
        return next(own, None)

    def _receives_dm(self, user: User) -> bool:
        bot = self._world.bot
        return self._world.has_written(user, self._world.pair(user, bot))

    def _user_metrics(self, user: User, asked: Asked) -> dict[str, int]:
        posts = sum(post.author_id == user.id for post in self._world.timeline())
        return _metrics(dict.fromkeys(USER_METRICS, 0) | {"tweet_count": posts}, asked)

    def event(self, event: DmEvent, asked: Asked) -> dict[str, Any]:
        """An event of a conversation with its default fields and those asked for."""
        brought = [_BROUGHT[name] for name in sorted(asked.expansions) if name in _BROUGHT]
        names = dict.fromkeys(["id", "event_type", "text", *sorted(asked.dm_fields), *brought])
        body = event.body
        fields: Fields = {
            "id": lambda: event.id,
            "event_type": lambda: event.kind,
            "text": lambda: body.text if body else None,
            "created_at": lambda: moment(event.created_at),
            "dm_conversation_id": lambda: event.conversation_id,
            "entities": lambda: entities(body) if body else None,
            "participant_ids": lambda: list(event.participant_ids) or None,
            "sender_id": lambda: event.sender_id,
        }
        return _chosen(fields, names, asked)

    def post_includes(self, posts: list[Post], asked: Asked) -> dict[str, Any]:
        """What the expansions of posts bring along."""
        referenced = [
            post
            for one in posts
            for reference in one.references
            if (post := self._world.post(reference.id)) and self._world.visible(post)
        ]
        users: list[str | None] = []
        if asked.expansions & {"author_id", "username"}:
            users += [post.author_id for post in posts]
        if "in_reply_to_user_id" in asked.expansions:
            users += [post.in_reply_to_user_id for post in posts]
        if asked.expansions & {"entities.mentions.username", "entities.note.mentions.username"}:
            users += [one.user_id for post in posts for one in post.full.mentions]
        if "referenced_tweets.id.author_id" in asked.expansions:
            users += [post.author_id for post in referenced]
        included: list[Post] = []
        if asked.expansions & {"referenced_tweets.id", "referenced_tweets.id.author_id"}:
            included += referenced
        if "edit_history_tweet_ids" in asked.expansions:
            included += [self._world.posts[version] for one in posts for version in one.edit_ids]
        return self._includes(users, included, asked)

    def event_includes(self, events: list[DmEvent], asked: Asked) -> dict[str, Any]:
        """What the expansions of messages bring along."""
        users: list[str | None] = []
        if "sender_id" in asked.expansions:
            users += [event.sender_id for event in events]
        if "participant_ids" in asked.expansions:
            users += [user_id for event in events for user_id in event.participant_ids]
        return self._includes(users, [], asked)

    def user_includes(self, users: list[User], asked: Asked) -> dict[str, Any]:
        """What the expansions of users bring along."""
        posts = []
        if "most_recent_tweet_id" in asked.expansions:
            found = [self._most_recent(user) for user in users if not user.protected]
            posts = [self._world.posts[post_id] for post_id in found if post_id]
        return self._includes([], posts, asked)

    def _includes(
        self, user_ids: Iterable[str | None], posts: list[Post], asked: Asked
    ) -> dict[str, Any]:
        includes: dict[str, Any] = {}
        users = [self._world.user(user_id) for user_id in dict.fromkeys(user_ids) if user_id]
        shown = [self.user(user, asked) for user in users if user and not user.suspended]
        if shown:
            includes["users"] = shown
        unique = {post.id: post for post in posts}
        if unique:
            name = "posts" if asked.family == "post" else "tweets"
            includes[name] = [self.post(post, asked) for post in unique.values()]
        return includes

    def whole_post(self, post: Post) -> dict[str, Any]:
        """Everything about a post, for test control."""
        return self.post(post, EVERYTHING) | {"username": self._world.author(post).username}

    def whole_event(self, event: DmEvent) -> dict[str, Any]:
        """Everything about a message, for test control."""
        sender = self._world.user(event.sender_id) if event.sender_id else None
        members = self._world.conversations[event.conversation_id].participant_ids
        return self.event(event, EVERYTHING) | {
            "participant_ids": list(members),
            "username": sender.username if sender else None,
        }


def _metrics(counts: dict[str, int], asked: Asked) -> dict[str, int]:
    if asked.family == "tweet":
        return counts
    return {_NEWER_METRICS.get(name, name): count for name, count in counts.items()}
