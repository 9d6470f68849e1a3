"""The same pages under other conditions: twice at once, elsewhere, no scripts, a slow network.

By the keyboard alone; away too long in the middle of a form; for the first time, in both languages;
and the way of the money out, to a bank.
"""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.builders import CODE
from tests.e2e.barriers import barriers
from tests.e2e.conftest import DESK_WIDTH, PHONE_WIDTH, Changes, OpenPage
from tests.e2e.steps import (
    open_wallet_here,
    paid_by_message,
    pay_by_card,
    picture,
    screens_of,
    sign_in,
    text_code,
)
from tests.e2e.test_sandbox import Sandbox

IBAN = "FR14 2004 1010 0505 0001 3M02 606"
SLOW = {
    "offline": False,
    "latency": 400,  # milliseconds
    "downloadThroughput": 50_000,  # bytes a second
    "uploadThroughput": 20_000,
}
SLOW_MS = 20_000
"""How long a page may take on that (milliseconds)."""
CLICK_SOON = "one => { setTimeout(() => one.click()) }"
"""Click a button without waiting for what comes of it."""
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


PLANTED = """() => {
    const words = document.createElement("p");
    words.style.color = "#999";
    words.append("Bonjour", document.createElement("input"));
    document.querySelector("main").append(words);
}"""
"""Put on a page what no page of ours has."""


@pytest.mark.parametrize(("fixture", "width"), [("page", 390), ("wide_page", 1280)])
def test_a_page_opens_at_its_width(
    request: pytest.FixtureRequest, fixture: str, width: int
) -> None:
    """Chromium runs pages at the widths that people use."""
    page: Page = request.getfixturevalue(fixture)
    page.set_content("<p>Bonjour</p>")
    assert page.evaluate("window.innerWidth") == width
    assert page.inner_text("p") == "Bonjour"


def test_what_keeps_somebody_out_is_found(sandbox: Sandbox, page: Page) -> None:
    """Words that are too pale in one of two colour schemes, and a field that says not what for."""
    page.goto(f"{sandbox.url}/privacy")
    page.evaluate(PLANTED)
    assert [one.partition(":")[0] for one in barriers(page, "dark")] == ["label"]
    found = ["label", "color-contrast"]
    assert [one.partition(":")[0] for one in barriers(page, "dark", "light")] == found
    assert sorted(one.partition(":")[0] for one in barriers(page, "light")) == sorted(found)


def from_wallet(page: Page) -> None:
    """Confirm from the wallet, and read that it is done."""
    page.get_by_role("button", name=re.compile("depuis mon portefeuille")).click()
    expect(page.get_by_text("C’est fait.")).to_be_visible()


def test_two_browsers_at_once_and_a_double_tap_on_a_slow_network_pay_once(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """Both of Bob's browsers show the receipt of the one payment; his impatience costs nothing."""
    reference = sandbox.order("@smoney pay @alice 2€")
    both = [open_page(PHONE_WIDTH), open_page(DESK_WIDTH)]
    for page in both:
        page.goto(f"{sandbox.url}/t/{reference}")
        sign_in(page, "bob")
    for page in both:
        page.get_by_role("button", name=re.compile("depuis mon portefeuille")).evaluate(CLICK_SOON)
    for page in both:
        expect(page.get_by_text("C’est fait.")).to_be_visible()
    assert [one["status"] for one in sandbox.show(reference)["history"]] == ["pending", "posted"]
    bob, slow = both[0], sandbox.order("@smoney pay @alice 3€")
    bob.goto(f"{sandbox.url}/t/{slow}")
    network = bob.context.new_cdp_session(bob)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW)
    bob.get_by_role("button", name=re.compile("depuis mon portefeuille")).dblclick()
    expect(bob.get_by_text("C’est fait.")).to_be_visible(timeout=SLOW_MS)
    assert [one["status"] for one in sandbox.show(slow)["history"]] == ["pending", "posted"]
    assert changes() == {"bob": -500, "alice": 500}


def test_a_sign_in_that_comes_back_in_another_browser_starts_afresh(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """Neither browser is signed in by it; each begins again by itself, and then it serves."""
    reference = sandbox.order("@smoney pay @alice 2€")
    mine, other = open_page(PHONE_WIDTH), open_page(PHONE_WIDTH)
    mine.goto(f"{sandbox.url}/t/{reference}")
    mine.get_by_role("link", name=re.compile("Se connecter")).click()
    other.goto(mine.url)
    for page in (other, mine):  # the first uses the attempt up, whoever has it
        page.get_by_label("or somebody new").fill("bob")
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("heading", name=re.compile("Recommençons"))).to_be_visible()
        cookies = {str(one.get("name")) for one in page.context.cookies(sandbox.url)}
        assert "smoney_session" not in cookies
    picture(other, "sign-in-again")
    other.goto(f"{sandbox.url}/t/{reference}")
    assert "alice" not in other.content()
    sign_in(other, "bob")
    from_wallet(other)
    assert changes() == {"bob": -200, "alice": 200}


