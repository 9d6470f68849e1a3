"""The end of an account in a browser: what is in the way, the money to the bank, the end."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.builders import CODE
from tests.doors.far_side import door
from tests.e2e.conftest import DESK_WIDTH, PHONE_WIDTH, OpenPage
from tests.e2e.steps import at_a_desk, picture, sign_in, text_code, unfold
from tests.e2e.test_sandbox import Sandbox
from tests.fakes.bank import DEBTOR, Movement, camt
from tests.services.paying_out import IBAN

PHONE, NUMBER = "06 39 98 00 88", "+33639980088"


def story(sandbox: Sandbox, open_page: OpenPage, folder: Path) -> None:
    """Let Erin come, be paid by Bob, pay Dave, who has no wallet, and go."""
    erin, bob = open_page(PHONE_WIDTH), open_page(DESK_WIDTH)
    open_wallet(erin, sandbox, "erin")
    paid = sandbox.order("@smoney pay @erin 5€")
    bob.goto(f"{sandbox.url}/t/{paid}")
    sign_in(bob, "bob")
    pay(bob, sandbox, paid)
    pay(erin, sandbox, sandbox.order("@smoney pay @dave 2€", by="erin"))
    pay_everything_out(erin, sandbox, folder)
    close(erin, sandbox)


def open_wallet(page: Page, sandbox: Sandbox, handle: str) -> None:
    """Let somebody new have a wallet, by the shortest way."""
    page.goto(f"{sandbox.url}/wallet")
    sign_in(page, handle)
    page.get_by_label("Numéro de mobile").fill(PHONE)
    page.get_by_label(re.compile("J’accepte")).check()
    page.get_by_role("button", name="Recevoir le code").click()
    page.get_by_label("Code à 6 chiffres").fill(text_code(sandbox, NUMBER, "code est"))
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Prénom").fill("Erin")
    page.get_by_label("Nom de famille").fill("Petit")
    page.get_by_label("Date de naissance").fill("03/02/1990")
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Votre code à 6 chiffres").fill(CODE)
    page.get_by_label("Le même, encore une fois").fill(CODE)
    page.get_by_role("button", name="C’est mon code").click()
    expect(page.get_by_role("heading", name="Dans votre portefeuille")).to_be_visible()


def pay(page: Page, sandbox: Sandbox, reference: str) -> None:
    """Pay an order from the wallet, as who is signed in."""
    page.goto(f"{sandbox.url}/t/{reference}")
    page.get_by_role("button", name=re.compile("depuis mon portefeuille")).click()
    expect(page.get_by_text("✓ Payé").or_(page.get_by_text("C’est fait.")).first).to_be_visible()


def prove(page: Page, sandbox: Sandbox, said: str, button: str) -> None:
    """Type both codes."""
    page.get_by_label("Votre code à 6 chiffres").fill(CODE)
    page.get_by_label("Le code du SMS").fill(text_code(sandbox, NUMBER, said))
    page.get_by_role("button", name=re.compile(button)).click()


def pay_everything_out(page: Page, sandbox: Sandbox, folder: Path) -> None:
    """Take back what is held, send all of it to the bank, and let the bank say that it left."""
    page.goto(f"{sandbox.url}/wallet")
    unfold(page, "Données et fermeture")
    page.get_by_role("link", name="Fermer mon compte").click()
    picture(page, "close-first")
    page.get_by_role("button", name=re.compile("Tout annuler")).click()
    page.get_by_role("link", name=re.compile("Verser 5.€")).click()
    page.locator("#iban").fill(IBAN)
    page.locator("#holder").fill("Erin Petit")
    page.locator("[name=everything]").check()
    page.locator('form[action="/wallet/payout"] button').click()
    prove(page, sandbox, "verser", "^Verser")
    debtor = {"NAME": DEBTOR.name, "IBAN": DEBTOR.iban, "BIC": DEBTOR.bic}
    settings = sandbox.books | {f"SEPA_DEBTOR_{name}": one for name, one in debtor.items()}
    sent = door("payout", "export", "--to", str(folder), settings=settings)
    assert sent.returncode == 0, sent.stderr
    (written,) = folder.glob("*.xml")
    orders = re.findall(
        r"<EndToEndId>(SMONEY-PAYOUT-\d+)</EndToEndId>.*?<InstdAmt[^>]*>([0-9.]+)<",
        written.read_text(),
        re.DOTALL,
    )
    (mine,) = [name for name, amount in orders if amount == "5.00"]  # others pay out beside her
    report = folder / "report"
    report.write_bytes(camt([Movement(mine, 500)]))
    read = door("payout", "import", str(report), settings=settings)
    assert read.returncode == 0, read.stderr


def close(page: Page, sandbox: Sandbox) -> None:
    """Close what is empty, at a desk; look at the pages on the way."""
    at_a_desk(page)
    for path, name in (
        ("/privacy", "privacy"),
        ("/wallet/data", "data"),
        ("/wallet/close", "close"),
    ):
        page.goto(sandbox.url + path)
        picture(page, name)
    page.get_by_role("button", name="Fermer mon compte").click()
    prove(page, sandbox, "fermer", "^Confirmer$")
    expect(page.get_by_role("heading", name="Votre compte est fermé")).to_be_visible()
    picture(page, "closed")
