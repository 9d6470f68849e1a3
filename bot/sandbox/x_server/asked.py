"""What a call asks for: its query parameters, checked as X checks them.

X is renaming its fields: `tweet.fields` and `post.fields` name the same things in two families.
`Asked` holds the older names; `family` says in which an answer is to be given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.sandbox.x_server import problems

Family = Literal["tweet", "post"]

RENAMED = {
    "edit_history_post_ids": "edit_history_tweet_ids",
    "referenced_posts": "referenced_tweets",
    "note_post": "note_tweet",
    "most_recent_post_id": "most_recent_tweet_id",
    "pinned_post_id": "pinned_tweet_id",
}
_SHARED = frozenset(
    [
        *("article", "attachments", "card_uri", "community_id", "context_annotations"),
        *("conversation_id", "created_at", "display_text_range", "edit_controls", "entities"),
        *("geo", "id", "lang", "matched_media_notes", "media_metadata", "non_public_metrics"),
        *("note_request_suggestions", "organic_metrics", "paid_partnership"),
        *("possibly_sensitive", "promoted_metrics", "public_metrics", "reply_settings", "scopes"),
        *("source", "suggested_source_links", "suggested_source_links_with_counts", "text"),
        "withheld",
    ]
)
TWEET_FIELDS = _SHARED | {
    "author_id",
    "edit_history_tweet_ids",
    "in_reply_to_user_id",
    "note_tweet",
    "referenced_tweets",
}
POST_FIELDS = _SHARED | {"article_title", "note_post"}
USER_FIELDS = frozenset(
    [
        *("affiliation", "confirmed_email", "connection_status", "created_at", "description"),
        *("entities", "id", "is_identity_verified", "location", "most_recent_tweet_id", "name"),
        *("parody", "pinned_tweet_id", "profile_banner_url", "profile_image_url", "protected"),
        *("public_metrics", "receives_your_dm", "subscribes_to_you", "subscription"),
        *("subscription_type", "url", "username", "verified", "verified_followers_count"),
        *("verified_type", "withheld"),
    ]
)
_DM_SHARED = frozenset(
    ["attachments", "created_at", "dm_conversation_id", "entities", "event_type", "id", "text"]
)
DM_FIELDS = _DM_SHARED | {"participant_ids", "referenced_tweets", "sender_id"}
TWEET_EXPANSIONS = frozenset(
    [
        *("article.cover_media", "article.media_entities", "attachments.media_keys"),
        *("attachments.media_source_tweet", "attachments.poll_ids", "author_id"),
        *("edit_history_tweet_ids", "entities.mentions.username", "geo.place_id"),
        *("in_reply_to_user_id", "entities.note.mentions.username", "referenced_tweets.id"),
        *("referenced_tweets.id.attachments.media_keys", "referenced_tweets.id.author_id"),
    ]
)
POST_EXPANSIONS = frozenset(
    [
        *("article.cover_media", "article.media_entities", "attachments.media_keys"),
        *("attachments.media_source_tweet", "attachments.poll_ids", "author_id"),
        *("edit_history_post_ids", "entities.mentions.username", "geo.place_id"),
        *("in_reply_to_user_id", "referenced_posts", "username"),
    ]
)
USER_EXPANSIONS = frozenset(
    [
        *("affiliation", "most_recent_tweet_id", "most_recent_post_id"),
        *("pinned_tweet_id", "pinned_post_id"),
    ]
)
DM_EXPANSIONS = frozenset(
    [
        *("attachments.media_keys", "participant_ids", "referenced_posts", "sender_id"),
        "referenced_tweets.id",
    ]
)
POST_PARAMETERS = frozenset(
    [
        *("tweet.fields", "post.fields", "expansions", "user.fields", "media.fields"),
        *("poll.fields", "place.fields"),
    ]
)
USER_PARAMETERS = frozenset({"tweet.fields", "post.fields", "expansions", "user.fields"})
DM_PARAMETERS = frozenset(
    [
        *("dm_event.fields", "tweet.fields", "post.fields", "expansions", "user.fields"),
        "media.fields",
    ]
)
ID = re.compile(r"[0-9]{1,19}\Z")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The fields and expansions of a call, by their older names."""

    family: Family = "tweet"
    post_fields: frozenset[str] = frozenset()
    user_fields: frozenset[str] = frozenset()
    dm_fields: frozenset[str] = frozenset()
    expansions: frozenset[str] = frozenset()


