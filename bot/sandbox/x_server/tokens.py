"""OAuth 2.0 with PKCE: codes that are used once, and the tokens that they buy.

Promises: a code works once, within `CODE_FOR`, for the app, the address and the verifier that it
was made for; a token belongs to one user and carries the scopes that this user granted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

CODE_FOR = timedelta(seconds=30)  # X's life of an authorization code
TOKEN_FOR = timedelta(hours=2)  # X's life of an access token
SCOPES = {
    "tweet.read": "Read posts that you can see, protected ones included",
    "tweet.write": "Post and delete posts for you",
    "users.read": "See who you are: your name, handle and profile",
    "dm.read": "Read your direct messages",
    "dm.write": "Send direct messages for you",
    "offline.access": "Stay connected until you revoke it",
}


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a user allowed an app."""

    user_id: str
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str
    method: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class UserToken:
    """An access token of a user."""

    user_id: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A token as it is handed out."""

    access_token: str
    scopes: frozenset[str]
    refresh_token: str | None


class InvalidGrant(Exception):
    """A code or a refresh token that buys nothing."""


def _challenge(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Tokens:
    """Codes and tokens that were given out."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, UserToken] = {}
        self._refresh: dict[str, UserToken] = {}

    def authorize(
        self,
        *,
        user_id: str,
        scopes: frozenset[str],
        redirect_uri: str,
        challenge: str,
        method: str,
    ) -> str:
        """A code for what the user has just allowed."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(
            user_id=user_id,
            scopes=scopes,
            redirect_uri=redirect_uri,
            challenge=challenge,
            method=method,
            expires_at=self._now() + CODE_FOR,
        )
        return code

    def redeem(self, *, code: str, redirect_uri: str, verifier: str) -> Issued:
        """The token that a code buys; the code is spent whatever comes of it."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.expires_at <= self._now():
            raise InvalidGrant("Value passed for the authorization code was invalid.")
        if grant.redirect_uri != redirect_uri:
            raise InvalidGrant("Value passed for the redirect uri did not match the one stored.")
        made = _challenge(verifier, grant.method)
        if not hmac.compare_digest(made.encode(), grant.challenge.encode()):
            raise InvalidGrant(
                "Value passed for the code verifier did not match the code challenge."
            )
        return self._issue(grant.user_id, grant.scopes)

    def refresh(self, token: str) -> Issued:
        """A new token for an old refresh token, which is spent."""
        known = self._refresh.pop(token, None)
        if known is None:
            raise InvalidGrant("Value passed for the token was invalid.")
        return self._issue(known.user_id, known.scopes)

    def _issue(self, user_id: str, scopes: frozenset[str]) -> Issued:
        token = UserToken(user_id=user_id, scopes=scopes, expires_at=self._now() + TOKEN_FOR)
        access, refresh = secrets.token_urlsafe(48), None
        self._tokens[access] = token
        if "offline.access" in scopes:
            refresh = secrets.token_urlsafe(48)
            self._refresh[refresh] = token
        return Issued(access_token=access, scopes=scopes, refresh_token=refresh)

    def find(self, access_token: str) -> UserToken | None:
        """The token, where it is known and still good."""
        token = self._tokens.get(access_token)
        return token if token is not None and token.expires_at > self._now() else None

    def revoke(self, token: str) -> None:
        """Forget a token; one that nobody knows is no error."""
        self._tokens.pop(token, None)
        self._refresh.pop(token, None)
