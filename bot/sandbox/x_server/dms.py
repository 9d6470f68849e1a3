"""Direct messages: read by their owner, written to who wrote first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse

from bot.sandbox.x_server import etiquette, problems
from bot.sandbox.x_server.asked import DM_EXPANSIONS, DM_PARAMETERS, Params, valid_id
from bot.sandbox.x_server.auth import Caller
from bot.sandbox.x_server.model import DmEvent
from bot.sandbox.x_server.site import USERS, Site, admit, caller_of
from bot.sandbox.x_server.timelines import before, page_token

READ = ("dm.read", "tweet.read", "users.read")
WRITE = ("dm.write", "tweet.read", "users.read")
EVENT_TYPES = frozenset({"MessageCreate", "ParticipantsJoin", "ParticipantsLeave"})
PAGE_PARAMETERS = DM_PARAMETERS | {"max_results", "pagination_token", "event_types"}
WITH = "/2/dm_conversations/with/:participant_id"


def router(site: Site) -> APIRouter:
    """The endpoints of direct messages."""
    routes = APIRouter(prefix="/2")

    @routes.get("/dm_events", dependencies=[Depends(admit(site, "GET /2/dm_events", USERS, *READ))])
    async def events(request: Request) -> dict[str, Any]:
        """What was written to and by the user who calls, newest first."""
        mine = _events_of(site, caller_of(request))
        return _page(site, Params(request.query_params, PAGE_PARAMETERS), mine)

    @routes.get(
        "/dm_conversations/with/{participant_id}/dm_events",
        dependencies=[Depends(admit(site, f"GET {WITH}/dm_events", USERS, *READ))],
    )
    async def events_with(participant_id: str, request: Request) -> dict[str, Any]:
        """The conversation with one other user, newest first."""
        params = Params(request.query_params, PAGE_PARAMETERS)
        caller = caller_of(request)
        other = site.world.user(valid_id("participant_id", participant_id))
        if other is None:
            return {"errors": [problems.not_found("user", "participant_id", participant_id)]}
        pair = site.world.pair(caller.user, other)
        mine = (one for one in _events_of(site, caller) if one.conversation_id == pair)
        return _page(site, params, mine)

    @routes.post(
        "/dm_conversations/with/{participant_id}/messages",
        dependencies=[Depends(admit(site, f"POST {WITH}/messages", USERS, *WRITE))],
    )
    async def send(
        participant_id: str, request: Request, body: Annotated[dict[str, Any], Body()]
    ) -> JSONResponse:
        """Write to one other user."""
        event = _send(site, caller_of(request), valid_id("participant_id", participant_id), body)
        data = {"dm_conversation_id": event.conversation_id, "dm_event_id": event.id}
        return JSONResponse({"data": data}, 201, headers=request.state.headers)

    return routes


def _events_of(site: Site, caller: Caller) -> Iterable[DmEvent]:
    for event in reversed(site.world.events):
        members = site.world.conversations[event.conversation_id].participant_ids
        if caller.user.id in members:
            yield event


def _page(site: Site, params: Params, events: Iterable[DmEvent]) -> dict[str, Any]:
    asked = params.asked(DM_EXPANSIONS)
    size = params.integer("max_results", default=100, low=1, high=100)
    kinds = params.names("event_types", EVENT_TYPES) or EVENT_TYPES
    until = before(params.text("pagination_token"))
    wanted = (one for one in events if one.kind in kinds and (until is None or int(one.id) < until))
    found = list(islice(wanted, size + 1))
    more, found = len(found) > size, found[:size]
    if not found:
        return {"meta": {"result_count": 0}}
    answer: dict[str, Any] = {"data": [site.renderer.event(event, asked) for event in found]}
    includes = site.renderer.event_includes(found, asked)
    if includes:
        answer["includes"] = includes
    meta: dict[str, Any] = {"result_count": len(found)}
    return answer | {"meta": meta | ({"next_token": page_token(found[-1].id)} if more else {})}


def _send(site: Site, caller: Caller, recipient_id: str, body: dict[str, Any]) -> DmEvent:
    text = body.get("text")
    if set(body) - {"text"} or not isinstance(text, str) or not text.strip():
        raise problems.invalid("The body must hold `text`, and attachments are not sent here.")
    if len(text) > etiquette.LONGEST_DM:
        raise problems.invalid(
            f"The text must not exceed {etiquette.LONGEST_DM} characters.", parameter="text"
        )
    recipient = site.world.user(recipient_id)
    if recipient is None or recipient is caller.user:
        raise problems.invalid(
            "The participant does not exist, or is the one who writes.",
            parameter="participant_id",
            value=recipient_id,
        )
    etiquette.check_dm(site.world, caller.user, recipient)
    conversation = site.world.conversation([caller.user, recipient])
    return site.world.send(caller.user, conversation, text, by_app=True)
