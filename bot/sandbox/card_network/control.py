"""Test control under `/_sandbox/`: what no acquirer would let its customers do. JSON in and out.

`POST /_sandbox/disputes {"charge"|"payment_intent"|"dispute", "amount"?, "reason"?, "outcome"?}`
    opens a dispute on a captured charge (`charge` or `payment_intent`; `amount` in cents, default
    all that is left) and, with `outcome` "won" or "lost", closes it; `{"dispute", "outcome"}`
    closes one that is open. Answers with the dispute. `GET` lists them.
`POST /_sandbox/payouts` pays out all that is available at once, where the network by itself does so
    each day, and answers with the payout; 400 where nothing is available. `GET` lists them.
`POST /_sandbox/refunds {"refund"}` lets the issuer send a refund back: it fails.
`POST /_sandbox/faults`: see `faults`. One fault or a list; answers with all that wait. `GET` lists
    them, `DELETE` forgets them.
`POST /_sandbox/webhook {"url"}` points the network's webhooks elsewhere; `GET /_sandbox/webhooks`
    lists the attempts made and how many deliveries wait.
`POST /_sandbox/webhook/resend {"event"}` sends an event once more, as from Stripe's dashboard.

What is wrong with a call is a 400 with Stripe's error JSON; there is no key to show.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.card_network import balance, disputes, refunds
from bot.sandbox.card_network.errors import ApiError, invalid_param, missing_param
from bot.sandbox.card_network.faults import Fault
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.sweep import turn


async def _read(request: Request) -> Any:
    """Return a call's JSON; None, which no call takes, where it brings none."""
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        return None


Json = Annotated[Any, Depends(_read)]

_DISPUTE_FIELDS: Final = {"charge", "payment_intent", "dispute", "amount", "reason", "outcome"}


def control(net: Network) -> APIRouter:
    """Make the router of test control."""
    router = APIRouter(prefix="/_sandbox", include_in_schema=False)
    _money(net, router)
    _weather(net, router)
    return router


def _money(net: Network, router: APIRouter) -> None:
    """Add what moves money."""

    @router.post("/disputes")
    def dispute(body: Json) -> Response:
        return _do(net, lambda: _dispute(net, _object(body)))

    @router.get("/disputes")
    def all_disputes() -> Response:
        return _do(net, lambda: net.store.every("dispute"))

    @router.post("/payouts")
    def payout() -> Response:
        return _do(net, lambda: balance.make_payout(net))

    @router.get("/payouts")
    def all_payouts() -> Response:
        return _do(net, lambda: net.store.every("payout"))

    @router.post("/refunds")
    def fail_refund(body: Json) -> Response:
        def fail() -> Obj:
            refund_id = str(_object(body).get("refund", ""))
            refund = net.store.get("refund", refund_id, param="refund", status=400)
            return refunds.fail(net, refund)

        return _do(net, fail)


def _weather(net: Network, router: APIRouter) -> None:
    """Add faults and webhooks."""

    @router.post("/faults")
    def add_faults(body: Json) -> Response:
        def add() -> Any:
            wanted = body if isinstance(body, list) else [body]
            try:
                faults = [Fault.read(one) for one in wanted]
            except (TypeError, ValueError) as error:
                raise invalid_param("fault", str(error)) from error
            net.faults.add(faults)
            return net.faults.shown()

        return _do(net, add)

    @router.get("/faults")
    def all_faults() -> Response:
        return _do(net, net.faults.shown)

    @router.delete("/faults")
    def no_faults() -> Response:
        net.faults.clear()
        return _do(net, net.faults.shown)

    @router.post("/webhook")
    def point(body: Json) -> Response:
        def point_webhooks() -> Obj:
            url = str(_object(body).get("url") or "")
            if not url.startswith("http"):
                raise invalid_param("url", "Give the URL that events go to.")
            net.point_webhooks(url)
            return {"url": url}

        return _do(net, point_webhooks)

    @router.post("/webhook/resend")
    def resend(body: Json) -> Response:
        def send_again() -> Obj:
            event_id = str(_object(body).get("event", ""))
            event = net.store.get("event", event_id, param="event", status=400)
            return {"event": event_id, "endpoints": net.webhooks.send(event)}

        return _do(net, send_again)

    @router.get("/webhooks")
    def deliveries() -> Response:
        return _do(
            net,
            lambda: {"deliveries": net.webhooks.deliveries(), "waiting": net.webhooks.waiting()},
        )


def _do(net: Network, work: Callable[[], Any]) -> Response:
    """Do it under the lock and answer in JSON."""
    try:
        with turn(net):
            return JSONResponse(work())
    except ApiError as error:
        return JSONResponse({"error": error.body}, error.status)


def _object(body: Any) -> Obj:
    if not isinstance(body, dict):
        raise ApiError(400, "Send a JSON object.")
    return body


def _dispute(net: Network, body: Obj) -> Obj:
    """Open a dispute, close one, or both."""
    unknown = body.keys() - _DISPUTE_FIELDS
    if unknown:
        raise invalid_param(min(unknown), f"Unknown: {sorted(unknown)}")
    outcome = body.get("outcome")
    if outcome not in {None, "won", "lost"}:
        raise invalid_param("outcome", "Give `won` or `lost`.")
    amount_cents = body.get("amount")
    if amount_cents is not None and type(amount_cents) is not int:
        raise invalid_param("amount", "Give whole cents, such as 1000.")
    if body.get("dispute"):
        found = net.store.get("dispute", str(body["dispute"]), param="dispute", status=400)
        if outcome is None:
            raise missing_param("outcome")
    else:
        found = disputes.open_dispute(
            net,
            _disputed(net, body),
            reason=str(body.get("reason", "fraudulent")),
            amount_cents=amount_cents,
        )
    return disputes.close_dispute(net, found, outcome) if outcome else found


def _disputed(net: Network, body: Obj) -> Obj:
    """Find the charge to dispute."""
    charge_id = body.get("charge")
    if charge_id is None:
        intent_id = body.get("payment_intent")
        if intent_id is None:
            raise missing_param("charge")
        intent = net.store.get("payment_intent", str(intent_id), param="payment_intent", status=400)
        charge_id = intent["latest_charge"]
    return net.store.get("charge", str(charge_id or ""), param="charge", status=400)
