"""Every setting with its type and its default, as CONTRACT.md lists them."""

from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.config.levels import read_levels
from bot.config.values import (
    Address,
    Bic,
    Budget,
    Cents,
    Contact,
    Count,
    Countries,
    Credential,
    Database,
    Hours,
    Iban,
    LevelsFile,
    LogLevel,
    Origin,
    Port,
    Prefixes,
    Proxies,
    SecretCredential,
)
from bot.domain.limits import Policy

_NO_SECRET: Final = SecretStr("")


class Settings(BaseSettings):
    """Every setting of CONTRACT.md under its own name in small letters; empty is absent."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # .env may hold what other programs read
        frozen=True,
        hide_input_in_errors=True,
    )

    # --- the house
    environment: Literal["sandbox", "production"]
    database_url: Database = "sqlite:///smoney.db"
    public_url: Origin = ""
    contact: Contact = ""
    secret_key: SecretStr = _NO_SECRET
    host: str = "127.0.0.1"
    port: Port = 8000
    trusted_proxies: Proxies = ()
    log_format: Literal["console", "json"] = "console"
    log_level: LogLevel = "INFO"

    # --- X
    x_api_base_url: Address = "https://api.x.com"
    x_authorize_url: Address = "https://x.com/i/oauth2/authorize"
    x_bearer_token: SecretCredential = _NO_SECRET
    x_api_key: SecretCredential = _NO_SECRET
    x_api_secret: SecretCredential = _NO_SECRET
    x_access_token: SecretCredential = _NO_SECRET
    x_access_token_secret: SecretCredential = _NO_SECRET
    x_client_id: Credential = ""
    x_client_secret: SecretCredential = _NO_SECRET
    x_access: Literal["self_serve", "enterprise"] = "self_serve"
    x_dm_source: Literal["poll", "webhook"] = "poll"
    x_dm_poll_s: Count = 60
    x_daily_budget_usd: Budget | None = None
    answer_within_h: Count = 6
    commands_an_hour: Count = 20

    # --- money
    stripe_api_key: SecretCredential = _NO_SECRET
    stripe_webhook_secret: SecretCredential = _NO_SECRET
    stripe_api_base: Address = "https://api.stripe.com"
    sepa_debtor_name: Annotated[str, Field(max_length=70)] = ""
    sepa_debtor_iban: Iban = ""
    sepa_debtor_bic: Bic = ""
    card_countries: Countries = frozenset({"FR"})
    limit_person_cents: Cents = 25_000
    limit_organisation_cents: Cents = 50_000
    limit_30_days_cents: Cents = 50_000
    limit_wallet_cents: Cents = 100_000
    min_card_cents: Count = 50
    max_people: Count = 10
    max_pending: Count = 20
    low_value_cents: Cents = 3_000
    low_value_total_cents: Cents = 10_000
    confirm_within_h: Count = 24
    claim_within_days: Count = 30
    card_payout_after_h: Hours = 72
    card_sca_covers_transfer: bool = False
    levels_file: LevelsFile = ""

    # --- text messages
    sms_provider: Literal["sandbox", "brevo", "http"] = "sandbox"
    sms_base_url: Address = ""
    sms_api_key: SecretCredential = _NO_SECRET
    sms_sender: str = ""
    sms_per_day: Count = 5
    sms_daily_ceiling: Count = 1_000
    sms_prefixes: Prefixes = ()

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        try:
            return value if not isinstance(value, str) else value.encode().decode()
        except UnicodeEncodeError:
            raise ValueError("must be UTF-8 text: type it anew") from None

    @property
    def policy(self) -> Policy:
        """The operator's figures as the domain takes them."""
        return Policy(
            to_person_cents=self.limit_person_cents,
            to_organisation_cents=self.limit_organisation_cents,
            in_30_days_cents=self.limit_30_days_cents,
            in_wallet_cents=self.limit_wallet_cents,
            min_card_cents=self.min_card_cents,
            max_people=self.max_people,
            max_pending=self.max_pending,
            low_value_cents=self.low_value_cents,
            low_value_total_cents=self.low_value_total_cents,
            confirm_within_h=self.confirm_within_h,
            answer_within_h=self.answer_within_h,
            commands_an_hour=self.commands_an_hour,
            x_by_contract=self.x_access == "enterprise",
            claim_within_days=self.claim_within_days,
            card_payout_after_h=self.card_payout_after_h,
            card_countries=self.card_countries,
            card_sca_covers_transfer=self.card_sca_covers_transfer,
            sms_per_day=self.sms_per_day,
            sms_daily_ceiling=self.sms_daily_ceiling,
            sms_prefixes=self.sms_prefixes,
            levels=read_levels(self.levels_file),
        )


VARIABLES: Final = tuple(name.upper() for name in Settings.model_fields)
"""Every variable that the bot reads."""

FIGURES: Final = (
    "limit_person_cents",
    "limit_organisation_cents",
    "limit_30_days_cents",
    "limit_wallet_cents",
    "min_card_cents",
    "max_people",
    "max_pending",
    "low_value_cents",
    "low_value_total_cents",
    "confirm_within_h",
    "answer_within_h",
    "commands_an_hour",
    "x_access",
    "claim_within_days",
    "card_payout_after_h",
    "card_countries",
    "card_sca_covers_transfer",
    "sms_per_day",
    "sms_daily_ceiling",
    "sms_prefixes",
    "levels_file",
)
"""The fields that `Settings.policy` is made of, in its order."""
