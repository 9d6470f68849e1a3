"""Single posts: made, deleted, looked up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse

from bot.sandbox.x_server import etiquette, problems
from bot.sandbox.x_server.asked import (
    POST_EXPANSIONS,
    POST_PARAMETERS,
    TWEET_EXPANSIONS,
    Asked,
    Params,
    valid_id,
)
from bot.sandbox.x_server.auth import Caller
from bot.sandbox.x_server.model import Post
from bot.sandbox.x_server.site import EVERYBODY, USERS, Site, admit, caller_of

READ = ("tweet.read", "users.read")
WRITE = ("tweet.read", "tweet.write", "users.read")
TAKEN = frozenset({"text", "reply", "quote_tweet_id", "made_with_ai"})
# What X takes beyond that and the local X has nothing to do it with.
NOT_HERE = frozenset(
    [
        *("card_uri", "community_id", "direct_message_deep_link", "edit_options", "geo", "media"),
        *("for_super_followers_only", "nullcast", "paid_partnership", "poll", "reply_settings"),
        "share_with_followers",
    ]
)
REPLY_TAKEN = frozenset(
    {"in_reply_to_tweet_id", "exclude_reply_user_ids", "auto_populate_reply_metadata"}
)


def router(site: Site) -> APIRouter:
    """The endpoints of posts."""
    routes = APIRouter(prefix="/2/tweets")
    allowed = TWEET_EXPANSIONS | POST_EXPANSIONS

    @routes.post("", dependencies=[Depends(admit(site, "POST /2/tweets", USERS, *WRITE))])
    async def create(request: Request, body: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """Post as the user who calls."""
        post = _create(site, caller_of(request), body)
        data = {"id": post.id, "text": post.body.text, "edit_history_tweet_ids": post.edit_ids}
        return JSONResponse({"data": data}, 201, headers=request.state.headers)

    @routes.get("", dependencies=[Depends(admit(site, "GET /2/tweets", EVERYBODY, *READ))])
    async def find_many(request: Request) -> dict[str, Any]:
        """Several posts by their ids."""
        params = Params(request.query_params, POST_PARAMETERS | {"ids"})
        asked = params.asked(allowed)
        caller = caller_of(request)
        found = [_find(site, caller, "ids", post_id) for post_id in params.ids("ids")]
        return _answer(site, found, asked)

    @routes.get(
        "/{post_id}", dependencies=[Depends(admit(site, "GET /2/tweets/:id", EVERYBODY, *READ))]
    )
    async def find(post_id: str, request: Request) -> dict[str, Any]:
        """One post by its id."""
        params = Params(request.query_params, POST_PARAMETERS)
        asked = params.asked(allowed)
        post = _find(site, caller_of(request), "id", valid_id("id", post_id))
        if not isinstance(post, Post):
            return {"errors": [post]}
        answer: dict[str, Any] = {"data": site.renderer.post(post, asked)}
        includes = site.renderer.post_includes([post], asked)
        return answer | ({"includes": includes} if includes else {})

    @routes.delete(
        "/{post_id}", dependencies=[Depends(admit(site, "DELETE /2/tweets/:id", USERS, *WRITE))]
    )
    async def delete(post_id: str, request: Request) -> dict[str, Any]:
        """Take down a post of the user who calls."""
        post = site.world.post(valid_id("id", post_id))
        if post is None:
            return {"errors": [problems.not_found("tweet", "id", post_id)]}
        if post.author_id != caller_of(request).user.id:
            raise problems.forbidden("You are not authorized to delete this Tweet.")
        site.world.delete(post)
        return {"data": {"deleted": True}}

    return routes


def _find(site: Site, caller: Caller, parameter: str, post_id: str) -> Post | dict[str, str]:
    post = site.world.post(post_id)
    if post is None or site.world.author(post).suspended:
        return problems.not_found("tweet", parameter, post_id)
    own = caller.account is not None and caller.account.id == post.author_id
    if not own and not site.world.visible(post):
        return problems.not_authorized("tweet", parameter, post_id)
    return post


def _answer(site: Site, found: list[Post | dict[str, str]], asked: Asked) -> dict[str, Any]:
    posts = [one for one in found if isinstance(one, Post)]
    errors = [one for one in found if not isinstance(one, Post)]
    answer: dict[str, Any] = {}
    if posts:
        answer["data"] = [site.renderer.post(post, asked) for post in posts]
    includes = site.renderer.post_includes(posts, asked)
    if includes:
        answer["includes"] = includes
    return answer | ({"errors": errors} if errors else {})


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _create(site: Site, caller: Caller, body: dict[str, Any]) -> Post:
    unknown = set(body) - TAKEN
    if unknown:
        known = unknown <= NOT_HERE
        why = "not supported by the local X" if known else "not a field of a post"
        raise problems.invalid(f"{', '.join(sorted(unknown))}: {why}.")
    text, reply = body.get("text", ""), body.get("reply") or {}
    quoted = body.get("quote_tweet_id")
    if not isinstance(text, str) or not isinstance(reply, dict) or set(reply) - REPLY_TAKEN:
        raise problems.invalid("`text` must be a string and `reply` an object of known fields.")
    excluded, parent_id = reply.get("exclude_reply_user_ids", []), reply.get("in_reply_to_tweet_id")
    if not _strings(excluded) or (reply and not isinstance(parent_id, str)):
        raise problems.invalid("`reply` needs `in_reply_to_tweet_id`, and ids as strings.")
    for name, value in (("in_reply_to_tweet_id", parent_id), ("quote_tweet_id", quoted)):
        if value is not None:
            valid_id(name, str(value))
    author = caller.user
    parent, quoted_post = etiquette.check_post(site.world, author, text, parent_id, quoted)
    post = site.world.publish(
        author, text, in_reply_to=parent, quotes=quoted_post, exclude=excluded, by_app=True
    )
    etiquette.judge_post(site.world, author, post)
    return post
