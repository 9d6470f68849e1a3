"""Pages of direct messages, and the two ways to ask for them.

X's newest description names who wrote them, and who reads them, by an expansion alone, which it
bills: each account that it sends. So the fields of before are asked for as long as they are taken.
That an X takes them no more is remembered beyond the process: it objects once.
"""

from collections.abc import Mapping
from typing import Any, Final

from bot.adapters.x.decode import entries, next_token, raw_events, read_id
from bot.adapters.x.http import Answer, XApi
from bot.domain.errors import Rejected
from bot.domain.x_bill import XUse
from bot.ports import Memory, MessagePage

MESSAGE_FIELDS: Final = [
    "created_at",
    "dm_conversation_id",
    "entities",
    "event_type",
    "id",
    "participant_ids",
    "sender_id",
    "text",
]
"""What `Message` and `Sent` are made of."""
MESSAGES_A_PAGE: Final = 10
"""Events a page: X has no `since_id` for them and bills each (X_PLATFORM.md, "Prices")."""

_PEOPLE: Final = ("participant_ids", "sender_id")
_BY_FIELDS: Final[Mapping[str, Any]] = {"dm_event_fields": MESSAGE_FIELDS}
_BY_EXPANSION: Final[Mapping[str, Any]] = {
    "dm_event_fields": [name for name in MESSAGE_FIELDS if name not in _PEOPLE],
    "expansions": list(_PEOPLE),
}
EXPANDED: Final = "expansions"
"""What is remembered of an X that takes the fields no more."""


class MessageEvents:
    """Pages of direct messages, of everybody or of one conversation of two.

    Without a `memory` what X takes is learnt by each process.
    """

    def __init__(self, api: XApi, memory: Memory | None = None) -> None:
        self._api = api
        self._memory = memory
        self._is_expanded: bool | None = None

    def page(self, token: str | None, *, with_x_user_id: str | None = None) -> Answer:
        """Read one page, newest first; its reader counts what of it was not counted before."""
        if self._is_expanded is None:
            self._is_expanded = self._memory is not None and self._memory.recall() == EXPANDED
        if self._is_expanded:
            return self._expanded(token, with_x_user_id)
        try:
            return self._read(token, with_x_user_id, _BY_FIELDS)
        except Rejected as refusal:
            if refusal.code != "bad_request":
                raise
        answer = self._expanded(token, with_x_user_id)  # no again: not the fields were refused
        if self._memory is not None:
            self._memory.keep(EXPANDED)
        self._is_expanded = True
        return answer

    def _expanded(self, token: str | None, with_x_user_id: str | None) -> Answer:
        answer = self._read(token, with_x_user_id, _BY_EXPANSION)
        included = answer.get("includes")
        users = entries({"data": included.get("users")}) if isinstance(included, dict) else []
        ids = (one for user in users if (one := read_id(user.get("id"))) is not None)
        self._api.tally.read(XUse.ACCOUNT_READ, ids)
        return answer

    def _read(
        self, token: str | None, with_x_user_id: str | None, asked: Mapping[str, Any]
    ) -> Answer:
        return self._api.read(
            self._api.client.get_direct_message_events,
            participant_id=with_x_user_id,
            event_types="MessageCreate",
            max_results=MESSAGES_A_PAGE,
            pagination_token=token,
            **asked,
        )


class XMessageReader:
    """Direct messages that reached the account, with its own: these become known by being read.

    What of a page is new, and so is billed, only the inbox knows: whoever writes it there counts.
    """

    def __init__(self, api: XApi, events: MessageEvents) -> None:
        self._api = api
        self._events = events

    def page(self, token: str | None) -> MessagePage:
        """Read the newest events, or those that `token` names."""
        answer = self._events.page(token)
        closed_until = self._api.granted.closed_until()
        return MessagePage(raw_events("dm", answer), next_token(answer), closed_until)
