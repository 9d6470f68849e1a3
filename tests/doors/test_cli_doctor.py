"""`smoney doctor` on wrong credentials: each is named, none is shown, nothing comes of it."""

from collections.abc import Iterator

import httpx
import pytest

from bot import migrations
from tests.contract.raw_server import RawServer
from tests.doors.far_side import FarSide, door, far_side
from tests.servers import free_port

WRONG = "wrong-and-very-secret"
FOUR = {"X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"}


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    """A far side that is only asked, never changed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('doctor') / 'smoney.db'}"
    migrations.upgrade(url)
    with far_side(url) as side:
        yield side


def lines(far: FarSide, code: int, **changed: str) -> dict[str, str]:
    """Ask doctor; return what it says of each check."""
    ended = door("doctor", settings={**far.settings, **changed})
    assert ended.returncode == code, ended.stdout
    assert WRONG not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return {line[6:18].strip(): line for line in ended.stdout.splitlines()}


def test_right_credentials_are_all_taken_and_nothing_is_sent(far: FarSide) -> None:
    """Neither a text message nor a post comes of it."""
    said = lines(far, 0)
    assert said["x_sign_in"] == "ok    x_sign_in    X takes X_CLIENT_ID and X_CLIENT_SECRET."
    assert said["texts"].startswith("ok    texts        Text messages are taken at 127.0.0.1:")
    assert said["x_account"].startswith("ok")
    for what in ("sms", "posts", "dms"):
        assert httpx.get(f"{far.x_url}/_sandbox/{what}", trust_env=False, verify=False).json() == []


@pytest.mark.parametrize("name", ["X_CLIENT_ID", "X_CLIENT_SECRET"])
def test_a_client_that_x_does_not_know_is_named(far: FarSide, name: str) -> None:
    """And nothing else is blamed for it."""
    said = lines(far, 1, **{name: WRONG})
    assert "MEND  x_sign_in    X refuses X_CLIENT_ID and X_CLIENT_SECRET" in said["x_sign_in"]
    assert [check for check, line in said.items() if line.startswith("MEND")] == ["x_sign_in"]


def test_a_client_without_its_secret_is_told_of_it(far: FarSide) -> None:
    """X_CLIENT_SECRET may be empty for a public client alone."""
    said = lines(far, 1, X_CLIENT_SECRET="")["x_sign_in"]
    assert "X refuses X_CLIENT_ID (unauthorized)" in said
    assert "X_CLIENT_SECRET too where the app is confidential" in said


@pytest.mark.parametrize("name", ["X_API_KEY", "X_API_SECRET"])
def test_a_wrong_consumer_pair_is_told_from_a_wrong_token(far: FarSide, name: str) -> None:
    """X tries the consumer's pair by itself."""
    said = lines(far, 1, **{name: WRONG})["x_account"]
    assert said.startswith("MEND  x_account    X refuses X_API_KEY with X_API_SECRET")
    assert "X_ACCESS_TOKEN_SECRET" not in said


@pytest.mark.parametrize("name", ["X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"])
def test_a_wrong_access_token_is_told_from_a_wrong_consumer_pair(far: FarSide, name: str) -> None:
    """The consumer's pair is taken, so it is the other."""
    said = lines(far, 1, **{name: WRONG})["x_account"]
    assert "X takes X_API_KEY and X_API_SECRET, but not the bot's account" in said
    assert "copy X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET anew" in said


def test_where_x_does_not_tell_all_four_are_named(far: FarSide) -> None:
    """An X without the app-only token says no more than that the signature is wrong."""
    refusal = {"title": "Unauthorized", "status": 401}
    with RawServer(
        lambda exchange: exchange.answer(401 if exchange.path.startswith("/2/") else 404, refusal)
    ) as server:
        said = lines(far, 1, X_API_BASE_URL=server.url)["x_account"]
    assert "does not say for which of the four" in said
    assert {word.strip(",.") for word in said.split()} >= FOUR


def test_an_address_that_takes_no_texts_is_named(far: FarSide) -> None:
    """Nobody there, or somebody else."""
    nobody = lines(far, 1, SMS_BASE_URL=f"http://127.0.0.1:{free_port()}")["texts"]
    assert nobody.startswith("MEND  texts        Nobody takes texts at 127.0.0.1:")
    other = lines(far, 1, SMS_BASE_URL=far.settings["STRIPE_API_BASE"])["texts"]
    assert "takes texts: check SMS_BASE_URL and SMS_PROVIDER" in other


@pytest.mark.parametrize(
    ("status", "state", "hint"),
    [
        (422, "ok", "Text messages are taken"),
        (401, "MEND", "refuses SMS_API_KEY: copy it anew"),
        (202, "MEND", "takes anything for a text: check SMS_BASE_URL"),
        (503, "MEND", "Nobody takes texts"),
    ],
)
def test_a_gateway_says_what_it_thinks_of_the_key(
    far: FarSide, status: int, state: str, hint: str
) -> None:
    """By a text to nobody, which it must refuse; its path may hold a secret and is not shown."""
    with RawServer(lambda exchange: exchange.answer(status, {})) as server:
        gateway = {
            "SMS_PROVIDER": "http",
            "SMS_BASE_URL": f"{server.url}/{WRONG}",
            "SMS_API_KEY": WRONG,
            "SMS_SENDER": "S-money",
        }
        said = lines(far, 0 if state == "ok" else 1, **gateway)["texts"]
    assert said.startswith(state)
    assert hint in said
    assert all(b'"to": ""' in exchange.body for exchange in server.exchanges)
