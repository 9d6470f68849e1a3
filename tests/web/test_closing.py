"""All my data, the privacy page, and the end of an account, as its owner sees them."""

import json
import re

from bot.domain import sca
from bot.domain.topup import FAILURES_KEPT
from bot.services import prune, sessions, texts
from bot.services.own_data import GIVEN_WITHIN
from bot.store import browsers
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World


def test_the_file_takes_two_factors_and_is_its_owners(
    world: World, open_browser: OpenBrowser
) -> None:
    """From the wallet: what is in it, both codes, then the file, for ten minutes."""
    for handle in ("bob", "alice"):
        world.join(handle, cents=5000)
    world.confirm("bob", world.order("bob", "alice", "10€ for pizza"))
    bob, alice = open_browser(), open_browser()
    bob.sign_in("bob")
    assert 'href="/wallet/data"' in bob.get("/wallet").text
    assert bob.get("/wallet/data/file").headers["location"] == "/wallet/data"
    bob.get("/wallet/data")
    asked = bob.post("/wallet/data").headers["location"]
    assert "Toutes mes données" in text_of(bob.get(asked).text)
    assert bob.prove("bob", asked).headers["location"] == "/wallet/data"
    assert 'href="/wallet/data/file"' in bob.get("/wallet/data").text
    answer = bob.client.get("/wallet/data/file")
    assert answer.headers["content-type"] == "application/json"
    assert re.search(r'filename="smoney-\d{4}-\d\d-\d\d\.json"', str(answer.headers))
    assert answer.headers["cache-control"] == "no-store"
    assert [one["note"] for one in json.loads(answer.text)["transfers"]] == ["pizza"]
    alice.sign_in("alice")
    assert alice.get("/wallet/data/file").headers["location"] == "/wallet/data"
    world.pass_time(seconds=GIVEN_WITHIN.total_seconds() + 1)
    bob.sign_in("bob")
    assert bob.get("/wallet/data/file").headers["location"] == "/wallet/data"


def test_strangers_and_closed_wallets_are_shown_the_way(world: World, browser: Browser) -> None:
    """Sign in, have a wallet, open it by two factors: before that nothing is said or done."""
    paths = ("/wallet/data", "/wallet/data/file", "/wallet/close")
    for path in paths:
        assert "/signin" in browser.get(path).text
    browser.sign_in("carol")
    for path in paths:
        assert browser.get(path).headers["location"] == "/wallet"
    bob = world.join("bob", cents=5000)
    with world.store.write() as session:
        browsers.shut_wallet(session, bob)
    browser.sign_in("bob")
    for path in paths:
        assert browser.get(path).headers["location"] == "/wallet"


def test_the_privacy_page_says_the_figures_that_the_jobs_use(open_browser: OpenBrowser) -> None:
    """To everybody, in both languages, from the foot of every page."""
    figures = {
        "fr": (
            f"{prune.IDENTITY_KEPT_YEARS} ans",
            f"{prune.BOOKS_KEPT_YEARS} ans",
            f"{prune.TEXTS_KEPT_DAYS} jours",
            f"{texts.KEPT.days} jours",
            f"{prune.HANDLES_KEPT_DAYS} jours",
            f"{int(FAILURES_KEPT.total_seconds()) // 3600} heures",
            f"{int(sessions.IDLE.total_seconds()) // 60} minutes",
            f"{sca.LOOK_LASTS.days} jours",
            "L.561-12",
            "L.123-22",
            "X voit tout ce que vous lui écrivez",
        ),
        "en": ("5 years", "10 years", "30 days", "GDPR", "X sees all that you write there"),
    }
    for lang, parts in figures.items():
        browser = open_browser(lang=lang)
        for path in ("/", "/help", "/nowhere"):
            assert 'href="/privacy"' in browser.get(path).text, path
        said = text_of(browser.get("/privacy").text)
        assert [part for part in parts if part not in said] == [], lang


def test_an_account_is_closed_after_two_factors(world: World, browser: Browser) -> None:
    """The page says what stands in the way, clears it, and what will happen; then it is done."""
    world.join("bob", cents=1000)
    world.join("alice")
    held = world.order("bob", "carol")
    world.confirm("bob", held)
    browser.sign_in("bob")
    assert 'href="/wallet/close"' in browser.get("/wallet").text
    page = text_of(browser.get("/wallet/close").text)
    assert "10 € attendent d’être reçus par d’autres" in page
    assert 'action="/wallet/close"' not in browser.get("/wallet/close").text
    assert browser.post("/wallet/close").headers["location"] == "/wallet/close"
    assert browser.post("/wallet/close/clear").headers["location"] == "/wallet/close"
    page = browser.get("/wallet/close").text
    assert "Il reste 10 € dans votre portefeuille" in text_of(page)
    assert 'href="/wallet/payout"' in page
    world.confirm("bob", world.order("bob", "alice"))
    browser.get("/wallet/close")
    asked = browser.post("/wallet/close").headers["location"]
    assert "On ne peut pas revenir en arrière" in text_of(browser.get(asked).text)
    world.confirm("alice", world.order("alice", "bob"))
    phone = world.phone("bob")
    answer = browser.prove("bob", asked)
    assert answer.status_code == 409
    assert "Il reste 10 €" in text_of(answer.text)
    world.confirm("bob", world.order("bob", "alice"))
    browser.get("/wallet/close")
    asked = browser.post("/wallet/close").headers["location"]
    assert browser.prove("bob", asked).headers["location"] == "/closed"
    assert "Votre compte est fermé" in text_of(browser.get("/closed").text)
    assert "/signin" in browser.get("/wallet").text
    texts.send_notices(world.deps)
    assert "votre compte est fermé" in world.sms.texts_to(phone)[-1]
    browser.sign_in("bob")
    assert browser.get("/wallet").headers["location"] == "/wallet/phone"


def test_what_waits_for_somebody_is_said_before_they_close(world: World, browser: Browser) -> None:
    """It would go back to its payer: nobody gives money up without having read it."""
    world.join("alice", cents=5000)
    world.confirm("alice", world.order("alice", "bob", "8€"))
    world.join("bob")
    browser.sign_in("bob")
    assert "8 € vous attendent encore" in text_of(browser.get("/wallet/close").text)


def test_what_would_be_cancelled_is_named_apart_from_what_stands_in_the_way(
    world: World, browser: Browser
) -> None:
    """By kind, on the button that cancels it; nobody takes a payout for a part of it."""
    world.join("alice")
    world.join("bob", cents=5000)
    world.order("bob", "alice", "4€")
    for amount in ("5€", "6€"):
        world.order("bob", "alice", amount, kind="request")
    world.order("alice", "bob", "7€", kind="request")
    browser.sign_in("bob")
    page = browser.get("/wallet/close").text
    first, _, waits = page.partition('aria-labelledby="open"')
    assert 'action="/wallet/close/clear"' not in first
    assert (
        "Annuler ce qui attend : 1 paiement, 2 demandes et 1 demande que vous avez reçue"
        in text_of(waits)
    )
    assert browser.post("/wallet/close/clear").headers["location"] == "/wallet/close"
    assert 'aria-labelledby="open"' not in browser.get("/wallet/close").text
