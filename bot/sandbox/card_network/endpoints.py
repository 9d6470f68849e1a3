"""Webhook endpoints that the API makes, beside the one that the network was started with."""

from typing import Final

from bot.sandbox.card_network.errors import missing_param
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params, merge_metadata
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.store import random_id
from bot.sandbox.card_network.webhooks import Endpoint

_OWN_ACCOUNT: Final[Obj] = {
    "business_type": "company",
    "capabilities": {"card_payments": "active", "transfers": "active"},
    "charges_enabled": True,
    "country": "FR",
    "default_currency": "eur",
    "details_submitted": True,
    "email": "sandbox@localhost",
    "id": "acct_sandbox",
    "metadata": {},
    "object": "account",
    "payouts_enabled": True,
    "type": "standard",
}


def create(net: Network, params: Params) -> Obj:
    """`POST /v1/webhook_endpoints`: the answer alone names the secret."""
    url, types = params.need("url"), params.texts("enabled_events")
    description, metadata = params.text("description"), params.metadata()
    api_version = params.text("api_version")
    params.end()
    if not types:
        raise missing_param("enabled_events")
    made = net.store.add(
        "webhook_endpoint",
        url=url,
        enabled_events=types,
        description=description,
        metadata=merge_metadata({}, metadata),
        api_version=api_version,
    )
    secret = random_id("whsec")
    net.webhooks.endpoints[made["id"]] = Endpoint(url, secret, tuple(types))
    return {**made, "secret": secret}


def retrieve(net: Network, params: Params, endpoint_id: str) -> Obj:
    """`GET /v1/webhook_endpoints/{id}`."""
    params.end()
    return net.store.get("webhook_endpoint", endpoint_id)


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/webhook_endpoints`."""
    return net.store.page("webhook_endpoint", params, url="/v1/webhook_endpoints")


def delete(net: Network, params: Params, endpoint_id: str) -> Obj:
    """`DELETE /v1/webhook_endpoints/{id}`."""
    params.end()
    net.store.get("webhook_endpoint", endpoint_id)
    net.store.drop("webhook_endpoint", endpoint_id)
    net.webhooks.endpoints.pop(endpoint_id, None)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def account(_net: Network, params: Params) -> Obj:
    """`GET /v1/account`: what a check of the API key reads."""
    params.end()
    return _OWN_ACCOUNT
