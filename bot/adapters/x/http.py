"""Calls to X: the address, the time-outs, the tries, and who calls.

Promises that nothing but `bot.domain.errors` leaves a call, that a call takes at most
`patience.BUDGET_S` with its repetitions, that what creates something is sent once, and that no
credential reaches a log, an error or a repr. tweepy hard-codes its host and sends no time-out:
`XSession` is put in the place of its session. OAuth 1.0a signs the address, so the session writes
it before it signs.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import tweepy
from tenacity import Retrying

from bot.adapters.patience import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TRIES, retrying
from bot.adapters.x.errors import NO_ANSWER, NO_CONNECTION, SERVER_ERROR, translated
from bot.adapters.x.limits import granted
from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.domain.pace import Budget
from bot.telemetry import METRICS, Tally

_TWEEPY_HOST: Final = "https://api.twitter.com"
_TALKATIVE: Final = ("tweepy", "oauthlib", "requests_oauthlib")
"""Loggers that print tokens or signatures at DEBUG."""

MARK_CHARACTERS: Final = 16
"""Of a hash that tells keys apart (hexadecimal characters): 64 bits, more than there ever are."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class XCredentials:
    """What X's developer portal hands out to an app and its account; a repr shows none of it."""

    bearer_token: str = field(repr=False)
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)

    @property
    def mark(self) -> str:
        """What tells these keys of an account apart from others, in a row that anybody may read.

        They are too long, and too random, to be found from a part of their hash.
        """
        keys = (self.api_key, self.api_secret, self.access_token, self.access_token_secret)
        return sha256("\0".join(keys).encode()).hexdigest()[:MARK_CHARACTERS]


class XSession(requests.Session):
    """A session that goes to one address, within time-outs, and raises where X says no."""

    def __init__(self, *, base_url: str, connect_timeout_s: float, read_timeout_s: float) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._last = threading.local()
        # A proxy or a .netrc of this machine has nothing to say about a server on it.
        self.trust_env = not _is_loopback(self._base_url)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Write the address, then sign it."""
        request.url = self._base_url + str(request.url).removeprefix(_TWEEPY_HOST)
        return super().prepare_request(request)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send with our time-outs, follow nobody elsewhere, raise where the answer is a no."""
        kwargs |= {"timeout": self._timeouts_s, "allow_redirects": False}
        response = super().send(request, **kwargs)
        self._last.headers = response.headers
        if response.status_code >= 300 and not kwargs.get("stream"):
            # Before tweepy reads the body, which trips it where that is JSON but no object.
            raise requests.HTTPError(f"status {response.status_code}", response=response)
        return response

    @property
    def granted(self) -> Budget:
        """What the last answer to this thread said is granted: tweepy hands on its body alone."""
        return granted(getattr(self._last, "headers", {}))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def keep_vendors_quiet() -> None:
    """Keep the libraries that print credentials at DEBUG at INFO, whatever the root says."""
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))


class XApi:
    """X's API as the app and its account, in our errors. `tries=1` turns repetition off."""

    def __init__(
        self,
        credentials: XCredentials,
        *,
        base_url: str,
        tally: Tally | None = None,
        tries: int = TRIES,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        keep_vendors_quiet()
        self.tally: Final = tally or Tally()
        """What is used of X, as X bills it: whoever reads an answer counts what is in it."""
        self.base_url = base_url
        self.bearer_token: Final = credentials.bearer_token
        self.keys: Final = credentials.mark
        self._tries = tries
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self.client = tweepy.Client(
            bearer_token=credentials.bearer_token,
            consumer_key=credentials.api_key,
            consumer_secret=credentials.api_secret,
            access_token=credentials.access_token,
            access_token_secret=credentials.access_token_secret,
            return_type=dict,
            wait_on_rate_limit=False,
        )
        self.client.session = self.session()

    @property
    def granted(self) -> Budget:
        """What the last answer to this thread said that X grants of such calls."""
        session: XSession = self.client.session
        return session.granted

    def session(self) -> XSession:
        """Return a new session with this one's address and time-outs."""
        return XSession(
            base_url=self.base_url,
            connect_timeout_s=self._connect_timeout_s,
            read_timeout_s=self._read_timeout_s,
        )

    def read(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Answer:
        """Make a call that may be repeated, again where that may help; return the answer."""
        again = {NO_CONNECTION, NO_ANSWER, SERVER_ERROR}
        return self._retrying(again)(lambda: _once(method, None, *arguments, **named))

    def create(self, key: str, method: Callable[..., Any], **named: Any) -> Answer:
        """Make a call that makes something named by `key`; again only where it was not sent."""
        return self._retrying({NO_CONNECTION})(lambda: _once(method, key, **named))

    def _retrying(self, reasons: set[str]) -> Retrying:
        return retrying(
            lambda error: error.reason in reasons,
            tries=self._tries,
            slowest_s=self._connect_timeout_s + self._read_timeout_s,
        )


def _once(method: Callable[..., Any], key: str | None, *arguments: Any, **named: Any) -> Answer:
    try:
        answer = method(*arguments, **named)
    except (requests.RequestException, tweepy.TweepyException) as error:
        told = translated(error, key=key)
        METRICS.x_calls.labels(method.__name__, type(told).__name__).inc()
        # The cause is left behind: it holds the request with its headers.
        raise told from None
    METRICS.x_calls.labels(method.__name__, "ok").inc()
    if not isinstance(answer, dict):
        if key is None:
            raise Unavailable(NO_ANSWER)
        raise OutcomeUnknown(key, "unreadable answer", is_odd=True)
    return answer
