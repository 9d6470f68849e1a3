"""Webhooks: signed, sent by threads of their own, sent again while the answer is not a 2xx.

An event goes to each endpoint that wants its type. Order is not promised, as at Stripe; faults
make it worse. `stop` ends the threads; what has not been sent then is lost with the memory.
"""

import heapq
import hmac
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import httpx

from bot.sandbox.card_network.faults import Faults
from bot.sandbox.card_network.shapes import Obj

RETRY_DELAYS_S: Final = (0.5, 2.0, 8.0, 30.0, 120.0, 600.0)
"""Seconds before each further attempt: Stripe's hours, scaled to a person's patience."""

TIMEOUT_S: Final = 10.0
"""How long an endpoint may take (seconds); Stripe asks for a quick 2xx as well."""

SENDERS: Final = 2
"""Threads that send, so that one slow endpoint does not hold up everything."""

SHOWN_DELIVERIES: Final = 500
"""Attempts remembered for `/_sandbox/webhooks`."""


def signature(payload: str, secret: str, timestamp: int) -> str:
    """Sign a payload: the value of the header Stripe-Signature."""
    signed = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go."""

    url: str
    secret: str
    types: tuple[str, ...] = ("*",)

    def wants(self, event_type: str) -> bool:
        """Say whether the endpoint asked for this type."""
        return "*" in self.types or event_type in self.types


@dataclass(order=True, slots=True)
class _Delivery:
    due: float
    order: int
    event: Obj = field(compare=False)
    payload: str = field(compare=False)
    endpoint: Endpoint = field(compare=False)
    attempt: int = field(compare=False, default=0)
    then: "list[_Delivery]" = field(compare=False, default_factory=list)
    """Deliveries that were held back to come after this one."""


class Webhooks:
    """The queue of deliveries and the threads that empty it."""

    def __init__(self, faults: Faults, *, retry_delays_s: Sequence[float] = RETRY_DELAYS_S) -> None:
        self._faults = faults
        self._retry_delays_s = tuple(retry_delays_s)
        self._wake = threading.Condition()
        self._queue: list[_Delivery] = []
        self._held: list[_Delivery] = []
        self._order = itertools.count()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._sent: deque[dict[str, Any]] = deque(maxlen=SHOWN_DELIVERIES)
        self.endpoints: dict[str, Endpoint] = {}

    def start(self) -> None:
        """Begin to send."""
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"card-network-webhooks-{n}", daemon=True)
            for n in range(SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; one that waits for an answer is left to its time-out."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the attempts made so far, oldest first."""
        with self._wake:
            return list(self._sent)

    def waiting(self) -> int:
        """Count the deliveries that are not done."""
        with self._wake:
            return len(self._queue)

    def send(self, event: Obj) -> int:
        """Queue an event for every endpoint that wants it; return for how many."""
        wanted = [e for e in list(self.endpoints.values()) if e.wants(event["type"])]
        if not wanted:
            return 0
        fault = self._faults.strike_webhook(event["type"])
        kind = fault.fault if fault else ""
        if kind == "webhook_never":
            return len(wanted)
        event["pending_webhooks"] = len(wanted)
        payload = json.dumps(event, indent=2, ensure_ascii=False)
        delay = fault.seconds if fault and kind != "webhook_twice" else 0.0
        with self._wake:
            held, self._held = self._held, []
            made = [
                self._put(event, payload, endpoint, delay)
                for endpoint in wanted
                for _ in range(2 if kind == "webhook_twice" else 1)
            ]
            made[0].then = held
            if kind == "webhook_out_of_order":
                self._held = made
            self._wake.notify_all()
        return len(wanted)

    def _put(self, event: Obj, payload: str, endpoint: Endpoint, delay_s: float) -> _Delivery:
        due = time.monotonic() + delay_s
        delivery = _Delivery(due, next(self._order), event, payload, endpoint)
        heapq.heappush(self._queue, delivery)
        return delivery

    def _run(self) -> None:
        # To this machine alone: the world's certificates need not be read.
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, verify=False) as client:
            while (delivery := self._next()) is not None:
                self._deliver(client, delivery)

    def _next(self) -> _Delivery | None:
        """Wait for a delivery that is due; None at the end."""
        with self._wake:
            while not self._stopping:
                wait = self._queue[0].due - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)
                self._wake.wait(wait)
            return None

    def _release(self, delivery: _Delivery) -> None:
        """Let go what was to come after this one."""
        for held in delivery.then:
            held.due = time.monotonic()
        if delivery.then:
            delivery.then = []
            heapq.heapify(self._queue)
            self._wake.notify_all()

    def _deliver(self, client: httpx.Client, delivery: _Delivery) -> None:
        answer = _post(client, delivery)
        with self._wake:
            self._sent.append(
                {
                    "event": delivery.event["id"],
                    "type": delivery.event["type"],
                    "url": delivery.endpoint.url,
                    "attempt": delivery.attempt + 1,
                    "answer": answer,
                }
            )
            self._release(delivery)
            if isinstance(answer, int) and 200 <= answer < 300:
                delivery.event["pending_webhooks"] = max(0, delivery.event["pending_webhooks"] - 1)
                return
            if delivery.attempt < len(self._retry_delays_s):
                delivery.due = time.monotonic() + self._retry_delays_s[delivery.attempt]
                delivery.attempt += 1
                heapq.heappush(self._queue, delivery)
                self._wake.notify()


def _post(client: httpx.Client, delivery: _Delivery) -> int | str:
    """Send one event; return the status, or the name of what went wrong."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (local card network)",
        "Stripe-Signature": signature(delivery.payload, delivery.endpoint.secret, int(time.time())),
    }
    try:
        answer = client.post(
            delivery.endpoint.url, content=delivery.payload.encode(), headers=headers
        )
    except httpx.HTTPError as error:
        return type(error).__name__
    return answer.status_code
