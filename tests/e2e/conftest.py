"""A browser for the end-to-end tests: Debian's Chromium under Playwright.

Each visitor is a context of its own, with its own cookies. A page that throws an error, or asks for
anything beyond this machine, fails the test that it was opened in.
"""

from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.chromium import chromium
from tests.doors.far_side import program
from tests.e2e.test_sandbox import Sandbox
from tests.servers import free_ports

PHONE_WIDTH = 390
DESK_WIDTH = 1280
HEIGHT = 844
LOCAL = {"localhost", "127.0.0.1"}

Changes = Callable[[], dict[str, int]]


class OpenPage(Protocol):
    """Opens a page of some width for a new visitor, who reads a language and may run no scripts."""

    def __call__(self, width: int, *, scripts: bool = True, locale: str = "fr-FR") -> Page:
        """Open it."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The whole bot on free ports, as `make sandbox` starts it; its people go on living."""
    tmp_path = tmp_path_factory.mktemp("sandbox")
    port, x_port, card_port = free_ports(3)
    ports = [f"--port={port}", f"--x-port={x_port}", f"--card-port={card_port}"]
    with program("sandbox", *ports, settings={}, folder=tmp_path) as running:
        running.wait_for("Ctrl-C ends it")
        x_url, cards_url = f"http://localhost:{x_port}", f"http://localhost:{card_port}"
        one = Sandbox(running, tmp_path, x_url, f"http://localhost:{port}", cards_url)
        yield one
        one.end()


@pytest.fixture
def changes(sandbox: Sandbox) -> Changes:
    """What a journey changed in the wallets, in cents."""
    before = sandbox.wallets()
    return lambda: {
        handle: cents - before.get(handle, 0)
        for handle, cents in sandbox.wallets().items()
        if cents != before.get(handle, 0)
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, for a module's tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a page of some width for a new visitor: `open_page(390)`."""
    wrong: list[str] = []
    contexts = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https"} and address.hostname not in LOCAL:
            wrong.append(f"asked for {request.url}")

    def opened(width: int, *, scripts: bool = True, locale: str = "fr-FR") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            locale=locale,
            timezone_id="Europe/Paris",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.on("request", note)
        context.on("weberror", lambda error: wrong.append(f"threw {error.error}"))
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A visitor with a phone."""
    return open_page(PHONE_WIDTH)


@pytest.fixture
def wide_page(open_page: OpenPage) -> Page:
    """A visitor at a desk."""
    return open_page(DESK_WIDTH)
