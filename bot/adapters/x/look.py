"""What an operator's check asks of X as the app: the rules, X's clock, whether X knows the app.

Promises to change nothing, and to make one call each.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

import requests

from bot.adapters.x.decode import entries
from bot.adapters.x.errors import NO_ANSWER, translated
from bot.adapters.x.http import XApi
from bot.domain.errors import Unavailable

_RULES: Final = "/2/tweets/search/stream/rules"
_APP_ONLY: Final = "/oauth2/token"


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


def takes_api_key(api: XApi) -> bool:
    """Say whether X takes the API key and its secret by themselves, without the bot's account.

    X's v2 endpoints answer every wrong signature alike. The app-only token's endpoint takes these
    two alone, and answers with the token that the app has already: asking makes nothing. Raises
    `Unavailable` where the answer does not tell.
    """
    key, secret = api.client.consumer_key, api.client.consumer_secret
    pair = (quote(str(key), safe=""), quote(str(secret), safe=""))
    try:
        api.session().post(_APP_ONLY, data={"grant_type": "client_credentials"}, auth=pair)
    except requests.RequestException as error:
        response = error.response
        if response is not None and response.status_code in {401, 403}:
            return False
        raise Unavailable(NO_ANSWER) from None
    return True


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
