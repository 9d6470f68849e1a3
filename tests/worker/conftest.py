"""Whatever a test of the worker opens is closed after it."""

from collections.abc import Iterator

import pytest

from tests.worker import hands


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Give every connection back."""
    yield
    while hands.OPENED:
        hands.OPENED.pop().store.close()
