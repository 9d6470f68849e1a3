"""X's REST calls behind the roles of `bot.ports`: saying, finding again, reading, looking up.

Promises to ask for exactly the fields that are read, and for no expansion: X bills each account
that it sends. The app reads by its bearer token, the account speaks and reads its messages by
OAuth 1.0a.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bot.adapters.x.decode import (
    Fields,
    entries,
    is_handle,
    next_token,
    not_found,
    raw_events,
    read_id,
    read_sent,
    read_time,
    read_user,
    replies_to,
)
from bot.adapters.x.errors import RATE_LIMITED
from bot.adapters.x.http import Answer, XApi
from bot.adapters.x.messages import MessageEvents
from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable
from bot.domain.pace import Accepted
from bot.domain.x_bill import XUse
from bot.ports import RawEvent, Sent, XUser

POST_FIELDS: Final = [
    "author_id",
    "conversation_id",
    "created_at",
    "display_text_range",
    "edit_history_tweet_ids",
    "entities",
    "in_reply_to_user_id",
    "lang",
    "note_tweet",
    "referenced_tweets",
]
"""What `Post` is made of, beside id and text, which always come."""
SENT_FIELDS: Final = ["created_at", "display_text_range", "entities", "referenced_tweets"]
"""What tells which post one of ours answers, and what we had written."""
USER_FIELDS: Final = ["created_at", "protected"]
"""What `XUser` is made of, beside id, handle and name, which always come."""

MENTIONS_A_PAGE: Final = 100
"""X's largest page: every mention after the cursor is wanted, and only posts are billed."""
FOUND_A_PAGE: Final = 10
"""Entries a page where one of ours is looked for: it is among the newest."""
LOOKED_UP_AT_ONCE: Final = 100
"""X's most accounts in one call."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far X's clock may be from ours: it refuses signatures that are further off."""
MESSAGE_SKEW: Final = timedelta(seconds=5)
"""How much earlier than we began a message of ours may be dated: the same text may have been sent
for another reason a minute before."""


