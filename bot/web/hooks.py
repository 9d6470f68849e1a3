"""Webhooks: what the acquirer and X send becomes inbox rows, and is read later."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.domain.errors import Rejected
from bot.services import receive, x_events
from bot.web.site import site_of

router = APIRouter()
log = structlog.get_logger(__name__)


async def _read(request: Request) -> bytes:
    """Read the body as it came: the signature is over its bytes."""
    return await request.body()


@router.post("/webhooks/stripe")
def stripe(request: Request, body: Annotated[bytes, Depends(_read)]) -> Response:
    """Take an event in, once; one whose signature does not hold is refused and logged."""
    deps = site_of(request).deps
    try:
        event = deps.webhooks.verify(body, request.headers.get("stripe-signature", ""))
    except Rejected as error:
        return _refused(request, error)
    receive.take_in(deps, [event])
    return PlainTextResponse("ok")


@router.get("/webhooks/x")
def x_challenge(request: Request, crc_token: str = "") -> Response:
    """Prove to X that the address is ours, whenever it asks; nothing comes of it here."""
    hooks = site_of(request).deps.x_hooks
    if hooks is None:
        return PlainTextResponse("not found", 404)
    try:
        return JSONResponse({"response_token": hooks.answer(crc_token)})
    except Rejected as error:
        return _refused(request, error)


@router.post("/webhooks/x")
def x_event(request: Request, body: Annotated[bytes, Depends(_read)]) -> Response:
    """Take X's events in, once each; one whose signature does not hold is refused and logged."""
    deps = site_of(request).deps
    if deps.x_hooks is None:
        return PlainTextResponse("not found", 404)
    signature = request.headers.get("x-twitter-webhooks-signature", "")
    try:
        events = deps.x_hooks.verify(body, signature)
    except Rejected as error:
        return _refused(request, error)
    x_events.take_in(deps, events)
    return PlainTextResponse("ok")


def _refused(request: Request, error: Rejected) -> Response:
    client = request.client.host if request.client is not None else "?"
    is_forged = error.code in ("bad_signature", "bad_token")
    name = "webhook_forged" if is_forged else "webhook_unreadable"
    log.warning(name, reason=error.code, address=client)
    return PlainTextResponse(error.code, 400)
