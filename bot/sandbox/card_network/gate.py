"""What every API call passes: the key, faults, idempotency, and Stripe's form of an answer."""

import asyncio
import contextlib
import hmac
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.card_network.errors import ApiError
from bot.sandbox.card_network.faults import Fault
from bot.sandbox.card_network.idempotency import Answer
from bot.sandbox.card_network.network import DEFAULT_API_VERSION, Network, Origin
from bot.sandbox.card_network.params import Params, Tree, read_form
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.store import random_id
from bot.sandbox.card_network.sweep import turn

Handler = Callable[..., Obj]
"""`(net, params, *ids)`: does the call's work under the lock and returns its object."""

_LOOK_EVERY_S: Final = 0.1
"""How often a late answer looks whether the server stops (seconds)."""

_NOT_BEGUN: Final = frozenset({"409", "429", "500"})
"""Faults that strike before anything is done."""


def _fault_error(fault: str) -> ApiError:
    """Return the error that a fault stands for."""
    match fault:
        case "409":
            return ApiError(
                409,
                "This object cannot be accessed right now because another API request or Stripe "
                "process is currently accessing it.",
                code="lock_timeout",
            )
        case "429":
            return ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        case _:
            return ApiError(500, "An unknown error occurred.", kind="api_error")


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came in, under the id that its answer will bear."""

    request_id: str
    method: str
    path: str
    ids: tuple[str, ...]
    body: str
    authorization: str
    key: str | None
    api_version: str
    base_url: str


async def read_call(request: Request) -> Call:
    """Read a call whole, so that the endpoint itself need not wait for the network."""
    body = (await request.body()).decode("utf-8", "replace")
    return Call(
        request_id=random_id("req"),
        method=request.method,
        path=request.url.path,
        ids=tuple(str(value) for value in request.path_params.values()),
        body=body if request.method == "POST" else request.url.query,
        authorization=request.headers.get("authorization", ""),
        key=request.headers.get("idempotency-key"),
        api_version=request.headers.get("stripe-version", DEFAULT_API_VERSION),
        base_url=str(request.base_url).rstrip("/"),
    )


class LateResponse(Response):
    """An answer that the caller does not get in time: it goes out after `seconds`, or never."""

    def __init__(self, done: Answer, headers: dict[str, str], net: Network, wait_s: float) -> None:
        super().__init__(done.body, done.status, headers, "application/json")
        self._net = net
        self._wait_s = wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the caller to give up, at most `wait_s` or until the server stops."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._wait_s
        while loop.time() < give_up_at and not self._net.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    if (await receive())["type"] == "http.disconnect":
                        return
        await super().__call__(scope, receive, send)


def answer(net: Network, call: Call, handler: Handler) -> Response:
    """Do a call and answer it."""
    try:
        _authenticate(net, call.authorization)
        if call.method == "POST" and call.key:
            return _keyed(net, call, call.key, handler)
        fault = _strike(net, call)
        done, _ = _work(net, call, handler, fault)
        return _response(net, done, fault)
    except ApiError as error:
        return _response(net, _error_answer(error, call.request_id), None)


def _strike(net: Network, call: Call) -> Fault | None:
    """Return the fault that strikes this call; raise it where it comes before the work."""
    fault = net.faults.strike_request(call.method, call.path)
    if fault and fault.fault in _NOT_BEGUN:
        raise _fault_error(fault.fault)
    return fault


def _authenticate(net: Network, authorization: str) -> None:
    """Check the secret key, as a bearer token or as the user name of basic authentication."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            given = b64decode(given).decode("utf-8", "replace").partition(":")[0]
    if not given:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY').",
        )
    if not hmac.compare_digest(given.encode(), net.api_key.encode()):
        hidden = f"{given[:8]}{'*' * 8}{given[-4:]}" if len(given) > 12 else "********"
        raise ApiError(401, f"Invalid API Key provided: {hidden}")


def _keyed(net: Network, call: Call, key: str, handler: Handler) -> Response:
    """Do a keyed call once."""
    before = net.keys.begin(key, f"{call.method} {call.path} {call.body}")
    if before is not None:
        replayed = _response(net, before, _strike(net, call))
        replayed.headers["Idempotent-Replayed"] = "true"
        replayed.headers["Original-Request"] = before.request_id
        return replayed
    kept: Answer | None = None
    try:
        fault = _strike(net, call)
        done, begun = _work(net, call, handler, fault)
        kept = done if begun else None
    finally:
        net.keys.end(key, kept)
    response = _response(net, done, fault)
    response.headers["Idempotency-Key"] = key
    return response


def _work(net: Network, call: Call, handler: Handler, fault: Fault | None) -> tuple[Answer, bool]:
    """Run the endpoint; say whether it had begun its work."""
    if fault and fault.fault == "slow":
        net.stopping.wait(fault.seconds)
    net.public_url = net.public_url or call.base_url
    try:
        tree = read_form(call.body)
        with turn(net):
            body = _run(net, call, tree, handler)
        if fault and fault.fault == "500_after_success":
            return _error_answer(_fault_error(fault.fault), call.request_id), True
    except ApiError as error:
        return _error_answer(error, call.request_id), error.begun
    return Answer(200, body, call.request_id), True


def _run(net: Network, call: Call, tree: Tree, handler: Handler) -> bytes:
    """Run the endpoint under the lock."""
    expand = Params({"expand": tree.pop("expand", {})}).texts("expand")
    net.origin = Origin(call.request_id, call.key, call.api_version)
    try:
        made = handler(net, Params(tree), *call.ids)
        return _json(net.store.expand(made, expand))
    finally:
        net.origin = Origin()


def _json(body: Any) -> bytes:
    return json.dumps(body, indent=2, ensure_ascii=False).encode()


def _error_answer(error: ApiError, request_id: str) -> Answer:
    return Answer(error.status, _json({"error": error.body}), request_id)


def _response(net: Network, done: Answer, fault: Fault | None) -> Response:
    """Send an answer, or let the caller wait in vain."""
    headers = {"Request-Id": done.request_id, "Stripe-Version": DEFAULT_API_VERSION}
    if fault and fault.fault == "timeout_after_success":
        return LateResponse(done, headers, net, fault.seconds)
    return Response(done.body, done.status, headers, "application/json")


def unknown_url(net: Network, call: Call) -> Response:
    """Answer a path that is no endpoint."""

    def refuse(_net: Network, _params: Params, *_ids: str) -> Obj:
        raise ApiError(
            404,
            f"Unrecognized request URL ({call.method}: {call.path}). If you are trying to list "
            "objects, remove the trailing slash. If you are trying to retrieve an object, make "
            "sure you passed a valid (non-empty) identifier in your code.",
        )

    return answer(net, call, refuse)
