"""Passkeys over HTTP: what the script is handed, and what is refused without a touch."""

import html
import json
import re

import pytest
from httpx import Response

from bot.services import guarded, strong
from tests.fakes.authenticator import Device
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import OPENED, Browser
from tests.world import PUBLIC_URL, World, reference_in

HOST = PUBLIC_URL.removeprefix("https://")


def add(world: World, browser: Browser, key: Device) -> None:
    """Make a passkey in the wallet, after both codes."""
    browser.get("/wallet")
    asked = browser.post("/wallet/passkey").headers["location"]
    assert browser.prove("bob", asked).headers["location"] == "/wallet/passkey"
    options = options_on(browser.get("/wallet/passkey").text)
    made = browser.post("/wallet/passkey/new", credential=key.make(options))
    assert made.headers["location"] == "/wallet?open=safety#safety"


def options_on(page: str) -> str:
    """Return what a page asks its browser's passkeys for."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


def touch_in(browser: Browser, key: Device, link: str) -> Response:
    """Sign in by a touch."""
    begun = browser.client.post("/signin/passkey/begin", data={"next": link}).json()
    given = {"credential": key.sign(json.dumps(begun["options"]))}
    return browser.client.post(begun["action"], data=given)


def test_two_touches_lead_from_the_link_to_the_receipt(
    world: World, open_browser: OpenBrowser
) -> None:
    """Two screens before it; the first names no amount, the second is bound to what it shows."""
    world.join("bob", cents=20_000)
    world.join("alice")
    key = Device(PUBLIC_URL, HOST)
    first, browser = open_browser(), open_browser()
    first.sign_in("bob")
    add(world, first, key)
    reference = world.order("bob", "alice", "45€")
    link = f"/t/{reference}"
    assert "45" not in text_of(browser.get(link).text).replace(reference, "")
    begun = browser.client.post("/signin/passkey/begin", data={"next": link}).json()
    given = {"credential": key.sign(json.dumps(begun["options"]))}
    assert open_browser().client.post(begun["action"], data=given).status_code == 400
    assert touch_in(browser, key, link).headers["location"] == link
    assert "Payer 45 € d’une touche, avec mon portefeuille" in text_of(browser.get(link).text)
    fields = ("terms_hash", "number", "total_cents")
    begun = browser.post(f"{link}/touch", **{one: browser.hidden(one) for one in fields}).json()
    refused = browser.post(begun["action"], credential="{}")
    assert refused.status_code == 422
    assert "Plutôt mon code et un SMS" in refused.text
    done = browser.post(begun["action"], credential=key.sign(json.dumps(begun["options"])))
    assert done.headers["location"] == link
    assert "C’est fait" in browser.get(link).text
    assert browser.screens == 3
    assert world.balance("alice") == 4_500
    browser.get(f"/t/{(by_card := world.order('bob', 'alice', '46€'))}")
    asked = browser.confirm(by_card, "card").headers["location"]
    given = {"credential": key.sign(options_on(browser.get(asked).text))}
    to_card = browser.post(f"{asked}/touch", **given)
    assert to_card.headers["location"] == world.topup(by_card).url


def test_a_touch_opens_its_owners_wallet_and_nobody_elses(
    world: World, open_browser: OpenBrowser
) -> None:
    """Whoever opened theirs there before still has it; where it opens nothing, the cookie stays."""
    world.join("bob", cents=12_345)
    world.join("alice", cents=6_789)
    key, first, browser = Device(PUBLIC_URL, HOST), open_browser(), open_browser()
    first.sign_in("bob")
    add(world, first, key)
    browser.sign_in("alice")
    assert "67,89" in browser.get("/wallet").text
    touch_in(browser, key, "/wallet")
    assert "123,45" in browser.get("/wallet").text
    browser.sign_in("alice")
    assert "67,89" in browser.get("/wallet").text
    world.link("bob", to="alice")
    before = browser.client.cookies[OPENED]
    touch_in(browser, key, "/wallet")
    assert browser.client.cookies[OPENED] == before
    browser.sign_in("alice")
    assert "67,89" in browser.get("/wallet").text


@pytest.mark.parametrize("seen_cents", ["2000", "6000", ""], ids=["ticked", "unticked", "nothing"])
def test_a_touch_over_another_total_than_was_shown_is_refused(
    world: World, browser: Browser, seen_cents: str
) -> None:
    """No page stands between the button and the touch: the new total is shown first."""
    world.join("bob", cents=20_000)
    browser.sign_in("bob")
    add(world, browser, Device(PUBLIC_URL, HOST))
    reference = reference_in(world.post("bob", "@smoney pay @alice @carol @dave 20€ each"))
    browser.get(f"/t/{reference}")
    shown = {"terms_hash": browser.hidden("terms_hash"), "number": ["1", "2"]}
    total = {"total_cents": seen_cents} if seen_cents else {}
    answer = browser.post(f"/t/{reference}/touch", **shown, **total)
    assert (answer.status_code, answer.json()) == (409, {"error": "other_total"})
    answer = browser.post(f"/t/{reference}/touch", **shown, total_cents="4000")
    assert answer.status_code == 200


def test_without_a_passkey_nothing_is_offered_and_nothing_done(
    world: World, browser: Browser
) -> None:
    """Neither to sign, nor to make one without both codes, nor by another's challenge."""
    world.join("bob", cents=20_000)
    reference = world.order("bob", "alice", "45€")
    page = browser.open_order("bob", reference)
    assert "d’une touche" not in page
    shown = {"terms_hash": browser.hidden("terms_hash"), "number": browser.hidden("number")}
    assert browser.post(f"/t/{reference}/touch", **shown).status_code == 409
    assert browser.post(f"/t/{reference}/touch", terms_hash="x").status_code == 409
    assert browser.get("/wallet/passkey").headers["location"] == "/wallet"
    assert browser.post("/wallet/passkey/new", credential="{}").status_code == 409
    challenge = strong.begin_by_touch(world.deps, world.visitor("bob"), guarded.to_open())
    assert browser.post(f"/prove/{challenge}/touch", credential="{}").status_code == 422
    assert world.balance("bob") == 20_000
