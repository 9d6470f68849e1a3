"""The table of the API's endpoints: method, path, and the function that does it."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from bot.sandbox.card_network import (
    balance,
    customers,
    disputes,
    endpoints,
    events,
    intents,
    refunds,
    sessions,
)
from bot.sandbox.card_network.gate import Call, Handler, answer, read_call, unknown_url
from bot.sandbox.card_network.network import Network

_CHECKOUT: Final = "/v1/checkout/sessions"
_INTENTS: Final = "/v1/payment_intents"
_METHODS: Final = "/v1/payment_methods"

ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("POST", _CHECKOUT, sessions.create),
    ("GET", _CHECKOUT, sessions.every),
    ("GET", _CHECKOUT + "/{id}", sessions.retrieve),
    ("POST", _CHECKOUT + "/{id}", sessions.update),
    ("GET", _CHECKOUT + "/{id}/line_items", sessions.line_items),
    ("POST", _CHECKOUT + "/{id}/expire", sessions.expire),
    ("POST", _INTENTS, intents.create),
    ("GET", _INTENTS, intents.every),
    ("GET", _INTENTS + "/{id}", intents.retrieve),
    ("POST", _INTENTS + "/{id}", intents.update),
    ("POST", _INTENTS + "/{id}/confirm", intents.confirm),
    ("POST", _INTENTS + "/{id}/capture", intents.capture),
    ("POST", _INTENTS + "/{id}/cancel", intents.cancel),
    ("GET", "/v1/charges", intents.charges),
    ("GET", "/v1/charges/{id}", intents.charge),
    ("POST", "/v1/refunds", refunds.create),
    ("GET", "/v1/refunds", refunds.every),
    ("GET", "/v1/refunds/{id}", refunds.retrieve),
    ("POST", "/v1/customers", customers.create),
    ("GET", "/v1/customers", customers.every),
    ("GET", "/v1/customers/{id}", customers.retrieve),
    ("POST", "/v1/customers/{id}", customers.update),
    ("DELETE", "/v1/customers/{id}", customers.delete),
    ("GET", "/v1/customers/{id}/payment_methods", customers.methods_of),
    ("POST", _METHODS, customers.create_method),
    ("GET", _METHODS, customers.methods),
    ("GET", _METHODS + "/{id}", customers.method),
    ("POST", _METHODS + "/{id}/attach", customers.attach),
    ("POST", _METHODS + "/{id}/detach", customers.detach),
    ("GET", "/v1/balance", balance.balance),
    ("GET", "/v1/balance_transactions", balance.transactions),
    ("GET", "/v1/balance_transactions/{id}", balance.transaction),
    ("GET", "/v1/payouts", balance.payouts),
    ("GET", "/v1/payouts/{id}", balance.payout),
    ("GET", "/v1/disputes", disputes.every),
    ("GET", "/v1/disputes/{id}", disputes.retrieve),
    ("POST", "/v1/disputes/{id}", disputes.update),
    ("POST", "/v1/disputes/{id}/close", disputes.close),
    ("GET", "/v1/events", events.every),
    ("GET", "/v1/events/{id}", events.retrieve),
    ("POST", "/v1/webhook_endpoints", endpoints.create),
    ("GET", "/v1/webhook_endpoints", endpoints.every),
    ("GET", "/v1/webhook_endpoints/{id}", endpoints.retrieve),
    ("DELETE", "/v1/webhook_endpoints/{id}", endpoints.delete),
    ("GET", "/v1/account", endpoints.account),
)


def api(net: Network) -> APIRouter:
    """Make the API's router. The endpoints are sync: they wait for the lock in a thread."""
    router = APIRouter()
    for method, path, handler in ROUTES:
        _add(router, net, method, path, handler)

    @router.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(call: Annotated[Call, Depends(read_call)]) -> Response:
        return unknown_url(net, call)

    return router


def _add(router: APIRouter, net: Network, method: str, path: str, handler: Handler) -> None:
    """Put one endpoint into the router."""

    def endpoint(call: Annotated[Call, Depends(read_call)]) -> Response:
        return answer(net, call, handler)

    router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
