"""The wallet's page: what stands there, and its switches."""

import re

from sqlalchemy import text

from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World


def test_the_wallet_shows_what_waits_and_what_happened(world: World, browser: Browser) -> None:
    """Balance, things to do with their links, history."""
    world.join("bob", cents=5000)
    world.join("alice", cents=100)
    paid = world.order("bob", "alice", "5€")
    world.confirm("bob", paid)
    held = world.order("bob", "carol", "6€")
    world.confirm("bob", held)
    waits = world.order("bob", "dave", "7€")
    asked = world.order("alice", "bob", "8€", kind="request")
    browser.sign_in("bob")
    page = browser.get("/wallet").text
    said = text_of(page)
    assert "39 €" in said
    for reference in (held, waits, asked):
        assert f'href="/t/{reference}"' in page
    assert "Attend @carol" in said
    assert "À confirmer : @dave" in said
    assert "Demandé par @alice" in said
    assert f"Payé · 23 nov. à 13:00 · {paid}" in said


def test_the_wallet_says_what_its_owner_may_do_and_what_is_left(
    world: World, open_browser: OpenBrowser
) -> None:
    """In both languages, with what was paid taken off."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    for lang, parts in (
        ("fr", ("250 €", "500 €", "encore 480 € sur 500 €", "au-dessus de 30 €", "encore 80 €")),
        ("en", ("€250", "€500", "€480 left of €500", "above €30", "paid €80 more")),
    ):
        browser = open_browser(lang=lang)
        browser.sign_in("bob")
        said = text_of(browser.get("/wallet").text)
        assert all(part in said for part in parts), (lang, said)


def test_confirmation_by_dm_is_switched_on_and_off(world: World, browser: Browser) -> None:
    """The switch says what it means, asks two factors to be put on, and stays as it was put."""
    world.join("bob")
    browser.sign_in("bob")
    assert "Désactivé" in browser.get("/wallet").text
    asked = browser.post("/wallet/dm", on="yes").headers["location"]
    assert "Désactivé" in browser.get("/wallet").text
    assert browser.prove("bob", asked).headers["location"] == "/wallet?open=dm#dm"
    assert "Désactivé" not in browser.get("/wallet").text
    back = browser.post("/wallet/dm", on="no").headers["location"]
    page = browser.get(back).text
    assert "Désactivé" in page
    assert re.findall(r'<details class="fold" id="(\w+)" open>', page) == ["dm"], "it is unfolded"
    assert " open>" not in browser.get("/wallet?open=nothing").text


def test_the_language_is_the_persons(world: World, open_browser: OpenBrowser) -> None:
    """What somebody chose holds in every browser of theirs."""
    world.join("bob")
    first = open_browser()
    first.sign_in("bob")
    first.get("/wallet")
    assert first.post("/lang", lang="en", back="/wallet").headers["location"] == "/wallet"
    second = open_browser(lang="fr")
    second.sign_in("bob")
    assert '<html lang="en">' in second.get("/wallet").text


def test_the_wallet_shows_the_choice_of_language_and_takes_it_back(
    world: World, browser: Browser
) -> None:
    """Chosen it rules pages and texts; without a choice the browser's language does again."""
    world.join("bob")
    browser.sign_in("bob")
    assert 'value="any"' not in browser.get("/wallet").text
    browser.post("/lang", lang="en", back="/wallet")
    page = browser.get("/wallet").text
    assert '<html lang="en">' in page
    assert re.search(r'value="en" lang="en" aria-pressed="true"', page)
    browser.post("/wallet/dm", on="yes")
    assert "to be able to confirm" in world.sms.texts_to(world.phone("bob"))[-1]
    browser.post("/lang", lang="any", back="/wallet")
    assert '<html lang="fr">' in browser.get("/wallet").text


