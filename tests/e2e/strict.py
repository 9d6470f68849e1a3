"""The sandbox's bot as its operator has it by default: 3-D Secure alone pays nothing above 30 €.

A second web process on the same database has `CARD_SCA_COVERS_TRANSFER` off; cookies hold for every
port of a host, so that whoever is signed in at one is at the other.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page, expect

from bot.cli.sandbox import given
from tests.builders import CODE
from tests.doors.far_side import process
from tests.e2e.steps import assert_for_all, pay_by_card, text_code
from tests.e2e.test_sandbox import Sandbox, is_free, until
from tests.servers import free_port


@contextmanager
def strict_web(sandbox: Sandbox) -> Iterator[str]:
    """Run it beside the sandbox's own; its address."""
    port = free_port()
    _own, x_port, card_port = (
        urlsplit(one).port or 0 for one in (sandbox.url, sandbox.x_url, sandbox.cards_url)
    )
    settings = given(port, x_port, card_port) | sandbox.books | {"CARD_SCA_COVERS_TRANSFER": "no"}
    with process("web", settings=settings, folder=sandbox.folder, log="strict") as running:
        until(lambda: not is_free(port))
        url = settings["PUBLIC_URL"]
        assert httpx.get(f"{url}/readyz", trust_env=False, verify=False).text == "ok", running.said
        yield url


def pay_35_by_card(alice: Page, sandbox: Sandbox) -> None:
    """Pay Bob as Alice, who is signed in: both codes, then the card's page, then the receipt."""
    reference = sandbox.order("@smoney pay @bob 35€ for the train", by="alice")
    with strict_web(sandbox) as url:
        alice.goto(f"{url}/t/{reference}")
        alice.get_by_role("button", name=re.compile("par carte")).click()
        expect(alice.get_by_role("heading", name=re.compile("Vous payez"))).to_contain_text("35")
        expect(alice.get_by_text("rien n’est débité avant")).to_be_visible()
        assert_for_all(alice, "two factors, then the card")
        alice.get_by_label("Votre code à 6 chiffres").fill(CODE)
        alice.get_by_label("Le code du SMS").fill(text_code(sandbox, "+33639980002", "à @bob"))
        alice.get_by_role("button", name="Confirmer", exact=True).click()
        expect(alice.locator("#pay")).to_be_visible()
        assert sandbox.show(reference)["status"] == "funding"
        pay_by_card(alice)
        expect(alice.get_by_text("C’est fait.")).to_be_visible()
        assert alice.url == f"{url}/t/{reference}"
    with sqlite3.connect(sandbox.folder / "sandbox.db", timeout=20) as books:
        newest = "SELECT funding, sca_basis FROM confirmation ORDER BY id DESC LIMIT 1"
        assert books.execute(newest).fetchone() == ("card", "code")
