"""The pages against the wrong person: what is said before a payment, and what can be done after."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.ports import XUser
from bot.services import texts
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser, site
from tests.world import World, reference_in


def paid(world: World, payee: str = "alice") -> str:
    """Let bob pay somebody from his wallet; return the reference."""
    reference = world.order("bob", payee)
    world.confirm("bob", reference)
    return reference


def test_a_first_payment_says_so_with_the_age_of_the_account(
    world: World, browser: Browser
) -> None:
    """Beside the payee, before the note; X is asked when the page is opened by its payer."""
    world.join("bob", cents=5000)
    alice = world.x.person("alice")
    world.x.add(XUser(alice.id, "alice", "Alice L.", world.clock.now() - timedelta(days=4000)))
    reference = world.order("bob", "alice", "10€ pour la pizza")
    said = text_of(browser.open_order("bob", reference))
    places = [
        said.index(words)
        for words in ("10 €", "@alice", "Alice L.", "première fois", "décembre 2015", "pizza")
    ]
    assert places == sorted(places)
    world.confirm("bob", reference)
    again = text_of(browser.open_order("bob", world.order("bob", "alice", "11€")))
    assert "première fois" not in again


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("fr", "@a1ice ressemble à @alice, à qui vous avez déjà envoyé de l’argent"),
        ("en", "@a1ice looks like @alice, whom you have paid before"),
    ],
)
def test_a_look_alike_is_warned_of_for_one_and_among_several(
    world: World, open_browser: OpenBrowser, lang: str, words: str
) -> None:
    """In the visitor's language, beside whom it is about; no button is stronger than going back."""
    world.join("bob", cents=5000)
    paid(world)
    browser = open_browser(lang=lang)
    one = world.order("bob", "a1ice")
    both = reference_in(world.post("bob", "@smoney pay @dave @a1ice 2€ each"))
    for reference in (one, both):
        page = browser.open_order("bob", reference)
        assert words in text_of(page)
        kinds = re.findall(r'<button class="button ?([^"]*)"', page.partition('id="confirm"')[2])
        assert len(kinds) > 2, reference
        assert set(kinds) == {"second"}, reference
        # The way back is the first of them: right under the caution.
        way_back = re.search(rf'(action="/t/{reference}/cancel"|form="way-back")', page)
        assert way_back is not None, reference
        assert page.index(words) < way_back.start() < page.index('name="funding"'), reference
    assert f'id="way-back" method="post" action="/t/{both}/cancel"' in page


def test_cancel_is_as_easy_as_confirm(world: World, browser: Browser) -> None:
    """One tap on a button of the same size on the same page, no question in between."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    page = browser.open_order("bob", reference)
    assert f'action="/t/{reference}/cancel"' in page
    assert '<button class="button no">Annuler ce paiement</button>' in page
    browser.post(f"/t/{reference}/cancel")
    assert world.statuses(reference) == ["cancelled"]


@pytest.mark.parametrize(
    ("joins", "words"), [(True, "dans votre portefeuille"), (False, "prendre")]
)
def test_the_receipt_has_a_ready_text_that_names_no_amount(
    world: World, browser: Browser, *, joins: bool, words: str
) -> None:
    """For a post or a message of the payer's own, which never summons the bot."""
    world.join("bob", cents=5000)
    if joins:
        world.join("alice")
    reference = paid(world)
    page = browser.open_order("bob", reference)
    text = html.unescape(re.findall(r"<textarea[^>]*>([^<]*)</textarea>", page)[0])
    assert text.startswith("@alice ")
    assert words in text
    assert text.endswith(f"/t/{reference}")
    assert not re.search("10|@smoney|€", text.partition("http")[0])
    links = [html.unescape(one) for one in re.findall(r'href="(https://x\.com/[^"]+)"', page)]
    assert [urlsplit(one).path for one in links] == ["/intent/post", "/messages/compose"]
    assert [parse_qs(urlsplit(one).query)["text"] for one in links] == [[text], [text]]
    assert parse_qs(urlsplit(links[1]).query)["recipient_id"] == [world.x_id("alice")]
    assert "data-print hidden" in page
    said = text_of(page)
    for words in (f"{reference}-1", "Le 23 novembre 2026", "Par @bob", "Ce qui s’est passé"):
        assert words in said


