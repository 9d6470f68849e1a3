"""Settings: every one of them written down, each door asking for its own, bad mixes refused."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.config import VARIABLES, Needs, Settings, SettingsError, load
from bot.domain.levels import WITHOUT_A_TABLE
from bot.domain.limits import Policy

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / ".env.example"

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


def sentences(needs: Needs, given: dict[str, str]) -> list[str]:
    """Return what is objected to."""
    with pytest.raises(SettingsError) as raised:
        load(needs, given)
    return raised.value.sentences


def test_the_example_names_every_setting_once_in_their_order() -> None:
    """`.env.example` and `Settings` do not drift apart."""
    names = re.findall(r"^([A-Z0-9_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert names == list(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_the_example_explains_each_setting_in_a_sentence(name: str) -> None:
    """A comment that begins like a sentence and ends like one stands right above each."""
    above = re.search(rf"((?:^# .*\n)+)^{name}=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert above, f".env.example has no comment above {name}"
    text = " ".join(line.removeprefix("# ") for line in above[1].splitlines())
    assert re.fullmatch(r"[A-Z].{15,}\.", text), text


def test_the_example_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of `.env.example` changes nothing."""
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    defaults = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"})
    assert load(Needs.DATABASE).model_dump() == defaults.model_dump()


def test_the_contract_and_the_settings_agree() -> None:
    """The defaults that CONTRACT.md states are the ones in force."""
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"})
    assert settings.database_url == "sqlite:///smoney.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.x_api_base_url == "https://api.x.com"
    assert settings.x_authorize_url == "https://x.com/i/oauth2/authorize"
    assert settings.stripe_api_base == "https://api.stripe.com"
    assert settings.x_dm_poll_s == 60
    assert settings.commands_an_hour == 20
    assert settings.card_payout_after_h == 72
    assert settings.card_countries == frozenset({"FR"})


