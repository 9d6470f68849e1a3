"""What an error of tweepy's or of requests' means for the caller: the end of vendors' errors.

Promises one of the four branches of `bot.domain.errors` for each, with words of ours and at most
X's own sentence for it: no address, no header and nothing that was sent.
"""

import re
from typing import Any, Final

import requests
import tweepy
from urllib3.exceptions import NewConnectionError

from bot.adapters.x.limits import reset_at
from bot.domain.errors import OutcomeUnknown, Rejected, Unavailable

NO_CONNECTION: Final = "no_connection"
"""Why a call is `Unavailable` that was never sent: whatever it was to do may be tried again."""
NO_ANSWER: Final = "no_answer"
"""Why a call that reads is `Unavailable` after it was sent."""
SERVER_ERROR: Final = "server_error"
"""Why a call that reads is `Unavailable` where X itself is in trouble."""
RATE_LIMITED: Final = "rate_limited"
"""Why a call is `Unavailable` until X's window ends."""
CONNECTED: Final = "too_many_connections"
"""Why the stream is `Unavailable` while X holds a connection of ours for alive: not for long."""
UNPAID: Final = "payment_required"
"""Why a call is `Unavailable` until the operator buys credits: nothing of it was done."""

DETAIL_CHARACTERS: Final = 200
"""How much of X's own sentence is kept (characters): its sentences are shorter."""

_QUOTED: Final = re.compile(r"\[[^\]]*\]?")
"""What X quotes of a request in its sentence, which may be a private text."""
_OF_OUR_KEYS: Final = {"unsupported-authentication", "client-forbidden", "oauth1-permissions"}
"""Problems of a 403 that say no to the app or to what its token may do, whatever was asked."""
_CODES: Final = {401: "unauthorized", 403: "not_allowed", 404: "not_found"}


def translated(
    error: requests.RequestException | tweepy.TweepyException, *, key: str | None
) -> Unavailable | OutcomeUnknown | Rejected:
    """Say in our words what an error means; `key` names what a call was to make, None: it reads."""
    response = getattr(error, "response", None)
    if isinstance(response, requests.Response):
        return refused(response, key=key)
    if isinstance(error, requests.RequestException) and not _was_sent(error):
        return Unavailable(NO_CONNECTION)
    if key is None:
        return Unavailable(NO_ANSWER)
    return OutcomeUnknown(key, is_odd=isinstance(error, requests.JSONDecodeError))


def refused(
    response: requests.Response, *, key: str | None = None
) -> Unavailable | OutcomeUnknown | Rejected:
    """Say in our words what an answer other than a success means."""
    status = response.status_code
    if status in {420, 429}:
        if _is_about_connections(problem(response)):
            return Unavailable(CONNECTED)
        return Unavailable(RATE_LIMITED, reset_at(response.headers))
    if status == 402:
        return Unavailable(UNPAID)
    if status >= 500 or status == 408:
        return Unavailable(SERVER_ERROR) if key is None else OutcomeUnknown(key, SERVER_ERROR)
    return _rejected(status, response)


def _is_about_connections(body: dict[str, Any]) -> bool:
    """Whether X says no to one more connection of the stream, and not to one more call.

    It says so by a title, by a type, and in its own words for what is wrong; not always by all.
    """
    return (
        "connection_issue" in body
        or body.get("title") == "ConnectionException"
        or str(body.get("type", "")).endswith("/streaming-connection")
    )


def _was_sent(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return False
    cause = error.args[0] if error.args else None
    return not isinstance(getattr(cause, "reason", None), NewConnectionError)


def _rejected(status: int, response: requests.Response) -> Rejected:
    body = problem(response)
    said = str(body.get("detail") or body.get("title") or response.reason or "")
    code = _CODES.get(status, "bad_request")
    kind = str(body.get("type", "")).rsplit("/", 1)[-1]
    if status == 403 and "duplicate content" in said.lower():
        code = "duplicate"
    elif status == 403 and kind in _OF_OUR_KEYS:
        code = "unauthorized"
    return Rejected(code, _QUOTED.sub("[…]", said)[:DETAIL_CHARACTERS])


def problem(response: requests.Response) -> dict[str, Any]:
    """Return the body of X's refusal; empty where it is no object."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
