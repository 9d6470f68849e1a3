"""Running a server in a thread: it is up when it says so, and gone when it was stopped."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from bot.sandbox.serve import serve
from bot.sandbox.x_server import create_app
from tests.sandbox.x_kit import PATIENCE_S, SECRETS


def thread_names() -> set[str]:
    """The threads that run."""
    return {thread.name for thread in threading.enumerate()}


def test_a_server_answers_until_it_is_stopped() -> None:
    """At once after the start, never after the stop, and its thread is gone."""
    with serve(create_app()) as running:
        assert running.url == f"http://127.0.0.1:{running.port}"
        assert httpx.get(running.url, verify=False).status_code == 200
        assert f"serve-{running.port}" in thread_names()
    assert f"serve-{running.port}" not in thread_names()
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url, verify=False)
    running.stop()


def test_a_port_that_is_taken_is_an_error() -> None:
    """Said at once, not in some thread."""
    with serve(FastAPI()) as running, pytest.raises(OSError, match="in use"):
        serve(FastAPI(), port=running.port)


def test_an_application_that_cannot_start_is_an_error() -> None:
    """Its own start failed: nobody waits for it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if app.title == "broken":
            raise RuntimeError("broken")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        serve(FastAPI(title="broken", lifespan=lifespan))
    serve(FastAPI(title="whole", lifespan=lifespan)).stop()


def test_a_call_that_stalls_does_not_hold_up_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    """It is let go, and nothing is logged as an error."""
    running = serve(create_app())
    fault = {"fault": "stall", "path": "/2/users/by", "seconds": 600}
    httpx.post(f"{running.url}/_sandbox/faults", json=fault, verify=False)
    answers: list[int] = []

    def call() -> None:
        headers = {"authorization": f"Bearer {SECRETS.bearer_token}"}
        path = f"{running.url}/2/users/by?usernames=bob"
        answers.append(
            httpx.get(path, headers=headers, timeout=PATIENCE_S, verify=False).status_code
        )

    caller = threading.Thread(target=call)
    caller.start()
    while httpx.get(f"{running.url}/_sandbox/faults", verify=False).json():
        assert caller.is_alive()
    running.stop()
    caller.join(PATIENCE_S)
    assert answers == [200]
    assert [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}] == []
