"""What an operator's check asks of X as the app: the stream's rules, X's clock, what is left.

Promises to change nothing, and to make one call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import requests

from bot.adapters.x.decode import entries
from bot.adapters.x.errors import NO_ANSWER, translated
from bot.adapters.x.http import XApi
from bot.domain.errors import Unavailable

_RULES: Final = "/2/tweets/search/stream/rules"


@dataclass(frozen=True, slots=True)
class AppView:
    """The app as X sees it."""

    rules: tuple[str, ...]
    """The stream's rules that stand."""
    now: datetime | None
    """X's clock, to the second; None where X did not say."""
    remaining: str | None
    """Calls of this kind that are left in X's window."""


def look(api: XApi) -> AppView:
    """Read the rules by the bearer token. Raises `Unavailable` and `Rejected`."""
    try:
        response = api.session().get(
            _RULES, headers={"Authorization": f"Bearer {api.bearer_token}"}
        )
        answer = response.json()
    except requests.RequestException as error:
        # The cause is left behind: it holds the request with its headers.
        raise translated(error, key=None) from None
    if not isinstance(answer, dict):
        raise Unavailable(NO_ANSWER)
    values = tuple(str(rule.get("value")) for rule in entries(answer))
    headers = response.headers
    return AppView(values, _date(headers.get("Date")), headers.get("x-rate-limit-remaining"))


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
