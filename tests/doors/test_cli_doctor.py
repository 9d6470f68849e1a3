"""`smoney doctor` on what is wrong: each is named, no secret is shown, nothing comes of it."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from alembic import command

from bot import migrations
from bot.services.hear import READ_TOO_LATE
from bot.store import factors, inbox, workers
from bot.store.engine import Store
from bot.store.workers import Beat
from tests.contract.raw_server import Exchange, RawServer
from tests.doors.far_side import FarSide, door, far_side
from tests.servers import free_port

WRONG = "wrong-and-very-secret"
LATE = "older than ANSWER_WITHIN_H when read: without a reply, in their authors' wallets."
FOUR = {"X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"}


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    """A far side that is only asked, never changed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('doctor') / 'smoney.db'}"
    migrations.upgrade(url)
    store = Store(url)
    with store.write() as session:  # one that was sent before
        factors.insert_text(session, phone="+33612345678", at=datetime.now(UTC))
    store.close()
    with far_side(url) as side:
        yield side


def lines(far: FarSide, code: int, **changed: str) -> dict[str, str]:
    """Ask doctor; return what it says of each check."""
    ended = door("doctor", settings={**far.settings, **changed})
    assert ended.returncode == code, ended.stdout
    assert WRONG not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return {line[6:18].strip(): line for line in ended.stdout.splitlines()}


def lines_of(settings: Mapping[str, str]) -> list[str]:
    """Ask doctor, with whatever settings; return its lines."""
    return door("doctor", settings=settings).stdout.splitlines()


def to_mend(said: dict[str, str]) -> list[str]:
    """The checks that ask for something."""
    return [check for check, line in said.items() if line.startswith("MEND")]


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
    assert to_mend(said) == ["x_sign_in"]


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


# What else is to be mended -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "check", "hint"),
    [
        (
            "STRIPE_API_KEY",
            f"sk_test_{WRONG}",
            "acquirer",
            "Stripe refuses STRIPE_API_KEY (wrong_credentials).",
        ),
        (
            "STRIPE_API_BASE",
            "http://127.0.0.1:{port}",
            "acquirer",
            (
                "The acquirer does not answer at http://127.0.0.1:{port} (no_answer): "
                "check STRIPE_API_BASE and the network."
            ),
        ),
        (
            "STRIPE_WEBHOOK_SECRET",
            WRONG,
            "webhook",
            "STRIPE_WEBHOOK_SECRET must begin with whsec_.",
        ),
        (
            "SMS_DAILY_CEILING",
            "1",
            "texts_today",
            (
                "1 texts in 24 hours; SMS_DAILY_CEILING is 1: no code is sent any more. "
                "See who asks for them, or raise it."
            ),
        ),
    ],
    ids=["wrong key", "nobody there", "no secret of webhooks", "texts at their ceiling"],
)
def test_what_is_wrong_with_the_acquirer_or_the_texts_is_named(
    far: FarSide, name: str, value: str, check: str, hint: str
) -> None:
    """And nothing else is blamed for it."""
    port = free_port()
    said = lines(far, 1, **{name: value.format(port=port)})
    assert said[check] == f"MEND  {check:<12} {hint.format(port=port)}"
    assert to_mend(said) == [check]


