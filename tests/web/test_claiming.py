"""Claiming on the page: into the wallet, on to a bank, or refused; and whose handle it is."""

import pytest

from tests.web.conftest import OpenBrowser
from tests.web.test_orders import held_order, text_of
from tests.web.visiting import Browser
from tests.world import World

IBAN = "FR14 2004 1010 0505 0001 3M02 606"


def test_what_waits_goes_on_to_a_bank_on_the_same_screen(world: World, browser: Browser) -> None:
    """An account, both codes, and it is asked for; a holder is not named to X's sign-in alone."""
    reference = held_order(world)
    world.join("carol")
    page = browser.open_order("carol", reference)
    assert "Plutôt sur mon compte bancaire" in page
    assert "Recevoir 12,34 € sur ce compte" in text_of(page)
    answer = browser.post(f"/t/{reference}/claim-out", iban=IBAN, holder="Carol Petit")
    assert world.statuses(reference) == ["posted"]
    asked = text_of(browser.get(answer.headers["location"]).text)
    assert "12,34 €" in asked
    assert "FR14 … 2606" in asked
    done = browser.prove("carol", answer.headers["location"])
    assert done.headers["location"] == "/wallet/payout"
    assert world.balance("carol") == 0
    assert "FR14 … 2606" in browser.get("/wallet/payout").text


def test_who_stops_before_the_codes_has_it_in_the_wallet(world: World, browser: Browser) -> None:
    """Doing nothing leads back to the payment's page, where it has arrived."""
    reference = held_order(world)
    world.join("carol")
    browser.open_order("carol", reference)
    answer = browser.post(f"/t/{reference}/claim-out", iban=IBAN, holder="Carol Petit")
    page = browser.get(answer.headers["location"]).text
    assert f'href="/t/{reference}">Ne rien faire' in page
    assert "Vous avez reçu" in browser.get(f"/t/{reference}").text
    assert world.balance("carol") == 1234
    again = browser.post(f"/t/{reference}/claim-out", iban=IBAN, holder="Carol Petit")
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("iban", "holder", "words"),
    [
        ("FR15 2004 1010 0505 0001 3M02 606", "Carol Petit", "IBAN"),
        (IBAN, "", "titulaire"),
    ],
)
def test_an_account_that_is_misread_leaves_the_money_where_it_waits(
    world: World, browser: Browser, iban: str, holder: str, words: str
) -> None:
    """What was typed stands there again, the form open."""
    reference = held_order(world)
    world.join("carol")
    browser.open_order("carol", reference)
    answer = browser.post(f"/t/{reference}/claim-out", iban=iban, holder=holder)
    assert answer.status_code == 409
    assert words in answer.text
    assert f'value="{iban}"' in answer.text
    assert '<details class="more apart" open>' in answer.text
    assert world.statuses(reference) == ["held"]


def test_refuse_and_block_says_what_it_means_and_can_be_undone(
    world: World, browser: Browser
) -> None:
    """Even without a wallet; the payer has it back, and can send no more until it is undone."""
    reference = held_order(world)
    assert f'href="/t/{reference}/block-payer"' in browser.open_order("carol", reference)
    said = text_of(browser.get(f"/t/{reference}/block-payer").text)
    assert "Refuser, et bloquer @bob" in said
    assert "depuis aucun de ses comptes X, vers aucun des vôtres" in said
    assert "ne pourra plus vous payer" in said
    assert world.statuses(reference) == ["held"]
    browser.post(f"/t/{reference}/block-payer")
    assert world.statuses(reference) == ["returned"]
    assert world.balance("bob") == 5000
    after = text_of(browser.get(f"/t/{reference}").text)
    assert "Vous avez bloqué @bob" in after
    assert world.post("bob", "@smoney pay @carol 3€ please") is not None
    assert browser.post(f"/t/{reference}/unblock-payer").headers["location"] == f"/t/{reference}"
    assert "Ne plus rien recevoir de @bob" in text_of(browser.get(f"/t/{reference}").text)


def test_who_bears_the_handle_now_is_told_why_and_so_is_the_payer(
    world: World, open_browser: OpenBrowser
) -> None:
    """The money stays; the new bearer learns no amount and nobody, and can do nothing to it."""
    reference = held_order(world)
    world.x.change("carol", new_handle="carol_before")
    world.x.person("carol")
    browser = open_browser()
    page = browser.open_order("carol", reference)
    said = text_of(page)
    assert "s’appelait @carol avant le vôtre" in said
    for secret in ("12,34", "café", "bob"):
        assert secret not in page
    for deed in ("claim", "claim-out", "refuse", "block-payer"):
        answer = browser.post(f"/t/{reference}/{deed}", iban=IBAN, holder="Carol")
        assert answer.status_code == 409
    assert world.statuses(reference) == ["held"]
    said = text_of(open_browser().open_order("bob", reference))
    assert "@carol est maintenant le nom d’un autre compte X" in said
    assert "La somme reste en attente" in said


def test_who_asked_for_it_takes_what_waits_the_same_way(world: World, browser: Browser) -> None:
    """A wallet first, where they have none; then into it, or on to a bank."""
    world.join("bob", cents=5000)
    reference = world.order("carol", "bob", kind="request")
    world.confirm("bob", reference)
    page = browser.open_order("carol", reference)
    assert f'href="/wallet/phone?next=/t/{reference}"' in page
    assert "/claim" not in page
    world.join("carol")
    page = browser.get(f"/t/{reference}").text
    assert "Recevoir dans mon portefeuille" in page
    assert f'action="/t/{reference}/claim-out"' in page
    assert "block-payer" not in page
