"""X's webhooks: the challenge, the signature, the events of the X Activity API, the subscriptions.

X signs a challenge and an event alike, with the consumer secret: whoever sends us an event as a
challenge would get its signature from us. So only a token is signed that no event can be
(ADR 38). https://docs.x.com/x-api/webhooks/quickstart, https://docs.x.com/x-api/activity
"""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

from bot.adapters.x.decode import Fields, entries, raw_event, read_id
from bot.adapters.x.http import Answer, XApi
from bot.domain.errors import Rejected
from bot.ports import RawEvent, XUser

EVENTS: Final = ("dm.received", "post.mention.create")
"""What is subscribed to: each event is paid for, so nothing that nobody reads."""
TAG: Final = "smoney"
"""By what an operator recognises a subscription."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{1,256}")
"""What X's challenges are made of. No JSON object is: it begins with a brace."""
_WEBHOOKS: Final = "/2/webhooks"
_SUBSCRIPTIONS: Final = "/2/activity/subscriptions"


class XHooks:
    """The webhooks of one app, whose events are about the bot's account."""

    def __init__(self, api: XApi, bot: Callable[[], XUser], *, secret: str) -> None:
        """Sign by the consumer secret, which must be there: an empty one is everybody's."""
        assert secret, "without a secret anybody could sign"
        self._api = api
        self._bot = bot
        self._secret = secret.encode()

    def answer(self, crc_token: str) -> str:
        """Return what proves that the address is ours; `Rejected("bad_token")` for an odd token."""
        if _TOKEN.fullmatch(crc_token) is None:
            raise Rejected("bad_token", "no challenge of X's looks so")
        return self._signed(crc_token.encode())

    def verify(self, body: bytes, signature: str) -> list[RawEvent]:
        """Check the signature, read what is new; `Rejected("bad_signature")` where it is wrong."""
        if not hmac.compare_digest(self._signed(body).encode(), signature.encode()):
            raise Rejected("bad_signature", "not X's")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            raise Rejected("undecodable", "not JSON") from None
        return list(_events(said))

    def _signed(self, message: bytes) -> str:
        digest = hmac.new(self._secret, message, sha256).digest()
        return f"sha256={base64.b64encode(digest).decode()}"

    def keep(self, url: str) -> None:
        """Let X bring the account's mentions and messages to an address of ours.

        X asks that address for its challenge meanwhile. What stands already stays as it is.
        """
        webhook_id = self._keep_webhook(url)
        standing = entries(self._ask("GET", _SUBSCRIPTIONS, params={"max_results": 1000}))
        for event_type in EVENTS:
            self._keep_subscription(event_type, webhook_id, standing)

    def lacks(self, url: str) -> str | None:
        """Say what keeps X from bringing its events to an address; None: nothing does."""
        webhooks = entries(self._ask("GET", _WEBHOOKS))
        mine = next((one for one in webhooks if one.get("url") == url), None)
        if mine is None:
            return "is not registered"
        if mine.get("valid") is False:
            return "did not answer X's challenge"
        standing = entries(self._ask("GET", _SUBSCRIPTIONS, params={"max_results": 1000}))
        brought = {one.get("event_type") for one in standing if _goes_to(one, mine)}
        missing = [one for one in EVENTS if one not in brought]
        return f"is not subscribed to {', '.join(missing)}" if missing else None

    def _keep_webhook(self, url: str) -> str:
        standing = entries(self._ask("GET", _WEBHOOKS))
        mine = next((one for one in standing if one.get("url") == url), None)
        if mine is None:
            made = self._ask("POST", _WEBHOOKS, json={"url": url}).get("data")
            mine = made if isinstance(made, dict) else {}
        webhook_id = read_id(mine.get("id"))
        if webhook_id is None:
            raise Rejected("undecodable", "a webhook without an id")
        if mine.get("valid") is False:
            self._ask("PUT", f"{_WEBHOOKS}/{webhook_id}")
        return webhook_id

    def _keep_subscription(self, event_type: str, webhook_id: str, standing: list[Fields]) -> None:
        bot_id = self._bot().id
        mine = [
            one
            for one in standing
            if one.get("event_type") == event_type and _about(one.get("filter")) == bot_id
        ]
        if any(one.get("webhook_id") == webhook_id for one in mine):
            return
        if mine:
            path = f"{_SUBSCRIPTIONS}/{read_id(mine[0].get('subscription_id'))}"
            self._ask("PUT", path, json={"webhook_id": webhook_id})
            return
        wanted = {
            "event_type": event_type,
            "filter": {"user_id": bot_id},
            "tag": TAG,
            "webhook_id": webhook_id,
        }
        # What is private needs its account's own signature.
        self._ask("POST", _SUBSCRIPTIONS, json=wanted, user_auth=True)

    def _ask(self, method: str, path: str, *, user_auth: bool = False, **named: Any) -> Answer:
        """Make a call that may be repeated: what stands already is found, and not made again."""

        def call() -> Any:
            return self._api.client.request(method, path, user_auth=user_auth, **named).json()

        call.__name__ = "keep_webhook"
        return self._api.read(call)


def _goes_to(subscription: Fields, webhook: Fields) -> bool:
    return bool(webhook.get("id")) and subscription.get("webhook_id") == webhook.get("id")


def _about(value: Any) -> str | None:
    """Return whom a subscription's filter names."""
    return read_id(value.get("user_id")) if isinstance(value, dict) else None


def _events(said: Any) -> Iterator[RawEvent]:
    """Yield what a delivery brings; of another kind, or odd, nothing."""
    data = said.get("data") if isinstance(said, dict) else None
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(payload, dict):
        return
    found: list[RawEvent | None] = []
    match data.get("event_type"):
        case "post.mention.create":
            found = [raw_event("post", payload)]
        case "dm.received":
            events = payload.get("direct_message_events")
            listed = events if isinstance(events, list) else [payload]
            found = [raw_event("dm", one) for one in listed if isinstance(one, dict)]
    yield from (one for one in found if one is not None)
