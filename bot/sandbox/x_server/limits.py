"""X's rate limits: how many calls in which window, counted for each user and for the app.

The table is X_PLATFORM.md's, with X's published limits for the few endpoints that it leaves out.
`configure` changes it while the server runs: `POST /_sandbox/limits` takes

    {"scale": 30,                                  every count times 30
     "clock_speed": 60,                            windows pass 60 times as fast (or "speed")
     "endpoints": {"POST /2/tweets": {"limit": 3}, the smallest window's count
                   "dm": {"scale": 30}}}           a name, or a part of one

Endpoints are named as in `TABLE`; each key is optional; `{"reset": true}` undoes everything and
forgets what was spent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.sandbox import words
from bot.sandbox.x_server.auth import Caller

QUARTER_S = 15 * 60
DAY_S = 24 * 60 * 60

NAMES = ("scale", "clock_speed", "endpoints", "reset")

Per = Literal["user", "app", "everybody"]


@dataclass(frozen=True)
class Limit:
    """So many calls in a window: of one user, of the app alone, or of everybody through it."""

    count: int
    window_s: int
    per: Per


def _limits(user: int | None = None, app: int | None = None) -> tuple[Limit, ...]:
    found = []
    if user is not None:
        found.append(Limit(user, QUARTER_S, "user"))
    if app is not None:
        found.append(Limit(app, QUARTER_S, "app"))
    return tuple(found)


TABLE: dict[str, tuple[Limit, ...]] = {
    "POST /2/tweets": (Limit(100, QUARTER_S, "user"), Limit(10_000, DAY_S, "everybody")),
    "DELETE /2/tweets/:id": _limits(user=50),
    "POST /2/dm_conversations/with/:participant_id/messages": (
        Limit(15, QUARTER_S, "user"),
        Limit(1_440, DAY_S, "user"),
        Limit(1_440, DAY_S, "everybody"),
    ),
    "GET /2/dm_events": _limits(user=15),
    "GET /2/dm_conversations/with/:participant_id/dm_events": _limits(user=15),
    "GET /2/users/:id/mentions": _limits(user=300, app=450),
    "GET /2/users/:id/tweets": _limits(user=900, app=10_000),
    "GET /2/tweets": _limits(user=5_000, app=3_500),
    "GET /2/tweets/:id": _limits(user=900, app=450),
    "GET /2/tweets/search/recent": _limits(user=300, app=450),
    "GET /2/tweets/search/stream": _limits(app=50),
    "GET /2/tweets/search/stream/rules": _limits(app=450),
    "POST /2/tweets/search/stream/rules": _limits(app=100),
    "GET /2/users": _limits(user=900, app=300),
    "GET /2/users/:id": _limits(user=900, app=300),
    "GET /2/users/by": _limits(user=900, app=300),
    "GET /2/users/by/username/:username": _limits(user=900, app=300),
    "GET /2/users/me": _limits(user=75),
    "GET /2/webhooks": _limits(app=450),
    "POST /2/webhooks": _limits(app=450),
    "PUT /2/webhooks/:id": _limits(app=450),
    "GET /2/activity/subscriptions": _limits(user=500, app=500),
    "POST /2/activity/subscriptions": _limits(user=500, app=500),
    "PUT /2/activity/subscriptions/:id": _limits(app=500),
}


class LimitSpent(Exception):
    """A window has no call left; carries the headers that say so."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("rate limit")
        self.headers = headers


class InvalidLimits(Exception):
    """What was asked of `configure` cannot be done; says why."""


@dataclass
class _Window:
    started_at: float
    used: int = 0


@dataclass(frozen=True)
class _State:
    limit: Limit
    count: int
    remaining: int
    reset: int


@dataclass
class _Change:
    scale: float = 1.0
    limit: int | None = None