class XDirectory:
    """Who is who on X. `bot` is read once: the account of a set of keys does not change."""

    def __init__(self, api: XApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._bot: XUser | None = None

    def me(self) -> XUser:
        """Return the bot's own account, read anew: `bot` returns it from then on."""
        answer = self._api.read(self._api.client.get_me, user_fields=USER_FIELDS)
        user = read_user(answer.get("data"))
        if user is None:
            raise Rejected("undecodable", "an account without id or handle")
        self._api.tally.read(XUse.OWN_ACCOUNT, [user.id])
        self._bot = user
        return user

    def bot(self) -> XUser:
        """Return the bot's own account as it was last read or told; X is asked where it never was.

        Of threads that ask at once one asks X.
        """
        with self._lock:
            return self._bot or self.me()

    def know(self, bot: XUser) -> None:
        """Be told who `bot` is, by somebody who kept it: nothing is read."""
        self._bot = bot

    def keys(self) -> str:
        """Return what tells the keys apart that the account belongs to, and nothing of them."""
        return self._api.keys

    def by_handle(self, handles: Iterable[str]) -> Mapping[str, XUser]:
        """Look handles up (without `@`, any case); keys are the handles as they were asked for."""
        asked = list(dict.fromkeys(handles))
        wanted = list(dict.fromkeys(handle.lower() for handle in asked if is_handle(handle)))
        found = {
            user.handle.lower(): user for user in self._look_up("usernames", wanted, XUse.USER_READ)
        }
        return {handle: found[handle.lower()] for handle in asked if handle.lower() in found}

    def by_id(self, x_user_ids: Iterable[str]) -> Mapping[str, XUser]:
        """Look ids up; those not found or suspended are absent."""
        wanted = [one for one in dict.fromkeys(x_user_ids) if read_id(one)]
        return {user.id: user for user in self._look_up("ids", wanted, XUse.ACCOUNT_READ)}

    def _look_up(self, name: str, wanted: list[str], use: XUse) -> Iterator[XUser]:
        for start in range(0, len(wanted), LOOKED_UP_AT_ONCE):
            some = wanted[start : start + LOOKED_UP_AT_ONCE]
            answer = self._api.read(
                self._api.client.get_users, user_fields=USER_FIELDS, **{name: some}
            )
            users = [user for user in map(read_user, entries(answer)) if user is not None]
            self._api.tally.read(use, (user.id for user in users))
            yield from users


class XMentionReader:
    """The mentions timeline, newest first, as X gives it."""

    def __init__(self, api: XApi, bot: Callable[[], XUser]) -> None:
        self._api = api
        self._bot = bot

    def mentions(self, *, since_id: str | None, since: datetime) -> Iterator[RawEvent]:
        """Every mention after `since_id` (where given) and after `since`, oldest page last."""
        # X heeds one of the two. It refuses a time that its own clock has not reached.
        start: dict[str, Any] = {"start_time": since - CLOCK_SKEW}
        if since_id is not None:
            start = {"since_id": since_id}
        for answer in _pages(
            self._api,
            self._api.client.get_users_mentions,
            self._bot().id,
            tweet_fields=POST_FIELDS,
            max_results=MENTIONS_A_PAGE,
            **start,
        ):
            page = raw_events("post", answer)
            yield from (event for event in page if _is_since(event.happened_at, since))
            if page and not any(_is_since(event.happened_at, since) for event in page):
                return

    def deleted(self, post_ids: Iterable[str]) -> set[str]:
        """Return which of at most 100 posts X has no more; one that is only hidden stands."""
        asked = list(post_ids)
        answer = self._api.read(self._api.client.get_tweets, asked)
        self._api.tally.read(XUse.POST_LOOKED_UP, _ids(entries(answer)))
        return not_found(answer) & set(asked)


class XPublisher:
    """What the bot says on X, and how it is found again where no answer came."""

    def __init__(self, api: XApi, bot: Callable[[], XUser], events: MessageEvents) -> None:
        self._api = api
        self._bot = bot
        self._events = events

    def reply(self, *, to_post_id: str, text: str, exclude_x_user_ids: Iterable[str]) -> Accepted:
        """Answer a post, notifying nobody but its author."""
        answer = self._api.create(
            to_post_id,
            self._api.client.create_tweet,
            text=text,
            in_reply_to_tweet_id=to_post_id,
            exclude_reply_user_ids=list(exclude_x_user_ids) or None,
        )
        return self._accepted(_made(answer, "id", key=to_post_id), XUse.REPLY)

    def replies_to(self, post_id: str, *, since: datetime, thoroughly: bool) -> list[Sent]:
        """Find our own replies to a post: by search, which bills only what it finds.

        Our timeline bills everything that we said since, so it is read only where this access holds
        no search, or `thoroughly`: then a second reply would be worse than its price. X shows a new
        post within seconds, not at once: nothing found soon after sending proves nothing yet.
        """
        refusals = []
        for look in (self._in_search, self._in_timeline):
            try:
                found = look(post_id, since)
            except Rejected as refusal:  # not every access holds both
                refusals.append(refusal)
                continue
            if found or not thoroughly:
                return found
        if len(refusals) == 2:
            raise refusals[0]
        return []

    def _in_timeline(self, post_id: str, since: datetime) -> list[Sent]:
        for answer in _pages(
            self._api,
            self._api.client.get_users_tweets,
            self._bot().id,
            since_id=post_id,
            tweet_fields=SENT_FIELDS,
            max_results=FOUND_A_PAGE,
        ):
            page = self._found(answer)
            found = [read_sent(entry) for entry in page if replies_to(entry) == post_id]
            if found or _reaches_back(page, since - CLOCK_SKEW):
                return found
        return []

    def _in_search(self, post_id: str, _since: datetime) -> list[Sent]:
        answer = self._api.read(
            self._api.client.search_recent_tweets,
            f"in_reply_to_tweet_id:{post_id} from:{self._bot().handle}",
            tweet_fields=SENT_FIELDS,
            max_results=FOUND_A_PAGE,
        )
        page = self._found(answer)
        return [read_sent(entry) for entry in page if replies_to(entry) == post_id]

    def _found(self, answer: Answer) -> list[Fields]:
        page = entries(answer)
        self._api.tally.read(XUse.REPLY_FOUND, _ids(page))
        return page

    def message(self, *, to_x_user_id: str, text: str) -> Accepted:
        """Send a direct message; its id is its event's."""
        answer = self._api.create(
            to_x_user_id,
            self._api.client.create_direct_message,
            participant_id=to_x_user_id,
            text=text,
        )
        return self._accepted(_made(answer, "dm_event_id", key=to_x_user_id), XUse.MESSAGE_SENT)

    def _accepted(self, made_id: str, use: XUse) -> Accepted:
        """Count what X says that it made; what got no answer counts whoever finds it."""
        self._api.tally.count(use)
        return Accepted(made_id, self._api.granted)

    def messages_to(self, x_user_id: str, *, since: datetime) -> list[Sent]:
        """Find our own direct messages to an account."""
        bot_id, found = self._bot().id, []
        token: str | None = None
        while True:
            answer = self._events.page(token, with_x_user_id=x_user_id)
            page = entries(answer)
            self._api.tally.read(XUse.MESSAGE_READ, _ids(page))
            found += [
                read_sent(entry)
                for entry in page
                if read_id(entry.get("sender_id")) == bot_id
                and _is_since(read_time(entry.get("created_at")), since - MESSAGE_SKEW)
            ]
            token = next_token(answer)
            if token is None or _reaches_back(page, since - MESSAGE_SKEW):
                return found

    def delete(self, post_id: str) -> None:
        """Delete a post of our own; one that is already gone is a success."""
        try:
            self._api.read(self._api.client.delete_tweet, post_id)
            self._api.tally.count(XUse.REPLY_DELETED)
        except Rejected as refusal:
            if refusal.code != "not_found":
                raise


def _ids(page: Sequence[Fields]) -> Iterator[str]:
    return (one for entry in page if (one := read_id(entry.get("id"))) is not None)


def _pages(
    api: XApi, method: Callable[..., Any], *arguments: Any, **named: Any
) -> Iterator[Answer]:
    """Read page after page, as long as there is one and somebody wants it.

    Where X grants no further call, the next page is `Unavailable` and not asked for.
    """
    token: str | None = None
    while True:
        answer = api.read(method, *arguments, pagination_token=token, **named)
        closed_until = api.granted.closed_until()
        yield answer
        token = next_token(answer)
        if token is None:
            return
        if closed_until is not None:
            raise Unavailable(RATE_LIMITED, closed_until)


def _is_since(moment: datetime | None, since: datetime) -> bool:
    return moment is None or moment >= since


def _reaches_back(page: Sequence[Fields], since: datetime) -> bool:
    """Whether a page, newest first, holds something older: what follows it is older still."""
    return any(not _is_since(read_time(entry.get("created_at")), since) for entry in page)


def _made(answer: Answer, name: str, *, key: str) -> str:
    """Return the id of what was made; without one it was made, and is to be looked up."""
    data = answer.get("data")
    made = read_id(data.get(name)) if isinstance(data, dict) else None
    if made is None:
        raise OutcomeUnknown(key, "no id in the answer", is_odd=True)
    return made
