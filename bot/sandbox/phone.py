"""The phones of the sandbox: text messages that were sent to them, and the way to send one.

Speaks `GET|POST /_sandbox/sms`: `POST {"to", "text"}` stores a message and answers it; `GET` lists
all, oldest first, each with `id`, `to`, `text` and `at`. `?to=` lists those of one number. A POST
repeated with the same `Idempotency-Key` header sends nothing again and answers what the first did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header
from fastapi.responses import JSONResponse

KEPT = 1_000  # messages; a phone's memory is not endless either


@dataclass(frozen=True, kw_only=True)
class TextMessage:
    """A text message as it arrived."""

    id: str
    to: str
    text: str
    at: str


class Phone:
    """Every phone there is: keeps what is sent to any number."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self._count = 0
        self._messages: list[TextMessage] = []
        self._by_key: dict[str, TextMessage] = {}
        self.on_message: list[Callable[[], None]] = []

    def receive(self, to: str, text: str, *, key: str | None = None) -> TextMessage:
        """A message arrives; one that was sent under the same key before does not again."""
        if key is not None and key in self._by_key:
            return self._by_key[key]
        self._count += 1
        message = TextMessage(id=f"sms-{self._count}", to=to, text=text, at=self._now().isoformat())
        self._messages = [*self._messages[1 - KEPT :], message]
        if key is not None:
            self._by_key[key] = message
        for listener in self.on_message:
            listener()
        return message

    def messages(self, to: str | None = None) -> list[dict[str, str]]:
        """What arrived, oldest first; at one number, or at all."""
        return [asdict(one) for one in self._messages if to is None or one.to == to]


def router(phone: Callable[[], Phone]) -> APIRouter:
    """The phone's endpoints."""
    routes = APIRouter(prefix="/_sandbox")

    @routes.get("/sms")
    async def read(to: str | None = None) -> list[dict[str, str]]:
        """The messages that arrived."""
        return phone().messages(to)

    @routes.post("/sms", status_code=201)
    async def send(
        body: Annotated[dict[str, Any], Body()],
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> JSONResponse:
        """Send a message."""
        to, text = body.get("to"), body.get("text")
        if not isinstance(to, str) or not isinstance(text, str) or not to or not text:
            return JSONResponse({"error": "`to` and `text` are wanted, as strings."}, 400)
        return JSONResponse(asdict(phone().receive(to, text, key=idempotency_key)), 201)

    return routes