@dataclass
class Limits:
    """Counts calls."""

    now: Callable[[], datetime]
    dm_scale: float = 1.0
    _scale: float = 1.0
    _speed: float = 1.0
    _changes: dict[str, _Change] = field(default_factory=dict)
    _windows: dict[tuple[str, Limit, str], _Window] = field(default_factory=dict)

    def spend(self, endpoint: str, caller: Caller) -> dict[str, str]:
        """Count one call; the headers of its answer. Raises LimitSpent where none is left."""
        windows = [
            (limit, self._window(endpoint, limit, caller))
            for limit in TABLE[endpoint]
            if limit.per == "everybody" or (limit.per == "app") == (caller.kind == "app")
        ]
        spent = [
            (limit, window)
            for limit, window in windows
            if window.used >= self._count(endpoint, limit)
        ]
        if not spent:
            for _, window in windows:
                window.used += 1
        states = [self._state(endpoint, limit, window) for limit, window in windows]
        headers = _headers(states)
        if spent:
            raise LimitSpent(headers)
        return headers

    def _window(self, endpoint: str, limit: Limit, caller: Caller) -> _Window:
        who = caller.user.id if limit.per == "user" else "app"
        now = self.now().timestamp()
        window = self._windows.get((endpoint, limit, who))
        if window is None or now >= window.started_at + limit.window_s / self._speed:
            window = self._windows[endpoint, limit, who] = _Window(started_at=now)
        return window

    def _count(self, endpoint: str, limit: Limit) -> int:
        change = self._changes.get(endpoint, _Change())
        if change.limit is not None and limit.window_s == QUARTER_S:
            return change.limit
        scale = self._scale * change.scale * (self.dm_scale if "dm_" in endpoint else 1.0)
        return math.floor(limit.count * scale)

    def _state(self, endpoint: str, limit: Limit, window: _Window) -> _State:
        count = self._count(endpoint, limit)
        reset = math.ceil(window.started_at + limit.window_s / self._speed)
        return _State(limit, count, max(0, count - window.used), reset)

    def configure(self, wanted: Mapping[str, Any]) -> None:
        """Change the limits, as the module's docstring says."""
        names = {name: words.find(name, NAMES, prefix="clock_") for name in wanted}
        unknown = sorted(name for name, known in names.items() if known is None)
        if unknown:
            raise InvalidLimits(f"Unknown: {', '.join(unknown)}.")
        wanted = {str(names[name]): value for name, value in wanted.items()}
        scale = _number(wanted.get("scale", self._scale), "scale")
        speed = _number(wanted.get("clock_speed", self._speed), "clock_speed") or 1.0
        changes = _changes(wanted.get("endpoints", {}))
        if wanted.get("reset"):
            self._windows.clear()
            self._changes.clear()
            scale = _number(wanted.get("scale", 1.0), "scale")
            speed = _number(wanted.get("clock_speed", 1.0), "clock_speed") or 1.0
        self._scale, self._speed = scale, speed
        self._changes |= changes

    def describe(self) -> dict[str, Any]:
        """The limits as they stand."""
        return {
            "scale": self._scale,
            "dm_scale": self.dm_scale,
            "clock_speed": self._speed,
            "endpoints": {
                endpoint: [
                    {
                        "limit": self._count(endpoint, limit),
                        "window_s": limit.window_s,
                        "per": limit.per,
                    }
                    for limit in limits
                ]
                for endpoint, limits in TABLE.items()
            },
        }


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InvalidLimits(f"{name} must be a number, 0 or more.")
    return float(value)


def _changes(wanted: Any) -> dict[str, _Change]:
    if not isinstance(wanted, dict):
        raise InvalidLimits("endpoints must be an object.")
    changes: dict[str, _Change] = {}
    for name, change in wanted.items():
        known = [name] if name in TABLE else [one for one in TABLE if name in one]
        if not known or not isinstance(change, dict) or set(change) - {"scale", "limit"}:
            raise InvalidLimits(f"No endpoint, or nothing to change: {name!r}.")
        limit = change.get("limit")
        for endpoint in known:
            changes[endpoint] = _Change(
                scale=_number(change.get("scale", 1.0), "scale"),
                limit=None if limit is None else int(_number(limit, "limit")),
            )
    return changes


def _headers(states: list[_State]) -> dict[str, str]:
    # A client reads one set of headers: it must be that of the window that stops it first.
    tightest = min(states, key=lambda state: (state.remaining, -state.reset))
    headers = {
        "x-rate-limit-limit": str(tightest.count),
        "x-rate-limit-remaining": str(tightest.remaining),
        "x-rate-limit-reset": str(tightest.reset),
    }
    for state in states:
        if state.limit.window_s == DAY_S:
            who = "user" if state.limit.per == "user" else "app"
            headers[f"x-{who}-limit-24hour-limit"] = str(state.count)
            headers[f"x-{who}-limit-24hour-remaining"] = str(state.remaining)
            headers[f"x-{who}-limit-24hour-reset"] = str(state.reset)
    return headers
