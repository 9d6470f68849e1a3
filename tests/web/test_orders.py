"""The one link of an order: who sees what, and what each button does."""

import html
import re

import pytest

from bot.domain.errors import Unavailable
from tests.web.conftest import OpenBrowser
from tests.web.visiting import CARD_PAGES, Browser, site
from tests.world import World, reference_in

NOTE = "pour la pizza <b>du</b> jeudi"


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def held_order(world: World) -> str:
    """Let bob pay carol, who has no wallet; return the reference."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "carol", "12,34€ pour le café")
    world.confirm("bob", reference)
    return reference


def assert_closed(page: str) -> None:
    """Nothing of an order is in the bytes of a page."""
    for secret in ("12,34", "12.34", "1234", "café", "carol", "bob", "alice"):
        assert secret not in page, secret


def test_everybody_learns_that_an_order_exists_and_no_more(world: World, browser: Browser) -> None:
    """No amount and nobody is named; there is a button to sign in."""
    reference = held_order(world)
    answer = browser.get(f"/t/{reference}")
    assert answer.status_code == 200
    assert f'href="/signin?next=/t/{reference}"' in answer.text
    assert_closed(answer.text)


def test_a_stranger_who_signs_in_sees_nothing_of_it(world: World, browser: Browser) -> None:
    """They see as whom they are signed in, and how to sign in as another."""
    reference = held_order(world)
    page = browser.open_order("mallory", reference)
    assert "Il n’y a rien ici pour @mallory." in page
    assert "autre compte" in page
    assert_closed(page)


@pytest.mark.parametrize("deed", ["confirm", "cancel", "decline", "claim", "refuse", "take-back"])
def test_a_stranger_can_do_nothing(world: World, browser: Browser, deed: str) -> None:
    """What is not theirs to do is refused, and the answer shows nothing either."""
    reference = held_order(world)
    browser.open_order("mallory", reference)
    answer = browser.post(f"/t/{reference}/{deed}", funding="wallet", terms_hash="x", number="1")
    assert answer.status_code == 409
    assert_closed(answer.text)
    assert world.statuses(reference) == ["held"]


def test_the_payee_of_what_is_only_ordered_sees_nothing(world: World, browser: Browser) -> None:
    """Somebody may yet not pay."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "carol")
    assert "rien ici" in browser.open_order("carol", reference)


def test_the_payer_sees_the_terms(world: World, browser: Browser) -> None:
    """Amount, handle, note as text, until when, and what it would be paid from."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice", f"12,34€ {NOTE}")
    page = browser.open_order("bob", reference)
    said = text_of(page)
    assert "Vous payez 12,34 € à @alice" in said
    assert "Payer 12,34 € depuis mon portefeuille" in said
    assert "Payer 12,34 € par carte" in said
    assert "24 nov." in said
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_way_that_is_not_offered_says_why(world: World, browser: Browser) -> None:
    """Nobody wonders where a button is."""
    world.join("bob", cents=100)
    page = browser.open_order("bob", world.order("bob", "alice", "0,40€"))
    assert 'value="wallet"' in page
    assert 'value="card"' not in page
    assert "à partir de 0,50" in text_of(page)
    other = browser.open_order("bob", world.order("bob", "alice", "2€"))
    assert 'name="funding" value="wallet"' not in other
    assert 'value="card"' in other
    assert "pas assez" in other


def test_confirming_from_the_wallet_moves_the_money(world: World, browser: Browser) -> None:
    """One button, then the receipt with its reference and what happened."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    assert browser.confirm(reference, "wallet").headers["location"] == f"/t/{reference}"
    assert world.balance("alice") == 1000
    receipt = text_of(browser.get(f"/t/{reference}").text)
    assert f"{reference}-1" in receipt
    assert "Confirmé, depuis le portefeuille" in receipt


