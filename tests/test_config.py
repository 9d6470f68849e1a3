"""Settings: every one of them written down, each door asking for its own, bad mixes refused."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import VARIABLES, Needs, Settings, SettingsError, load
from bot.config.settings import FIGURES
from bot.domain.levels import WITHOUT_A_TABLE
from bot.domain.limits import Policy
from tests.settings import PRODUCTION, SANDBOX, sentences

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / ".env.example"


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
        | {"MAX_PEOPLE": "x", "X_API_KEY": "", "STRIPE_API_KEY": "sk_test_1", "LOG_FORMAT": "xml"},
    )
    assert {sentence.split()[0] for sentence in said} == {
        "MAX_PEOPLE",
        "LOG_FORMAT",
        "X_API_KEY",
        "STRIPE_API_KEY",
    }


def test_a_door_to_the_database_ignores_the_others_keys() -> None:
    """`smoney ledger check` works in production whatever the key of the acquirer is."""
    given = PRODUCTION | {"STRIPE_API_KEY": "sk_test_1", "SECRET_KEY": "short"}
    assert load(Needs.DATABASE, given).environment == "production"


@pytest.mark.parametrize(
    ("name", "value", "used_by"),
    [
        ("PORT", "x", Needs.WEB),
        ("SEPA_DEBTOR_IBAN", "FR00", Needs.PAYOUTS),
        ("SMS_PROVIDER", "pigeon", Needs.TEXTS),
        ("SMS_DAILY_CEILING", "0", Needs.TEXTS),
        ("LEVELS_FILE", "/nope", Needs.FIGURES),
        ("MIN_CARD_CENTS", "99999", Needs.FIGURES),
        ("X_ACCESS_TOKEN", "ell…ipsis", Needs.WEB),
        ("X_DAILY_BUDGET_USD", "much", Needs.WORKER),
        ("STRIPE_WEBHOOK_SECRET", "ell…ipsis", Needs.CARD_EVENTS),
    ],
)
def test_a_value_is_refused_by_who_uses_it_alone(name: str, value: str, used_by: Needs) -> None:
    """The books are proved whatever else is wrong; what may use a value never goes on without."""
    given = PRODUCTION | {name: value}
    assert load(Needs.DATABASE, given).environment == "production"
    assert [one.split()[0] for one in sentences(used_by, given) if name in one] == [name]


def test_the_figures_are_all_those_of_the_policy() -> None:
    """A figure that a door may apply is refused where it cannot be read."""
    settings = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"})
    asked: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> object:
            asked.add(name)
            return getattr(settings, name)

    policy = Settings.policy.fget  # type: ignore[attr-defined]  # a property has one
    policy(Watched())
    assert asked == set(FIGURES)


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
