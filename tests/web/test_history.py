"""The history's page and its values: for its owner alone, and what one looked for stays typed."""

import csv
import io
import re

from bot.store import browsers
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World


def test_the_wallet_leads_to_all_of_it_and_a_search(world: World, browser: Browser) -> None:
    """What matches is shown, what was typed stays, and a mark in it is text."""
    world.join("bob", cents=5_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "10€ for pizza"))
    world.confirm("bob", world.order("bob", "alice", "5€ for <b>tea"))
    browser.sign_in("bob")
    assert 'href="/wallet/history"' in browser.get("/wallet").text
    statements = "/wallet?open=statements"
    assert f'href="{statements}#statements"' in browser.get("/wallet/history").text
    assert re.search('<details[^>]* id="statements" open>', browser.get(statements).text)
    page = browser.get("/wallet/history?text=PIZZA").text
    assert 'value="PIZZA"' in page
    assert "pizza" in text_of(page)
    assert "tea" not in text_of(page)
    assert 'href="/wallet/history.csv?text=PIZZA"' in page
    page = browser.get("/wallet/history?text=%3Cb%3E").text
    assert 'value="&lt;b&gt;"' in page
    assert "<b>tea" in text_of(page)
    assert "Rien ne correspond." in text_of(browser.get("/wallet/history?text=nothing").text)


def test_its_values_are_a_file(world: World, open_browser: OpenBrowser) -> None:
    """In the reader's language, with plain amounts; a note that would be a formula is none."""
    world.join("bob", cents=5_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "10€ for =1+1"))
    browser = open_browser(lang="en")
    browser.sign_in("bob")
    answer = browser.get("/wallet/history.csv")
    assert 'filename="smoney-history.csv"' in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["With"], row["Note"], row["Amount (EUR)"]) == ("alice", "'=1+1", "-10.00")
    assert row["Date"].endswith("+01:00")


def test_older_lines_have_a_page_of_their_own(world: World, browser: Browser) -> None:
    """Fifty on the first; the link to the rest keeps what was looked for."""
    world.join("bob", cents=20_000)
    for number in range(10):
        world.join(f"p{number}")
    ten = " @".join(f"p{number}" for number in range(10))
    for _ in range(5):
        world.confirm("bob", world.order("bob", ten, "0,10€ each for tea"))
    world.confirm("bob", world.order("bob", "p0", "0,10€ for tea"))
    browser.sign_in("bob")
    page = browser.get("/wallet/history?text=tea").text
    assert page.count("tea</bdi>") == 50
    link = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "text=tea" in link
    assert browser.get(link).text.count("tea</bdi>") == 1


def test_nobody_else_looks_into_it(world: World, browser: Browser) -> None:
    """A stranger signs in first; who has no wallet makes one; a number that is none is no page."""
    world.join("bob", cents=5_000)
    for path in ("/wallet/history", "/wallet/history.csv"):
        assert "/signin" in browser.get(path).text
    browser.sign_in("carol")
    assert browser.get("/wallet/history").headers["location"] == "/wallet/phone"
    assert browser.get("/wallet/history.csv").headers["location"] == "/wallet/phone"
    browser.sign_in("bob")
    for before in ("x", "0", "-1", "100000000000000000000"):
        assert browser.get(f"/wallet/history?before={before}").status_code == 400
    assert browser.get("/wallet/history?text=%00").status_code == 200


def test_x_alone_opens_no_history(world: World, browser: Browser) -> None:
    """Two factors come first (RTS 2018/389 art. 10), as for the wallet."""
    bob = world.join("bob", cents=5_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "10€ for pizza"))
    with world.store.write() as session:
        browsers.shut_wallet(session, bob)
    browser.sign_in("bob")
    for path in ("/wallet/history", "/wallet/history.csv"):
        answer = browser.get(path)
        assert answer.headers["location"] == "/wallet"
        assert "pizza" not in answer.text


def test_what_never_moved_has_no_figure_in_the_values(world: World, browser: Browser) -> None:
    """A spreadsheet's sum is what moved."""
    world.join("bob", cents=5_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "10€"))
    world.post("bob", f"@smoney cancel #{world.order('bob', 'alice', '7€')}")
    browser.sign_in("bob")
    rows = list(csv.reader(io.StringIO(browser.get("/wallet/history.csv").text)))
    assert [row[-1] for row in rows[1:]] == ["", "-10.00"]
