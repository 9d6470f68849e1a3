"""OAuth 1.0a signatures (RFC 5849, HMAC-SHA1), verified.

A proxy that stands for api.x.com sees other addresses than those that were signed: X's own hosts
are tried beside the address that was really called.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

PARAMETER = re.compile(r'\s*([a-zA-Z_]+)="([^"]*)"\s*\Z')
X_ORIGINS = ("https://api.x.com", "https://api.twitter.com")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What an Authorization header of OAuth 1.0a says."""

    parameters: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """A parameter, empty where it is missing."""
        return self.parameters.get("oauth_" + name, "")


def parse(header: str) -> Signed | None:
    """The parameters of an Authorization header; None where it is not OAuth 1.0a."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "oauth":
        return None
    parameters = {}
    for part in rest.split(","):
        found = PARAMETER.match(part)
        if found:
            parameters[unquote(found[1])] = unquote(found[2])
    return Signed(parameters=parameters)


def _escape(text: str) -> str:
    return quote(text, safe="-._~")


def signature(
    method: str, url: str, parameters: Iterable[tuple[str, str]], secrets: tuple[str, str]
) -> str:
    """The signature over a method, an address and all parameters but the signature itself."""
    pairs = sorted((_escape(name), _escape(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join([method.upper(), _escape(url), _escape(joined)])
    key = "&".join(_escape(secret) for secret in secrets)
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_genuine(
    signed: Signed, *, method: str, origin: str, path: str, query: str, secrets: tuple[str, str]
) -> bool:
    """Whether the signature is the one that the holder of both secrets makes."""
    if signed["signature_method"] != "HMAC-SHA1":
        return False
    parameters = [
        (name, value)
        for name, value in signed.parameters.items()
        if name not in {"oauth_signature", "realm"}
    ]
    parameters += parse_qsl(query, keep_blank_values=True)
    return any(
        hmac.compare_digest(
            signed["signature"].encode(),
            signature(method, root + path, parameters, secrets).encode(),
        )
        for root in (origin, *X_ORIGINS)
    )
