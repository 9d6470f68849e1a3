"""The page of an order for somebody whose wallet is locked for review."""

from dataclasses import replace

import pytest

from tests.web.test_orders import held_order
from tests.web.visiting import Browser, site
from tests.world import World


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("help@smoney.example", 'href="mailto:help@smoney.example"'),
        ("https://smoney.example/help", 'href="https://smoney.example/help"'),
        ("", None),
    ],
)
def test_a_locked_wallet_is_said_before_any_button_and_none_pays(
    world: World, contact: str, link: str | None
) -> None:
    """Neither from the wallet nor by card; the order may still be cancelled, and one may write."""
    world.deps = replace(world.deps, contact=contact)
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    world.lock("bob")
    browser = Browser(world, site(world))
    page = browser.open_order("bob", reference)
    assert "bloqué pour vérification" in page
    assert 'name="funding"' not in page
    assert f'action="/t/{reference}/cancel"' in page
    # Beside the sentence, and at the foot.
    assert page.count(link) == 2 if link else "mailto:" not in page
    if link:
        assert browser.get("/wallet").text.count(link) == 2
        assert browser.get("/help").text.count(link) == 1


def test_who_is_locked_takes_nothing(world: World, browser: Browser) -> None:
    """What waits for them is said to wait, and may go back."""
    reference = held_order(world)
    world.join("carol")
    world.lock("carol")
    page = browser.open_order("carol", reference)
    assert "bloqué pour vérification" in page
    assert f'action="/t/{reference}/claim"' not in page
    assert f'action="/t/{reference}/refuse"' in page
