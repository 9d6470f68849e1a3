"""What people do on the pages in more than one journey, and the pictures that are taken of it.

A picture that is there stays, or every run would change the repository: remove it, and a run takes
it anew.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Frame, Page, expect

from bot.cli.sandbox import STRIPE_KEY
from bot.web.errors import plain_page
from tests.builders import CODE
from tests.e2e.barriers import barriers
from tests.e2e.conftest import DESK_WIDTH, HEIGHT, PHONE_WIDTH
from tests.e2e.in_app import look_without_passkeys
from tests.e2e.test_sandbox import Sandbox, until

CARD_WITH_3DS = "4000 0027 6000 3184"
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def sign_in(page: Page, handle: str, link: str = "Se connecter") -> None:
    """Press the button, and be somebody on the local X."""
    page.get_by_role("link", name=re.compile(link)).click()
    page.get_by_label("or somebody new").fill(handle)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text(f"@{handle}").last).to_be_visible()


ELSEWHERE = {"card", "timeline"}
"""Pictures of what stands for X and for the acquirer."""
FITTED = {
    *("link", "confirm", "draft", "not-me", "pay", "pay-link", "help", "home", "privacy", "lost"),
    *("wallet", "history", "data", "close", "ask"),
}
"""Pictures of pages that `test_pages_fit_narrow_screens_and_large_text` opens."""
LOOK = """scale => {
    const root = document.documentElement;
    root.style.fontSize = "";
    root.style.fontSize = parseFloat(getComputedStyle(root).fontSize) * scale + "px";
    const low = [...document.querySelectorAll("button, a.button, .top a, .foot a")]
        .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 44)
        .map(one => `${one.textContent} is lower than a thumb is wide`);
    const out = [...document.querySelectorAll(".card :not(.wide *, .hidden)")]
        .filter(one => one.getClientRects().length && one.getBoundingClientRect().right
            > one.closest(".card").getBoundingClientRect().right + 0.5)
        .map(one => `${one.textContent} stands out of its card`);
    const wide = root.scrollWidth > innerWidth ? [`${root.scrollWidth} pixels wide`] : [];
    return [...low, ...out, ...wide];
}"""
"""What is wrong for a reader who wants larger text: so many times as large."""
UNFOLD = "() => document.querySelectorAll('details.fold').forEach(one => { one.open = true })"
"""Open what a page folds: what is in there is looked at too."""
LOOKS = ((PHONE_WIDTH, 2), (DESK_WIDTH, 2), (320, 2))
"""Widths (CSS pixels), and how many times as large the text is."""


def assert_fits(page: Page, address: str) -> None:
    """Open a page that is really there: nothing is cut off, and it is for everybody.

    In the dark and in the light (WCAG 2.2 AA, by axe-core's rules).
    """
    page.goto(address)
    assert page.url == address or "€" in address, f"{address} led to {page.url}"
    page.evaluate(UNFOLD)
    for width, scale in LOOKS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate(LOOK, scale) == [], f"{address} at {width} pixels"
    assert barriers(page, "dark", "light") == [], address


def assert_for_all(page: Page, name: str) -> None:
    """Look at a page that a journey passes: nothing keeps anybody out, nor is cut off.

    On a phone, the narrowest too, and at a desk, whichever of them the journey is made on.
    """
    assert barriers(page) == [], name
    before = page.viewport_size
    assert before is not None
    for width in (320, PHONE_WIDTH, DESK_WIDTH):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate(LOOK, 1) == [], f"{name} at {width} pixels"
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size(before)


def picture_in_the_dark(page: Page, name: str) -> None:
    """Keep a page's picture in the dark as well; axe-core looks at its colours elsewhere."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # no colour is on its way
    shot(page, f"{name}-dark")
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def picture(page: Page, name: str) -> None:
    """Keep what a page looks like on a phone and at a desk, where there is no picture of it yet.

    Whoever sees no picture can use it as well.
    """
    if name not in ELSEWHERE | FITTED:
        assert_for_all(page, name)
    shot(page, name)


def shot(page: Page, name: str) -> None:
    """Take both pictures of a page, where there are none."""
    before = page.viewport_size
    assert before is not None
    for width in (PHONE_WIDTH, DESK_WIDTH):
        path = PICTURES / f"{name}-{width}.png"
        if not path.exists():
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.screenshot(path=path, full_page=True)
    if page.viewport_size != before:
        page.set_viewport_size(before)


def pay_by_card(page: Page) -> None:
    """Type a card on the acquirer's page and pass 3-D Secure."""
    type_card(page)
    page.locator("#succeed").click()


def type_card(page: Page) -> None:
    """Type a card on the acquirer's page, which leads to 3-D Secure."""
    page.locator("#number").fill(CARD_WITH_3DS)
    page.locator("#expiry").fill("12 / 34")
    page.locator("#cvc").fill("123")
    picture(page, "card")
    page.locator("#pay").click()


def unfold(page: Page, name: str) -> None:
    """Open a part of the wallet's page that is folded."""
    page.locator("summary", has_text=name).click()


def at_a_desk(page: Page) -> None:
    """Let a visitor go on in a wide window, the same browser's."""
    page.set_viewport_size({"width": DESK_WIDTH, "height": HEIGHT})


def card_session(sandbox: Sandbox, page_url: str) -> dict[str, Any]:
    """Return the session behind one of the acquirer's pages, as the acquirer has it."""
    session_id = urlsplit(page_url).path.rpartition("/")[2]
    answer = httpx.get(
        f"{sandbox.cards_url}/v1/checkout/sessions/{session_id}",
        headers={"authorization": f"Bearer {STRIPE_KEY}"},
        trust_env=False,
        verify=False,
    )
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def leave_card_page(page: Page, sandbox: Sandbox, *, at_3ds: bool = False) -> str:
    """Go to the acquirer's page and press back; return its address, whose session is closed."""
    page.get_by_role("button", name=re.compile("par carte")).click()
    expect(page.locator("#pay")).to_be_visible()
    left = page.url
    assert card_session(sandbox, left)["status"] == "open"
    if at_3ds:
        type_card(page)
        expect(page.locator("#succeed")).to_be_visible()
    page.locator("#back").click()
    page.wait_for_url(f"{sandbox.url}/**")
    closed = card_session(sandbox, left)
    assert (closed["status"], closed["payment_status"]) == ("expired", "unpaid")
    return left


def stay_until_it_is_known(page: Page) -> None:
    """Keep the focus where the page would change, until its script has asked and knows it too."""
    page.locator("[data-part=order]").get_by_role("link", name="Voir mon portefeuille").focus()
    is_known = "fetch(document.querySelector('[data-live]').dataset.live).then(a => a.text())"
    is_known += ".then(said => said.includes('data-waiting=\"\"'))"
    page.wait_for_function(is_known, polling=500)
    with page.expect_response(re.compile("/payment")):
        pass


def post_as_bob(page: Page, sandbox: Sandbox, text: str) -> str:
    """Write on the local X, and follow nothing yet: return the link in the bot's reply."""
    page.goto(sandbox.x_url)
    page.get_by_role("group", name="Who you are").get_by_text("@bob").click()
    page.locator("#compose-text").fill(text)
    page.locator("#compose").get_by_role("button", name="Post").click()
    link = page.locator('#threads a[href*="/t/"]')
    expect(link.first).to_be_visible()
    picture(page, "timeline")
    return str(link.first.get_attribute("href"))


def paid_by_message(sandbox: Sandbox, text: str) -> str:
    """Post as Bob, and confirm by direct message; return the reference of what left his wallet."""
    reference = sandbox.order(text)
    sandbox.say("dms", **{"as": "bob", "to": "smoney", "text": f"oui {reference}"})
    until(lambda: sandbox.show(reference)["status"] in {"posted", "held"})
    return reference


def pay_with_two_factors(bob: Page, sandbox: Sandbox) -> None:
    """Pay above 30 € from the wallet: two screens, then the receipt."""
    reference = sandbox.order("@smoney pay @alice 32€")
    at_a_desk(bob)
    bob.goto(f"{sandbox.url}/t/{reference}")
    bob.get_by_role("button", name=re.compile("depuis mon portefeuille")).click()
    expect(bob.get_by_role("heading", name=re.compile("Vous payez"))).to_contain_text("32")
    picture(bob, "prove")
    bob.get_by_label("Votre code à 6 chiffres").fill(CODE)
    bob.get_by_label("Le code du SMS").fill(text_code(sandbox, "+33639980001", "à @alice"))
    bob.get_by_role("button", name=re.compile("^Payer")).click()
    expect(bob.get_by_text("C’est fait.")).to_be_visible()


def pay_with_a_touch(bob: Page, sandbox: Sandbox) -> None:
    """Make a passkey after the payment; the next one takes a touch to see it, one to confirm."""
    cdp = bob.context.new_cdp_session(bob)
    cdp.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    owner = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": kind | owner})
    receipt = bob.url
    bob.get_by_role("button", name="Ajouter une clé d’accès").click()
    bob.get_by_label("Votre code à 6 chiffres").fill(CODE)
    bob.get_by_label("Le code du SMS").fill(text_code(sandbox, "+33639980001", "clé d’accès"))
    bob.get_by_role("button", name="Confirmer", exact=True).click()
    picture(bob, "passkey")
    look_without_passkeys(bob, receipt, f"{sandbox.url}/wallet?open=safety")
    bob.get_by_role("button", name="Créer la clé").click()
    expect(bob.get_by_text("Créée le")).to_be_visible()
    bob.get_by_role("button", name="Se déconnecter").click()
    reference = sandbox.order("@smoney pay @alice 31€")
    bob.goto(f"{sandbox.url}/t/{reference}")
    assert "31\u00a0€" not in bob.content()
    bob.get_by_role("button", name="D’une touche").click()
    expect(bob.get_by_role("heading", name=re.compile("Vous payez"))).to_contain_text("31")
    picture(bob, "touch")
    bob.get_by_role("button", name=re.compile("d’une touche")).click()
    expect(bob.get_by_text("C’est fait.")).to_be_visible()
    untick_somebody_and_touch(bob, sandbox)


def untick_somebody_and_touch(bob: Page, sandbox: Sandbox) -> None:
    """No more and no less leaves than the button says: the new total is shown before a touch."""
    reference = sandbox.order("@smoney pay @alice @secours_demo 2€ each")
    bob.goto(f"{sandbox.url}/t/{reference}")
    bob.get_by_role("checkbox", name=re.compile("secours_demo")).uncheck()
    bob.get_by_role("button", name="Payer 4\u00a0€ d’une touche").click()
    bob.get_by_role("button", name="Payer 2\u00a0€ d’une touche").click()
    expect(bob.get_by_text("✓ Payé").or_(bob.get_by_text("C’est fait.")).first).to_be_visible()
    shown = sandbox.transfers(reference)
    assert [one["status"] for one in shown] == ["posted", "cancelled"]


def text_code(sandbox: Sandbox, phone: str, said: str) -> str:
    """Return the code in a text that reached a phone and says so."""
    found = until(
        lambda: [one for one in sandbox.read("sms") if one["to"] == phone and said in one["text"]]
    )
    code = re.search(r"\b[0-9]{6}\b", found[-1]["text"])
    assert code is not None
    return code[0]


def enter_without_x(page: Page, sandbox: Sandbox, phone: str) -> None:
    """Go in by phone, wallet code and text, from the page that asks to sign in."""
    page.goto(f"{sandbox.url}/wallet")
    page.get_by_role("link", name="J’ai perdu mon compte X").click()
    page.get_by_label("Le mobile de votre portefeuille").fill(phone)
    page.get_by_label("Code du portefeuille").fill(CODE)
    picture(page, "lost")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_label("Code à 6 chiffres")).to_be_visible()
    picture(page, "lost-code")
    page.get_by_label("Code à 6 chiffres").fill(text_code(sandbox, phone, "sans X"))
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_text("Entré sans X")).to_be_visible()


