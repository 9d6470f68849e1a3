"""What a local X was asked, word for word, whatever it answered."""

from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Heard:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    """By names in small letters."""
    body: bytes = field(repr=False)


class Ear:
    """Keeps each request, then hands it on to the application."""

    def __init__(self, app: ASGIApp, heard: list[Heard]) -> None:
        self._app = app
        self._heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request whole: a fault may answer before anybody else has read its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, has_more = b"", True
        while has_more:
            part = await receive()
            body += part.get("body", b"")
            has_more = part.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self._heard.append(
            Heard(scope["method"], scope["path"], scope["query_string"].decode(), headers, body)
        )
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, again, send)
