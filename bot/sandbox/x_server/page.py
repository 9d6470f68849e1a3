"""The page on which a person plays everybody: timeline, messages, text messages.

The page asks `/ui/state` for what is new; everything that it does goes through test control.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from bot.sandbox.x_server.site import Site
from bot.sandbox.x_server.templates import TEMPLATES

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'"
)


def static_files() -> StaticFiles:
    """The page's script and style."""
    return StaticFiles(directory=Path(__file__).parent / "static")


def router(site: Site) -> APIRouter:
    """The page and what it asks for."""
    routes = APIRouter()

    @routes.get("/")
    async def home() -> HTMLResponse:
        """The page itself; its script fills it."""
        html = TEMPLATES.get_template("home.html").render(bot=site.world.bot)
        return HTMLResponse(html, headers={"content-security-policy": POLICY})

    @routes.get("/intent/post")
    async def intent(text: str = "") -> RedirectResponse:
        """The box to write in, with a text in it that another site has ready."""
        return RedirectResponse(f"/#write={quote(text)}")

    @routes.get("/messages/compose")
    async def message(text: str = "") -> HTMLResponse:
        """A text that another site has ready for a message: people here write to the bot alone."""
        html = TEMPLATES.get_template("message.html").render(text=text)
        return HTMLResponse(html, headers={"content-security-policy": POLICY})

    @routes.get("/{handle}/status/{post_id}")
    async def permalink(post_id: str) -> RedirectResponse:
        """One post: shown where it stands in the timeline."""
        return RedirectResponse(f"/#post-{post_id}")

    @routes.get("/ui/state")
    async def state(request: Request) -> Response:
        """Everything to be shown; 204 where the page has that version already."""
        headers = {"x-stream": "on" if site.hub.connected else "off"}
        if request.query_params.get("version") == str(site.world.version):
            return Response(status_code=204, headers=headers)
        return JSONResponse(_snapshot(site), headers=headers)

    return routes


def _snapshot(site: Site) -> dict[str, Any]:
    world = site.world
    return {
        "version": str(world.version),
        "bot": world.bot.username,
        "people": [
            {"id": user.id, "handle": user.username, "name": user.name, "locked": user.protected}
            for user in world.people
            if not user.suspended
        ],
        "posts": [site.renderer.whole_post(post) for post in reversed(list(world.timeline()))],
        "dms": [site.renderer.whole_event(event) for event in world.events],
        "sms": site.phone.messages(),
    }
