"""Settings that are complete, in the sandbox and in production, and what is said of others."""

import pytest

from bot.config import Needs, SettingsError, load

SANDBOX = {
    "ENVIRONMENT": "sandbox",
    "PUBLIC_URL": "http://localhost:8000",
    "SECRET_KEY": "of the sandbox",
    "X_API_BASE_URL": "http://127.0.0.1:8001",
    "X_AUTHORIZE_URL": "http://127.0.0.1:8001/i/oauth2/authorize",
    "X_BEARER_TOKEN": "b",
    "X_API_KEY": "k",
    "X_API_SECRET": "s",
    "X_ACCESS_TOKEN": "t",
    "X_ACCESS_TOKEN_SECRET": "u",
    "X_CLIENT_ID": "c",
    "STRIPE_API_BASE": "http://127.0.0.1:8002",
    "STRIPE_API_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "SMS_BASE_URL": "http://127.0.0.1:8001",
}
PRODUCTION = SANDBOX | {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql+psycopg://smoney:hidden@db.example/smoney",
    "PUBLIC_URL": "https://smoney.example",
    "SECRET_KEY": "5f2b8c1e9a7d4036b1c8e2f7a9d05364",
    "X_API_BASE_URL": "https://api.x.com",
    "X_AUTHORIZE_URL": "https://x.com/i/oauth2/authorize",
    "STRIPE_API_BASE": "https://api.stripe.com",
    "STRIPE_API_KEY": "sk_live_1",
    "SMS_PROVIDER": "http",
    "SMS_BASE_URL": "https://sms.example",
    "SMS_API_KEY": "m",
    "SMS_SENDER": "S-money",
}


def sentences(needs: Needs, given: dict[str, str], *, whole: bool = False) -> list[str]:
    """Return what is objected to."""
    with pytest.raises(SettingsError) as raised:
        load(needs, given, whole=whole)
    return raised.value.sentences
