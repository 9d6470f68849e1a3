"""What every response bears and no request may do: headers, the size of a body, rate limits."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_AT_MOST: Final = 512 * 1024
"""Bytes of a request's body: a form has hundreds, an event of the acquirer some thousands."""
STATIC_KEPT_S: Final = 31_536_000
"""How long a browser keeps a static file (seconds): its address holds a hash of what it says."""
HSTS_S: Final = 31_536_000
"""How long a browser knows that we are reached by https alone (seconds)."""


def headers_for(*, is_secure: bool, form_origins: tuple[str, ...]) -> Mapping[str, str]:
    """Return the headers of every response. No script but our own file's, no inline style."""
    targets = " ".join(("'self'", *form_origins))
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
        "img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-store",
    }
    if is_secure:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_S}"
    return headers


class SecurityHeaders:
    """Puts the headers on every response; what a response says itself is left alone."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if static and message["status"] in (200, 304):
                    headers["Cache-Control"] = f"public, max-age={STATIC_KEPT_S}, immutable"
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyTooLarge(Exception):
    """A request brought more than `BODY_AT_MOST`."""


class BodyLimit:
    """Refuses bodies that no form of ours and no event has; counts what comes, whatever is said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > BODY_AT_MOST:
                raise BodyTooLarge
            return message

        await self._app(scope, counted, send)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times in so long."""

    most: int
    within: timedelta


BY_PERSON: Final = Rate(60, timedelta(minutes=1))
"""Forms that one signed-in account may send: far more than a hand does."""
BY_ADDRESS: Final = Rate(600, timedelta(minutes=1))
"""Forms, searches and sign-ins from one address, which may be a whole operator's customers."""
CODES_BY_ADDRESS: Final = Rate(20, timedelta(hours=1))
"""Text messages asked for from one address."""
LOOK_UPS_BY_PERSON: Final = Rate(60, timedelta(hours=1))
"""Pay pages that one signed-in account may open: each handle that it names is paid for."""
REPORTS_BY_PERSON: Final = Rate(20, timedelta(hours=24))
"""Notes that one signed-in account may report: an operator looks at each."""
LOST_BY_ADDRESS: Final = Rate(30, timedelta(hours=1))
"""Forms from one address of who enters without X: a phone with a code, and the text's code."""
LOST_BY_NUMBER: Final = Rate(10, timedelta(hours=1))
"""Wallet codes typed with one number, whoever's it is or nobody's."""
RATES: Final = (
    BY_PERSON,
    BY_ADDRESS,
    CODES_BY_ADDRESS,
    LOOK_UPS_BY_PERSON,
    REPORTS_BY_PERSON,
    LOST_BY_ADDRESS,
    LOST_BY_NUMBER,
)
NAMES_KEPT: Final = 50_000
"""Counters kept at once; beyond, those that count nothing any more are dropped."""
LOOPBACK: Final = ("127.0.0.1", "::1")
"""An address that says nothing: a proxy that TRUSTED_PROXIES does not name, or the sandbox."""


class Limiter:
    """Counts in this process's memory: a brake, where rows count what costs money."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: dict[str, deque[datetime]] = {}

    def allows(self, name: str, rate: Rate, at: datetime) -> bool:
        """Count one more under a name; False where that is too many."""
        with self._lock:
            if len(self._times) > NAMES_KEPT:
                self._forget(at)
            times = self._times.setdefault(name, deque())
            while times and times[0] <= at - rate.within:
                times.popleft()
            if len(times) >= rate.most:
                return False
            times.append(at)
            return True

    def _forget(self, at: datetime) -> None:
        longest = max(one.within for one in RATES)
        self._times = {
            name: times for name, times in self._times.items() if times and times[-1] > at - longest
        }