def test_without_scripts_bob_pays_from_the_link_to_the_receipt(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """Nothing is missing but what only a script can do; what others answered is a link away."""
    reference = sandbox.order("@smoney pay @alice 2€ for tea")
    bob = open_page(PHONE_WIDTH, scripts=False)
    bob.goto(f"{sandbox.url}/t/{reference}")
    sign_in(bob, "bob")
    from_wallet(bob)
    for vain in ("Imprimer le reçu", "Ajouter une clé d’accès"):
        expect(bob.get_by_role("button", name=vain)).not_to_be_visible()
    bob.get_by_text("Prévenir @alice").click()
    expect(bob.get_by_label("Texte prêt à envoyer")).to_have_value(re.compile("^@alice"))
    asked = sandbox.order("@smoney request 3€ from @alice")
    bob.goto(f"{sandbox.url}/t/{asked}")
    expect(bob.get_by_text("n’a pas encore répondu")).to_be_visible()
    alice = open_page(DESK_WIDTH, scripts=False)
    alice.goto(f"{sandbox.url}/t/{asked}")
    sign_in(alice, "alice")
    alice.get_by_role("button", name="Refuser cette demande").click()
    bob.get_by_role("link", name="Regarder de nouveau").click()
    expect(bob.get_by_text("a refusé")).to_be_visible()
    assert changes() == {"bob": -200, "alice": 200}


def test_a_session_that_ends_in_the_middle_of_a_form_pays_nothing_and_loses_nothing(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """What was typed is there again after signing in; a confirmation has to be given again."""
    bob = open_page(PHONE_WIDTH)
    bob.goto(f"{sandbox.url}/@alice")
    sign_in(bob, "bob")
    bob.locator("#amount").fill("0,80")
    bob.locator("#note").fill("les croissants & le café")
    bob.context.clear_cookies()
    bob.get_by_role("button", name="Continuer").click()
    expect(bob.get_by_role("heading", name="Votre session a pris fin")).to_be_visible()
    picture(bob, "session-over")
    sign_in(bob, "bob", "Recommencer avec X")
    expect(bob.locator("#amount")).to_have_value("0,80")
    expect(bob.locator("#note")).to_have_value("les croissants & le café")
    bob.get_by_role("button", name="Continuer").click()
    confirm = bob.get_by_role("button", name=re.compile("0,80.*depuis mon portefeuille"))
    expect(confirm).to_be_visible()
    bob.context.clear_cookies()
    confirm.click()
    expect(bob.get_by_role("heading", name="Votre session a pris fin")).to_be_visible()
    assert changes() == {}
    sign_in(bob, "bob", "Recommencer avec X")
    from_wallet(bob)
    assert changes() == {"bob": -80, "alice": 80}


def test_what_came_in_goes_on_to_a_bank(
    sandbox: Sandbox, changes: Changes, open_page: OpenPage
) -> None:
    """Alice sends everything to her IBAN: one form, two factors, and the day of arrival."""
    paid_by_message(sandbox, "@smoney pay @alice 12€")
    alice = open_page(DESK_WIDTH)
    alice.goto(f"{sandbox.url}/wallet")
    sign_in(alice, "alice")
    open_wallet_here(alice, sandbox, "+33639980002")
    alice.get_by_role("link", name="Verser sur votre compte bancaire").click()
    expect(
        alice.get_by_text("Demandé maintenant, l’argent est sur votre compte le")
    ).to_be_visible()
    picture(alice, "payout")
    alice.get_by_label("IBAN de votre compte").fill(IBAN)
    alice.get_by_label("Titulaire").fill("Alice Bernard")
    alice.get_by_role("checkbox").check()
    alice.get_by_role("button", name="Demander le versement").click()
    alice.get_by_label("Votre code à 6 chiffres").fill(CODE)
    alice.get_by_label("Le code du SMS").fill(text_code(sandbox, "+33639980002", "pour verser"))
    alice.get_by_role("button", name=re.compile("^Verser")).click()
    picture(alice, "payout-asked")
    assert changes()["bob"] == -1_200
    assert sandbox.wallets()["alice"] == 0, "all that was there, whoever paid her before"


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody reads on the way, in their language."""

    lang: str
    sign_in: str
    confirm: str
    by_card: str
    receipt: str
    paid: tuple[str, ...]


FRENCH = Words(
    lang="fr",
    sign_in="Se connecter avec X",
    confirm="Vous payez 10\u00a0€",
    by_card="Payer 10\u00a0€ par carte",
    receipt="C’est fait. Vous avez payé 10\u00a0€",
    paid=("✓ Arrivé", "à @alice", "Référence", "Payé par carte", "Imprimer le reçu"),
)
ENGLISH = Words(
    lang="en",
    sign_in="Sign in with X",
    confirm="You pay €10",
    by_card="Pay €10 by card",
    receipt="Done. You have paid €10",
    paid=("✓ Arrived", "to @alice", "Reference", "Paid by card", "Print the receipt"),
)


@pytest.mark.parametrize(
    ("width", "locale", "handle", "words"),
    [(PHONE_WIDTH, "fr-FR", "nina", FRENCH), (DESK_WIDTH, "en-GB", "oscar", ENGLISH)],
)
def test_a_new_payers_first_payment_takes_eight_screens_and_the_next_one_two(
    sandbox: Sandbox,
    changes: Changes,
    open_page: OpenPage,
    width: int,
    locale: str,
    handle: str,
    words: Words,
) -> None:
    """From a post without a wallet, by a card with 3-D Secure: X's and the card's not counted."""
    page = open_page(width, locale=locale)
    seen = screens_of(page, sandbox.url)
    reference = sandbox.order("@smoney pay @alice 10€", by=handle)
    page.goto(f"{sandbox.url}/t/{reference}")
    sign_in(page, handle, words.sign_in)
    page.locator('a[href^="/wallet/phone"]').click()
    become_payer(page, sandbox, f"+336399800{width % 100:02}")
    read_receipt_by_card(page, words)
    order = f"/t/{reference}"
    steps = [f"/wallet/{step}" for step in ("phone", "code", "name", "secret")]
    assert seen == [order, order, *steps, order, order], "eight at most, the receipt among them"
    seen.clear()
    page.context.clear_cookies()  # away for longer than a session lasts
    again = sandbox.order("@smoney pay @alice 10€", by=handle)
    page.goto(f"{sandbox.url}/t/{again}")
    sign_in(page, handle, words.sign_in)
    read_receipt_by_card(page, words)
    assert seen == [f"/t/{again}"] * 3, "two at most, then the receipt"
    assert changes() == {"alice": 2_000}


def become_payer(page: Page, sandbox: Sandbox, number: str) -> None:
    """Go through the first time in either language: phone, code, name, wallet code."""
    page.locator("#phone").fill(number)
    page.locator("[name=consent]").check()
    submit = page.locator("main form button.button")
    submit.click()
    page.locator("#code[autocomplete=one-time-code]").fill(text_code(sandbox, number, "code"))
    submit.click()
    page.locator("#first").fill("Nina")
    page.locator("#last").fill("Petit")
    page.locator("#born").fill("03/02/1990")
    submit.click()
    page.locator("#code[type=password]").fill(CODE)
    page.locator("#again").fill(CODE)
    submit.click()


def read_receipt_by_card(page: Page, words: Words) -> None:
    """Confirm by card, pass 3-D Secure, and read the receipt."""
    expect(page.locator("html")).to_have_attribute("lang", words.lang)
    expect(page.get_by_role("heading", name=words.confirm, exact=True)).to_be_visible()
    page.get_by_role("button", name=words.by_card).click()
    pay_by_card(page)
    expect(page.get_by_role("heading", name=words.receipt, exact=True)).to_be_visible()
    for said in words.paid:
        expect(page.locator("main")).to_contain_text(said)


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
    expect(bob.get_by_role("button", name="Copier le texte")).to_be_visible()  # its script came
    names = [one.name for one in tab_to(bob, "Imprimer le reçu")]
    assert [one for one in names if one in ("Publier sur X", "Copier le texte")] == [
        "Copier le texte",
        "Publier sur X",
    ]
    tab_to(bob, "Voir mon portefeuille")
    bob.keyboard.press("Enter")
    expect(bob.get_by_role("heading", name="Ouvrir votre portefeuille")).to_be_visible()
    assert changes() == {"bob": -200, "alice": 200}