def test_a_language_that_is_none_changes_nothing(world: World, browser: Browser) -> None:
    """And the way back stays with us."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/wallet")
    answer = browser.post("/lang", lang="xx", back="https://evil.test")
    assert answer.headers["location"] == "/wallet"
    assert '<html lang="fr">' in browser.get("/wallet").text


def test_anybody_reads_a_page_in_the_other_language(browser: Browser) -> None:
    """By a link, and by what the browser asks for."""
    assert '<html lang="fr">' in browser.get("/").text
    assert '<html lang="en">' in browser.get("/", lang="en").text
    assert '<html lang="en">' in browser.get("/help").text
    assert 'href="/help?text=stop&amp;lang=fr"' in browser.get("/help", text="stop").text


def test_the_wallet_of_a_newcomer_begins_with_the_phone(browser: Browser) -> None:
    """There is nothing to show yet."""
    browser.sign_in("carol")
    assert browser.get("/wallet").headers["location"] == "/wallet/phone"


def test_a_locked_wallet_says_so(world: World, browser: Browser) -> None:
    """Its owner learns it here first."""
    world.join("bob")
    world.lock("bob")
    browser.sign_in("bob")
    assert "bloqué pour vérification" in browser.get("/wallet").text


def test_a_card_shows_its_end_and_its_mandate(world: World, browser: Browser) -> None:
    """Four digits, and what it may be charged."""
    person_id = world.join("bob")
    world.save_card(person_id, "pm_card_visa", limit_cents=10_000)
    browser.sign_in("bob")
    page = text_of(browser.get("/wallet").text)
    assert "•••• 4242" in page
    assert "100 € au plus par paiement que vous confirmez" in page
    assert "L’autorisation prend fin le 23 novembre 2027" in page


def test_a_saved_card_is_taken_out_by_a_tap(world: World, browser: Browser) -> None:
    """By POST with the session's token, and only by its owner."""
    card_id = world.save_card(world.join("bob"), "pm_card_fr", limit_cents=10_000)
    world.join("eve")
    browser.sign_in("eve")
    browser.get("/wallet")
    browser.post("/wallet/card", card=card_id)
    browser.sign_in("bob")
    assert "•••• 0003" in browser.get("/wallet").text
    assert browser.get("/wallet/card").headers["location"] == "/wallet"
    assert browser.client.post("/wallet/card", data={"card": card_id}).status_code == 403
    assert "•••• 0003" in browser.get("/wallet").text
    assert (
        browser.post("/wallet/card", card=card_id).headers["location"] == "/wallet?open=cards#cards"
    )
    assert "•••• 0003" not in browser.get("/wallet").text


def test_a_saved_card_pays_from_the_page(world: World, browser: Browser) -> None:
    """Its button names it; a card that is none is refused as a form that is wrong."""
    world.save_card(world.join("bob"), "pm_card_fr", limit_cents=10_000)
    world.join("alice")
    reference = world.order("bob", "alice")
    page = browser.open_order("bob", reference)
    assert "Payer 10\u00a0€ avec Visa ••••\u00a00003" in page, page[page.index("<main") :]
    assert browser.confirm(reference, "card-x").status_code == 400
    assert world.statuses(reference) == ["pending"]
    name = page.partition('name="funding" value="card-')[2].partition('"')[0]
    answer = browser.confirm(reference, f"card-{name}")
    assert answer.headers["location"] == f"/t/{reference}"
    assert world.statuses(reference) == ["posted"]


def test_a_box_keeps_the_card_of_a_payment(world: World, browser: Browser) -> None:
    """Folded, off, and below all that it permits; once it paid, the wallet lists the card."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    page = browser.open_order("bob", reference)
    box = re.search(r'<input type="checkbox" name="keep" value="([^"]*)"[^>]*>', page)
    assert box is not None
    assert "checked" not in box[0]
    folded = page[page.rindex("<details", 0, box.start()) : box.start()]
    assert "open>" not in folded
    assert "</details>" not in folded
    said = text_of(folded)
    permits = ("30 € au plus chacun", "23 novembre 2027", "effet immédiat")
    for word in (*permits, "votre code et un SMS"):
        assert word in said
    answer = browser.confirm(reference, "card", keep=box[1].replace("3000", "9000"))
    assert "conditions pour garder la carte ont changé" in text_of(answer.text)
    asked = browser.confirm(reference, "card", keep=box[1]).headers["location"]
    assert world.statuses(reference) == ["pending"]
    said = text_of(browser.get(asked).text)
    for word in (*permits, "10 € par carte à @alice"):
        assert word in said
    to_card = browser.prove("bob", asked)
    assert (to_card.status_code, to_card.headers["location"]) == (303, world.topup(reference).url)
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    browser.get(f"/t/{reference}", card="done")
    wallet = text_of(browser.get("/wallet").text)
    assert "Visa •••• 4242" in wallet
    assert "30 € au plus par paiement que vous confirmez" in wallet
    with world.store.write() as session:
        session.execute(text("UPDATE saved_card SET exp_year = 2020"))
    assert "Carte expirée" in browser.get("/wallet").text


def test_whoever_wants_to_hear_nothing_says_so_on_a_page_with_a_wallet_or_without(
    world: World, browser: Browser
) -> None:
    """As `stop` and `start` do: neither reply nor message, until they say otherwise."""
    assert "Se connecter avec X" in browser.get("/wallet/messages").text
    browser.sign_in("carol")
    assert "Activé" in text_of(browser.get("/wallet/messages").text)
    browser.post("/wallet/messages", speak="no")
    said = text_of(browser.get("/wallet/messages").text)
    assert "Nous n’écrivons plus rien à @carol" in said
    assert world.post("carol", "@smoney help") is None
    browser.post("/wallet/messages", speak="yes")
    assert world.post("carol", "@smoney aide") is not None
