"""A bot with fakes around it, on each database; its books are proven in the teardown.

The rows of a table that is marked `in_turn` run on the two in turn: they differ in what is decided,
not in what the databases are asked.
"""

from collections import defaultdict

import pytest

from bot.domain.limits import Policy
from bot.store.engine import Store
from tests.world import World

DATABASES = ("sqlite", "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave each row of a table that is marked `in_turn` one database."""
    tables: defaultdict[str, list[object]] = defaultdict(list)
    left_out = []
    for item in items:
        if item.get_closest_marker("in_turn") is None:
            continue
        assert isinstance(item, pytest.Function)
        row = {name: at for name, at in item.callspec.indices.items() if name != "database_url"}
        rows = tables[item.nodeid.partition("[")[0]]
        if row not in rows:
            rows.append(row)
        if item.callspec.params["database_url"] != DATABASES[rows.index(row) % len(DATABASES)]:
            left_out.append(item)
    for name, rows in tables.items():
        assert len(rows) >= len(DATABASES), f"{name} has too few rows to take them in turn"
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture
def world(store: Store) -> World:
    """A bot with the contract's default figures."""
    return World(store)


@pytest.fixture
def sca_world(store: Store) -> World:
    """A bot whose operator lets the card's 3-D Secure count for the transfer."""
    return World(store, Policy(card_sca_covers_transfer=True))
