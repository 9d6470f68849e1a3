"""The card network as one thing: its store, its clock, its lock, and what it tells the outside."""

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.sandbox.card_network.cards import Card
from bot.sandbox.card_network.faults import Faults
from bot.sandbox.card_network.idempotency import IdempotencyKeys
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.store import Store
from bot.sandbox.card_network.webhooks import RETRY_DELAYS_S, Endpoint, Webhooks

DEFAULT_API_VERSION: Final = "2026-08-26.dahlia"
"""The API version of an account whose calls name none."""

OWN_ENDPOINT: Final = "we_sandbox"
"""The name of the endpoint that `create_app` was given."""

DAY_S: Final = 24 * 3600
"""Seconds of a day. Ours begins with the network, not at midnight: what a run sees does not hang on
the hour at which somebody started it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The API call that works at present: events name it."""

    request_id: str | None = None
    key: str | None = None
    api_version: str = DEFAULT_API_VERSION


class Network:
    """What the endpoints work on. Hold `lock` for every use of `store`."""

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secret: str,
        webhook_url: str | None,
        public_url: str | None,
        now: Callable[[], datetime],
        settlement_delay: timedelta = timedelta(0),
        retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
    ) -> None:
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.public_url = public_url.rstrip("/") if public_url else ""
        self.settlement_delay = settlement_delay
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.store = Store(now)
        self.faults = Faults()
        self.keys = IdempotencyKeys(now)
        self.webhooks = Webhooks(self.faults, retry_delays_s=retry_delays_s)
        self.origin = Origin()
        self.swept_at = 0
        self.day_ends_at = self.store.timestamp() + DAY_S
        if webhook_url:
            self.point_webhooks(webhook_url)

    def point_webhooks(self, url: str) -> None:
        """Send events to a URL, signed with the network's own secret."""
        self.webhooks.endpoints[OWN_ENDPOINT] = Endpoint(url, self.webhook_secret)

    def emit(self, event_type: str, about: Obj) -> None:
        """Write an event down with the object as it is now, and send it."""
        event = self.store.add(
            "event",
            type=event_type,
            data={"object": copy.deepcopy(about)},
            api_version=self.origin.api_version,
            request={"id": self.origin.request_id, "idempotency_key": self.origin.key},
        )
        self.webhooks.send(event)

    def card_of(self, method: Obj) -> Card:
        """Return the card behind a payment method."""
        card = self.store.note(method["id"])["card"]
        assert isinstance(card, Card)
        return card
