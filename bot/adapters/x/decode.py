"""What X sent, read: posts, direct messages and accounts, in either family of field names.

X renames `referenced_tweets` to `referenced_posts`, `note_tweet` to `note_post` and
`edit_history_tweet_ids` to `edit_history_post_ids`. Nothing in its schemas is required: what is
missing or odd becomes None, save an id, an author or a text, without which there is nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.commands import Lang
from bot.domain.errors import Rejected
from bot.domain.said import Message, NamedUser, Post
from bot.ports import RawEvent, Sent, Source, XUser

_ID: Final = re.compile("[0-9]{1,19}")
_HANDLE: Final = re.compile("[A-Za-z0-9_]{1,15}")
_PAIR: Final = re.compile("([0-9]{1,19})-([0-9]{1,19})")
"""The id of a conversation of two names both; that of a group is one number."""

Fields = Mapping[str, Any]


class XDecoder:
    """Reads inbox rows. A body that cannot be read is `Rejected("undecodable")`."""

    def post(self, body: str) -> Post:
        """Decode a post (the stream's line, or a timeline's entry, each with `data`)."""
        data = _data(body)
        post_id = _required(read_id(data.get("id")), "id")
        text = _required(_text(data.get("text")), "text")
        note = _object(data.get("note_tweet") or data.get("note_post"))
        typed_from = _typed_from(data)
        whole = _text(note.get("text"))
        if whole is not None:
            text, typed_from = whole, _typed_from_in(whole, text, typed_from)
        references = dict(_references(data))
        return Post(
            id=post_id,
            author_id=_required(read_id(data.get("author_id")), "author"),
            text=text,
            created_at=read_time(data.get("created_at")),
            conversation_id=read_id(data.get("conversation_id")),
            in_reply_to_user_id=read_id(data.get("in_reply_to_user_id")),
            in_reply_to_post_id=references.get("replied_to"),
            quoted_post_id=references.get("quoted"),
            is_retweet="retweeted" in references,
            typed_from=typed_from,
            mentions=_mentions(note, data),
            edit_history=_edit_history(data, post_id),
            lang=_lang(data.get("lang")),
        )

    def message(self, body: str) -> Message:
        """Decode a direct message event of type MessageCreate, or as `dm.received` has it."""
        data = _data(body)
        if "message_create" in data:
            data = _of_event(data)
        if data.get("event_type", "MessageCreate") != "MessageCreate":
            raise Rejected("undecodable", "not a message")
        conversation = _text(data.get("dm_conversation_id")) or ""
        pair = _PAIR.fullmatch(conversation)
        named = tuple(filter(None, map(read_id, _list(data.get("participant_ids")))))
        participants = named or (pair.groups() if pair else ())
        return Message(
            id=_required(read_id(data.get("id")), "id"),
            sender_id=_required(read_id(data.get("sender_id")), "author"),
            text=_required(_text(data.get("text")), "text"),
            conversation_id=conversation,
            participant_ids=participants,
            is_group=len(set(participants)) > 2 or (bool(conversation) and not pair),
            created_at=read_time(data.get("created_at")),
        )


def _of_event(data: Fields) -> Fields:
    """Put a message as `dm.received` has it into the fields of `/2/dm_events`.

    It names its conversation nowhere: it is that of two, where it names the other one. Without a
    recipient it is taken for a group's, which the bot does not answer.
    https://docs.x.com/x-api/activity/event-payloads
    """
    made = _object(data.get("message_create"))
    sender = read_id(made.get("sender_id"))
    recipient = read_id(_object(made.get("target")).get("recipient_id"))
    pair = sorted((one for one in (sender, recipient) if one is not None), key=int)
    return {
        "id": data.get("id"),
        "sender_id": sender,
        "text": _object(made.get("message_data")).get("text"),
        "dm_conversation_id": "-".join(pair) if len(pair) == 2 else "group",
        "created_at": _moment(data.get("created_timestamp")),
    }


def _moment(value: Any) -> str | None:
    """Write a time that is given in milliseconds as X writes it elsewhere."""
    text = _text(value) or ""
    if not re.fullmatch("[0-9]{1,14}", text):
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC).isoformat()


def raw_event(source: Source, data: Fields, *, body: str | None = None) -> RawEvent | None:
    """Make an inbox row's content of one object; None where it has no id to be known by."""
    event_id = read_id(data.get("id"))
    if event_id is None:
        return None
    return RawEvent(
        source=source,
        id=event_id,
        body=body or json.dumps({"data": data}, ensure_ascii=False, separators=(",", ":")),
        happened_at=read_time(data.get("created_at") or _moment(data.get("created_timestamp"))),
    )


