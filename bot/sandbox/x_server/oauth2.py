"""The tokens of sign-in with X: OAuth 2.0, authorization code with PKCE, confidential client.

And the app's own: `POST /oauth2/token` gives whoever has the API key and its secret the bearer
token that the app has already.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse

from bot.sandbox.x_server.site import Site
from bot.sandbox.x_server.tokens import TOKEN_FOR, InvalidGrant, Issued


def router(site: Site) -> APIRouter:
    """The tokens' endpoints."""
    routes = APIRouter()

    @routes.post("/oauth2/token")
    async def app_token(request: Request, grant_type: Annotated[str, Form()] = "") -> JSONResponse:
        """The app's bearer token, the same each time."""
        ours = site.credentials
        if not _is_client(request, ours.api_key, ours.api_secret):
            return _untrusted(99, "Unable to verify your credentials", "authenticity_token_error")
        if grant_type != "client_credentials":
            return _untrusted(170, "Missing required parameter: grant_type", "forbidden_error")
        return JSONResponse({"token_type": "bearer", "access_token": ours.bearer_token})

    @routes.post("/2/oauth2/token")
    async def token(
        request: Request,
        grant_type: Annotated[str, Form()] = "",
        code: Annotated[str, Form()] = "",
        redirect_uri: Annotated[str, Form()] = "",
        code_verifier: Annotated[str, Form()] = "",
        refresh_token: Annotated[str, Form()] = "",
    ) -> JSONResponse:
        """Sell a token for a code, or for a refresh token."""
        if not _is_our_client(site, request):
            return _unauthorized()
        try:
            if grant_type == "authorization_code":
                issued = site.tokens.redeem(
                    code=code, redirect_uri=redirect_uri, verifier=code_verifier
                )
            elif grant_type == "refresh_token":
                issued = site.tokens.refresh(refresh_token)
            else:
                return _error(
                    400, "unsupported_grant_type", "Value passed for the grant type was invalid."
                )
        except InvalidGrant as error:
            return _error(400, "invalid_request", str(error))
        return _issued(issued)

    @routes.post("/2/oauth2/revoke")
    async def revoke(request: Request, token: Annotated[str, Form()] = "") -> JSONResponse:
        """Forget a token."""
        if not _is_our_client(site, request):
            return _unauthorized()
        site.tokens.revoke(token)
        return JSONResponse({"revoked": True})

    return routes


def _is_our_client(site: Site, request: Request) -> bool:
    return _is_client(request, site.credentials.client_id, site.credentials.client_secret)


def _is_client(request: Request, *ours: str) -> bool:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    client_id, _, secret = given.partition(":")
    pairs = zip((unquote(client_id), unquote(secret)), ours, strict=True)
    return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in pairs)


def _issued(issued: Issued) -> JSONResponse:
    body: dict[str, Any] = {
        "token_type": "bearer",
        "expires_in": int(TOKEN_FOR.total_seconds()),
        "access_token": issued.access_token,
        "scope": " ".join(sorted(issued.scopes)),
    }
    if issued.refresh_token is not None:
        body["refresh_token"] = issued.refresh_token
    return JSONResponse(body, headers={"cache-control": "no-store"})


def _unauthorized() -> JSONResponse:
    return _error(401, "unauthorized_client", "Missing valid authorization header")


def _untrusted(code: int, message: str, label: str) -> JSONResponse:
    return JSONResponse({"errors": [{"code": code, "message": message, "label": label}]}, 403)


def _error(status: int, name: str, why: str) -> JSONResponse:
    return JSONResponse({"error": name, "error_description": why}, status)
