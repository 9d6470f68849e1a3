"""The filtered stream's endpoints: `/2/tweets/search/stream` and its rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse

from bot.sandbox.x_server import problems
from bot.sandbox.x_server.asked import POST_EXPANSIONS, POST_PARAMETERS, TWEET_EXPANSIONS, Params
from bot.sandbox.x_server.hub import Connection
from bot.sandbox.x_server.model import StreamRule
from bot.sandbox.x_server.render import moment
from bot.sandbox.x_server.rules import InvalidRule
from bot.sandbox.x_server.site import APP, Site, admit

STREAM_PARAMETERS = POST_PARAMETERS | {"backfill_minutes"}
RULES_PARAMETERS = frozenset({"ids", "max_results", "pagination_token"})
UPDATE_PARAMETERS = frozenset({"dry_run", "delete_all"})


def router(site: Site) -> APIRouter:
    """The stream's endpoints."""
    routes = APIRouter(prefix="/2/tweets/search/stream")
    path = "/2/tweets/search/stream"

    @routes.get("", dependencies=[Depends(admit(site, f"GET {path}", APP))])
    async def connect(request: Request) -> StreamingResponse:
        """Read the stream."""
        params = Params(request.query_params, STREAM_PARAMETERS)
        asked = params.asked(TWEET_EXPANSIONS | POST_EXPANSIONS)
        if params.integer("backfill_minutes", default=0, low=0, high=5):
            raise problems.invalid(
                "backfill_minutes is not available to this access level.",
                parameter="backfill_minutes",
            )
        connection = site.hub.connect(asked)
        return StreamingResponse(
            _lines(site, connection),
            media_type="application/json",
            headers=request.state.headers,
        )

    @routes.get("/rules", dependencies=[Depends(admit(site, f"GET {path}/rules", APP))])
    async def list_rules(request: Request) -> dict[str, Any]:
        """The rules that stand."""
        params = Params(request.query_params, RULES_PARAMETERS)
        wanted = params.ids("ids") if params.text("ids") else None
        shown = [_shown(one) for one in site.hub.rules() if wanted is None or one.id in wanted]
        answer: dict[str, Any] = {"data": shown} if shown else {}
        return answer | {"meta": {"result_count": len(shown)}}

    @routes.post("/rules", dependencies=[Depends(admit(site, f"POST {path}/rules", APP))])
    async def update_rules(
        request: Request, body: Annotated[dict[str, Any] | None, Body()] = None
    ) -> JSONResponse:
        """Add rules, or delete some."""
        params = Params(request.query_params, UPDATE_PARAMETERS)
        dry, body = params.flag("dry_run"), body or {}
        if set(body) - {"add", "delete"} or (len(body) != 1 and not params.flag("delete_all")):
            raise problems.invalid("The body must hold either `add` or `delete`.")
        if "add" in body:
            status, answer = _add(site, body["add"], dry=dry)
        else:
            everything = {"ids": [rule.id for rule in site.hub.rules()]}
            status, answer = _delete(site, body.get("delete", everything), dry=dry)
        return JSONResponse(answer, status, headers=request.state.headers)

    return routes


async def _lines(site: Site, connection: Connection) -> AsyncIterator[bytes]:
    try:
        async for line in connection.lines(site.keep_alive_s):
            yield line
    finally:
        site.hub.leave(connection)


def _shown(rule: StreamRule) -> dict[str, str]:
    shown = {"id": rule.id, "value": rule.value}
    return shown if rule.tag is None else shown | {"tag": rule.tag}


def _add(site: Site, wanted: Any, *, dry: bool) -> tuple[int, dict[str, Any]]:
    if not isinstance(wanted, list) or not all(
        isinstance(one, dict)
        and isinstance(one.get("value"), str)
        and isinstance(one.get("tag", ""), str)
        and not set(one) - {"value", "tag"}
        for one in wanted
    ):
        raise problems.invalid("`add` must be a list of rules with `value` and `tag`.")
    data, errors, invalid = [], [], 0
    for one in wanted:
        same = next((rule for rule in site.hub.rules() if rule.value == one["value"]), None)
        if same is not None:
            errors.append(_duplicate(same))
            continue
        try:
            data.append(_shown(site.hub.add(one["value"], one.get("tag"), dry=dry)))
        except InvalidRule as error:
            invalid += 1
            errors.append(_invalid(one["value"], str(error)))
    summary = {
        "created": len(data),
        "not_created": len(errors),
        "valid": len(wanted) - invalid,
        "invalid": invalid,
    }
    answer: dict[str, Any] = {"data": data} if data else {}
    answer["meta"] = {"sent": moment(site.world.now()), "summary": summary}
    if errors:
        answer["errors"] = errors
    return (400 if invalid and not data else 200), answer


def _duplicate(rule: StreamRule) -> dict[str, Any]:
    return {
        "title": "DuplicateRule",
        "type": problems.BASE + "duplicate-rules",
        "value": rule.value,
        "id": rule.id,
    }


def _invalid(value: str, why: str) -> dict[str, Any]:
    return {
        "title": "UnprocessableEntity",
        "type": problems.BASE + "invalid-rules",
        "value": value,
        "details": [why],
    }


def _delete(site: Site, wanted: Any, *, dry: bool) -> tuple[int, dict[str, Any]]:
    if not isinstance(wanted, dict) or not set(wanted) <= {"ids", "values"} or not wanted:
        raise problems.invalid("`delete` must hold `ids` or `values`.")
    ids = [str(rule_id) for rule_id in wanted.get("ids", [])]
    values = wanted.get("values", [])
    ids += [rule.id for rule in site.hub.rules() if rule.value in values]
    deleted = [site.hub.remove(rule_id, dry=dry) for rule_id in ids]
    summary = {"deleted": sum(deleted), "not_deleted": len(deleted) - sum(deleted)}
    answer: dict[str, Any] = {"meta": {"sent": moment(site.world.now()), "summary": summary}}
    missing = [rule_id for rule_id, gone in zip(ids, deleted, strict=True) if not gone]
    if missing:
        answer["errors"] = [problems.not_found("rule", "id", rule_id) for rule_id in missing]
    return 200, answer