def pay_everything_out(page: Page, sandbox: Sandbox, phone: str) -> None:
    """From the wallet to the bank account, by both codes."""
    page.get_by_role("link", name="Verser sur votre compte bancaire").click()
    page.get_by_label("IBAN").fill("FR14 2004 1010 0505 0001 3M02 606")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Demander le versement").click()
    page.get_by_label("Votre code à 6 chiffres").fill(CODE)
    page.get_by_label("Le code du SMS").fill(text_code(sandbox, phone, "pour verser"))
    page.get_by_role("button", name=re.compile("^Verser")).click()
    expect(page.get_by_text("FR14 … 2606").first).to_be_visible()


def open_wallet_here(page: Page, sandbox: Sandbox, phone: str) -> None:
    """Open the wallet in this browser, by both codes."""
    page.get_by_role("button", name="Ouvrir mon portefeuille").click()
    page.get_by_label("Votre code à 6 chiffres").fill(CODE)
    page.get_by_label("Le code du SMS").fill(text_code(sandbox, phone, "ouvrir"))
    page.get_by_role("button", name="Confirmer", exact=True).click()
    expect(page.get_by_role("heading", name="Dans votre portefeuille")).to_be_visible()


def refuse_as_payee(dave: Page, sandbox: Sandbox) -> None:
    """Send what Bob sent back to him, as somebody who has no wallet and wants none."""
    reference = paid_by_message(sandbox, "@smoney pay @dave 4€")
    dave.goto(f"{sandbox.url}/t/{reference}")
    sign_in(dave, "dave")
    dave.get_by_role("button", name="Refuser et renvoyer").click()
    expect(dave.get_by_role("heading", name=re.compile("Renvoyé"))).to_contain_text("4")
    picture(dave, "refused")
    begin_to_join(dave, sandbox)
    assert [one["status"] for one in sandbox.show(reference)["history"]][-2:] == [
        "held",
        "returned",
    ]