def test_a_confirmation_that_is_sent_twice_pays_once(world: World, browser: Browser) -> None:
    """The second time it is answered with the order as it stands."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    browser.confirm(reference, "wallet")
    again = browser.confirm(reference, "wallet")
    assert again.status_code == 409
    assert "C’est déjà payé" in again.text
    assert "C’est fait" in again.text
    assert world.balance("alice") == 1000


def test_two_browsers_confirm_once(world: World, open_browser: OpenBrowser) -> None:
    """Two tabs, one effect."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    one, two = open_browser(), open_browser()
    for browser in (one, two):
        browser.open_order("bob", reference)
    assert one.confirm(reference, "wallet").status_code == 303
    assert two.confirm(reference, "wallet").status_code == 409
    assert world.balance("alice") == 1000


@pytest.mark.parametrize("terms", ["", "0" * 64])
def test_other_terms_than_those_shown_confirm_nothing(
    world: World, browser: Browser, terms: str
) -> None:
    """A confirmation is for what was on the page."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    answer = browser.confirm(reference, "wallet", terms_hash=terms)
    assert answer.status_code == 409
    assert world.statuses(reference) == ["pending"]


def test_what_is_unticked_is_not_paid(world: World, browser: Browser) -> None:
    """Each payee has a box; those that stay ticked are paid."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.join("dave")
    reply = world.post("bob", "@smoney pay @alice @dave 5€ each")
    reference = str(reply).rpartition("/t/")[2][:6]
    page = browser.open_order("bob", reference)
    assert page.count('type="checkbox" name="number"') == 2
    assert browser.confirm(reference, "wallet", number="2").status_code == 303
    assert (world.balance("alice"), world.balance("dave")) == (0, 500)


def test_nothing_ticked_is_said(world: World, browser: Browser) -> None:
    """An empty confirmation pays nobody."""
    world.join("bob", cents=5000)
    reply = world.post("bob", "@smoney pay @alice @dave 5€ each")
    reference = str(reply).rpartition("/t/")[2][:6]
    browser.open_order("bob", reference)
    answer = browser.confirm(reference, "wallet", number=[])
    assert answer.status_code == 409
    assert "Aucun paiement n’est coché" in answer.text


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
    page, live = browser.get(f"/t/{reference}").text, f"/t/{reference}/payment"
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
    assert f'data-live="{live}"' in waiting.text
    assert "Encore un instant" in waiting.text
    assert "Regarder de nouveau" in waiting.text
    part = browser.client.get(live).text
    assert "<html" not in part
    assert part.strip() in waiting.text, "what says the same is left as it is"
    assert 'data-waiting="payment"' in part
    eve = open_browser()
    for _ in range(2):
        assert eve.client.get(live).status_code == 404
        eve.sign_in("eve")
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


