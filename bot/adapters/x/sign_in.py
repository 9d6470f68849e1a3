"""Sign-in with X: OAuth 2.0 with PKCE (S256), to learn who somebody is and nothing else.

Promises that the token never leaves `identify`: it is used once and thrown away.
"""

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests

from bot.adapters.patience import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from bot.adapters.x.decode import read_user
from bot.adapters.x.errors import NO_ANSWER, problem, translated
from bot.adapters.x.gateway import USER_FIELDS
from bot.adapters.x.http import XSession, keep_vendors_quiet
from bot.domain.errors import BotError, Rejected, Unavailable
from bot.domain.x_bill import XUse
from bot.ports import XUser
from bot.telemetry import Tally

SCOPE: Final = "tweet.read users.read"
"""The least that X lets an account be identified by."""
_NOBODYS: Final = "a-code-and-a-verifier-that-nobody-was-ever-given"
"""What `check` shows X: it buys nothing, so that X's answer is about the app alone."""


class XSignIn:
    """Sends a browser to X, and learns from the code that it brings back who came."""

    def __init__(
        self,
        *,
        authorize_url: str,
        base_url: str,
        client_id: str,
        client_secret: str = "",
        tally: Tally | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        keep_vendors_quiet()
        self._authorize_url = authorize_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._tally = tally or Tally()
        self._session = XSession(
            base_url=base_url,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
        )

    def authorize_url(self, *, state: str, verifier: str, redirect_uri: str) -> str:
        """Return where the browser goes; the verifier itself never leaves us before `identify`."""
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": redirect_uri,
                "scope": SCOPE,
                "state": state,
                "code_challenge": _challenge(verifier),
                "code_challenge_method": "S256",
            }
        )
        return f"{self._authorize_url}{'&' if urlsplit(self._authorize_url).query else '?'}{query}"

    def identify(self, *, code: str, verifier: str, redirect_uri: str) -> XUser:
        """Trade the code for who it is; the token is used once and thrown away."""
        token = self._token(code, verifier, redirect_uri)
        answer = self._call(
            "GET",
            "/2/users/me",
            params={"user.fields": ",".join(USER_FIELDS)},
            headers={"Authorization": f"Bearer {token}"},
        )
        user = read_user(answer.get("data"))
        if user is None:
            raise Rejected("undecodable", "an account without id or handle")
        self._tally.read(XUse.SIGN_IN, [user.id])
        return user

    def check(self, *, redirect_uri: str) -> None:
        """See whether X knows the app, by a code that buys nothing; nothing comes of it on X.

        Raises `Rejected("unauthorized")` where X does not, and `Unavailable`.
        """
        try:
            self._token(_NOBODYS, _NOBODYS, redirect_uri)
        except Rejected as error:
            if error.code != "bad_code":
                raise

    def _token(self, code: str, verifier: str, redirect_uri: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        auth = (self._client_id, self._client_secret) if self._client_secret else None
        if auth is None:
            form["client_id"] = self._client_id
        token = self._call("POST", "/2/oauth2/token", data=form, auth=auth).get("access_token")
        if not isinstance(token, str) or not token:
            raise Unavailable(NO_ANSWER)
        return token

    def _call(self, method: str, path: str, **named: Any) -> dict[str, Any]:
        """Make one call. Nothing lasts of it on X: without an answer the person begins again."""
        try:
            answer = self._session.request(method, path, **named).json()
        except requests.RequestException as error:
            raise _refused(error) from None
        if not isinstance(answer, dict):
            raise Unavailable(NO_ANSWER)
        return answer


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused(error: requests.RequestException) -> BotError:
    """Tell a code that buys nothing from an app that X does not know."""
    response = error.response
    if response is not None and response.status_code in {400, 401}:
        reason = problem(response).get("error")
        if reason in {"invalid_request", "invalid_grant"}:
            return Rejected("bad_code", "X does not take the code")
        if reason in {"invalid_client", "unauthorized_client"}:
            return Rejected("unauthorized", "X does not take the client's id or secret")
    return translated(error, key=None)
