"""X's in-app browser, which has scripts and no passkeys: what it offers, and what it says."""

from playwright.sync_api import Page, expect


def look_without_passkeys(owner: Page, receipt: str, wallet: str) -> None:
    """Open the same pages as somebody who made both codes good: nothing is offered in vain."""
    page = owner.context.new_page()
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto(owner.url)
    expect(page.get_by_text("gardez le code")).to_be_visible()
    expect(page.get_by_role("button", name="Créer la clé")).not_to_be_visible()
    page.goto(receipt)
    expect(page.get_by_text("C’est fait.")).to_be_visible()
    expect(page.get_by_role("button", name="Ajouter une clé d’accès")).not_to_be_visible()
    page.goto(wallet)
    expect(page.get_by_text("ne sait pas créer de clé")).to_be_visible()
    expect(page.get_by_role("button", name="Ajouter une clé d’accès")).not_to_be_visible()
    page.close()
