"""The worker as a process: signals, gaps, a database that is down, wrong credentials."""

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.doors.far_side import FarSide, door, far_side, post, process, replies, smoney
from tests.servers import free_port


@pytest.fixture
def far(sqlite_url: str) -> Iterator[FarSide]:
    """The far side, for a bot on SQLite."""
    with far_side(sqlite_url) as side:
        yield side


def test_sigterm_ends_a_worker_with_0(far: FarSide, tmp_path: Path) -> None:
    """It drains, and leaves no traceback; its heartbeat is gone."""
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("stream_connected")
        for _ in range(100):  # its row is written every two seconds
            alive = door("doctor", "--worker", settings=far.settings)
            if alive.returncode == 0:
                break
            Event().wait(0.1)
        assert "the stream stands" in alive.stdout
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
        assert "Traceback" not in worker.said
    dead = door("doctor", "--worker", settings=far.settings)
    assert dead.returncode == 1
    assert "No worker lives" in dead.stdout


def test_a_second_worker_on_sqlite_is_refused_with_a_sentence(far: FarSide, tmp_path: Path) -> None:
    """SQLite takes one writer; a killed worker is replaced without waiting."""
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("worker_started")
        with process("worker", settings=far.settings, folder=tmp_path, log="second") as second:
            assert second.end() == 1
            assert "Another worker runs on" in second.said
            assert "Traceback" not in second.said
        worker.kill()
    with process("worker", settings=far.settings, folder=tmp_path, log="third") as third:
        third.wait_for("worker_started")


def test_mentions_that_came_while_the_worker_was_away_are_answered_once(
    far: FarSide, tmp_path: Path
) -> None:
    """Killed, it misses mentions; started again, it answers each of them once."""
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("stream_connected")
        first = post(far, "@smoney pay @alice 10€ for pizza")
        assert len(replies(far, first)) == 1
        worker.kill()
    missed = [post(far, f"@smoney pay @alice {number}€") for number in range(2, 8)]
    with process("worker", settings=far.settings, folder=tmp_path, log="again") as worker:
        worker.wait_for("stream_connected")
        for post_id in missed:
            assert len(replies(far, post_id)) == 1
        last = post(far, "@smoney pay @alice 9€")
        assert len(replies(far, last)) == 1
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
    for post_id in (first, *missed, last):
        assert len(replies(far, post_id)) == 1, "never a second reply"
    check = door("ledger", "check", "--json", settings=far.settings)
    assert check.returncode == 0


def test_a_stream_that_x_ends_is_connected_again(far: FarSide, tmp_path: Path) -> None:
    """A disconnect costs nobody an answer."""
    with process("worker", settings=far.settings, folder=tmp_path) as worker:
        worker.wait_for("stream_connected")
        httpx.post(
            f"{far.x_url}/_sandbox/faults",
            json={"fault": "disconnect"},
            trust_env=False,
            verify=False,
        ).raise_for_status()
        in_gap = post(far, "@smoney pay @alice 10€")
        assert len(replies(far, in_gap)) == 1
        assert "stream_lost" in worker.said


def test_a_database_that_is_down_is_waited_for(
    far: FarSide, tmp_path: Path, sqlite_url: str
) -> None:
    """The worker says so and what to do, and begins when the database is there."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    folder = tmp_path / "mounted"
    settings = dict(far.settings, DATABASE_URL=f"sqlite:///{folder / 'smoney.db'}")
    with process("worker", settings=settings, folder=tmp_path) as worker:
        worker.wait_for("database_down")
        assert "check DATABASE_URL" in worker.said
        spare = tmp_path / "spare" / "smoney.db"
        spare.parent.mkdir()
        spare.write_bytes(path.read_bytes())
        spare.parent.rename(folder)
        worker.wait_for("stream_connected")
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
        assert "Traceback" not in worker.said


def test_a_database_without_a_schema_ends_the_worker_with_a_sentence(
    far: FarSide, tmp_path: Path
) -> None:
    """It says to migrate."""
    settings = dict(far.settings, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    with process("worker", settings=settings, folder=tmp_path) as worker:
        assert worker.end() == 1
        assert "run `smoney migrate`" in worker.said
        assert "Traceback" not in worker.said


def test_an_x_that_is_down_is_waited_for(far: FarSide, tmp_path: Path) -> None:
    """The worker says so and lives on; doctor says what to check."""
    settings = dict(far.settings, X_API_BASE_URL=f"http://127.0.0.1:{free_port()}")
    with process("worker", settings=settings, folder=tmp_path) as worker:
        worker.wait_for("x_down")
        doctor = door("doctor", settings=settings)
        assert doctor.returncode == 1
        assert "check X_API_BASE_URL" in doctor.stdout
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
        assert "Traceback" not in worker.said


def test_wrong_credentials_of_the_bot_end_the_worker_and_doctor_names_them(
    far: FarSide, tmp_path: Path
) -> None:
    """Which ones is said, their values are not."""
    settings = dict(far.settings, X_ACCESS_TOKEN_SECRET="wrong-and-very-secret")
    with process("worker", settings=settings, folder=tmp_path) as worker:
        assert worker.end() == 2
        assert "X_ACCESS_TOKEN_SECRET" in worker.said
        assert "very-secret" not in worker.said
        assert "Traceback" not in worker.said
    doctor = door("doctor", settings=settings)
    assert doctor.returncode == 1
    assert "MEND  x_account" in doctor.stdout
    assert "ok    x_app" in doctor.stdout


def test_a_wrong_bearer_token_is_named_by_doctor_and_outlived_by_the_worker(
    far: FarSide, tmp_path: Path
) -> None:
    """The stream waits; posting, reading and the jobs go on."""
    settings = dict(far.settings, X_BEARER_TOKEN="wrong-and-very-secret")
    doctor = door("doctor", settings=settings)
    assert doctor.returncode == 1
    assert "MEND  x_app        X refuses X_BEARER_TOKEN" in doctor.stdout
    assert "ok    x_account" in doctor.stdout
    with process("worker", settings=settings, folder=tmp_path) as worker:
        worker.wait_for("stream_refused")
        assert "X_BEARER_TOKEN" in worker.said
        assert "Traceback" not in worker.said
        assert "very-secret" not in worker.said
        worker.signal(signal.SIGINT)
        assert worker.end() == 0


def test_missing_settings_are_said_all_at_once(tmp_path: Path) -> None:
    """A sentence each that names the variable, and exit 2."""
    ended = smoney("worker", settings={"ENVIRONMENT": "sandbox"}, folder=tmp_path)
    assert ended.returncode == 2
    named = {line.split()[0] for line in ended.stderr.splitlines()}
    assert {"PUBLIC_URL", "X_BEARER_TOKEN", "X_API_KEY", "STRIPE_API_KEY"} <= named
    assert ended.stdout == ""
