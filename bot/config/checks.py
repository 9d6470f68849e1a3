"""What each door uses, and what does not go together: contradictions, and what production refuses.

`objections` yields a variable's field and the end of a sentence that begins with its name.
"""

from collections.abc import Iterator, Mapping
from enum import Flag, auto
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config.settings import FIGURES, Settings

LEAST_SECRET_CHARACTERS: Final = 32
"""Of SECRET_KEY in production (characters): 32 hexadecimal digits are 128 bits."""
LEAST_SECRET_VARIETY: Final = 8
"""Different characters in SECRET_KEY in production: a random one has more, `xxxx…` has one."""
LEAST_DM_POLL_S: Final = 60
"""X answers 15 reads of direct messages in 15 minutes (X_PLATFORM.md, "Limits")."""
MOST_LOW_VALUE_CENTS: Final = 3_000
"""RTS 2018/389 art. 16 (a): the exemption ends at 30 €."""
MOST_LOW_VALUE_TOTAL_CENTS: Final = 10_000
"""RTS 2018/389 art. 16 (b): and at 100 € since the last strong authentication."""


class Needs(Flag):
    """What a door uses beyond the database, to be joined with `|`."""

    DATABASE = 0
    X = auto()
    """Hear mentions and messages, and answer."""
    LINKS = auto()
    """Write links to our own pages."""
    SIGN_IN = auto()
    """Serve pages to people who sign in with X."""
    CARDS = auto()
    """Call the card acquirer."""
    CARD_EVENTS = auto()
    """Receive the acquirer's webhooks."""
    TEXTS = auto()
    """Send text messages."""
    PAYOUTS = auto()
    """Write SEPA files."""
    FIGURES = auto()
    """Apply the operator's limits."""
    WORKER = X | LINKS | CARDS | TEXTS | FIGURES
    WEB = LINKS | SIGN_IN | CARDS | CARD_EVENTS | TEXTS | FIGURES
    RUN = WORKER | WEB


_USES: Final[tuple[tuple[str, Needs, str], ...]] = (
    ("public_url", Needs.LINKS | Needs.SIGN_IN, "the links in replies begin with it"),
    ("secret_key", Needs.SIGN_IN, "it keys the hashes of codes; 32 random characters or more"),
    ("x_bearer_token", Needs.X, "the stream of mentions is opened with it"),
    ("x_api_key", Needs.X, "replies are signed with it"),
    ("x_api_secret", Needs.X, "replies are signed with it"),
    ("x_access_token", Needs.X, "the bot's own account replies with it"),
    ("x_access_token_secret", Needs.X, "the bot's own account replies with it"),
    ("x_client_id", Needs.SIGN_IN, "people sign in with X by it"),
    ("stripe_api_key", Needs.CARDS, "cards are charged with it"),
    ("stripe_webhook_secret", Needs.CARD_EVENTS, "webhooks are checked with it"),
    ("sms_base_url", Needs.TEXTS, "text messages are sent there"),
    ("sepa_debtor_name", Needs.PAYOUTS, "SEPA files name the payer by it"),
    ("sepa_debtor_iban", Needs.PAYOUTS, "payouts leave from it"),
    ("sepa_debtor_bic", Needs.PAYOUTS, "payouts leave from it"),
)
"""What must be there, for whom, and why."""

_ADDRESSES: Final = (
    ("public_url", Needs.LINKS | Needs.SIGN_IN),
    ("x_api_base_url", Needs.X | Needs.SIGN_IN),
    ("x_authorize_url", Needs.SIGN_IN),
    ("stripe_api_base", Needs.CARDS),
    ("sms_base_url", Needs.TEXTS),
)
"""Addresses that must be public in production."""

_USED_BY: Final[Mapping[str, Needs]] = {
    **{name: Needs.X | Needs.SIGN_IN for name in Settings.model_fields if name.startswith("x_")},
    **{name: Needs.TEXTS for name in Settings.model_fields if name.startswith("sms_")},
    **{name: Needs.PAYOUTS for name in Settings.model_fields if name.startswith("sepa_")},
    **dict.fromkeys(("contact", "host", "port", "trusted_proxies"), Needs.SIGN_IN),
    **dict.fromkeys(("stripe_api_key", "stripe_api_base"), Needs.CARDS),
    "stripe_webhook_secret": Needs.CARD_EVENTS,
    **dict.fromkeys(FIGURES, Needs.FIGURES),
    "sms_daily_ceiling": Needs.FIGURES | Needs.TEXTS,
}
"""Which doors use a setting. One that is not here every door may use: what an operator does to a
transfer, too, tells people of it, with a link below PUBLIC_URL."""

