"""Holds requests against X's own description of its API.

A path, a method, a parameter, a value, a body or a way to sign that the description does not have
is a complaint, unless it stands in `beyond` with its reason.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it ships no types

from tests.sandbox.x_ear import Heard
from tests.sandbox.x_kit import SECRETS, openapi

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
FORMATS: Final = FormatChecker(formats=())


@dataclass(frozen=True, slots=True)
class Beyond:
    """Names in a query that we send although the description does not list them there."""

    parameter: str
    beside: str
    """The parameter that the description has in its place: only with it may ours be sent."""
    names: frozenset[str]
    why: str


@cache
def beyond() -> tuple[Beyond, ...]:
    """All that we send beyond the description."""
    stream = _parameters(openapi()["paths"]["/2/tweets/search/stream"]["get"])
    return (
        Beyond(
            parameter="tweet.fields",
            beside="post.fields",
            names=frozenset(stream["query", "tweet.fields"]["schema"]["items"]["enum"]),
            why="X is renaming its fields: it describes the older names on the stream alone by "
            "now, but takes them everywhere, and tweepy sends no others. We read either family.",
        ),
        Beyond(
            parameter="dm_event.fields",
            beside="dm_event.fields",
            names=frozenset({"participant_ids", "sender_id"}),
            why="The newest description gives them by an expansion, which X bills. Where an X "
            "refuses them, they are asked for as it is described.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the description says of a request."""

    operation: str
    """`GET /2/users/{id}/mentions`, or the path as it was where there is none."""
    complaints: tuple[str, ...]
    beyond: frozenset[str]
    """The parameters in which it goes beyond the description, as `beyond` allows."""


def judge(heard: Heard) -> Verdict:
    """Hold a request against the description."""
    if heard.path == token_path():
        return Verdict(f"{heard.method} {heard.path}", tuple(_of_token(heard)), frozenset())
    found = _find(heard.method, heard.path)
    if found is None:
        operation = f"{heard.method} {heard.path}"
        return Verdict(operation, (f"X describes no {operation}",), frozenset())
    template, in_path, spec = found
    complaints, allowed = list(_of_path(spec, in_path)), set()
    for name, value in parse_qsl(heard.query, keep_blank_values=True):
        complaint, is_beyond = _of_query(spec, name, value)
        complaints += [complaint] if complaint else []
        allowed |= {name} if is_beyond else set()
    complaints += [*_of_missing(spec, heard.query), *_of_body(spec, heard), *_of_auth(spec, heard)]
    operation = f"{heard.method} {template}"
    return Verdict(
        operation, tuple(f"{operation}: {one}" for one in complaints), frozenset(allowed)
    )


def assert_described(heard: list[Heard]) -> None:
    """Assert that X describes each request."""
    found = {complaint for one in heard for complaint in judge(one).complaints}
    assert not found, sorted(found)


@cache
def token_path() -> str:
    """Where a sign-in's code is traded: no operation, but named by the way to authorize."""
    schemes = openapi()["components"]["securitySchemes"]
    url = schemes["OAuth2UserToken"]["flows"]["authorizationCode"]["tokenUrl"]
    return urlsplit(str(url)).path


def _of_token(heard: Heard) -> Iterator[str]:
    """Hold it against RFC 6749 (4.1.3) and RFC 7636 (4.5), which the description names."""
    if heard.method != "POST" or heard.headers.get("content-type") != FORM or heard.query:
        yield "a code is traded by POST, in a form"
    names = {name for name, _ in parse_qsl(heard.body.decode())}
    wanted = {"grant_type", "code", "redirect_uri", "code_verifier"}
    if names - {"client_id"} != wanted:
        yield f"a code is traded by {sorted(wanted)}, not by {sorted(names)}"


def _find(method: str, path: str) -> tuple[str, Mapping[str, str], dict[str, Any]] | None:
    """Find the operation: a path without placeholders first."""
    for template in sorted(openapi()["paths"], key=lambda one: one.count("{")):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
        match = re.fullmatch(pattern, path)
        if match and method.lower() in openapi()["paths"][template]:
            return template, match.groupdict(), openapi()["paths"][template][method.lower()]
    return None


def _parameters(spec: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The parameters of an operation, by where they stand and their names."""
    known = openapi()["components"]["parameters"]
    listed = [
        known[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        for one in spec.get("parameters", [])
    ]
    return {(one["in"], one["name"]): one for one in listed}


def _of_path(spec: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        if not _fits(value, _parameters(spec)["path", name]["schema"]):
            yield f"{name} in the path does not fit"


def _of_query(spec: Mapping[str, Any], name: str, value: str) -> tuple[str | None, bool]:
    """What is wrong with a parameter, and whether it goes beyond the description."""
    parameters = _parameters(spec)
    described = parameters.get(("query", name))
    for one in beyond():
        if one.parameter == name and ("query", one.beside) in parameters:
            more = one.names & set(value.split(","))
            less = [given for given in value.split(",") if given not in more]
            if described is None:
                return (f"{name} has names of neither family: {less}" if less else None), True
            if more:
                is_fit = not less or _fits(less, described["schema"])
                return (None if is_fit else f"{name} does not fit"), True
    if described is None:
        return f"no parameter {name}", False
    is_fit = _fits(_read(value, described["schema"]), described["schema"])
    return (None if is_fit else f"{name} does not fit"), False


def _of_missing(spec: Mapping[str, Any], query: str) -> Iterator[str]:
    given = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    for (place, name), parameter in _parameters(spec).items():
        if place == "query" and parameter.get("required") and name not in given:
            yield f"{name} is required"


def _of_body(spec: Mapping[str, Any], heard: Heard) -> Iterator[str]:
    described = spec.get("requestBody")
    if described is None:
        if heard.body:
            yield "no body"
        return
    if heard.headers.get("content-type") != JSON:
        yield f"its body is {JSON}"
    schema = described["content"][JSON]["schema"]
    for error in _validator(schema).iter_errors(json.loads(heard.body or b"null")):
        yield f"its body does not fit at {error.json_path}, by {error.validator}"


def _of_auth(spec: Mapping[str, Any], heard: Heard) -> Iterator[str]:
    """See whether it is signed in a way that the operation takes."""
    given = heard.headers.get("authorization", "")
    if given.startswith("OAuth "):
        used = "UserToken"
    elif given == f"Bearer {SECRETS.bearer_token}":
        used = "BearerToken"
    else:
        used = "OAuth2UserToken" if given.startswith("Bearer ") else "nothing"
    if not any(used in way for way in spec["security"]):
        yield f"signed by {used}"


def _read(value: str, schema: Mapping[str, Any]) -> object:
    """Read a value of a query as the type that its schema has."""
    match schema.get("type"):
        case "array":
            return value.split(",")
        case "integer":
            return int(value) if re.fullmatch("-?[0-9]+", value) else value
        case "boolean":
            return {"true": True, "false": False}.get(value, value)
        case _:
            return value


def _fits(value: object, schema: Mapping[str, Any]) -> bool:
    return bool(_validator(schema).is_valid(value))


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    whole = {**schema, "components": openapi()["components"]}
    return Draft202012Validator(whole, format_checker=FORMATS)


def _is_moment(value: object) -> bool:
    return datetime.fromisoformat(str(value)).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(_is_moment)
