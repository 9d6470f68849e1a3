"""An order's page where it is paid by card: to the acquirer's page and back, or turned away."""

import html
import re

from bot.domain.errors import Unavailable
from tests.web.conftest import OpenBrowser
from tests.web.visiting import CARD_PAGES, Browser, site
from tests.world import World


def test_by_card_the_browser_goes_to_the_card_page_and_back(
    sca_world: World,
) -> None:
    """The acquirer's page, then the receipt; the way back finishes what was confirmed."""
    world = sca_world
    browser = Browser(world, site(world))
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice", "40€")
    browser.open_order("bob", reference)
    answer = browser.confirm(reference, "card")
    topup = world.topup(reference)
    assert answer.headers["location"] == topup.url
    assert topup.url.startswith(CARD_PAGES)
    page, live = browser.get(f"/t/{reference}").text, f"/t/{reference}/payment?lang=fr"
    assert html.escape(topup.url) in page
    assert f'data-live="{live}"' in page
    assert browser.client.get(live).text.strip() in page
    world.cards.submit(topup.session_id, "4000002760003184")
    world.cards.secure(topup.session_id, passed=True)
    back = browser.get(f"/t/{reference}", card="done")
    assert back.headers["location"] == f"/t/{reference}"
    assert "C’est fait" in browser.get(f"/t/{reference}").text
    part = browser.client.get(live).text
    assert "C’est fait" in part, "in the tab that was left open"
    assert 'data-waiting=""' in part
    assert world.balance("alice") == 4000


def test_an_acquirer_that_is_down_loses_no_confirmation(
    world: World, browser: Browser, open_browser: OpenBrowser
) -> None:
    """The page waits and its script looks again; the recovery job opens the card page."""
    world.join("bob")
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    world.cards.fail("checkout.open", Unavailable("down"))
    assert browser.confirm(reference, "card").headers["location"] == f"/t/{reference}"
    waiting, live = browser.get(f"/t/{reference}"), f"/t/{reference}/payment"
    assert "refresh" not in waiting.headers, "a page that loads itself loses its reader's place"
    assert "Encore un instant" in waiting.text
    assert "Regarder de nouveau" in waiting.text
    assert f'data-live="{live}?lang=fr"' in waiting.text
    answer = browser.client.get(live, params={"lang": "fr"})
    part = answer.text
    assert "<html" not in part
    assert "set-cookie" not in answer.headers, "nobody asked for a language"
    assert part.strip() in waiting.text, "what says the same is left as it is"
    assert 'data-waiting="payment"' in part
    eve = open_browser()
    for _ in range(2):
        assert eve.client.get(live).status_code == 404
        eve.sign_in("eve")
    english = browser.get(f"/t/{reference}", lang="en").text
    assert f'data-live="{live}?lang=en"' in english
    assert f'href="/t/{reference}?lang=en" data-look' in english
    world.react()
    assert html.escape(world.topup(reference).url) in browser.get(f"/t/{reference}").text
    part = browser.client.get(live).text
    assert html.escape(world.topup(reference).url) in part
    assert 'data-waiting="payment"' in part, "it may be paid by another page of theirs"
    assert "La page a changé" not in part


def test_who_turns_away_from_the_card_page_can_choose_again(
    world: World, browser: Browser, open_browser: OpenBrowser
) -> None:
    """The cancel address closes the card page and frees the order."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    browser.confirm(reference, "card")
    browser.get(f"/t/{reference}", card="cancelled")
    page = browser.get(f"/t/{reference}").text
    assert "n’a pas été terminé" in page
    assert 'value="wallet"' in page
    english = open_browser(lang="en")
    english.open_order("bob", reference)
    english.confirm(reference, "card")
    assert [one.order.lang for one in world.cards.pages.values()] == ["fr", "en"], "as the page was"


def test_who_comes_back_from_the_card_signed_out_signs_in_first(
    world: World, browser: Browser
) -> None:
    """Three-D Secure may take longer than a session; the way back survives the sign-in."""
    world.join("bob")
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    browser.confirm(reference, "card")
    world.pass_time(minutes=6)
    page = browser.get(f"/t/{reference}", card="done").text
    assert f"/signin?next=/t/{reference}%3Fcard%3Ddone" in page


def test_after_an_issuer_asked_for_the_person_the_cards_own_page_comes_first(
    world: World, browser: Browser
) -> None:
    """The sentence names the button; the saved card is not offered again for this order."""
    bob = world.join("bob", cents=5000)
    world.join("alice")
    card_id = world.save_card(bob, "pm_card_authenticationRequired", limit_cents=2000)
    reference = world.order("bob", "alice", "10€")
    browser.open_order("bob", reference)
    browser.confirm(reference, f"card-{card_id}")
    page = browser.get(f"/t/{reference}").text
    assert "choisissez «\u00a0Payer sur la page de la carte\u00a0»" in page
    fundings = re.findall(r'class="([^"]*)" name="funding" value="([^"]*)"', page)
    assert fundings == [("button", "card"), ("button second", "wallet")]
