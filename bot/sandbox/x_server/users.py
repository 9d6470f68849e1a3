"""Users, looked up by id or by handle, and the one who calls."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from bot.sandbox.x_server import problems
from bot.sandbox.x_server.asked import USER_EXPANSIONS, USER_PARAMETERS, Asked, Params, valid_id
from bot.sandbox.x_server.model import User
from bot.sandbox.x_server.people import VALID_HANDLE
from bot.sandbox.x_server.site import EVERYBODY, USERS, Site, admit, caller_of

READ = ("tweet.read", "users.read")

Found = User | dict[str, str]
"""A user, or the entry in `errors` that says why there is none."""


def router(site: Site) -> APIRouter:
    """The endpoints of users; the fixed paths before the one with an id."""
    routes = APIRouter(prefix="/2/users")

    def gate(endpoint: str) -> Any:
        return Depends(admit(site, endpoint, EVERYBODY, *READ))

    @routes.get("", dependencies=[gate("GET /2/users")])
    async def by_ids(request: Request) -> dict[str, Any]:
        """Several users by their ids."""
        params = Params(request.query_params, USER_PARAMETERS | {"ids"})
        asked = params.asked(USER_EXPANSIONS)
        found = [_state(site.world.user(one), "ids", one) for one in params.ids("ids")]
        return _answer(site, found, asked)

    @routes.get("/by", dependencies=[gate("GET /2/users/by")])
    async def by_handles(request: Request) -> dict[str, Any]:
        """Several users by their handles."""
        params = Params(request.query_params, USER_PARAMETERS | {"usernames"})
        asked = params.asked(USER_EXPANSIONS)
        handles = params.ids("usernames", VALID_HANDLE)
        found = [_state(site.world.people.find(one), "usernames", one) for one in handles]
        return _answer(site, found, asked)

    @routes.get(
        "/by/username/{username}", dependencies=[gate("GET /2/users/by/username/:username")]
    )
    async def by_handle(username: str, request: Request) -> dict[str, Any]:
        """One user by the handle."""
        asked = Params(request.query_params, USER_PARAMETERS).asked(USER_EXPANSIONS)
        user = site.world.people.find(valid_id("username", username, VALID_HANDLE))
        return _one(site, _state(user, "username", username), asked)

    @routes.get("/me", dependencies=[Depends(admit(site, "GET /2/users/me", USERS, *READ))])
    async def me(request: Request) -> dict[str, Any]:
        """The user who calls."""
        asked = Params(request.query_params, USER_PARAMETERS).asked(USER_EXPANSIONS)
        return _one(site, caller_of(request).user, asked)

    @routes.get("/{user_id}", dependencies=[gate("GET /2/users/:id")])
    async def by_id(user_id: str, request: Request) -> dict[str, Any]:
        """One user by the id."""
        asked = Params(request.query_params, USER_PARAMETERS).asked(USER_EXPANSIONS)
        user = site.world.user(valid_id("id", user_id))
        return _one(site, _state(user, "id", user_id), asked)

    return routes


def _state(user: User | None, parameter: str, value: str) -> Found:
    if user is None:
        return problems.not_found("user", parameter, value)
    return problems.suspended(parameter, value) if user.suspended else user


def _one(site: Site, found: Found, asked: Asked) -> dict[str, Any]:
    if not isinstance(found, User):
        return {"errors": [found]}
    answer: dict[str, Any] = {"data": site.renderer.user(found, asked)}
    includes = site.renderer.user_includes([found], asked)
    return answer | ({"includes": includes} if includes else {})


def _answer(site: Site, found: list[Found], asked: Asked) -> dict[str, Any]:
    users = [one for one in found if isinstance(one, User)]
    errors = [one for one in found if not isinstance(one, User)]
    answer: dict[str, Any] = {}
    if users:
        answer["data"] = [site.renderer.user(user, asked) for user in users]
    includes = site.renderer.user_includes(users, asked)
    if includes:
        answer["includes"] = includes
    return answer | ({"errors": errors} if errors else {})
