"""Sign-in with X: the page on which a person allows an app, or does not.

The page has radio buttons named
`handle`, a text box named `new_handle` that wins where it is filled in, and two buttons named
`decision` with the values `allow` and `cancel`.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.sandbox.x_server.people import HandleError
from bot.sandbox.x_server.site import Site
from bot.sandbox.x_server.templates import TEMPLATES
from bot.sandbox.x_server.tokens import SCOPES

LONGEST_STATE = 500  # characters, as X documents it
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ME_COOKIE = "local_x_me"
"""Whom the person plays in the timeline: the page offers that one first."""


class Refused(Exception):
    """The request to authorize cannot be shown to anybody; says why."""


def router(site: Site) -> APIRouter:
    """The page's endpoints."""
    routes = APIRouter()

    @routes.get("/i/oauth2/authorize")
    async def ask(request: Request) -> Response:
        """Ask the person whether the app may."""
        try:
            asked = _asked(site, dict(request.query_params))
        except Refused as refusal:
            return _refusal(request, refusal)
        return _page(site, request, asked)

    @routes.post("/i/oauth2/authorize")
    async def decide(request: Request) -> Response:
        """Send the person back with what was decided."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            asked = _asked(site, form)
        except Refused as refusal:
            return _refusal(request, refusal)
        if form.get("decision") != "allow":
            return _back(asked, {"error": "access_denied"})
        handle = form.get("new_handle", "").strip() or form.get("handle", "")
        try:
            user = site.world.people.ensure(handle)
        except HandleError as error:
            return _page(site, request, asked, mistake=str(error))
        if user.suspended:
            return _page(site, request, asked, mistake=f"@{user.username} is suspended.")
        site.world.changed()
        code = site.tokens.authorize(
            user_id=user.id,
            scopes=frozenset(asked["scope"].split()),
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            method=asked["code_challenge_method"],
        )
        return _back(asked, {"code": code})

    return routes


def _asked(site: Site, query: dict[str, str]) -> dict[str, str]:
    """The request to authorize, checked; raises Refused."""
    names = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge")
    asked = {name: query.get(name, "") for name in names}
    asked["code_challenge_method"] = query.get("code_challenge_method", "")
    if not hmac.compare_digest(asked["client_id"].encode(), site.credentials.client_id.encode()):
        raise Refused("client_id is not one that this X knows.")
    if not _may_return_to(site, asked["redirect_uri"]):
        raise Refused("redirect_uri is not one that the app has registered.")
    if asked["response_type"] != "code":
        raise Refused("response_type must be code.")
    unknown = set(asked["scope"].split()) - set(SCOPES)
    if unknown or not asked["scope"].split():
        raise Refused(f"scope is missing or unknown: {' '.join(sorted(unknown)) or 'none given'}.")
    if not 1 <= len(asked["state"]) <= LONGEST_STATE:
        raise Refused(f"state must have 1 to {LONGEST_STATE} characters.")
    if not asked["code_challenge"] or asked["code_challenge_method"] not in {"S256", "plain"}:
        raise Refused("code_challenge is missing, or code_challenge_method is not S256 or plain.")
    return asked


def _may_return_to(site: Site, address: str) -> bool:
    """X compares with what the app registered; nothing registered means any loopback address."""
    if site.redirect_uris:
        return address in site.redirect_uris
    parts = urlsplit(address)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _back(asked: dict[str, str], said: dict[str, str]) -> Response:
    parts = urlsplit(asked["redirect_uri"])
    query = [*parse_qsl(parts.query), ("state", asked["state"]), *said.items()]
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), 303)


def _page(
    site: Site, request: Request, asked: dict[str, str], *, mistake: str | None = None
) -> HTMLResponse:
    people = [one for one in site.world.people if one is not site.world.bot and not one.suspended]
    me = request.cookies.get(ME_COOKIE, "").lower()
    page = TEMPLATES.get_template("authorize.html").render(
        asked=asked,
        people=people,
        chosen=me if any(one.username.lower() == me for one in people) else "",
        scopes=[SCOPES[name] for name in asked["scope"].split()],
        app=site.world.bot,
        host=urlsplit(asked["redirect_uri"]).netloc,
        mistake=mistake,
    )
    # The form's answer leads away to the app: browsers apply form-action to that step as well.
    parts = urlsplit(asked["redirect_uri"])
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {parts.scheme}://{parts.netloc}"
    )
    return HTMLResponse(page, 400 if mistake else 200, {"content-security-policy": policy})


def _refusal(request: Request, refusal: Refused) -> HTMLResponse:
    page = TEMPLATES.get_template("refused.html").render(why=str(refusal), path=request.url.path)
    policy = "default-src 'none'; style-src 'self'"
    return HTMLResponse(page, 400, {"content-security-policy": policy})
