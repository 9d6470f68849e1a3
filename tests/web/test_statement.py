"""The statement's page and its values: for its owner alone, in their language, harmless."""

import csv
import io

from bot.services import operate
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World


def test_the_page_shows_a_month_and_the_wallet_leads_there(world: World, browser: Browser) -> None:
    """Opening, each entry with its balance, closing."""
    world.join("bob", cents=5_000)
    world.join("alice")
    reference = world.order("bob", "alice", "12,34€")
    world.confirm("bob", reference)
    browser.sign_in("bob")
    assert 'href="/wallet/statement/2026-11"' in browser.get("/wallet").text
    said = text_of(browser.get("/wallet/statement/2026-11").text)
    assert "Relevé de novembre 2026" in said
    assert "jusqu’à maintenant" in said
    assert "Portefeuille de @bob" in said
    for part in ("Apporté par carte", "Payé à @alice", f"{reference}-1", "−12,34 €", "37,66 €"):
        assert part in said, part


def test_the_values_are_the_same_in_the_readers_language(
    world: World, open_browser: OpenBrowser
) -> None:
    """A file to keep, with the clock of Paris; a note that would be a formula is none."""
    world.join("bob", cents=5_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "10€"))
    world.confirm("bob", world.order("bob", "alice", "5€ for =1+1"))
    browser = open_browser(lang="en")
    browser.sign_in("bob")
    answer = browser.get("/wallet/statement/2026-11.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="smoney-2026-11.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["Entry"], row["Amount"], row["Balance"]) for row in rows] == [
        ("Opening balance", "", "0.00"),
        ("Brought by card", "50.00", "50.00"),
        ("Paid to @alice", "-10.00", "40.00"),
        ("Paid to @alice", "-5.00", "35.00"),
        ("Closing balance", "", "35.00"),
    ]
    assert rows[1]["Date"] == "2026-11-23T13:00:00+01:00"
    assert rows[3]["Note"] == "'=1+1"


def test_a_statement_is_its_owners_alone(world: World, browser: Browser) -> None:
    """A stranger signs in first; who has no wallet makes one; a month to come is not there."""
    world.join("bob", cents=5_000)
    for path in ("/wallet/statement/2026-11", "/wallet/statement/2026-11.csv"):
        page = browser.get(path).text
        assert "/signin" in page
        assert "50" not in text_of(page)
    browser.sign_in("carol")
    assert browser.get("/wallet/statement/2026-11").headers["location"] == "/wallet/phone"
    browser.sign_in("bob")
    for month in ("2026-12", "2026-13", "nonsense", "2026-12.csv"):
        assert browser.get(f"/wallet/statement/{month}").status_code == 404
    quiet = text_of(browser.get("/wallet/statement/2026-10").text)
    assert "Aucune opération ce mois-là" in quiet
    assert "jusqu’à maintenant" not in quiet


def test_a_refund_is_said_as_one_to_both(world: World, open_browser: OpenBrowser) -> None:
    """In the wallet, the statement, its values and the payment's page: nobody has paid anything."""
    world.join("bob", cents=5_000)
    world.join("alice")
    reference = world.order("bob", "alice", "25€")
    world.confirm("bob", reference)
    operate.refund_order(world.deps, reference, to="wallet")
    for handle, line, entry, receipt in (
        ("bob", "Refund ·", "Refund from @alice", "You are refunded €25 from @alice"),
        ("alice", "Refunded by us ·", "Refunded to @bob by us", "We have refunded €25 to @bob"),
    ):
        browser = open_browser(lang="en")
        browser.sign_in(handle)
        assert line in text_of(browser.get("/wallet").text)
        assert entry in text_of(browser.get("/wallet/statement/2026-11").text)
        assert entry in browser.get("/wallet/statement/2026-11.csv").text
        said = text_of(browser.get(f"/t/{reference}").text)
        assert receipt in said
        assert "You have paid €25 to @bob" not in said
