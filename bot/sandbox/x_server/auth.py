"""Who calls: the app by its bearer token, or a user by OAuth 1.0a or OAuth 2.0, kept apart."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from starlette.requests import Request

from bot.sandbox.x_server import oauth1, problems
from bot.sandbox.x_server.credentials import Credentials
from bot.sandbox.x_server.model import User
from bot.sandbox.x_server.tokens import Tokens
from bot.sandbox.x_server.world import World

CLOCK_SKEW = timedelta(minutes=5)  # how far X lets a signature's time be off

Kind = Literal["app", "oauth1", "oauth2"]
NAMES: dict[Kind, str] = {
    "app": problems.APP_ONLY,
    "oauth1": problems.OAUTH1_USER,
    "oauth2": problems.OAUTH2_USER,
}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls and by what kind of credentials."""

    kind: Kind
    account: User | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def user(self) -> User:
        """The user for whom the call is made; only where the endpoint wants one."""
        assert self.account is not None, "the gate lets only users through here"
        return self.account


class Authenticator:
    """Tells who calls; raises X's 401 where nobody can be told."""

    def __init__(self, world: World, credentials: Credentials, tokens: Tokens) -> None:
        self._world = world
        self._credentials = credentials
        self._tokens = tokens
        self._nonces: dict[str, int] = {}

    def identify(self, request: Request) -> Caller:
        """Who makes this request."""
        header = request.headers.get("authorization", "")
        signed = oauth1.parse(header)
        if signed is not None:
            return self._by_signature(request, signed)
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise problems.unauthorized()
        return self._by_token(token.strip())

    def _by_token(self, token: str) -> Caller:
        if hmac.compare_digest(token.encode(), self._credentials.bearer_token.encode()):
            return Caller(kind="app")
        known = self._tokens.find(token)
        user = self._world.user(known.user_id) if known else None
        if known is None or user is None or user.suspended:
            raise problems.unauthorized()
        return Caller(kind="oauth2", account=user, scopes=known.scopes)

    def _by_signature(self, request: Request, signed: oauth1.Signed) -> Caller:
        ours = self._credentials
        known = (
            signed["consumer_key"] == ours.api_key
            and signed["token"] == ours.access_token
            and self._is_fresh(signed)
        )
        genuine = known and oauth1.is_genuine(
            signed,
            method=request.method,
            origin=f"{request.url.scheme}://{request.url.netloc}",
            path=request.url.path,
            query=request.url.query,
            secrets=(ours.api_secret, ours.access_token_secret),
        )
        if not genuine:
            raise problems.unauthorized()
        self._nonces[signed["nonce"]] = int(signed["timestamp"])
        return Caller(kind="oauth1", account=self._world.bot)

    def _is_fresh(self, signed: oauth1.Signed) -> bool:
        """Whether the time is near ours and the nonce was not seen before."""
        stamp, nonce = signed["timestamp"], signed["nonce"]
        if not (stamp.isascii() and stamp.isdigit()) or not nonce:
            return False
        now = int(self._world.now().timestamp())
        skew = int(CLOCK_SKEW.total_seconds())
        self._nonces = {one: at for one, at in self._nonces.items() if at > now - 2 * skew}
        return abs(now - int(stamp)) <= skew and nonce not in self._nonces
