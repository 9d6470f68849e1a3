"""The secrets by which an app and its account are known to the local X."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What X's developer portal would have handed out to one app and its account."""

    bearer_token: str
    api_key: str
    api_secret: str
    access_token: str
    access_token_secret: str
    client_id: str
    client_secret: str

    @classmethod
    def sandbox(cls) -> Credentials:
        """The fixed values of the sandbox; worth nothing anywhere else."""
        return cls(
            bearer_token="sandbox-bearer-token",
            api_key="sandbox-api-key",
            api_secret="sandbox-api-secret",
            access_token="1-sandbox-access-token",
            access_token_secret="sandbox-access-token-secret",
            client_id="sandbox-client-id",
            client_secret="sandbox-client-secret",
        )
