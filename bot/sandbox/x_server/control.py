"""Test control: what people do in the local X, and how it misbehaves. All under `/_sandbox/`.

    GET  /posts       the posts as they stand, oldest first
    POST /posts       {"as", "text", "in_reply_to"?, "quotes"?}, or a list of such
    POST /posts/ID/edit  {"text"}
    DELETE /posts/ID
    GET  /dms         the messages, oldest first
    POST /dms         {"as", "to"?, "text"}: `to` is a handle (the bot where it is missing), or a
                      list of several for a conversation of more than two
    GET  /people      who there is
    POST /people      {"handle", "protected"?, "suspended"?, "verified"?, "name"?, "renamed_to"?,
                      "missing"?}: `missing` says that nobody has that handle
    GET|POST|DELETE /faults      see `faults`
    GET|POST /limits             see `limits`
    GET|DELETE /violations       what X would have objected to, oldest first
    GET  /state                  {"version", "stream": whether somebody reads it}

Handles may be written with or without `@`, and ids as strings or numbers. A handle never seen
before makes a person.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, Response

from bot.sandbox.x_server import faults
from bot.sandbox.x_server.limits import InvalidLimits
from bot.sandbox.x_server.model import Post, User, Violation
from bot.sandbox.x_server.people import HandleError
from bot.sandbox.x_server.render import moment
from bot.sandbox.x_server.site import Site

Given = Annotated[dict[str, Any], Body()]
Several = Annotated[list[dict[str, Any]], Body()]
PERSON_TAKEN = frozenset(
    {"handle", "protected", "suspended", "verified", "name", "renamed_to", "missing"}
)


class Mistake(Exception):
    """A request to test control that cannot be done; says why."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


def answer_mistake(mistake: Exception) -> Response:
    """One sentence that says what to do."""
    status = mistake.status if isinstance(mistake, Mistake) else 400
    return JSONResponse({"error": str(mistake)}, status)


def router(site: Site) -> APIRouter:
    """The endpoints of test control."""
    routes = APIRouter(prefix="/_sandbox")
    _posts(routes, site)
    _messages(routes, site)
    _people(routes, site)
    _weather(routes, site)

    @routes.get("/state")
    async def state() -> dict[str, Any]:
        """Where things stand."""
        return {"version": site.world.version, "stream": site.hub.connected}

    return routes


def _text(body: dict[str, Any]) -> str:
    text = body.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Mistake("`text` is wanted, as a string with something in it.")
    return text


def _person(site: Site, handle: Any) -> User:
    if not isinstance(handle, str):
        raise Mistake("A handle is wanted, as a string.")
    user = site.world.people.ensure(handle)
    if user.suspended:
        raise Mistake(f"@{user.username} is suspended and does nothing.", 403)
    return user


def _post(site: Site, post_id: Any) -> Post:
    post = site.world.post(str(post_id))
    if post is None:
        raise Mistake(f"There is no post {post_id}.", 404)
    return post


def _publish(site: Site, body: dict[str, Any]) -> Post:
    text, author = _text(body), _person(site, body.get("as"))
    parent = _post(site, body["in_reply_to"]) if body.get("in_reply_to") else None
    quoted = _post(site, body["quotes"]) if body.get("quotes") else None
    return site.world.publish(author, text, in_reply_to=parent, quotes=quoted)


def _posts(routes: APIRouter, site: Site) -> None:
    @routes.get("/posts")
    async def list_posts() -> list[dict[str, Any]]:
        """The posts, oldest first."""
        posts = reversed(list(site.world.timeline()))
        return [site.renderer.whole_post(post) for post in posts]

    @routes.post("/posts", status_code=201)
    async def create(body: Given | Several) -> dict[str, Any] | list[dict[str, Any]]:
        """Post as somebody, or as several one after another."""
        if not body:
            raise Mistake("A post is wanted, or a list of some.")
        if isinstance(body, list):
            return [site.renderer.whole_post(_publish(site, one)) for one in body]
        return site.renderer.whole_post(_publish(site, body))

    @routes.post("/posts/{post_id}/edit", status_code=201)
    async def edit(post_id: str, body: Given) -> dict[str, Any]:
        """Edit a post: a new id in the same history."""
        text, post = _text(body), _post(site, post_id)
        return site.renderer.whole_post(site.world.edit(post, text))

    @routes.delete("/posts/{post_id}")
    async def delete(post_id: str) -> dict[str, bool]:
        """Take a post down."""
        site.world.delete(_post(site, post_id))
        return {"deleted": True}


