"""X's refusals, as its v2 says them: problem JSON with a type, a title and a detail."""

from __future__ import annotations

from typing import Any

BASE = "https://api.x.com/2/problems/"

APP_ONLY = "OAuth 2.0 Application-Only"
OAUTH1_USER = "OAuth 1.0a User Context"
OAUTH2_USER = "OAuth 2.0 User Context"


class XProblem(Exception):
    """An answer other than a success: its status and its body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("detail", ""))
        self.status = status
        self.body = body


def _plain(status: int, title: str, detail: str) -> XProblem:
    return XProblem(
        status, {"title": title, "detail": detail, "type": "about:blank", "status": status}
    )


def unauthorized() -> XProblem:
    """The credentials are missing or wrong."""
    return _plain(401, "Unauthorized", "Unauthorized")


def forbidden(detail: str) -> XProblem:
    """The credentials are right and X still says no."""
    return _plain(403, "Forbidden", detail)


def too_many_requests() -> XProblem:
    """A rate limit is spent."""
    return _plain(429, "Too Many Requests", "Too Many Requests")


def server_error(status: int) -> XProblem:
    """X itself is in trouble."""
    titles = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
    title = titles.get(status, "Gateway Timeout")
    return _plain(status, title, title)


def not_found_route() -> XProblem:
    """There is no such endpoint."""
    return _plain(404, "Not Found", "Not Found")


def unsupported_authentication(used: str, supported: list[str]) -> XProblem:
    """Right credentials of the wrong kind for this endpoint."""
    return XProblem(
        403,
        {
            "title": "Unsupported Authentication",
            "detail": f"Authenticating with {used} is forbidden for this endpoint.  "
            f"Supported authentication types are [{', '.join(supported)}].",
            "type": BASE + "unsupported-authentication",
            "status": 403,
        },
    )


def missing_scope(scopes: set[str]) -> XProblem:
    """The user's token was not granted what this endpoint needs."""
    return forbidden(f"The token lacks the scopes [{', '.join(sorted(scopes))}].")


def too_many_connections() -> XProblem:
    """The one connection of the stream is taken."""
    return XProblem(
        429,
        {
            "title": "ConnectionException",
            "detail": "This stream is currently at the maximum allowed connection limit.",
            "connection_issue": "TooManyConnections",
            "type": BASE + "streaming-connection",
        },
    )


def invalid(detail: str, *, parameter: str | None = None, value: str | None = None) -> XProblem:
    """A parameter or a body that X does not take."""
    body: dict[str, Any] = {
        "title": "Invalid Request",
        "detail": detail,
        "type": BASE + "invalid-request",
        "status": 400,
    }
    if parameter is not None:
        body["parameter"] = parameter
    if value is not None:
        body["value"] = value
    return XProblem(400, body)


def not_found(kind: str, parameter: str, value: str) -> dict[str, str]:
    """The entry in `errors` for something asked for that does not exist."""
    return {
        "title": "Not Found Error",
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "type": BASE + "resource-not-found",
        "resource_type": kind,
        "resource_id": value,
        "parameter": parameter,
        "value": value,
    }


def suspended(parameter: str, value: str) -> dict[str, str]:
    """The entry in `errors` for a suspended account."""
    return not_found("user", parameter, value) | {
        "title": "Forbidden",
        "detail": f"User has been suspended: [{value}].",
    }


def not_authorized(kind: str, parameter: str, value: str) -> dict[str, str]:
    """The entry in `errors` for something that this caller may not see."""
    return {
        "title": "Authorization Error",
        "detail": f"Sorry, you are not authorized to see the {kind} with {parameter}: [{value}].",
        "type": BASE + "not-authorized-for-resource",
        "resource_type": kind,
        "resource_id": value,
        "parameter": parameter,
        "value": value,
    }
