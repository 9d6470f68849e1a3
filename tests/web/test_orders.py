"""The one link of an order: who sees what, and what each button does."""

import html
import re

import pytest

from tests.web.conftest import OpenBrowser
from tests.web.visiting import CARD_PAGES, Browser
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
    assert "Il y a 1 € dans votre portefeuille, il en faut 2 €." in text_of(other)
    world.join("dave")
    empty = text_of(browser.open_order("dave", world.order("dave", "alice", "2€")))
    assert "Pas depuis le portefeuille" not in empty
    assert "il en faut" not in empty


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


def test_the_payer_cancels(world: World, browser: Browser) -> None:
    """As easily as confirming."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    assert browser.post(f"/t/{reference}/cancel").status_code == 303
    said = browser.get(f"/t/{reference}").text
    assert "Annulé, rien n’est parti" in said
    assert "Vous l’avez annulé" in said


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
    said = text_of(browser.get(f"/t/{reference}").text)
    assert "10 € demandés par @alice" in said
    assert "Vous l’avez refusé" in said


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
    assert "Renvoyé 12,34 € à @bob" in said


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
