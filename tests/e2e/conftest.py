"""A browser for the end-to-end tests: Debian's Chromium under Playwright.

Each visitor is a context of its own, with its own cookies. A page that throws an error, or asks for
anything beyond this machine, fails the test that it was opened in.
"""

import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

PHONE_WIDTH = 390
DESK_WIDTH = 1280
HEIGHT = 844
LOCAL = {"localhost", "127.0.0.1"}

OpenPage = Callable[[int], Page]


# For a module, not for the run: Playwright refuses to start a second time beside itself, and other
# folders' tests start it too.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, for a module's tests."""
    program = shutil.which("chromium")
    assert program, "chromium is not on this machine: run tests/setup.sh, or add the package"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a page of some width for a new visitor: `open_page(390)`."""
    wrong: list[str] = []
    contexts = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https"} and address.hostname not in LOCAL:
            wrong.append(f"asked for {request.url}")

    def opened(width: int) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT}, locale="fr-FR", timezone_id="Europe/Paris"
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
