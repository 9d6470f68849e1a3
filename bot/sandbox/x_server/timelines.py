"""Posts in time order: mentions, a user's posts, search; paged as X pages them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from fastapi import APIRouter, Depends, Request

from bot.sandbox.x_server import problems, rules
from bot.sandbox.x_server.asked import (
    POST_EXPANSIONS,
    POST_PARAMETERS,
    TWEET_EXPANSIONS,
    Asked,
    Params,
    valid_id,
)
from bot.sandbox.x_server.auth import Caller
from bot.sandbox.x_server.model import Post, User
from bot.sandbox.x_server.site import EVERYBODY, Site, admit, caller_of

MENTIONS_REACH = 800  # posts: how far back X's mentions timeline goes
POSTS_REACH = 3_200  # posts: how far back a user's own timeline goes
SEARCH_REACH = 100_000  # posts; recent search is bounded by seven days instead
PAGE_PARAMETERS = frozenset(
    {"max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id"}
)
TOKEN_DIGITS = 20  # X wants at least 16 characters


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a timeline is asked for."""

    size: int
    since_id: int
    until_id: int | None
    start: datetime | None
    end: datetime | None

    def holds(self, post: Post) -> bool:
        """Whether a post is in that part."""
        return (
            int(post.id) > self.since_id
            and (self.until_id is None or int(post.id) < self.until_id)
            and (self.start is None or post.created_at >= self.start)
            and (self.end is None or post.created_at < self.end)
        )


def page_token(before_id: str) -> str:
    """The token of the page that begins before an id."""
    return before_id.zfill(TOKEN_DIGITS)


def before(token: str | None) -> int | None:
    """The id that a page begins before; raises X's refusal of a token that it never made."""
    if token is None:
        return None
    if len(token) != TOKEN_DIGITS or not (token.isascii() and token.isdigit()):
        raise problems.invalid(
            f"The `pagination_token` query parameter value [{token}] is not valid",
            parameter="pagination_token",
            value=token,
        )
    return int(token)


def read_page(params: Params, *, low: int, token: str | None) -> Page:
    """The part that the parameters ask for."""
    bounds = [one for one in (params.id("until_id"), before(token)) if one is not None]
    return Page(
        size=params.integer("max_results", default=10, low=low, high=100),
        since_id=params.id("since_id") or 0,
        until_id=min(bounds) if bounds else None,
        start=params.time("start_time"),
        end=params.time("end_time"),
    )


def router(site: Site) -> APIRouter:
    """The timelines' endpoints."""
    routes = APIRouter(prefix="/2")

    def gate(endpoint: str) -> Any:
        return Depends(admit(site, endpoint, EVERYBODY, "tweet.read", "users.read"))

    @routes.get("/users/{user_id}/mentions", dependencies=[gate("GET /2/users/:id/mentions")])
    async def mentions(user_id: str, request: Request) -> dict[str, Any]:
        """The posts that name a user, newest first."""
        params = Params(request.query_params, POST_PARAMETERS | PAGE_PARAMETERS)
        user = _user(site, user_id)
        if isinstance(user, dict):
            return {"errors": [user]}
        page = read_page(params, low=5, token=params.text("pagination_token"))
        found = _shown_to(
            site,
            caller_of(request),
            lambda post: post.mentions_user(user.id) and post.author_id != user.id,
        )
        return _answer(site, page, islice(found, MENTIONS_REACH), _asked(params))

    @routes.get("/users/{user_id}/tweets", dependencies=[gate("GET /2/users/:id/tweets")])
    async def posts_of(user_id: str, request: Request) -> dict[str, Any]:
        """A user's own posts, newest first."""
        params = Params(request.query_params, POST_PARAMETERS | PAGE_PARAMETERS | {"exclude"})
        user = _user(site, user_id)
        if isinstance(user, dict):
            return {"errors": [user]}
        excluded = params.names("exclude", frozenset({"replies", "retweets"}))
        page = read_page(params, low=5, token=params.text("pagination_token"))
        found = _shown_to(
            site,
            caller_of(request),
            lambda post: (
                post.author_id == user.id
                and not ("replies" in excluded and post.reference("replied_to"))
            ),
        )
        return _answer(site, page, islice(found, POSTS_REACH), _asked(params))

    @routes.get("/tweets/search/recent", dependencies=[gate("GET /2/tweets/search/recent")])
    async def search(request: Request) -> dict[str, Any]:
        """The posts that a query finds, newest first."""
        known = POST_PARAMETERS | PAGE_PARAMETERS | {"query", "next_token", "sort_order"}
        params = Params(request.query_params, known)
        try:
            query = rules.parse(params.text("query") or "", standalone=False)
        except rules.InvalidRule as error:
            raise problems.invalid(str(error), parameter="query") from error
        token = params.text("next_token") or params.text("pagination_token")
        page = read_page(params, low=10, token=token)
        found = _shown_to(site, caller_of(request), lambda post: query.matches(post, site.world))
        return _answer(site, page, islice(found, SEARCH_REACH), _asked(params))

    return routes


def _asked(params: Params) -> Asked:
    return params.asked(TWEET_EXPANSIONS | POST_EXPANSIONS)


def _user(site: Site, user_id: str) -> User | dict[str, str]:
    user = site.world.user(valid_id("id", user_id))
    if user is None:
        return problems.not_found("user", "id", user_id)
    return problems.suspended("id", user_id) if user.suspended else user


def _shown_to(site: Site, caller: Caller, wanted: Callable[[Post], bool]) -> Iterable[Post]:
    own = caller.account.id if caller.account else None
    for post in site.world.timeline():
        if wanted(post) and (site.world.visible(post) or post.author_id == own):
            yield post


def _answer(site: Site, page: Page, found: Iterable[Post], asked: Asked) -> dict[str, Any]:
    within = islice((post for post in found if page.holds(post)), page.size + 1)
    posts = list(within)
    more, posts = len(posts) > page.size, posts[: page.size]
    if not posts:
        return {"meta": {"result_count": 0}}
    answer: dict[str, Any] = {"data": [site.renderer.post(post, asked) for post in posts]}
    includes = site.renderer.post_includes(posts, asked)
    if includes:
        answer["includes"] = includes
    meta = {"newest_id": posts[0].id, "oldest_id": posts[-1].id, "result_count": len(posts)}
    return answer | {"meta": meta | ({"next_token": page_token(posts[-1].id)} if more else {})}
