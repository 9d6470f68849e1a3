"""A visitor's browser on the bot's pages, with the fakes of a `World` behind them."""

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from bot.services.deps import Deps
from bot.web.app import build
from bot.web.site import Site
from tests.builders import CODE, browser_of
from tests.world import PUBLIC_URL, World

CARD_PAGES = "https://cards.example"
"""Where the fake acquirer's pages are."""
X_ORIGIN = "https://x.com"


_KEPT: list[FastAPI] = []


def site(world: World) -> FastAPI:
    """Return the pages of a world."""
    return pages_on(world.deps)


def pages_on(deps: Deps) -> FastAPI:
    """Return the pages on some ports: one application, which each test has for itself.

    FastAPI learns its routes when it is first asked, which is most of what a short test costs.
    """
    fresh = Site(deps, card_origins=(CARD_PAGES,), x_origin=X_ORIGIN)
    if not _KEPT:
        _KEPT.append(build(deps, card_origins=(CARD_PAGES,), x_origin=X_ORIGIN))
    vars(_KEPT[0].state.site).update(vars(fresh))
    return _KEPT[0]


OPENED: Final = "__Host-smoney_opened"
"""The cookie of a browser in which a wallet was opened."""
HOST: Final = PUBLIC_URL.removeprefix("https://")
ADDRESS: Final = ("203.0.113.7", 50_000)
"""Where everybody's browser stands: not on this machine, whose own calls nothing holds back."""
LOOP: Final = asyncio.new_event_loop()
"""Where requests are answered, one at a time; Starlette's client starts one for each."""


class Client:
    """What sends requests and keeps cookies; it hands them to the pages without a socket."""

    def __init__(self, app: FastAPI, *, lang: str) -> None:
        self._client = AsyncClient(
            transport=ASGITransport(app, raise_app_exceptions=False, client=ADDRESS),
            base_url=PUBLIC_URL,
            headers={"Accept-Language": lang},
        )
        self.cookies = self._client.cookies

    def get(self, path: str, **options: Any) -> Response:
        """Ask for a page."""
        return LOOP.run_until_complete(self._client.get(path, **options))

    def post(self, path: str, **options: Any) -> Response:
        """Send a form, or whatever a machine sends."""
        return LOOP.run_until_complete(self._client.post(path, **options))


@contextmanager
def served(app: FastAPI) -> Iterator[None]:
    """Serve pages as a process does, from its start to its end; a browser needs neither."""
    life = app.router.lifespan_context(app)
    LOOP.run_until_complete(life.__aenter__())
    try:
        yield
    finally:
        LOOP.run_until_complete(life.__aexit__(None, None, None))


class Browser:
    """One browser with its cookies; it follows a redirect only where it is told to.

    Whoever signs in opened their wallet there before, unless the browser `is_strange` to them.
    """

    def __init__(
        self, world: World, app: FastAPI, *, lang: str = "fr", is_strange: bool = False
    ) -> None:
        self.world = world
        self.is_strange = is_strange
        self.client = Client(app, lang=lang)
        self.page: Response | None = None
        self.screens = 0

    def get(self, path: str, **query: str) -> Response:
        """Open a page, and keep it as the one that forms are sent from."""
        answer = self.client.get(path, params=query or None)
        if answer.status_code < 300:
            self.page = answer
            self.screens += 1
        return answer

    def post(self, path: str, **fields: Any) -> Response:
        """Send a form of the page that is open, with its token."""
        return self.client.post(path, data={"csrf": self.csrf(), **fields})

    def csrf(self) -> str:
        """Return the token that the open page's forms hold."""
        return self.hidden("csrf")

    def hidden(self, name: str) -> str:
        """Return a hidden field of the open page."""
        assert self.page is not None, "no page is open"
        found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', self.page.text)
        assert found is not None, f"the page has no field {name}"
        return html.unescape(found[1])

    def sign_in(self, handle: str, next_path: str = "/wallet") -> Response:
        """Sign in with X as somebody; return the answer to coming back from there."""
        return self.come_back(self.leave_for_x(next_path), handle)

    def leave_for_x(self, next_path: str = "/wallet") -> str:
        """Go to X to sign in; return the address there."""
        answer = self.get("/signin", next=next_path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def come_back(self, url: str, handle: str) -> Response:
        """Come back from X, where somebody allowed it."""
        known = self.client.cookies.get(OPENED)
        if not self.is_strange and (known is None or known.startswith(browser_of(""))):
            self.client.cookies.set(OPENED, browser_of(handle), domain=HOST)
        code = self.world.roles.sign_in.allow(url, handle)
        state = parse_qs(urlsplit(url).query)["state"][0]
        return self.get("/signin/callback", state=state, code=code)

    def open_order(self, handle: str, reference: str) -> str:
        """Sign in on an order's page; return what it shows."""
        assert self.sign_in(handle, f"/t/{reference}").headers["location"] == f"/t/{reference}"
        return self.get(f"/t/{reference}").text

    def prove(self, handle: str, path: str, **fields: str) -> Response:
        """Open the page of two factors, and type both codes of somebody's."""
        assert path.startswith("/prove/"), path
        assert self.get(path).status_code == 200
        both = {"code": CODE, "text_code": self.world.newest_code(handle)}
        return self.post(path, **(both | fields))

    def confirm(self, reference: str, funding: str, **fields: Any) -> Response:
        """Press a button of the confirmation that is open."""
        shown = {"terms_hash": self.hidden("terms_hash"), "number": self.hidden("number")}
        return self.post(f"/t/{reference}/confirm", funding=funding, **(shown | fields))