def test_the_payer_cancels(world: World, browser: Browser) -> None:
    """As easily as confirming."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    assert browser.post(f"/t/{reference}/cancel").status_code == 303
    assert "Annulé, rien n’est parti" in browser.get(f"/t/{reference}").text


def test_a_request_is_paid_or_declined(world: World, browser: Browser) -> None:
    """Who was asked sees who asks, and can say no."""
    world.join("alice")
    world.join("bob", cents=5000)
    reference = world.order("alice", "bob", kind="request")
    page = browser.open_order("bob", reference)
    assert "Vous paieriez" in page
    assert f"<title>Demande {reference}" in page
    assert "@alice" in page
    assert browser.post(f"/t/{reference}/decline").status_code == 303
    assert world.statuses(reference) == ["declined"]


def test_who_asked_sees_how_it_goes(world: World, browser: Browser) -> None:
    """And can cancel what they asked for."""
    world.join("alice")
    reference = world.order("alice", "bob", kind="request")
    assert "n’a pas encore répondu" in browser.open_order("alice", reference)
    browser.post(f"/t/{reference}/cancel")
    assert world.statuses(reference) == ["cancelled"]


def test_held_money_is_taken_back(world: World, browser: Browser) -> None:
    """As long as its payee has not come."""
    reference = held_order(world)
    assert "Reprendre la somme" in browser.open_order("bob", reference)
    assert browser.post(f"/t/{reference}/take-back").status_code == 303
    assert world.balance("bob") == 5000
    assert "C’est revenu chez vous" in browser.get(f"/t/{reference}").text


def test_held_money_is_refused_even_without_a_wallet(world: World, browser: Browser) -> None:
    """Nobody has to give a number to say no."""
    reference = held_order(world)
    browser.open_order("carol", reference)
    assert browser.post(f"/t/{reference}/refuse").status_code == 303
    assert world.balance("bob") == 5000
    said = text_of(browser.get(f"/t/{reference}").text)
    assert "Payé, la somme vous attend" in said
    assert "Vous l’avez refusé" in said


def test_a_payer_without_a_wallet_is_led_to_one(world: World, browser: Browser) -> None:
    """What they are about to pay stands there already, and cancelling needs no wallet."""
    reference = world.order("dave", "alice")
    page = browser.open_order("dave", reference)
    assert f'href="/wallet/phone?next=/t/{reference}"' in page
    assert "@alice" in page
    assert 'name="funding"' not in page
    browser.post(f"/t/{reference}/cancel")
    assert world.statuses(reference) == ["cancelled"]


def test_an_order_whose_time_is_over_says_so(world: World, browser: Browser) -> None:
    """Before the job has come by, too."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    world.pass_time(hours=31)
    page = browser.open_order("bob", reference)
    assert "Le délai est passé" in page
    assert 'name="funding"' not in page


def test_a_get_of_a_forms_address_leads_to_its_page(world: World, browser: Browser) -> None:
    """Somebody loads the address of a form again: nothing is done, and nothing is broken."""
    reference = held_order(world)
    answer = browser.get(f"/t/{reference}/take-back")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/t/{reference}")
    assert world.statuses(reference) == ["held"]


def test_a_page_is_light(world: World, browser: Browser) -> None:
    """Under 60 KB with its stylesheet; two small scripts that it works without, from our files."""
    reference = held_order(world)
    page = browser.open_order("bob", reference)
    style = browser.get(re.search(r'href="(/static/[^"]+css[^"]*)"', page)[1]).content  # type: ignore[index]  # every page has one
    assert len(page.encode()) + len(style) < 60_000
    scripts = re.findall(r"<script[^>]*>", page)
    ours = r'<script src="/static/(passkey|receipt)\.js\?v=\w+" defer>'
    assert re.findall(ours, "".join(scripts)) == ["passkey", "receipt"]
    assert len(scripts) == 2
    assert "style=" not in page
    assert CARD_PAGES not in page


def test_who_unticks_somebody_is_shown_the_new_total_before_it_leaves(
    world: World, browser: Browser
) -> None:
    """One tap more, and the button says what leaves; the boxes stay as they were left."""
    world.join("bob", cents=5000)
    for handle in ("alice", "carol", "dave"):
        world.join(handle)
    reference = reference_in(world.post("bob", "@smoney pay @alice @carol @dave 2€ each"))
    assert "Payer 6 € depuis mon portefeuille" in text_of(browser.open_order("bob", reference))
    shown = {"terms_hash": browser.hidden("terms_hash"), "funding": "wallet"}
    answer = browser.post(f"/t/{reference}/confirm", total_cents="600", number=["1", "2"], **shown)
    said = text_of(answer.text)
    assert "4 € en tout" in said
    assert "Vous payez 2 personnes, en tout 4 €" in said
    assert "Payer 4 € depuis mon portefeuille" in said
    assert answer.text.count(" checked") == 2
    assert world.statuses(reference) == ["pending"] * 3
    answer = browser.post(f"/t/{reference}/confirm", total_cents="400", number=["1", "2"], **shown)
    assert answer.status_code == 303
    assert world.statuses(reference) == ["posted", "posted", "cancelled"]


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
