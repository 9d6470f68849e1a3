"""The X Activity API of the local X: webhooks, what they are subscribed to, and delivery.

Shaped after X's documents: https://docs.x.com/x-api/webhooks and https://docs.x.com/x-api/activity.
Promises: an event goes to the webhook of each subscription that it fits, signed over its bytes, and
again while the answer is no 200; an address that fails the challenge gets nothing. An address on
this machine may be plain http and have a port, which X itself refuses.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx

from bot.sandbox.x_server.asked import TWEET_FIELDS, Asked
from bot.sandbox.x_server.credentials import Credentials
from bot.sandbox.x_server.faults import Faults
from bot.sandbox.x_server.model import DmEvent, Post
from bot.sandbox.x_server.render import Renderer
from bot.sandbox.x_server.world import World

TIMEOUT_S = 10.0  # X gives a webhook so long
RETRY_DELAYS_S = (1.0, 5.0, 25.0)  # seconds before each further attempt
TOKEN_BYTES = 24  # gives a challenge as long as X's own
PRIVATE = frozenset({"dm.received", "post.mention.create"})
EVERY_FIELD = Asked(post_fields=TWEET_FIELDS)


@dataclass(kw_only=True)
class Webhook:
    """An address that X sends events to."""

    id: str
    url: str
    created_at: datetime
    valid: bool = False


@dataclass(kw_only=True)
class Subscription:
    """Which events of which account go where."""

    id: str
    event_type: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    tag: str | None = None
    webhook_id: str | None = None


@dataclass
class Activity:
    """Webhooks and subscriptions, and what is under way to them."""

    world: World
    renderer: Renderer
    credentials: Credentials
    faults: Faults
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Hear of what happens."""
        self.world.on_post.append(self._posted)
        self.world.on_message.append(self._messaged)

    async def challenge(self, webhook: Webhook) -> bool:
        """Ask an address whether it is the app's: it signs a token with the consumer secret."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        try:
            async with _client() as client:
                answer = await client.get(webhook.url, params={"crc_token": token})
            said = answer.json().get("response_token") if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, AttributeError):
            said = None
        webhook.valid = said == self._signed(token.encode())
        self.world.changed()
        return webhook.valid

    def _signed(self, message: bytes) -> str:
        key = self.credentials.api_secret.encode()
        return f"sha256={base64.b64encode(hmac.new(key, message, sha256).digest()).decode()}"

    def _posted(self, post: Post) -> None:
        """A mention goes to those who are mentioned, save its author; a hidden one to nobody."""
        named = {one.user_id for one in post.full.mentions} - {post.author_id}
        if self.world.visible(post):
            payload = self.renderer.post(post, EVERY_FIELD)
            author = self.renderer.user(self.world.author(post), EVERY_FIELD)
            self._happened("post.mention.create", named, payload, {"users": [author]})

    def _messaged(self, event: DmEvent) -> None:
        """A message goes to whom it is written to, in the fields that X has for it here."""
        members = self.world.conversations[event.conversation_id].participant_ids
        others = [one for one in members if one != event.sender_id]
        if event.kind != "MessageCreate" or event.body is None:
            return
        target = {"recipient_id": others[0]} if len(others) == 1 else {}
        told = {
            "type": "message_create",
            "id": event.id,
            "created_timestamp": str(int(event.created_at.timestamp() * 1000)),
            "message_create": {
                "target": target,
                "sender_id": event.sender_id,
                "message_data": {"text": event.body.text, "entities": {"user_mentions": []}},
            },
        }
        self._happened("dm.received", set(others), {"direct_message_events": [told]}, None)

    def _happened(
        self,
        event_type: str,
        user_ids: set[str | None],
        payload: dict[str, Any],
        includes: dict[str, Any] | None,
    ) -> None:
        for one in list(self.subscriptions.values()):
            webhook = self.webhooks.get(one.webhook_id or "")
            if one.event_type != event_type or one.user_id not in user_ids or webhook is None:
                continue
            data = {
                "event_uuid": self.world.ids.next(),
                "filter": {"user_id": one.user_id},
                "event_type": event_type,
                "payload": payload,
            }
            data |= {"tag": one.tag} if one.tag else {}
            data |= {"includes": includes} if includes else {}
            body = json.dumps({"data": data}, ensure_ascii=False).encode()
            task = asyncio.get_running_loop().create_task(self._send(webhook, body))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _send(self, webhook: Webhook, body: bytes) -> None:
        """Send an event until it is taken, or given up; nothing to an address that is not valid."""
        headers = {
            "content-type": "application/json",
            "x-twitter-webhooks-signature": self._signed(body),
        }
        for wait_s in (*RETRY_DELAYS_S, None):
            if not webhook.valid or self.faults.closing.is_set():
                return
            try:
                async with _client() as client:
                    answer = await client.post(webhook.url, content=body, headers=headers)
                if answer.status_code == 200:
                    return
                why = f"answered {answer.status_code}"
            except httpx.HTTPError as error:
                why = type(error).__name__
            self.world.objected("webhook", f"The webhook {why}.", refused=False)
            if wait_s is not None:
                await self.faults.wait(wait_s)


def _client() -> httpx.AsyncClient:
    # To this machine alone: the world's certificates need not be read.
    return httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, verify=False)