EVERYTHING = Asked(
    post_fields=TWEET_FIELDS,
    user_fields=USER_FIELDS,
    dm_fields=DM_FIELDS,
)


class Params:
    """Query parameters; whatever is unknown or malformed is refused as X refuses it."""

    def __init__(self, query: Mapping[str, str], allowed: frozenset[str]) -> None:
        self._query = query
        for name in query:
            if name not in allowed:
                raise problems.invalid(
                    f"The query parameter [{name}] is not one of [{','.join(sorted(allowed))}]",
                    parameter=name,
                    value=query[name],
                )

    def text(self, name: str) -> str | None:
        """A parameter as it stands."""
        return self._query.get(name)

    def names(self, name: str, known: frozenset[str]) -> frozenset[str]:
        """A list of names, each of which must be known."""
        if name not in self._query:
            return frozenset()
        values = self._query[name].split(",")
        for value in values:
            if value not in known:
                raise problems.invalid(
                    f"The `{name}` query parameter value [{value}] is not one of "
                    f"[{','.join(sorted(known))}]",
                    parameter=name,
                    value=value,
                )
        return frozenset(values)

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        """A number within bounds."""
        text = self._query.get(name)
        if text is None:
            return default
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise problems.invalid(
                f"The `{name}` query parameter value [{text}] is not between {low} and {high}",
                parameter=name,
                value=text,
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether a parameter says `true`."""
        text = self._query.get(name, "false")
        if text.lower() not in {"true", "false"}:
            raise problems.invalid(
                f"The `{name}` query parameter value [{text}] is not true or false",
                parameter=name,
                value=text,
            )
        return text.lower() == "true"

    def id(self, name: str) -> int | None:
        """An id, as a number to compare by."""
        text = self._query.get(name)
        return None if text is None else int(valid_id(name, text))

    def ids(self, name: str, pattern: re.Pattern[str] = ID) -> list[str]:
        """A list of 1 to 100 ids (or of what else the pattern says)."""
        values = [value for value in self._query.get(name, "").split(",") if value]
        if not 1 <= len(values) <= 100:
            raise problems.invalid(
                f"The `{name}` query parameter must hold 1 to 100 values", parameter=name
            )
        return [valid_id(name, value, pattern) for value in values]

    def time(self, name: str) -> datetime | None:
        """A point in time."""
        text = self._query.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise problems.invalid(
                f"The `{name}` query parameter value [{text}] is not a date and time (RFC3339)",
                parameter=name,
                value=text,
            )
        return moment

    def asked(self, expansions: frozenset[str]) -> Asked:
        """The fields and expansions asked for, of which some family is meant."""
        tweet = self.names("tweet.fields", TWEET_FIELDS)
        post = self.names("post.fields", POST_FIELDS)
        expanded = self.names("expansions", expansions)
        newer = bool(post) or any("post" in name for name in expanded) or "username" in expanded
        if newer and (tweet or any("tweet" in name for name in expanded - _IN_BOTH)):
            raise problems.invalid("The older and the newer names of fields were mixed.")
        known = DM_FIELDS if newer is False else _DM_SHARED
        return Asked(
            family="post" if newer else "tweet",
            post_fields=tweet | {RENAMED.get(name, name) for name in post},
            user_fields=self.names("user.fields", USER_FIELDS),
            dm_fields=self.names("dm_event.fields", known),
            expansions=frozenset(_older(name) for name in expanded),
        )


_IN_BOTH = frozenset({"attachments.media_source_tweet"})


def _older(expansion: str) -> str:
    return {"referenced_posts": "referenced_tweets.id"}.get(
        expansion, RENAMED.get(expansion, expansion)
    )


def valid_id(name: str, value: str, pattern: re.Pattern[str] = ID) -> str:
    """The value, where it has the form that the pattern says."""
    if not pattern.match(value):
        raise problems.invalid(
            f"The `{name}` query parameter value [{value}] is not valid",
            parameter=name,
            value=value,
        )
    return value