def test_what_is_held_for_the_wrong_person_is_taken_back(world: World, browser: Browser) -> None:
    """The page says so, its form does it, and leads to where it shows."""
    world.join("bob", cents=5000)
    reference = paid(world, "carol")
    assert f'href="/t/{reference}/wrong/1"' in browser.open_order("bob", reference)
    said = text_of(browser.get(f"/t/{reference}/wrong/1").text)
    assert "10 € à @carol" in said
    assert "Reprendre les 10 €" in said
    assert world.statuses(reference) == ["held"]
    browser.post(f"/t/{reference}/wrong/1")
    assert browser.get(f"/t/{reference}/wrong/1").headers["location"] == f"/t/{reference}"
    said = text_of(browser.get(f"/t/{reference}").text)
    assert "C’est revenu chez vous 10 € envoyés à @carol" in said
    assert "Vous l’avez repris" in said


def test_what_was_posted_is_asked_for_politely(world: World, open_browser: OpenBrowser) -> None:
    """A case, a text for a message, and on the payee's page who asks and how to give it back."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = paid(world)
    bob, alice = open_browser(), open_browser(lang="en")
    bob.open_order("bob", reference)
    said = text_of(bob.get(f"/t/{reference}/wrong/1").text)
    assert "appartient à son destinataire" in said
    bob.post(f"/t/{reference}/wrong/1")
    page = bob.get(f"/t/{reference}/wrong/1").text
    assert "Dossier 1 ouvert" in page
    text = html.unescape(re.findall(r"<textarea[^>]*>([^<]*)</textarea>", page)[0])
    assert text.startswith("Bonjour @alice")
    assert reference in text
    assert "/messages/compose?recipient_id=" in page
    assert "/intent/post" not in page
    assert "(dossier 1)" in text_of(bob.get(f"/t/{reference}").text)
    page = alice.open_order("alice", reference)
    assert re.search('href="/@bob\\?amount=10">\\s*Give €10 back to @bob</a>', page)
    said = text_of(page)
    assert "@bob says that they paid you by mistake" in said
    assert "@smoney pay @bob €10" in said
    assert world.balance("alice") == 1000


def test_it_was_not_me_says_what_it_means_and_locks(world: World) -> None:
    """Opening the page changes nothing; then the wallet is closed, and the page says what next.

    The text message speaks the page's language, whatever that of the posts.
    """
    world.deps = replace(world.deps, contact="help@smoney.example")
    browser = Browser(world, site(world))
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    world.join("alice")
    reference = paid(world)
    other = world.order("bob", "alice", "11€")
    assert f'href="/t/{reference}/not-me"' in browser.open_order("bob", reference)
    assert "Verrouiller mon portefeuille" in browser.get(f"/t/{reference}/not-me").text
    assert 'name="funding"' in browser.get(f"/t/{other}").text
    assert browser.post(f"/t/{reference}/not-me").headers["location"] == f"/t/{reference}"
    said = text_of(browser.get(f"/t/{reference}").text)
    assert "Votre portefeuille est verrouillé" in said
    assert "mot de passe X" in said
    assert "Une question ? Écrivez à help@smoney.example" in said
    texts.send_notices(world.deps)
    assert "votre portefeuille est verrouillé" in world.sms.sent[-1].text
    waits = browser.get(f"/t/{other}").text
    assert 'name="funding"' not in waits
    assert "Vous avez verrouillé votre portefeuille le 23 nov. à " in text_of(waits)


@pytest.mark.parametrize("path", ["wrong/1", "not-me", "block-payer", "note/1"])
@pytest.mark.parametrize("handle", ["mallory", None])
def test_strangers_are_led_away_and_do_nothing(
    world: World, browser: Browser, path: str, handle: str | None
) -> None:
    """Nobody learns who paid whom, nor locks anybody's wallet."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = paid(world)
    if handle:
        browser.sign_in(handle)
    answer = browser.get(f"/t/{reference}/{path}")
    assert answer.headers["location"] == f"/t/{reference}"
    assert browser.get(f"/t/nothing-at-all/{path}").status_code == 404
    browser.get(f"/t/{reference}")
    if handle:
        assert browser.post(f"/t/{reference}/{path}").status_code == 409
    assert world.statuses(reference) == ["posted"]