_Objection = tuple[str, str]


def is_used(name: str, needs: Needs) -> bool:
    """Say whether a door that has these needs may use a setting, by its field's name."""
    used_by = _USED_BY.get(name)
    return used_by is None or bool(needs & used_by)


def objections(settings: Settings, needs: Needs) -> Iterator[_Objection]:
    """Yield what is wrong with settings for a door that has these needs."""
    for name, used_by, why in _USES:
        if needs & used_by and not _text(settings, name):
            yield name, f"is missing: {why}."
    yield from _contradictions(settings, needs)
    if settings.environment == "production":
        yield from _not_in_production(settings, needs)
    elif needs & Needs.CARDS and _text(settings, "stripe_api_key")[1:].startswith("k_live_"):
        yield "stripe_api_key", "is a live key, which a sandbox must not charge: use a test key."


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _contradictions(settings: Settings, needs: Needs) -> Iterator[_Objection]:
    if needs & Needs.FIGURES:
        yield from _figures(settings)
    if settings.x_dm_source == "webhook":
        yield from _without_webhook(settings, needs)
    if settings.sms_provider != "sandbox" and needs & Needs.TEXTS:
        for name in ("sms_api_key", "sms_sender"):
            if not _text(settings, name):
                yield name, f"is missing: SMS_PROVIDER is {settings.sms_provider}, which needs it."


def _figures(settings: Settings) -> Iterator[_Objection]:
    if settings.low_value_cents > settings.low_value_total_cents:
        yield "low_value_cents", "must not be above LOW_VALUE_TOTAL_CENTS."
    if settings.limit_person_cents > settings.limit_wallet_cents:
        yield "limit_person_cents", "must not be above LIMIT_WALLET_CENTS: no wallet could take it."
    if settings.min_card_cents > settings.limit_person_cents:
        yield "min_card_cents", "must not be above LIMIT_PERSON_CENTS: no card could pay."
    if settings.environment == "production":
        yield from _above_the_law(settings)


def _without_webhook(settings: Settings, needs: Needs) -> Iterator[_Objection]:
    """Yield what keeps X's events from coming by webhook."""
    is_real = settings.environment == "production"
    if needs & Needs.SIGN_IN and not needs & Needs.X and not _text(settings, "x_api_secret"):
        yield "x_api_secret", "is missing: X_DM_SOURCE is webhook, and X signs events with it."
    if is_real and needs & Needs.LINKS and urlsplit(_text(settings, "public_url")).port:
        yield "public_url", "must have no port: X_DM_SOURCE is webhook, and X takes none."


def _not_in_production(settings: Settings, needs: Needs) -> Iterator[_Objection]:
    for name, used_by in _ADDRESSES:
        address = _text(settings, name)
        if not (needs & used_by and address):
            continue
        if _is_loopback(address):
            yield name, "is an address of this machine, which production refuses."
        elif not address.startswith("https://"):
            yield name, "must begin with https:// in production."
    if needs & Needs.CARDS and _text(settings, "stripe_api_key")[1:].startswith("k_test_"):
        yield "stripe_api_key", "is a test key, which production refuses."
    secret = _text(settings, "secret_key")
    if needs & Needs.SIGN_IN and secret:
        if len(secret) < LEAST_SECRET_CHARACTERS:
            yield "secret_key", f"must have at least {LEAST_SECRET_CHARACTERS} characters."
        elif len(set(secret)) < LEAST_SECRET_VARIETY or "sandbox" in secret.lower():
            yield "secret_key", "must be random: `openssl rand -hex 32` makes one."
    if needs & Needs.TEXTS and settings.sms_provider == "sandbox":
        yield "sms_provider", "is sandbox, which production refuses."
    if (
        needs & Needs.X
        and settings.x_dm_source == "poll"
        and settings.x_dm_poll_s < LEAST_DM_POLL_S
    ):
        yield "x_dm_poll_s", f"must be at least {LEAST_DM_POLL_S}: X answers one read a minute."


def _above_the_law(settings: Settings) -> Iterator[_Objection]:
    if settings.low_value_cents > MOST_LOW_VALUE_CENTS:
        yield "low_value_cents", f"must be at most {MOST_LOW_VALUE_CENTS} (RTS 2018/389 art. 16)."
    if settings.low_value_total_cents > MOST_LOW_VALUE_TOTAL_CENTS:
        most = MOST_LOW_VALUE_TOTAL_CENTS
        yield "low_value_total_cents", f"must be at most {most} (RTS 2018/389 art. 16)."


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
