"""A bot with fakes around it, on each database; its books are proven in the teardown."""

import pytest

from bot.domain.limits import Policy
from bot.store.engine import Store
from tests.world import World


@pytest.fixture
def world(store: Store) -> World:
    """A bot with the contract's default figures."""
    return World(store)


@pytest.fixture
def sca_world(store: Store) -> World:
    """A bot whose operator lets the card's 3-D Secure count for the transfer."""
    return World(store, Policy(card_sca_covers_transfer=True))