@pytest.mark.parametrize("revision", ["nothing", "0001"])
def test_an_old_schema_is_named_with_the_way_to_the_newest(
    far: FarSide, tmp_path: Path, revision: str
) -> None:
    """What reads the database beyond it is left out, not blamed."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    store = Store(url)
    with store.engine.connect() as connection:
        if revision == "nothing":
            connection.exec_driver_sql("VACUUM")  # which makes the file
        else:
            command.upgrade(migrations.config(connection), revision)
            connection.commit()
    store.close()
    said = lines(far, 1, DATABASE_URL=url)
    assert said["database"].startswith("ok")
    wanted = f"The schema is at {revision}, not at {migrations.head()}: run `smoney migrate`."
    assert said["schema"] == f"MEND  schema       {wanted}"
    assert to_mend(said) == ["schema"]


def test_a_server_that_lets_a_frozen_machine_keep_its_locks_is_noted(postgresql_url: str) -> None:
    """With the statement that ends it, which the server takes for the role that we have."""
    settings = {"ENVIRONMENT": "sandbox", "DATABASE_URL": postgresql_url}
    (noted,) = [line for line in lines_of(settings) if "idle_timeout" in line]
    assert noted.startswith("note  idle_timeout ")
    alter = re.search("ALTER ROLE [^;]+", noted)
    assert alter is not None
    store = Store(postgresql_url)
    with store.engine.connect() as connection:
        connection.exec_driver_sql(alter[0])
        connection.rollback()
    store.close()
    settings["DATABASE_URL"] += "?options=-c%20idle_in_transaction_session_timeout%3D5min"
    (well,) = [line for line in lines_of(settings) if "idle_timeout" in line]
    assert well == "ok    idle_timeout PostgreSQL ends a transaction of ours that rests for 5min."


def some_x(exchange: Exchange, *headers: str, rules: tuple[str, ...] = ()) -> None:
    """Answer as an X that knows the bot, with these rules on its stream."""
    match exchange.path.partition("?")[0]:
        case "/2/users/me":
            me = {"id": "1", "username": "smoney", "name": "S-money"}
            exchange.answer(200, {"data": me}, *headers)
        case "/2/tweets/search/stream/rules":
            standing = [{"id": str(number), "value": rule} for number, rule in enumerate(rules, 1)]
            exchange.answer(200, {"data": standing}, *headers)
        case "/2/oauth2/token":
            exchange.answer(400, {"error": "invalid_request"}, *headers)
        case _:
            exchange.answer(404, {}, *headers)


@pytest.mark.parametrize("behind_s", [-1800, 1800])
def test_a_clock_that_is_wrong_is_named(far: FarSide, behind_s: int) -> None:
    """Fast or slow: X refuses what is signed at another time, without saying that this is why."""
    theirs = format_datetime(datetime.now(UTC) + timedelta(seconds=behind_s), usegmt=True)
    with RawServer(lambda exchange: some_x(exchange, f"Date: {theirs}")) as server:
        said = lines(far, 1, X_API_BASE_URL=server.url)
    assert said["clock"].startswith("MEND  clock        This machine's clock is 1")
    assert said["clock"].endswith(" s from X's: set it, by NTP.")
    assert to_mend(said) == ["clock"]


@pytest.mark.parametrize("date", [(), ("Date: tomorrow, perhaps",)], ids=["none", "unreadable"])
def test_an_x_that_does_not_tell_the_time_is_noted(far: FarSide, date: tuple[str, ...]) -> None:
    """It is not said that the clock is right, nor that it is wrong."""
    with RawServer(lambda exchange: some_x(exchange, *date)) as server:
        said = lines(far, 0, X_API_BASE_URL=server.url)
    assert said["clock"] == "note  clock        X did not say what time it is."


OURS = "@smoney -is:retweet -from:smoney"
WILL_MAKE = f"the worker will make it this one: {OURS}"


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ((OURS,), f"ok    stream_rule  The stream's rule stands: {OURS}"),
        ((), f"note  stream_rule  0 rules stand on the stream; {WILL_MAKE}"),
        (("cats",), f"note  stream_rule  1 rules stand on the stream; {WILL_MAKE}"),
        ((OURS, "cats"), f"note  stream_rule  2 rules stand on the stream; {WILL_MAKE}"),
    ],
    ids=["ours", "none", "somebody else's", "ours and another"],
)
def test_a_rule_that_is_not_ours_is_noted(far: FarSide, rules: tuple[str, ...], line: str) -> None:
    """The worker puts it right by itself, and whoever shares the app's stream wants to know."""
    with RawServer(lambda exchange: some_x(exchange, rules=rules)) as server:
        assert lines(far, 0, X_API_BASE_URL=server.url)["stream_rule"] == line
        assert server.count("/2/tweets/search/stream/rules") == 1


def test_the_worker_is_well_while_one_lives_and_hears_x(sqlite_url: str) -> None:
    """With since when, the last byte, the last post and how often; and what came too late."""
    settings = {"ENVIRONMENT": "sandbox", "DATABASE_URL": sqlite_url}
    store, now = Store(sqlite_url), datetime.now(UTC)
    since = now - timedelta(hours=1)

    def ago(seconds: int | None) -> datetime | None:
        return None if seconds is None else now - timedelta(seconds=seconds)

    for beat_s, connected_at, byte_s, code, hint in (
        (60, since, 60, 1, "No worker lives: start one"),
        (1, None, None, 1, "1 worker alive, but none hears X's stream: see its log."),
        (1, since, 200, 1, "1 worker alive, but none hears X's stream: see its log."),
        (1, None, 20, 0, "1 worker alive; the stream is being connected again (last byte 2"),
        (1, since, 20, 0, f"1 worker alive; the stream stands since {since:%Y-%m-%d %H:%M:%S} UTC"),
    ):
        beat = Beat(
            worker="one",
            started_at=since,
            beat_at=now - timedelta(seconds=beat_s),
            stream_connected_at=connected_at,
            stream_byte_at=ago(byte_s),
            stream_post_at=ago(byte_s),
            reconnects=3,
        )
        with store.write() as session:
            workers.write_beat(session, beat)
        ended = door("doctor", "--worker", settings=settings)
        assert (ended.returncode, hint in ended.stdout) == (code, True), ended.stdout
    assert f"last post {ago(20):%Y-%m-%d %H:%M:%S} UTC, connected again 3 times)." in ended.stdout
    with store.write() as session:
        inbox.count(session, READ_TOO_LATE, at=now)
    store.close()
    everything = lines_of(settings)
    (worker,) = [one for one in everything if one.startswith("ok    worker")]
    for figure in (hint, f"last post {ago(20):%Y-%m-%d %H:%M:%S} UTC, connected again 3 times"):
        assert figure in worker, "the whole of doctor says it too"
    assert re.search(r"last byte [0-9]+ s ago", worker)
    (late,) = [one for one in everything if one.startswith("note  late_posts")]
    assert late.endswith("1 command so far, " + LATE)
