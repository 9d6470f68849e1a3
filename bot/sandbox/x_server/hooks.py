"""The endpoints of webhooks and of the X Activity API's subscriptions."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, Depends, Request

from bot.sandbox.x_server import problems
from bot.sandbox.x_server.activity import PRIVATE, Subscription, Webhook
from bot.sandbox.x_server.asked import Params
from bot.sandbox.x_server.render import moment
from bot.sandbox.x_server.site import APP, EVERYBODY, Site, admit, caller_of

LONGEST_URL = 200
HERE = ("127.0.0.1", "localhost")
KINDS = PRIVATE  # X has more; these are what the bot reads
NOBODYS = "Such an event is private: its account has to subscribe to it."

Given = Annotated[dict[str, Any], Body()]


def router(site: Site) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(prefix="/2")
    _webhooks(routes, site)
    _subscriptions(routes, site)
    return routes


def _webhooks(routes: APIRouter, site: Site) -> None:
    @routes.get("/webhooks", dependencies=[Depends(admit(site, "GET /2/webhooks", APP))])
    async def list_webhooks() -> dict[str, Any]:
        """The app's webhooks."""
        shown = [_webhook(one) for one in site.activity.webhooks.values()]
        return {"data": shown, "meta": {"result_count": len(shown)}}

    @routes.post("/webhooks", dependencies=[Depends(admit(site, "POST /2/webhooks", APP))])
    async def create(body: Given) -> dict[str, Any]:
        """Register an address, which is challenged at once."""
        url = body.get("url")
        if set(body) != {"url"} or not isinstance(url, str) or not _is_taken(url):
            raise problems.invalid("UrlValidationFailed", parameter="url")
        if any(one.url == url for one in site.activity.webhooks.values()):
            raise problems.invalid("DuplicateUrlFailed", parameter="url")
        made = Webhook(id=site.world.ids.next(), url=url, created_at=site.world.now())
        if not await site.activity.challenge(made):
            raise problems.invalid("CrcValidationFailed", parameter="url")
        site.activity.webhooks[made.id] = made
        return {"data": _webhook(made)}

    @routes.put(
        "/webhooks/{webhook_id}", dependencies=[Depends(admit(site, "PUT /2/webhooks/:id", APP))]
    )
    async def validate(webhook_id: str) -> dict[str, Any]:
        """Challenge an address anew."""
        webhook = site.activity.webhooks.get(webhook_id)
        if webhook is None:
            raise problems.invalid("WebhookIdInvalid", parameter="webhook_id", value=webhook_id)
        return {"data": {"valid": await site.activity.challenge(webhook)}}


def _is_taken(url: str) -> bool:
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in HERE
    return len(url) <= LONGEST_URL and (is_here or (parts.scheme == "https" and not parts.port))


def _webhook(one: Webhook) -> dict[str, Any]:
    return {"id": one.id, "url": one.url, "valid": one.valid, "created_at": moment(one.created_at)}


def _subscriptions(routes: APIRouter, site: Site) -> None:
    path = "/activity/subscriptions"

    @routes.get(path, dependencies=[Depends(admit(site, f"GET /2{path}", EVERYBODY))])
    async def list_subscriptions(request: Request) -> dict[str, Any]:
        """The app's subscriptions."""
        Params(request.query_params, frozenset({"max_results", "pagination_token"}))
        return {"data": [_subscription(one) for one in site.activity.subscriptions.values()]}

    @routes.post(path, dependencies=[Depends(admit(site, f"POST /2{path}", EVERYBODY))])
    async def create(request: Request, body: Given) -> dict[str, Any]:
        """Subscribe to a kind of event of an account."""
        wanted = body.get("filter")
        known = {"event_type", "filter", "tag", "webhook_id"}
        if set(body) - known or body.get("event_type") not in KINDS:
            raise problems.invalid("The body holds an unknown field or event.")
        if not isinstance(wanted, dict) or set(wanted) != {"user_id"}:
            raise problems.invalid("`filter` must hold `user_id`.", parameter="filter")
        caller = caller_of(request)
        if caller.account is None or caller.account.id != wanted["user_id"]:
            raise problems.forbidden(NOBODYS)
        now = site.world.now()
        made = Subscription(
            id=site.world.ids.next(),
            event_type=body["event_type"],
            user_id=wanted["user_id"],
            created_at=now,
            updated_at=now,
            tag=body.get("tag"),
            webhook_id=_known(site, body),
        )
        site.activity.subscriptions[made.id] = made
        return {"data": {"subscription": _subscription(made)}}

    @routes.put(
        f"{path}/{{subscription_id}}",
        dependencies=[Depends(admit(site, f"PUT /2{path}/:id", APP))],
    )
    async def update(subscription_id: str, body: Given) -> dict[str, Any]:
        """Send a subscription's events elsewhere."""
        one = site.activity.subscriptions.get(subscription_id)
        if one is None or set(body) - {"tag", "webhook_id"}:
            raise problems.invalid("No such subscription, or an unknown field.")
        one.webhook_id = _known(site, body) or one.webhook_id
        one.tag = body.get("tag", one.tag)
        one.updated_at = site.world.now()
        return {"data": {"subscription": _subscription(one)}}


def _known(site: Site, body: dict[str, Any]) -> str | None:
    webhook_id = body.get("webhook_id")
    if webhook_id is not None and webhook_id not in site.activity.webhooks:
        raise problems.invalid("WebhookIdInvalid", parameter="webhook_id", value=str(webhook_id))
    return webhook_id


def _subscription(one: Subscription) -> dict[str, Any]:
    shown = {
        "subscription_id": one.id,
        "event_type": one.event_type,
        "filter": {"user_id": one.user_id},
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "tag": one.tag,
        "webhook_id": one.webhook_id,
    }
    return {name: value for name, value in shown.items() if value is not None}
