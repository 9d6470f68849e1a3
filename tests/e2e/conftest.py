"""A browser for the end-to-end tests: Debian's Chromium under Playwright.

Each visitor is a context of its own, with its own cookies. A page that throws an error, or asks for
anything beyond this machine, fails the test that it was opened in.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.chromium import chromium

PHONE_WIDTH = 390
DESK_WIDTH = 1280
HEIGHT = 844
LOCAL = {"localhost", "127.0.0.1"}

OpenPage = Callable[[int], Page]


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
