"""Who has lost X, on the pages: the way in, what stands there, what is refused."""

import re
from dataclasses import replace

from bot.services.sessions import IDLE
from tests.builders import CODE
from tests.services.entering import WRONG, code_in
from tests.services.paying_out import IBAN, rich
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser, site
from tests.world import World

NOBODYS = "06 99 99 99 99"
SESSION = "__Host-smoney_session"


def enter(world: World, browser: Browser, handle: str = "bob") -> None:
    """Go in by phone, wallet code and text."""
    browser.get("/lost")
    phone = world.phone(handle)
    assert browser.post("/lost", phone=phone, code=CODE).headers["location"] == "/lost/code"
    browser.get("/lost/code")
    done = browser.post("/lost/code", code=code_in(world.sms.texts_to(phone)[-1]))
    assert done.headers["location"] == "/wallet", done.text


def test_who_has_lost_x_sees_pays_out_takes_it_out_and_locks(
    world: World, browser: Browser
) -> None:
    """From the sign-in page, with the balance, the history and no button that takes X."""
    rich(world)
    world.join("alice")
    world.confirm("bob", paid := world.order("bob", "alice", "5€"))
    for page in ("/wallet", "/help"):
        assert 'href="/lost"' in browser.get(page).text
    enter(world, browser)
    page = browser.get("/wallet").text
    said = text_of(page)
    assert "95 €" in said
    assert paid in said
    assert "Entré sans X" in said
    assert 'href="/pay"' not in page
    asked = browser.post("/wallet/payout", iban=IBAN, holder="Bob Martin", amount="20")
    assert browser.prove("bob", asked.headers["location"]).headers["location"] == "/wallet/payout"
    assert "75 €" in text_of(browser.get("/wallet").text)
    browser.get("/wallet/lock")
    browser.post("/wallet/lock")
    assert "Vous avez verrouillé votre portefeuille le" in browser.get("/wallet").text
    browser.post("/signout")
    assert browser.get("/wallet/payout").text.count("Connectez-vous") > 0


def test_nothing_on_the_pages_tells_a_stranger_anything(
    world: World, open_browser: OpenBrowser
) -> None:
    """The same answers, to the byte, for nobody's number, a wrong code, and right ones."""
    world.join("bob")
    cases = {"right": (world.phone("bob"), CODE), "wrong": (world.phone("bob"), WRONG),
             "nobody's": (NOBODYS, CODE)}  # fmt: skip
    seen = {}
    for name, (phone, code) in cases.items():
        browser = open_browser()
        browser.get("/lost")
        answers = [browser.post("/lost", phone=phone, code=code)]
        answers.append(browser.get("/lost/code"))
        answers += [browser.post("/lost/code", code="000000") for _ in range(6)]
        seen[name] = [
            (one.status_code, sorted(one.headers), re.sub(r'value="\w+"', "", one.text))
            for one in answers
        ]
    assert [status for status, _, _ in seen["right"]] == [303, 200, *[422] * 6]
    assert seen["wrong"] == seen["right"]
    assert seen["nobody's"] == seen["right"]
    assert len(world.sms.sent) == 1


def test_its_forms_are_bound_to_the_browser_and_counted(
    world: World, open_browser: OpenBrowser
) -> None:
    """No token, another browser's, too many for one number: nothing is looked at."""
    world.join("bob")
    mine, other = open_browser(), open_browser()
    mine.get("/lost")
    other.get("/lost")
    phone = world.phone("bob")
    for csrf in ("", mine.csrf()):
        assert other.post("/lost", phone=phone, code=CODE, csrf=csrf).status_code == 403
    stranger = open_browser()
    stranger.page = mine.page
    assert stranger.post("/lost/code", code="000000").status_code == 403
    for number in (NOBODYS, phone):
        answers = [mine.post("/lost", phone=number, code=WRONG).status_code for _ in range(11)]
        assert answers == [303] * 10 + [429]
    assert mine.post("/lost", phone="0123", code=CODE).status_code == 422
    assert len([one for one in world.sms.sent if "entrer dans" in one.text]) == 0


def test_the_session_is_new_at_each_entry_and_ends_after_five_idle_minutes(
    world: World, browser: Browser
) -> None:
    """It takes the place of a session that the browser had; the way in serves once."""
    world.join("bob")
    browser.sign_in("bob")
    old = browser.client.cookies[SESSION]
    enter(world, browser)
    assert browser.client.cookies[SESSION] != old
    assert browser.get("/lost").headers["location"] == "/wallet"
    assert browser.get("/lost/code").headers["location"] == "/lost"
    kept = browser.client.cookies[SESSION]
    browser.client.cookies.set(SESSION, old, domain="smoney.test", path="/")
    assert "Connectez-vous" in browser.get("/wallet").text
    browser.client.cookies.set(SESSION, kept, domain="smoney.test", path="/")
    assert "Entré sans X" in browser.get("/wallet").text
    world.pass_time(seconds=IDLE.total_seconds())
    assert "Connectez-vous" in browser.get("/wallet").text


