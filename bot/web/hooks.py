"""Webhooks: what the acquirer sends becomes an inbox row, and is read later."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from bot.domain.errors import Rejected
from bot.services import receive
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
        client = request.client.host if request.client is not None else "?"
        name = "webhook_forged" if error.code == "bad_signature" else "webhook_unreadable"
        log.warning(name, reason=error.code, address=client)
        return PlainTextResponse(error.code, 400)
    receive.take_in(deps, [event])
    return PlainTextResponse("ok")