def raw_events(source: Source, answer: Fields) -> list[RawEvent]:
    """Make inbox rows' contents of the entries of an answer."""
    found = (raw_event(source, entry) for entry in entries(answer))
    return [event for event in found if event is not None]


def entries(answer: Fields) -> list[Fields]:
    """Return the objects in an answer's `data`; none where it has none."""
    return [entry for entry in _list(answer.get("data")) if isinstance(entry, dict)]


def not_found(answer: Fields) -> set[str]:
    """Return the ids that were asked for and X has nothing of: not those that it hides from us."""
    said = (error for error in _list(answer.get("errors")) if isinstance(error, dict))
    gone = (one for one in said if str(one.get("type", "")).endswith("/resource-not-found"))
    ids = (read_id(one.get("resource_id") or one.get("value")) for one in gone)
    return {one for one in ids if one is not None}


def next_token(answer: Fields) -> str | None:
    """Return where the next page of an answer is; None after the last."""
    return _text(_object(answer.get("meta")).get("next_token")) or None


def replies_to(entry: Fields) -> str | None:
    """Return the id of the post that an entry answers."""
    return dict(_references(entry)).get("replied_to")


def read_sent(entry: Fields) -> Sent:
    """Read something of ours, its text as we sent it: X shortens links and fills in handles."""
    text = (_text(entry.get("text")) or "")[_typed_from(entry) or 0 :]
    for value in _list(_object(entry.get("entities")).get("urls")):
        short, link = (_text(_object(value).get(name)) for name in ("url", "expanded_url"))
        if short and link:
            text = text.replace(short, link)
    for escaped, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, character)
    return Sent(
        id=read_id(entry.get("id")) or "", text=text, sent_at=read_time(entry.get("created_at"))
    )


def read_user(value: Any) -> XUser | None:
    """Read an account; None where it has no id or no handle."""
    data = _object(value)
    user_id, handle = read_id(data.get("id")), _text(data.get("username"))
    if user_id is None or not handle:
        return None
    return XUser(
        id=user_id,
        handle=handle,
        name=_text(data.get("name")) or "",
        created_at=read_time(data.get("created_at")),
        protected=data.get("protected") is True,
    )


def read_id(value: Any) -> str | None:
    """Read an id, which X sends as a string of digits."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else None


def is_handle(text: str) -> bool:
    """Whether X could have an account of that handle."""
    return _HANDLE.fullmatch(text) is not None


def read_time(value: Any) -> datetime | None:
    """Read a point in time, aware, in UTC."""
    try:
        moment = datetime.fromisoformat(_text(value) or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _data(body: str) -> Fields:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected("undecodable", "not JSON") from None
    return _object(_object(parsed).get("data"))


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise Rejected("undecodable", f"no {name}")
    return value


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _lang(value: Any) -> Lang | None:
    known: dict[Any, Lang] = {"fr": "fr", "en": "en"}
    return known.get(value) if isinstance(value, str) else None


def _references(data: Fields) -> Iterator[tuple[str, str]]:
    for value in _list(data.get("referenced_tweets") or data.get("referenced_posts")):
        reference = _object(value)
        kind, post_id = _text(reference.get("type")), read_id(reference.get("id"))
        if kind and post_id:
            yield kind, post_id


def _typed_from(data: Fields) -> int | None:
    match data.get("display_text_range"):
        case [int(start), *_] if 0 <= start <= len(_text(data.get("text")) or ""):
            return start
        case _:
            return None


def _typed_from_in(whole: str, cut: str, typed_from: int | None) -> int | None:
    """Say where typing begins in a long post, whose range is that of the text that was cut.

    Where the whole does not begin with what X put before the cut one, X put nothing before it.
    """
    if typed_from is None:
        return None
    return typed_from if whole.startswith(cut[:typed_from]) else 0


def _mentions(note: Fields, data: Fields) -> tuple[NamedUser, ...]:
    """Read whom a post names, the note first: it goes on where the text was cut."""
    named: dict[str, NamedUser] = {}
    for holder in (note, data):
        for value in _list(_object(holder.get("entities")).get("mentions")):
            mention = _object(value)
            handle = _text(mention.get("username"))
            if not handle:
                continue
            known = named.get(handle.lower())
            if known is None or known.x_user_id is None:
                named[handle.lower()] = NamedUser(handle, read_id(mention.get("id")))
    return tuple(named.values())


def _edit_history(data: Fields, post_id: str) -> tuple[str, ...]:
    versions = data.get("edit_history_tweet_ids") or data.get("edit_history_post_ids")
    ids = {post_id, *filter(None, map(read_id, _list(versions)))}
    return tuple(sorted(ids, key=int))
