"""X in bad weather, on demand.

`POST /_sandbox/faults` takes {"fault": NAME, ...}; each is used up after `times` (1):

    429                       the call is refused; "path", "method", "seconds" until reset (5)
    5xx                       the call fails before it does anything; "path", "method",
                              "status" (503)
    time-out after success    the call does its work, then says nothing for "seconds" (60) and
                              ends as 504; "path", "method"
    stall                     with a "path": the call waits "seconds" (60) before it does its work;
                              without: the stream falls silent for that long, keep-alives included
    disconnect                the stream ends, now
    duplicate                 a post comes twice on the stream; "times" posts
    reorder                   "times" (2) posts come together in reverse order, after "seconds" (5)
                              at most
    delay                     a post comes "seconds" (6) late on the stream; "times" posts
    lose                      a post does not come on the stream at all; "times" posts
    no-mention-ids            a post's mentions carry no user id; "times" posts

Names are read in words, with hyphens or with underscores alike.
With "share" in place of "times" a fault strikes that share of its calls or posts (0.01: one in a
hundred), by chance that begins at "seed" (1), until it is cleared.
"path" is an endpoint's path, with `*` for any part (`/2/tweets`, `/2/users/*/mentions`); without it
every call to X's API is meant, but not test control. `GET` lists what waits and how often it
`struck`, `DELETE` clears it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox import words
from bot.sandbox.x_server import problems

CALLS = frozenset({"429", "5xx", "time_out_after_success", "stall"})
STREAM = frozenset({"duplicate", "reorder", "delay", "lose", "no_mention_ids"})
SECONDS = {"429": 5.0, "reorder": 5.0, "delay": 6.0}
TAKEN = frozenset({"fault", "path", "method", "times", "seconds", "status", "share", "seed"})
OTHERWISE_S = 60.0  # longer than any client should wait
KINDS = CALLS | STREAM | {"disconnect"}
ALIASES = {
    "rate_limit": "429",
    "500": "5xx",
    "502": "5xx",
    "503": "5xx",
    "504": "5xx",
}


class InvalidFault(Exception):
    """What was asked for is no fault; says why."""


@dataclass(kw_only=True)
class Fault:
    """One fault that waits for its calls or posts."""

    kind: str
    path: str | None
    method: str | None
    times: int
    seconds: float
    status: int
    share: float | None = None
    seed: int = 1
    struck: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def strikes(self) -> bool:
        """Whether it strikes this time, which is counted."""
        if self.share is not None and self._chance.random() >= self.share:
            return False
        self.struck += 1
        return True

    def concerns(self, method: str, path: str) -> bool:
        """Whether a call is one that the fault waits for."""
        return (self.method is None or self.method == method) and (
            self.path is None or fnmatchcase(path, self.path)
        )


def read(wanted: Mapping[str, Any]) -> Fault:
    """The fault that a request describes."""
    name = words.find(wanted.get("fault", ""), [*KINDS, *ALIASES])
    if name is None:
        raise InvalidFault(f"Unknown fault {wanted.get('fault')!r}.")
    kind = ALIASES.get(name, name)
    unknown = set(wanted) - TAKEN
    if unknown:
        raise InvalidFault(f"Unknown: {', '.join(sorted(unknown))}.")
    status = wanted.get("status", int(name) if name.isdigit() and kind == "5xx" else 503)
    try:
        return Fault(
            kind=kind,
            path=wanted.get("path"),
            method=str(wanted["method"]).upper() if wanted.get("method") else None,
            times=int(wanted.get("times", 2 if kind == "reorder" else 1)),
            seconds=float(wanted.get("seconds", SECONDS.get(kind, OTHERWISE_S))),
            status=int(status),
            share=None if wanted.get("share") is None else float(wanted["share"]),
            seed=int(wanted.get("seed", 1)),
        )
    except (TypeError, ValueError) as error:
        raise InvalidFault(f"A number was expected: {error}.") from error


class Faults:
    """The faults that wait."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.closing = asyncio.Event()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its call or post."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget every fault that waits."""
        self._waiting.clear()

    def describe(self) -> list[dict[str, Any]]:
        """What waits."""
        return [asdict(fault) for fault in self._waiting]

    def for_call(self, method: str, path: str) -> Fault | None:
        """The fault for a call, which is thereby used."""
        return self._take(lambda one: one.kind in CALLS and one.concerns(method, path))

    def for_post(self, kind: str) -> Fault | None:
        """The fault of that kind for a post on the stream, which is thereby used."""
        return self._take(lambda one: one.kind == kind)

    def for_posts(self, kind: str) -> Fault | None:
        """The fault of that kind for several posts together, which is thereby used up."""
        for fault in self._waiting:
            if fault.kind == kind and fault.strikes():
                if fault.share is None:
                    self._waiting.remove(fault)
                return fault
        return None

    def _take(self, wanted: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._waiting:
            if wanted(fault) and fault.strikes():
                if fault.share is None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                return fault
        return None

    async def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the server's end."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            return


class FaultyWire:
    """ASGI middleware: lets the faults for calls happen."""

    def __init__(self, app: ASGIApp, faults: Callable[[], Faults]) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call, or fail it."""
        fault = None
        if scope["type"] == "http" and scope["path"].startswith("/2/"):
            fault = self._faults().for_call(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "stall":
            await self._faults().wait(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "time_out_after_success":
            await self._app(scope, receive, _swallow)
            await self._faults().wait(fault.seconds)
            await _answer(problems.server_error(504))(scope, receive, send)
        elif fault.kind == "429":
            await self._refusal(fault)(scope, receive, send)
        else:
            await _answer(problems.server_error(fault.status))(scope, receive, send)

    def _refusal(self, fault: Fault) -> Response:
        response = _answer(problems.too_many_requests())
        reset = math.ceil(self._faults().now().timestamp() + fault.seconds)
        response.headers["x-rate-limit-limit"] = "1"
        response.headers["x-rate-limit-remaining"] = "0"
        response.headers["x-rate-limit-reset"] = str(reset)
        return response


async def _swallow(_: Message) -> None:
    """Drop an answer that never arrives."""


def _answer(problem: problems.XProblem) -> Response:
    return JSONResponse(problem.body, problem.status, media_type="application/problem+json")