def stand_where_another_was(stranger: Page, sandbox: Sandbox, for_gail: str) -> None:
    """Open what waits for Gail as somebody else, then as somebody else who took her handle."""
    stranger.goto(f"{sandbox.url}/t/{for_gail}")
    sign_in(stranger, "mallory")
    expect(stranger.get_by_text("Il n’y a rien ici pour @mallory.")).to_be_visible()
    assert "gail" not in stranger.content()
    sandbox.say("people", handle="gail", renamed_to="gail_before")
    sign_in(stranger, "gail")
    expect(stranger.get_by_role("status").first).to_contain_text("@gail")
    assert "5\u00a0€" not in stranger.content()
    assert_for_all(stranger, "order_closed")


def begin_to_join(dave: Page, sandbox: Sandbox) -> None:
    """Go to Alice's wallet by her number as another X account of hers, and no further."""
    dave.goto(f"{sandbox.url}/wallet/phone")
    dave.locator("#phone").fill("06 39 98 00 02")
    dave.locator("[name=consent]").check()
    dave.locator("main form button.button").click()
    dave.get_by_label("Code à 6 chiffres").fill(text_code(sandbox, "+33639980002", "@dave"))
    dave.get_by_role("button", name="Continuer").click()
    expect(dave.get_by_label("Code du portefeuille")).to_be_visible()
    assert_for_all(dave, "first_link")


