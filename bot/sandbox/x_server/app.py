"""The local X: the v2 endpoints that the bot uses, test control, and a page for a person.

`create_app` makes one with an empty timeline, `begin_anew` empties one that runs. Everything runs
on the server's event loop, which is what makes it safe without a lock: run it with
`bot.sandbox.serve.serve`, or any ASGI server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from bot.sandbox import phone as phones
from bot.sandbox.x_server import (
    authorize,
    control,
    dms,
    hooks,
    oauth2,
    page,
    posts,
    problems,
    stream,
    timelines,
    users,
)
from bot.sandbox.x_server.activity import Activity
from bot.sandbox.x_server.auth import Authenticator
from bot.sandbox.x_server.credentials import Credentials
from bot.sandbox.x_server.faults import Faults, FaultyWire
from bot.sandbox.x_server.hub import Hub
from bot.sandbox.x_server.limits import Limits
from bot.sandbox.x_server.render import Renderer
from bot.sandbox.x_server.site import Site
from bot.sandbox.x_server.tokens import Tokens
from bot.sandbox.x_server.world import World

STREAMS_END_WITHIN_S = 5.0
KEEP_ALIVE_S = 15.0  # X promises a blank line at least every 20 seconds
PEOPLE = ("bob", "alice", "carol", "dave", "secours_demo")  # CONTRACT.md, "The sandbox"

THERE_SINCE = datetime(2014, 10, 14, tzinfo=UTC)
"""Since when they are on X: whoever is typed in later is as new there as anybody can be."""


def make_site(
    *,
    bot_handle: str = "smoney",
    credentials: Credentials | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    phone: phones.Phone | None = None,
    people: Sequence[str] = PEOPLE,
    keep_alive_s: float = KEEP_ALIVE_S,
    dm_limit_scale: float = 1.0,
    redirect_uris: Sequence[str] = (),
    link_hosts: Collection[str] = (),
) -> Site:
    """The parts of a local X with these people in it.

    `dm_limit_scale` multiplies the limits on direct messages. Sign-in returns to `redirect_uris`
    alone, or to any loopback address where none is given. X makes links of names with a domain
    only, so that `http://localhost:8000/…` stays as it was typed; `link_hosts` are taken as links
    beside those.
    """
    world = World(bot_handle=bot_handle, now=now, link_hosts=frozenset(link_hosts))
    world.bot.name, world.bot.verified = "S-money", True
    for handle in people:
        world.people.ensure(handle).created_at = THERE_SINCE
    credentials = credentials or Credentials.sandbox()
    renderer, tokens, faults = Renderer(world), Tokens(now), Faults(now)
    site = Site(
        world=world,
        renderer=renderer,
        credentials=credentials,
        tokens=tokens,
        authenticator=Authenticator(world, credentials, tokens),
        limits=Limits(now, dm_scale=dm_limit_scale),
        faults=faults,
        hub=Hub(world, renderer, faults),
        activity=Activity(world, renderer, credentials, faults),
        phone=phone or phones.Phone(now),
        keep_alive_s=keep_alive_s,
        redirect_uris=tuple(redirect_uris),
    )
    site.phone.on_message.append(world.changed)
    return site


def create_app(site: Site | None = None) -> FastAPI:
    """A local X of these parts, or with the usual people in it."""
    site = site or make_site()
    app = FastAPI(title="The local X", docs_url=None, redoc_url=None, openapi_url=None)
    for module in (stream, timelines, posts, users, dms, hooks, authorize, oauth2, control, page):
        app.include_router(module.router(site))
    app.include_router(phones.router(lambda: site.phone))
    app.mount("/static", page.static_files())
    app.add_middleware(FaultyWire, faults=lambda: site.faults)
    app.add_exception_handler(problems.XProblem, _problem)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _no_such_route)
    for mistake in control.MISTAKES:
        app.add_exception_handler(mistake, _mistake)

    def close_streams() -> None:
        site.hub.close()  # the hub of that moment: see `begin_anew`

    app.state.close_streams = close_streams
    app.state.site = site
    return app


def begin_anew(app: FastAPI, site: Site) -> None:
    """Give a local X that runs other parts: much quicker than to start another.

    Nobody may be calling it; streams that are open end.
    """
    old = app.state.site.hub
    app.state.close_streams()
    give_up_at = time.monotonic() + STREAMS_END_WITHIN_S
    while old.connected and time.monotonic() < give_up_at:
        time.sleep(0.01)
    vars(app.state.site).update(vars(site))


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, problems.XProblem)
    headers = getattr(request.state, "headers", None)
    return JSONResponse(
        error.body, error.status, headers=headers, media_type="application/problem+json"
    )


async def _unreadable(request: Request, error: Exception) -> Response:
    """A body that is not what the endpoint reads."""
    if request.url.path.startswith("/_sandbox"):
        return control.answer_mistake(control.Mistake(f"The body cannot be read: {error}"))
    return await _problem(request, problems.invalid("The body of the request cannot be read."))


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and request.url.path.startswith("/2/"):
        return await _problem(request, problems.not_found_route())
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _mistake(_: Request, error: Exception) -> Response:
    return control.answer_mistake(error)
