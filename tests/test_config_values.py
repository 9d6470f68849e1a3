"""Settings, one by one: what can be read, and what is said of a value that cannot."""

from decimal import Decimal

import pytest

from bot.config import Needs, load
from tests.settings import SANDBOX, sentences

DATABASE_NOT_READ = (
    "DATABASE_URL cannot be read: its port is a number, and a password has %40 for @, "
    "%3A for :, %2F for /."
)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ENVIRONMENT", "staging", "ENVIRONMENT must be sandbox or production."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be console or json."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR."),
        ("X_ACCESS", "free", "X_ACCESS must be self_serve or enterprise."),
        ("X_DM_SOURCE", "mail", "X_DM_SOURCE must be poll or webhook."),
        ("SMS_PROVIDER", "pigeon", "SMS_PROVIDER must be sandbox, brevo or http."),
        ("PORT", "eighty", "PORT must be a whole number."),
        ("PORT", "70000", "PORT must be at most 65535."),
        ("LIMIT_PERSON_CENTS", "-1", "LIMIT_PERSON_CENTS must be at least 0."),
        ("LIMIT_PERSON_CENTS", "2.5", "LIMIT_PERSON_CENTS must be a whole number."),
        ("MAX_PEOPLE", "0", "MAX_PEOPLE must be at least 1."),
        ("X_DAILY_BUDGET_USD", "0", "X_DAILY_BUDGET_USD must be more than 0."),
        ("X_DAILY_BUDGET_USD", "much", "X_DAILY_BUDGET_USD must be a number."),
        ("CARD_SCA_COVERS_TRANSFER", "maybe", "CARD_SCA_COVERS_TRANSFER must be true or false."),
        (
            "DATABASE_URL",
            "mysql://root:hidden@db/smoney",
            "DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.",
        ),
        (
            "DATABASE_URL",
            "postgresql://smoney:Tr0ub:p@ss:hidden@127.0.0.1:1/x",
            DATABASE_NOT_READ,
        ),
        ("DATABASE_URL", "postgresql://smoney:p@hidden@127.0.0.1/x", DATABASE_NOT_READ),
        ("DATABASE_URL", "postgresql://smoney@127.0.0.1:port/x", DATABASE_NOT_READ),
        (
            "DATABASE_URL",
            "sqlite:///:memory:",
            "DATABASE_URL must name a file, such as sqlite:///smoney.db.",
        ),
        (
            "DATABASE_URL",
            "sqlite:///?timeout=30",
            "DATABASE_URL must name a file, such as sqlite:///smoney.db.",
        ),
        (
            "X_BEARER_TOKEN",
            "AAAA…hidden",
            "X_BEARER_TOKEN must be plain ASCII, without a space at its ends: copy it anew, whole.",
        ),
        (
            "SMS_BASE_URL",
            "https://sms.example:99999",
            "SMS_BASE_URL must be an address such as https://example.org.",
        ),
        (
            "X_API_BASE_URL",
            "https://x..com",
            "X_API_BASE_URL must be an address such as https://example.org.",
        ),
        (
            "PUBLIC_URL",
            "smoney.example",
            "PUBLIC_URL must be an address such as https://example.org.",
        ),
        (
            "PUBLIC_URL",
            "https://smoney.example/bot",
            "PUBLIC_URL must be an address without a path, such as https://example.org.",
        ),
        (
            "X_API_BASE_URL",
            "ftp://x.com",
            "X_API_BASE_URL must be an address such as https://example.org.",
        ),
        (
            "CARD_COUNTRIES",
            "France",
            (
                "CARD_COUNTRIES must list countries of two letters, separated by commas, "
                "such as FR,BE."
            ),
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8,proxy",
            (
                "TRUSTED_PROXIES must list IP addresses or networks, separated by commas, "
                "such as 10.0.0.0/8."
            ),
        ),
        (
            "SEPA_DEBTOR_IBAN",
            "FR7630006000011234567890188",
            "SEPA_DEBTOR_IBAN must be an IBAN with right check digits.",
        ),
        ("CONTACT", "javascript://x", "CONTACT must be an e-mail address or a web address."),
        (
            "SEPA_DEBTOR_IBAN",
            "AE070331234567890123456",
            "SEPA_DEBTOR_IBAN must be an IBAN of a country in SEPA.",
        ),
        ("SECRET_KEY", "\udcff", "SECRET_KEY must be UTF-8 text: type it anew."),
        ("DATABASE_URL", "sqlite:///\udcff.db", "DATABASE_URL must be UTF-8 text: type it anew."),
        ("SEPA_DEBTOR_BIC", "BANK", "SEPA_DEBTOR_BIC must be a BIC of 8 or 11 characters."),
        ("SEPA_DEBTOR_NAME", "x" * 71, "SEPA_DEBTOR_NAME must have at most 70 characters."),
    ],
)
def test_a_value_that_cannot_be_read_gives_one_sentence(
    name: str, value: str, sentence: str
) -> None:
    """The sentence names the variable and says what is wanted."""
    assert sentences(Needs.RUN, SANDBOX | {name: value}, whole=True) == [sentence]


def test_values_are_tidied() -> None:
    """Spellings that mean the same are taken."""
    settings = load(
        Needs.DATABASE,
        {
            "ENVIRONMENT": "sandbox",
            "DATABASE_URL": "postgres://smoney@db/smoney",
            "PUBLIC_URL": "https://smoney.example/",
            "LOG_LEVEL": "debug",
            "CARD_COUNTRIES": "fr, BE",
            "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "SEPA_DEBTOR_IBAN": "fr76 3000 6000 0112 3456 7890 189",
            "X_DAILY_BUDGET_USD": "12.50",
        },
    )
    assert settings.database_url == "postgresql+psycopg://smoney@db/smoney"
    assert settings.public_url == "https://smoney.example"
    assert settings.log_level == "DEBUG"
    assert settings.card_countries == frozenset({"FR", "BE"})
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.sepa_debtor_iban == "FR7630006000011234567890189"
    assert settings.x_daily_budget_usd == Decimal("12.50")
