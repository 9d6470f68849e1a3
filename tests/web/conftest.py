"""The pages on fakes; the books are proven in the teardown.

On SQLite alone: a page asks services, which are tested on both databases.
"""

from collections.abc import Callable

import pytest

from bot.domain.limits import Policy
from bot.store.engine import Store
from tests.web.visiting import Browser, site
from tests.world import World

OpenBrowser = Callable[..., Browser]


@pytest.fixture
def database_url(kept_sqlite_url: str) -> str:
    """A fresh migrated database."""
    return kept_sqlite_url


@pytest.fixture
def world(store: Store) -> World:
    """A bot with the contract's default figures."""
    return World(store)


@pytest.fixture
def sca_world(store: Store) -> World:
    """A bot whose operator lets the card's 3-D Secure count for the transfer."""
    return World(store, Policy(card_sca_covers_transfer=True))


@pytest.fixture
def open_browser(world: World) -> OpenBrowser:
    """Open another browser on the same pages."""
    app = site(world)
    return lambda **options: Browser(world, app, **options)


@pytest.fixture
def browser(open_browser: OpenBrowser) -> Browser:
    """A browser of somebody whose language is French."""
    return open_browser()