def _messages(routes: APIRouter, site: Site) -> None:
    @routes.get("/dms")
    async def list_messages() -> list[dict[str, Any]]:
        """The messages, oldest first."""
        return [site.renderer.whole_event(event) for event in site.world.events]

    @routes.post("/dms", status_code=201)
    async def write(body: Given) -> dict[str, Any]:
        """Write as somebody, to the bot or to others."""
        text, sender = _text(body), _person(site, body.get("as"))
        to = body.get("to") or site.world.bot.username
        others = [_person(site, one) for one in (to if isinstance(to, list) else [to])]
        if sender in others:
            raise Mistake("Nobody writes to themselves.")
        known = site.world.conversations.get(str(body.get("conversation_id")))
        conversation = known or site.world.conversation([sender, *others])
        return site.renderer.whole_event(site.world.send(sender, conversation, text))


def _shown(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "handle": user.username,
        "name": user.name,
        "created_at": moment(user.created_at),
        "protected": user.protected,
        "suspended": user.suspended,
        "verified": user.verified,
    }


def _people(routes: APIRouter, site: Site) -> None:
    @routes.get("/people")
    async def list_people() -> list[dict[str, Any]]:
        """Who there is, the oldest account first."""
        return [_shown(user) for user in site.world.people]

    @routes.post("/people", status_code=201)
    async def change(body: Given) -> dict[str, Any]:
        """Make or change a person."""
        unknown = set(body) - PERSON_TAKEN
        if unknown or not isinstance(body.get("handle"), str):
            raise Mistake(f"`handle` is wanted, and of the rest {sorted(PERSON_TAKEN)}.")
        if body.get("missing"):
            site.world.people.declare_missing(body["handle"])
            site.world.changed()
            return {"handle": body["handle"], "missing": True}
        user = site.world.people.ensure(body["handle"])
        for name in ("protected", "suspended", "verified", "name"):
            if name in body:
                setattr(user, name, str(body[name]) if name == "name" else bool(body[name]))
        if body.get("renamed_to"):
            site.world.people.rename(user, str(body["renamed_to"]))
        site.world.changed()
        return _shown(user)


def _violation(one: Violation) -> dict[str, Any]:
    shown = asdict(one) | {"at": moment(one.at)}
    return {name: value for name, value in shown.items() if name != "about"} | one.about


def _weather(routes: APIRouter, site: Site) -> None:
    @routes.get("/faults")
    async def list_faults() -> list[dict[str, Any]]:
        """The faults that wait."""
        return site.faults.describe()

    @routes.post("/faults", status_code=201)
    async def add_fault(body: Given) -> list[dict[str, Any]]:
        """Let X misbehave."""
        fault = faults.read(body)
        if fault.kind == "disconnect":
            site.hub.disconnect()
        elif fault.kind == "stall" and fault.path is None:
            site.hub.stall(fault.seconds)
        else:
            site.faults.add(fault)
        return site.faults.describe()

    @routes.delete("/faults")
    async def clear_faults() -> list[dict[str, Any]]:
        """Good weather again."""
        site.faults.clear()
        return site.faults.describe()

    @routes.get("/limits")
    async def show_limits() -> dict[str, Any]:
        """The rate limits as they stand."""
        return site.limits.describe()

    @routes.post("/limits")
    async def change_limits(body: Given) -> dict[str, Any]:
        """Change the rate limits, or the speed of their clock."""
        site.limits.configure(body)
        return site.limits.describe()

    @routes.get("/violations")
    async def list_violations() -> list[dict[str, Any]]:
        """What X would have objected to, or did."""
        return [_violation(one) for one in site.world.violations]

    @routes.delete("/violations")
    async def clear_violations() -> list[dict[str, Any]]:
        """Forgive everything."""
        site.world.violations.clear()
        return []


MISTAKES: tuple[type[Exception], ...] = (Mistake, HandleError, InvalidLimits, faults.InvalidFault)