def change_phone_and_come_back_late(alice: Page, sandbox: Sandbox) -> None:
    """Ask for another number, and no further; then come as from another browser."""
    alice.goto(f"{sandbox.url}/wallet/new-phone")
    alice.locator("#phone").fill("06 39 98 00 66")
    alice.locator("main form button.button").click()
    alice.get_by_label("Votre code à 6 chiffres").fill(CODE)
    alice.get_by_label("Le code du SMS").fill(text_code(sandbox, "+33639980002", "numéro"))
    alice.get_by_role("button", name="Confirmer", exact=True).click()
    expect(alice.get_by_label("Code à 6 chiffres")).to_be_visible()
    assert_for_all(alice, "new_phone_code")
    alice.context.clear_cookies(name="smoney_opened")
    alice.goto(f"{sandbox.url}/wallet")
    expect(alice.locator("form[action='/wallet/open'] button")).to_be_visible()
    assert_for_all(alice, "wallet_closed")


def look_at_what_is_said_when_all_else_fails(page: Page, sandbox: Sandbox) -> None:
    """The page that needs no database, with its styles: nothing here can be made to fail so."""
    html = plain_page("broken", lang="fr", home="/")
    page.route(f"{sandbox.url}/broken", lambda route: route.fulfill(body=html))
    page.goto(f"{sandbox.url}/broken")
    assert_for_all(page, "plain")


def screens_of(page: Page, url: str) -> list[str]:
    """Return a list that fills with the paths of our own pages as the visitor comes to see them."""
    seen: list[str] = []

    def note(frame: Frame) -> None:
        if frame == page.main_frame and frame.url.startswith(url):
            seen.append(urlsplit(frame.url).path)

    page.on("framenavigated", note)
    return seen


def pay_out_without_x(page: Page, sandbox: Sandbox) -> None:
    """As the organisation that lost its X account: enter, and pay its money out."""
    given = paid_by_message(sandbox, "@smoney pay @secours_demo 2€")
    phone = "+33639980003"
    enter_without_x(page, sandbox, phone)
    picture(page, "lost-wallet")
    pay_everything_out(page, sandbox, phone)
    for path in ("/wallet", "/wallet/lock", f"/t/{given}", "/wallet/payout"):
        assert_fits(page, sandbox.url + path)
