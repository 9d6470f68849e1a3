"""The page of payouts: what may leave, the form that asks for it, what was asked for."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import payouts, sessions
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World

IBAN = "FR1420041010050500013M02606"


def requested(world: World, handle: str, cents: int) -> int:
    """Let somebody's payout be asked for, as strong authentication will."""
    terms = PayoutTerms(cents, IBAN, "Bob")
    proof = Authenticated(f"{handle}-{cents}", terms.hash, Basis.PASSKEY)
    return payouts.request(world.deps, world.visitor(handle), terms, proof)


def test_the_page_says_what_may_leave_and_what_not_yet(world: World, browser: Browser) -> None:
    """Reached from the wallet; a card's fresh money has to wait."""
    world.join("bob", cents=5_000)
    browser.sign_in("bob")
    assert 'href="/wallet/payout"' in browser.get("/wallet").text
    page = browser.get("/wallet/payout").text
    assert 'name="iban"' not in page
    said = text_of(page)
    assert "Il n’y a rien à verser pour le moment" in said
    assert "jusqu’à" not in said
    assert "72 heures" in said
    world.pass_time(hours=72)
    browser.sign_in("bob")
    assert "Vous pouvez verser jusqu’à 50 €" in text_of(browser.get("/wallet/payout").text)


def test_a_form_is_refused_with_a_sentence_and_keeps_what_was_typed(
    world: World, browser: Browser
) -> None:
    """Where all is right nothing has left yet: two factors are asked for."""
    world.join("bob", cents=5_000)
    world.pass_time(hours=72)
    browser.sign_in("bob")
    browser.get("/wallet/payout")
    bad = browser.post("/wallet/payout", iban="FR1", holder="Zoé", amount="5")
    assert bad.status_code == 422
    assert "Cet IBAN n’est pas juste" in text_of(bad.text)
    assert 'value="FR1"' in bad.text
    right = browser.post("/wallet/payout", iban=IBAN, holder="Zoé", everything="yes")
    assert right.headers["location"].startswith("/prove/")
    assert world.balance("bob") == 5_000


def test_what_was_typed_is_there_again_after_a_session_that_ended(
    world: World, open_browser: OpenBrowser
) -> None:
    """In no address, for the same person alone, on the same page, until it was asked for.

    Not after a sign-out, or another's sign-in; nor does a form of another site's put an account of
    its own there.
    """
    world.join("alice", cents=5_000)
    held = world.order("alice", "bob", "10€")
    world.confirm("alice", held)
    world.join("bob", cents=5_000)
    world.pass_time(hours=72)
    browser = open_browser()
    typed = {"iban": IBAN, "holder": "Zoé", "amount": "7,50"}
    for page, form in (
        ("/wallet/payout", "/wallet/payout"),
        (f"/t/{held}", f"/t/{held}/claim-out"),
    ):
        browser.sign_in("bob")
        browser.get(page)
        mine = browser.hidden("mine")
        world.pass_time(seconds=sessions.IDLE.total_seconds() + 1)
        for mark in ("", mine):
            over = browser.post(form, **typed, mine=mark)
            assert over.status_code == 401, page
            assert ("vous attend sur la page" in text_of(over.text)) == (mark != ""), page
            assert f'/signin?next={page}"' in over.text, page
            assert IBAN not in over.text, page
        browser.sign_in("bob")
        assert f'value="{IBAN}"' in browser.get(page).text, page
        assert f'value="{IBAN}"' not in browser.get("/wallet").text, page
        cookie = browser.client.cookies["__Host-smoney_typed"]
        assert b"FR14" not in urlsafe_b64decode(cookie), page

        def came_back(kept: str = cookie) -> None:
            browser.client.cookies.set("__Host-smoney_typed", kept, domain="smoney.test")
            assert browser.client.cookies.get("__Host-smoney_typed") == kept

        asked = browser.post(form, **typed, mine=mine)
        assert asked.headers["location"].startswith("/prove/"), page
        assert browser.client.cookies.get("__Host-smoney_typed") is None, page
        came_back()
        browser.post("/signout")
        assert browser.client.cookies.get("__Host-smoney_typed") is None, page
        came_back()
        browser.sign_in("alice")
        assert IBAN not in browser.get(page).text, page
        assert browser.client.cookies.get("__Host-smoney_typed") is None, page
    browser.sign_in("bob")
    for other in ("x", cookie[:-8], urlsafe_b64encode(b"[]").decode()):
        browser.client.cookies.set("__Host-smoney_typed", other, domain="smoney.test")
        assert browser.get("/wallet/payout").status_code == 200


def test_a_payout_that_waits_is_cancelled_by_its_owner_alone(
    world: World, open_browser: OpenBrowser
) -> None:
    """The account is shown by its ends; somebody else's number does nothing."""
    for handle in ("bob", "alice"):
        world.join(handle, cents=5_000)
    world.pass_time(hours=72)
    payout_id = requested(world, "bob", 1_000)
    alice, bob = open_browser(), open_browser(lang="en")
    alice.sign_in("alice")
    alice.get("/wallet/payout")
    assert alice.post(f"/wallet/payout/{payout_id}/cancel").status_code == 422
    bob.sign_in("bob")
    page = bob.get("/wallet/payout").text
    assert "Asked for: €10 will be on FR14 … 2606 by" in text_of(page)
    assert IBAN not in page
    assert bob.post(f"/wallet/payout/{payout_id}/cancel").headers["location"] == "/wallet/payout"
    assert "Cancelled" in text_of(bob.get("/wallet/payout").text)
    again = bob.post(f"/wallet/payout/{payout_id}/cancel")
    assert "can no longer be cancelled" in text_of(again.text)
    assert "Asked for:" not in text_of(again.text)
    assert world.balance("bob") == 5_000


def test_strangers_and_who_has_no_wallet_are_shown_the_way(browser: Browser) -> None:
    """Sign in first, then a phone number; a locked wallet says so."""
    assert "/signin" in browser.get("/wallet/payout").text
    browser.sign_in("carol")
    assert browser.get("/wallet/payout").headers["location"] == "/wallet/phone"


def test_a_locked_wallet_says_so(world: World, browser: Browser) -> None:
    """In place of what opens later."""
    world.join("bob", cents=5_000)
    world.lock("bob")
    browser.sign_in("bob")
    page = browser.get("/wallet/payout").text
    assert "bloqué pour vérification" in text_of(page)
    assert 'name="iban"' not in page