def test_what_takes_x_says_so_and_does_nothing(world: World, browser: Browser) -> None:
    """On every form of an order, a claim, a change of what proves who one is; no page breaks."""
    world.join("bob", cents=10_000)
    world.join("alice", cents=10_000)
    pending = world.order("bob", "alice", "5€")
    held = world.order("bob", "dave", "6€")
    world.confirm("bob", held)
    asked = world.order("alice", "bob", "7€", kind="request")
    enter(world, browser)
    forms = {
        f"/t/{pending}/confirm": {"funding": "wallet"},
        f"/t/{pending}/touch": {},
        f"/t/{pending}/cancel": {},
        f"/t/{held}/take-back": {},
        f"/t/{held}/claim": {},
        f"/t/{held}/claim-out": {"iban": IBAN, "holder": "Bob"},
        f"/t/{held}/wrong/1": {},
        f"/t/{asked}/decline": {},
        "/@alice": {"amount": "5", "payee": world.x_id("alice")},
        "/wallet/dm": {"on": "yes"},
        "/wallet/open": {},
        "/wallet/new-code": {"code": "270936", "again": "270936"},
        "/wallet/new-phone": {"phone": "06 12 34 56 78"},
        "/wallet/passkey": {},
        "/wallet/passkey/remove": {"passkey": "1"},
        "/wallet/phone": {"phone": "06 12 34 56 78", "consent": "yes"},
    }
    browser.get("/wallet")
    for path, fields in forms.items():
        answer = browser.post(path, **fields)
        assert answer.status_code >= 400, path
        assert "connectez-vous avec X" in answer.text or answer.status_code == 409, path
    assert [world.statuses(one) for one in (pending, held, asked)] == [
        ["pending"], ["held"], ["pending"],
    ]  # fmt: skip
    own = (f"/t/{pending}", f"/t/{asked}", f"/t/{held}/not-me", f"/t/{asked}/block")
    wallet = ("/wallet/history", "/wallet/statement/2026-11")
    for path in (*own, *wallet, "/@alice", "/pay", "/"):
        assert browser.get(path).status_code == 200, path
    assert "Il n’y a rien ici" in browser.get("/t/4F7K2Q").text
    for path in ("/wallet/new-code", "/wallet/new-phone", f"/t/{held}/wrong/1"):
        assert browser.get(path).status_code == 409, path
    browser.get("/wallet")
    assert browser.post(f"/t/{asked}/block").headers["location"] == f"/t/{asked}"
    assert browser.post(f"/t/{held}/not-me").headers["location"] == f"/t/{held}"
    assert [world.statuses(one) for one in (held, asked)] == [["returned"], ["declined"]]


def test_no_page_leads_who_entered_without_x_to_the_file_that_takes_it(
    world: World,
) -> None:
    """The pages say what it takes, and whom to write to; with X, or for a stranger, the link."""
    world.deps = replace(world.deps, contact="help@smoney.test")
    world.join("bob", cents=5_000)
    pages = site(world)
    stranger, signed_in, without = (Browser(world, pages) for _ in range(3))
    paths = ("/privacy", "/wallet/close", "/wallet")
    signed_in.sign_in("bob")
    for path in paths:
        page = signed_in.get(path).text
        assert 'href="/wallet/data"' in page, path
        assert "se demande avec X" not in page, path
    assert 'href="/wallet/data"' in stranger.get("/privacy").text
    assert "fermer votre compte" in text_of(without.get("/lost").text)
    enter(world, without)
    for path in paths:
        page = without.get(path).text
        assert 'href="/wallet/data"' not in page, path
        assert ("se demande avec X" in page) is (path != "/wallet"), path
        assert ("Plus de compte X" in page) is (path != "/wallet"), path


def test_only_who_entered_without_x_is_shown_these_pages(world: World, browser: Browser) -> None:
    """Who signed in with X is led to the phone."""
    world.join("bob")
    browser.sign_in("bob")
    assert browser.get("/wallet/lock").headers["location"] == "/wallet"
    assert 'href="/lost"' in browser.get("/wallet").text
    answer = browser.post("/wallet/lock")
    assert answer.status_code == 409
    assert "entrez avec votre téléphone" in answer.text
