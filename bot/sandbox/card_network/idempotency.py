"""Idempotency keys, honoured as Stripe does.

A key stands for the first call made with it, for 24 hours: the same call again gets the same
answer, errors included; other parameters are an error; while the first still works, a second is a
conflict. An answer is kept only where the endpoint had begun its work.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.sandbox.card_network.errors import ApiError

KEPT_FOR: Final = timedelta(hours=24)
"""How long a key is remembered (Stripe: at least 24 hours)."""

MAX_KEY_LENGTH: Final = 255
"""Characters in a key (Stripe's limit)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it went out."""

    status: int
    body: bytes
    request_id: str


@dataclass(slots=True)
class _Kept:
    call: str
    since: datetime
    answer: Answer | None = None


class IdempotencyKeys:
    """The keys in use and their answers."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def begin(self, key: str, call: str) -> Answer | None:
        """Take a key for a call: None to go on, or the answer that was given before."""
        if len(key) > MAX_KEY_LENGTH:
            raise ApiError(400, f"Idempotency key is longer than {MAX_KEY_LENGTH} characters.")
        with self._lock:
            self._forget_old()
            kept = self._kept.get(key)
            if kept is None:
                self._kept[key] = _Kept(call, self._now())
                return None
            if kept.call != call:
                raise ApiError(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try using a key other than '{key}' if you meant to "
                    "execute a different request.",
                    kind="idempotency_error",
                )
            if kept.answer is None:
                raise ApiError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key "
                    "(that probably means you submitted twice, and the other request is still "
                    f"going through): {key}",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            return kept.answer

    def end(self, key: str, answer: Answer | None) -> None:
        """Keep the answer, or give the key back where the work had not begun."""
        with self._lock:
            if answer is None:
                del self._kept[key]
            else:
                self._kept[key].answer = answer

    def _forget_old(self) -> None:
        """Drop the keys whose time is over; they stand in the order of their age."""
        limit = self._now() - KEPT_FOR
        for key, kept in list(self._kept.items()):
            if kept.since > limit:
                break
            del self._kept[key]
