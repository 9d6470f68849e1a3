"""By the keyboard alone: Tab, Enter and Space lead from the reply's link to the receipt.

Each stop is seen, and the stops come in the order in which the page is read.
"""

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE_WIDTH, Changes, OpenPage
from tests.e2e.test_sandbox import Sandbox

STOPS_AT_MOST = 40
"""Presses of Tab in which whatever one looks for on a page is reached."""
FOCUS = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    return {
        name: (one.getAttribute("aria-label") || one.textContent || one.id).trim(),
        place: [...document.querySelectorAll("*")].indexOf(one),
        in_main: document.querySelector("main").contains(one),
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        top: box.top + scrollY,
        bottom: box.bottom + scrollY,
        seen: box.width > 1 && box.height > 1 && box.left >= 0 && box.right <= innerWidth
            && box.top >= 0 && box.bottom <= innerHeight,
    };
}"""
"""What has the focus: what it is called, where it stands, and whether one sees it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the focus is."""

    name: str
    place: int
    in_main: bool
    outline: float
    top: float
    bottom: float
    seen: bool


def tab(page: Page) -> Stop:
    """Press Tab once; the stop is in the window and has an outline."""
    page.keyboard.press("Tab")
    stop = Stop(**page.evaluate(FOCUS))
    assert stop.seen, f"{stop.name} is out of sight"
    assert stop.outline >= 2, f"{stop.name} has no outline"
    return stop


def tab_to(page: Page, name: str) -> list[Stop]:
    """Press Tab until something is reached; the stops come as the page is read."""
    stops = [tab(page)]
    while not re.search(name, stops[-1].name):
        assert len(stops) < STOPS_AT_MOST, [one.name for one in stops]
        stops.append(tab(page))
        before, here = stops[-2:]
        assert here.place > before.place, f"{here.name} comes before {before.name}"
        assert here.bottom > before.top, f"{here.name} stands above {before.name}"
    return stops


def test_the_keyboard_alone_leads_from_the_link_to_the_receipt(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """The skip link, signing in, confirming, and what a receipt offers."""
    reference = sandbox.order("@smoney pay @alice 2€ for tea")
    bob = open_page(PHONE_WIDTH)
    bob.goto(f"{sandbox.url}/t/{reference}")
    assert tab(bob).name == "Aller au contenu"
    bob.keyboard.press("Enter")
    stop = tab(bob)
    assert (stop.in_main, "Se connecter" in stop.name) == (True, True), "the rest was skipped"
    bob.keyboard.press("Enter")
    bob.get_by_label("or somebody new").focus()  # X's own page
    bob.keyboard.type("bob")
    bob.keyboard.press("Enter")
    expect(bob.get_by_role("heading", name=re.compile("Vous payez"))).to_be_visible()
    tab_to(bob, "depuis mon portefeuille")
    bob.keyboard.press("Space")
    expect(bob.get_by_text("C’est fait.")).to_be_visible()
    tab_to(bob, "Prévenir @alice")
    bob.keyboard.press("Enter")
    expect(bob.get_by_label("Texte prêt à envoyer")).to_be_visible()
    names = [one.name for one in tab_to(bob, "Imprimer le reçu")]
    assert [one for one in names if one in ("Publier sur X", "Copier le texte")] == [
        "Copier le texte",
        "Publier sur X",
    ]
    tab_to(bob, "Voir mon portefeuille")
    bob.keyboard.press("Enter")
    expect(bob.get_by_role("heading", name="Dans votre portefeuille")).to_be_visible()
    assert changes() == {"bob": -200, "alice": 200}
