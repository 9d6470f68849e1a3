"""The parts of the local X, put together, and the gate that every call to its API passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request, Response

from bot.sandbox.phone import Phone
from bot.sandbox.x_server import problems
from bot.sandbox.x_server.activity import Activity
from bot.sandbox.x_server.auth import NAMES, Authenticator, Caller, Kind
from bot.sandbox.x_server.credentials import Credentials
from bot.sandbox.x_server.faults import Faults
from bot.sandbox.x_server.hub import Hub
from bot.sandbox.x_server.limits import Limits, LimitSpent
from bot.sandbox.x_server.render import Renderer
from bot.sandbox.x_server.tokens import Tokens
from bot.sandbox.x_server.world import World

EVERYBODY: tuple[Kind, ...] = ("app", "oauth1", "oauth2")
USERS: tuple[Kind, ...] = ("oauth1", "oauth2")
APP: tuple[Kind, ...] = ("app",)


@dataclass(frozen=True, kw_only=True)
class Site:
    """All parts of one local X."""

    world: World
    renderer: Renderer
    credentials: Credentials
    tokens: Tokens
    authenticator: Authenticator
    limits: Limits
    faults: Faults
    hub: Hub
    activity: Activity
    phone: Phone
    keep_alive_s: float
    redirect_uris: tuple[str, ...]


def admit(
    site: Site, endpoint: str, kinds: tuple[Kind, ...], *scopes: str
) -> Callable[[Request, Response], Awaitable[None]]:
    """The gate of an endpoint: who may call, with which scopes, and how often."""

    async def gate(request: Request, response: Response) -> None:
        caller = site.authenticator.identify(request)
        if caller.kind not in kinds:
            raise problems.unsupported_authentication(
                NAMES[caller.kind], [NAMES[kind] for kind in kinds]
            )
        lacking = set(scopes) - caller.scopes
        if caller.kind == "oauth2" and lacking:
            raise problems.missing_scope(lacking)
        try:
            headers = site.limits.spend(endpoint, caller)
        except LimitSpent as spent:
            request.state.headers = spent.headers
            raise problems.too_many_requests() from spent
        request.state.headers = headers
        response.headers.update(headers)
        request.state.caller = caller

    return gate


def caller_of(request: Request) -> Caller:
    """Who makes a request that the gate let in."""
    caller = request.state.caller
    assert isinstance(caller, Caller), "only endpoints behind the gate ask"
    return caller