def test_the_default_figures_are_those_of_the_domain() -> None:
    """The settings' defaults and the domain's policy are the same figures."""
    policy = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"}).policy
    assert replace(policy, levels=WITHOUT_A_TABLE) == Policy()


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.env` is read from the folder one stands in, and the environment comes before it."""
    (tmp_path / ".env").write_text("ENVIRONMENT=sandbox\nPORT=1111\nHOST=0.0.0.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "2222")
    monkeypatch.setenv("HOST", "")
    settings = load(Needs.DATABASE)
    assert (settings.port, settings.host) == (2222, "0.0.0.0")


def test_a_file_that_is_not_text_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken `.env` gives a sentence, no traceback."""
    (tmp_path / ".env").write_bytes(b"ENVIRONMENT=\xff\xfe\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load(Needs.DATABASE)


@pytest.mark.parametrize("needs", [Needs.DATABASE, Needs.WORKER, Needs.WEB, Needs.RUN])
@pytest.mark.parametrize("given", [SANDBOX, PRODUCTION])
def test_a_complete_set_serves_every_door(needs: Needs, given: dict[str, str]) -> None:
    """What is complete is accepted."""
    assert load(needs, given).environment == given["ENVIRONMENT"]


def test_the_environment_must_be_said() -> None:
    """There is no default between the sandbox and real money."""
    assert sentences(Needs.DATABASE, {}) == ["ENVIRONMENT is missing: say sandbox or production."]


@pytest.mark.parametrize(
    ("needs", "missing"),
    [
        (
            Needs.WORKER,
            (
                "PUBLIC_URL X_BEARER_TOKEN X_API_KEY X_API_SECRET X_ACCESS_TOKEN "
                "X_ACCESS_TOKEN_SECRET STRIPE_API_KEY SMS_BASE_URL"
            ),
        ),
        (
            Needs.WEB,
            "PUBLIC_URL SECRET_KEY X_CLIENT_ID STRIPE_API_KEY STRIPE_WEBHOOK_SECRET SMS_BASE_URL",
        ),
        (Needs.CARDS, "STRIPE_API_KEY"),
        (Needs.PAYOUTS, "SEPA_DEBTOR_NAME SEPA_DEBTOR_IBAN SEPA_DEBTOR_BIC"),
    ],
)
def test_each_door_asks_only_for_what_it_uses(needs: Needs, missing: str) -> None:
    """A sentence for each missing variable, all at once."""
    said = sentences(needs, {"ENVIRONMENT": "sandbox"})
    assert [sentence.split()[0] for sentence in said] == missing.split()
    assert all(re.fullmatch(r"[A-Z0-9_]+ is missing: .+\.", sentence) for sentence in said)
    by_webhook = sentences(needs, {"ENVIRONMENT": "sandbox", "X_DM_SOURCE": "webhook"})
    is_web = needs is Needs.WEB  # it has no other use for what X signs with
    assert [one.split()[0] for one in by_webhook if one not in said] == ["X_API_SECRET"] * is_web


def test_an_empty_variable_counts_as_absent() -> None:
    """`X_BEARER_TOKEN=` is as good as none, `PORT=` gives the default."""
    assert load(Needs.DATABASE, {"ENVIRONMENT": "sandbox", "PORT": ""}).port == 8000
    assert any(
        sentence.startswith("X_BEARER_TOKEN is missing")
        for sentence in sentences(Needs.WORKER, SANDBOX | {"X_BEARER_TOKEN": ""})
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
        ("SEPA_DEBTOR_BIC", "BANK", "SEPA_DEBTOR_BIC must be a BIC of 8 or 11 characters."),
        ("SEPA_DEBTOR_NAME", "x" * 71, "SEPA_DEBTOR_NAME must have at most 70 characters."),
    ],
)
def test_a_value_that_cannot_be_read_gives_one_sentence(
    name: str, value: str, sentence: str
) -> None:
    """The sentence names the variable and says what is wanted."""
    assert sentences(Needs.RUN, SANDBOX | {name: value}) == [sentence]


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"PUBLIC_URL": "http://smoney.example"},
            "PUBLIC_URL must begin with https:// in production.",
        ),
        (
            {"PUBLIC_URL": "https://localhost"},
            "PUBLIC_URL is an address of this machine, which production refuses.",
        ),
        (
            {"X_API_BASE_URL": "http://127.0.0.1:8001"},
            "X_API_BASE_URL is an address of this machine, which production refuses.",
        ),
        (
            {"X_AUTHORIZE_URL": "http://localhost:8001/authorize"},
            "X_AUTHORIZE_URL is an address of this machine, which production refuses.",
        ),
        (
            {"STRIPE_API_BASE": "http://[::1]:8002"},
            "STRIPE_API_BASE is an address of this machine, which production refuses.",
        ),
        (
            {"SMS_BASE_URL": "http://0.0.0.0:8001"},
            "SMS_BASE_URL is an address of this machine, which production refuses.",
        ),
        (
            {"STRIPE_API_KEY": "sk_test_1"},
            "STRIPE_API_KEY is a test key, which production refuses.",
        ),
        (
            {"STRIPE_API_KEY": "rk_test_1"},
            "STRIPE_API_KEY is a test key, which production refuses.",
        ),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 characters."),
        (
            {"SECRET_KEY": "x" * 40},
            "SECRET_KEY must be random: `openssl rand -hex 32` makes one.",
        ),
        ({"SMS_PROVIDER": "sandbox"}, "SMS_PROVIDER is sandbox, which production refuses."),
        ({"X_DM_POLL_S": "2"}, "X_DM_POLL_S must be at least 60: X answers one read a minute."),
        (
            {"LOW_VALUE_CENTS": "5000"},
            "LOW_VALUE_CENTS must be at most 3000 (RTS 2018/389 art. 16).",
        ),
        (
            {"LOW_VALUE_TOTAL_CENTS": "10001"},
            "LOW_VALUE_TOTAL_CENTS must be at most 10000 (RTS 2018/389 art. 16).",
        ),
        (
            {"SMS_API_KEY": ""},
            "SMS_API_KEY is missing: SMS_PROVIDER is http, which needs it.",
        ),
        (
            {"X_DM_SOURCE": "webhook", "PUBLIC_URL": "https://smoney.example:8443"},
            "PUBLIC_URL must have no port: X_DM_SOURCE is webhook, and X takes none.",
        ),
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, str], sentence: str) -> None:
    """Sandbox addresses, test keys and weak secrets never meet real money."""
    assert sentences(Needs.RUN, PRODUCTION | change) == [sentence]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"STRIPE_API_KEY": "sk_live_1"},
            "STRIPE_API_KEY is a live key, which a sandbox must not charge: use a test key.",
        ),
        (
            {"LOW_VALUE_CENTS": "20000"},
            "LOW_VALUE_CENTS must not be above LOW_VALUE_TOTAL_CENTS.",
        ),
        (
            {"LIMIT_WALLET_CENTS": "20000"},
            "LIMIT_PERSON_CENTS must not be above LIMIT_WALLET_CENTS: no wallet could take it.",
        ),
        (
            {"MIN_CARD_CENTS": "30000"},
            "MIN_CARD_CENTS must not be above LIMIT_PERSON_CENTS: no card could pay.",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    change: dict[str, str], sentence: str
) -> None:
    """Each contradiction has a sentence that names both variables."""
    assert sentences(Needs.RUN, SANDBOX | change) == [sentence]


def test_everything_is_said_at_once() -> None:
    """What is misread does not hide what is missing or contradicted."""
    said = sentences(
        Needs.WORKER,
        PRODUCTION
        | {"PORT": "x", "X_API_KEY": "", "STRIPE_API_KEY": "sk_test_1", "LOG_FORMAT": "xml"},
    )
    assert {sentence.split()[0] for sentence in said} == {
        "PORT",
        "LOG_FORMAT",
        "X_API_KEY",
        "STRIPE_API_KEY",
    }


def test_a_door_to_the_database_ignores_the_others_keys() -> None:
    """`smoney ledger check` works in production whatever the key of the acquirer is."""
    given = PRODUCTION | {"STRIPE_API_KEY": "sk_test_1", "SECRET_KEY": "short"}
    assert load(Needs.DATABASE, given).environment == "production"


def test_no_secret_is_shown() -> None:
    """Neither `repr` nor a sentence holds the value of a secret."""
    secret = "hidden-0123456789"
    names = [name for name in VARIABLES if re.search("SECRET|TOKEN|KEY", name)]
    given = PRODUCTION | dict.fromkeys(names, secret)
    assert secret not in repr(load(Needs.DATABASE, given))
    assert "hidden" not in repr(load(Needs.DATABASE, PRODUCTION))
    wrong = given | {"PORT": secret, "PUBLIC_URL": secret, "DATABASE_URL": f"mysql://a:{secret}@b"}
    assert secret not in " ".join(sentences(Needs.RUN, wrong))


def test_settings_do_not_change() -> None:
    """Settings are read once and stay as they are."""
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"})
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    assert isinstance(settings, Settings)
