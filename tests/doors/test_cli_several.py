"""Several processes on one database: a leader that dies, a web beside a worker, the small one."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot import migrations
from tests.doors.far_side import FarSide, far_side, post, process, replies
from tests.servers import PostgreSQL


@pytest.fixture
def far(sqlite_url: str) -> Iterator[FarSide]:
    """The far side, for a bot on SQLite."""
    with far_side(sqlite_url) as side:
        yield side


@pytest.fixture
def far_of_many(postgresql_url: str) -> Iterator[FarSide]:
    """The far side, for a bot on PostgreSQL."""
    with far_side(postgresql_url) as side:
        yield side


def answers(far: FarSide, text: str) -> list[str]:
    """Post as bob, and return the replies that came, after one has."""
    return replies(far, post(far, text))


def test_a_dead_leader_is_replaced_and_nothing_is_answered_twice(
    far_of_many: FarSide, tmp_path: Path
) -> None:
    """Two workers on PostgreSQL; the one that holds the stream is killed, the other takes it."""
    far = far_of_many
    with process("worker", settings=far.settings, folder=tmp_path, log="first") as first:
        first.wait_for("stream_connected")
        with process("worker", settings=far.settings, folder=tmp_path, log="second") as second:
            second.wait_for("worker_started")
            assert len(answers(far, "@smoney pay @alice 10€")) == 1
            assert "stream_connected" not in second.said
            first.kill()
            second.wait_for("stream_connected")
            assert len(answers(far, "@smoney pay @alice 11€")) == 1
            second.signal(signal.SIGTERM)
            assert second.end() == 0
            assert "Traceback" not in second.said


def test_a_leader_that_ends_hands_over(far_of_many: FarSide, tmp_path: Path) -> None:
    """Its lease ends with it, and the other hears the stream."""
    far = far_of_many
    with process("worker", settings=far.settings, folder=tmp_path, log="first") as first:
        first.wait_for("stream_connected")
        with process("worker", settings=far.settings, folder=tmp_path, log="second") as second:
            second.wait_for("worker_started")
            first.signal(signal.SIGTERM)
            assert first.end() == 0
            second.wait_for("stream_connected")
            assert len(answers(far, "@smoney pay @alice 10€")) == 1


def test_a_database_that_goes_and_comes_back_costs_no_mention(tmp_path: Path) -> None:
    """What was posted meanwhile is answered once; the log says it without a traceback."""
    with PostgreSQL() as server:
        url = server.start().create("bot")
        migrations.upgrade(url)
        with (
            far_side(url) as far,
            process("worker", settings=far.settings, folder=tmp_path) as worker,
        ):
            worker.wait_for("stream_connected")
            assert len(answers(far, "@smoney pay @alice 10€")) == 1
            server.go_down()
            missed = [post(far, f"@smoney pay @alice {cents}€") for cents in (2, 3, 4)]
            worker.wait_for("database_down")
            server.go_up()
            assert [len(replies(far, one)) for one in missed] == [1, 1, 1]
            worker.signal(signal.SIGTERM)
            assert worker.end() == 0
            assert [len(replies(far, one)) for one in missed] == [1, 1, 1]
            assert "Traceback" not in worker.said


def test_a_web_process_waits_for_its_database(tmp_path: Path) -> None:
    """It says at the start that it is down, answers 503, and serves once it is there."""
    with PostgreSQL() as server:
        url = server.start().create("bot")
        migrations.upgrade(url)
        server.go_down()
        with (
            far_side(url) as far,
            process("web", settings=far.settings, folder=tmp_path) as web,
        ):
            web.wait_for("database_down")
            assert "check DATABASE_URL" in web.said
            home = far.settings["PUBLIC_URL"]
            for path, status in (("/healthz", 200), ("/readyz", 503), ("/", 503), ("/wallet", 503)):
                assert (
                    httpx.get(f"{home}{path}", trust_env=False, verify=False).status_code == status
                ), path
            server.go_up()
            web.wait_for("database_answers")
            for path in ("/readyz", "/", "/wallet"):
                assert (
                    httpx.get(f"{home}{path}", trust_env=False, verify=False).status_code == 200
                ), path
            web.signal(signal.SIGTERM)
            assert web.end() == 0
            assert "Traceback" not in web.said
            assert str(server.port) not in web.said


def test_worker_and_web_run_in_one_process(far: FarSide, tmp_path: Path) -> None:
    """The pages answer, the worker hears; one signal ends both with 0."""
    with process("run", settings=far.settings, folder=tmp_path) as both:
        both.wait_for("stream_connected")
        url = far.settings["PUBLIC_URL"]
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/", 200), ("/t/NOPE22", 404)):
            assert httpx.get(f"{url}{path}", trust_env=False, verify=False).status_code == status, (
                path
            )
        assert len(answers(far, "@smoney pay @alice 10€")) == 1
        both.signal(signal.SIGTERM)
        assert both.end() == 0
        assert "Traceback" not in both.said


def test_the_web_needs_no_credentials_of_the_bots_account(far: FarSide, tmp_path: Path) -> None:
    """It runs without the worker's secrets, and ends with 0."""
    secrets = ("X_BEARER_TOKEN", "X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN")
    settings = {name: value for name, value in far.settings.items() if not name.startswith(secrets)}
    with process("web", settings=settings, folder=tmp_path) as web:
        web.wait_for("web_started")
        url = f"{far.settings['PUBLIC_URL']}/readyz"
        assert httpx.get(url, trust_env=False, verify=False).status_code == 200
        web.signal(signal.SIGINT)
        assert web.end() == 0
        assert "Traceback" not in web.said


def let_polls_hang(far: FarSide) -> None:
    """Let X not answer when messages are read."""
    fault = {"fault": "stall", "path": "/2/dm_events", "seconds": 60, "times": 50}
    url = f"{far.x_url}/_sandbox/faults"
    httpx.post(url, json=fault, trust_env=False, verify=False).raise_for_status()


def test_a_call_that_hangs_does_not_keep_the_worker_from_its_end(
    far: FarSide, tmp_path: Path
) -> None:
    """It drains what it can, then ends with 0."""
    let_polls_hang(far)
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("stream_connected")
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
        assert "Traceback" not in worker.said


def test_a_second_signal_ends_the_worker_at_once(far: FarSide, tmp_path: Path) -> None:
    """While it still drains, here because X lets a call hang."""
    let_polls_hang(far)
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("stream_connected")
        worker.signal(signal.SIGTERM)
        worker.wait_for("worker_ends")
        worker.signal(signal.SIGTERM)
        assert worker.end() == 128 + signal.SIGTERM
        assert "worker_ended" not in worker.said
