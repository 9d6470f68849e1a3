"""The page of a split: the shares, the tap, and what everybody else sees meanwhile."""

import html
import re

from tests.web.conftest import OpenBrowser
from tests.web.visiting import Browser
from tests.world import World, reference_in


def _text(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def _split(world: World, text: str = "@smoney split 10€ with @alice @carol for pizza") -> str:
    return reference_in(world.post("bob", text))


def _ask(browser: Browser, reference: str) -> None:
    answer = browser.post(
        f"/t/{reference}/ask",
        terms_hash=browser.hidden("terms_hash"),
        own=browser.hidden("own"),
    )
    assert answer.headers["location"] == f"/t/{reference}"


def test_the_asker_sees_every_share_before_anybody_is_asked(world: World, browser: Browser) -> None:
    """The total, each of the others, their own share with the odd cent, and the note."""
    reference = _split(world)
    said = _text(browser.open_order("bob", reference))
    assert "Vous partagez 10 €" in said
    assert "@alice 3,33 €" in said
    assert "@carol 3,33 €" in said
    assert "Votre part 3,34 €" in said
    assert "pizza" in said
    assert "Personne n’a encore été sollicité" in said
    assert "Demander 3,33 € à chacun" in said


def test_the_tap_asks_and_the_page_shows_who_has_answered(world: World, browser: Browser) -> None:
    """With one button, and without a wallet: the money would wait for them."""
    reference = _split(world)
    browser.open_order("bob", reference)
    _ask(browser, reference)
    said = _text(browser.get(f"/t/{reference}").text)
    assert "Votre partage" in said
    assert "n’a pas encore répondu" in said
    assert "Votre part 3,34 €" in said
    assert world.statuses(reference) == ["pending", "pending"]


def test_the_asker_may_leave_themselves_out(world: World, browser: Browser) -> None:
    """By a link, since looking changes nothing; the tap asks for what is then shown."""
    reference = _split(world)
    browser.open_order("bob", reference)
    said = _text(browser.get(f"/t/{reference}", own="0").text)
    assert "Demander 5 € à chacun" in said
    assert "Votre part" not in said
    assert world.transfers(reference) == []
    _ask(browser, reference)
    assert [row.amount_cents for row in world.transfers(reference)] == [500, 500]


def test_whoever_is_to_be_asked_sees_nothing_before_the_tap(
    world: World, open_browser: OpenBrowser
) -> None:
    """Then they are asked as by a request, and may pay or decline."""
    reference = _split(world)
    alice = open_browser(lang="en")
    page = alice.open_order("alice", reference)
    assert "nothing here for @alice" in _text(page)
    assert "3.33" not in page
    bob = open_browser()
    bob.open_order("bob", reference)
    _ask(bob, reference)
    said = _text(alice.get(f"/t/{reference}").text)
    assert "€3.33" in said
    assert "@bob" in said


def test_a_split_of_two_names_who_is_asked_on_the_button(world: World, browser: Browser) -> None:
    """Who is asked and for how much is on the button itself."""
    said = _text(browser.open_order("bob", _split(world, "@smoney split 9€ with @alice")))
    assert "Demander 4,50 € à @alice" in said


def test_a_split_is_cancelled_on_its_page(world: World, browser: Browser) -> None:
    """And the page says that nobody was asked."""
    reference = _split(world)
    browser.open_order("bob", reference)
    browser.post(f"/t/{reference}/cancel")
    said = _text(browser.get(f"/t/{reference}").text)
    assert "Personne n’a été sollicité" in said
    assert "Demander" not in said


def test_a_form_that_is_older_than_an_edit_asks_nobody(world: World, browser: Browser) -> None:
    """It says that the post was edited, beside the shares as they are now."""
    post_id = world.take_post("bob", "@smoney split 10€ with @alice @carol")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    browser.open_order("bob", reference)
    world.edit(post_id, "@smoney split 20€ with @alice @carol")
    answer = browser.post(f"/t/{reference}/ask", terms_hash=browser.hidden("terms_hash"), own="1")
    assert answer.status_code == 409
    said = _text(answer.text)
    assert "Le message a été modifié" in said
    assert "Vous partagez 20 €" in said
    assert world.transfers(reference) == []
