"""The page of two factors, and what leads to it: larger amounts, the wallet, changes, payouts."""

import re

from sqlalchemy import text

from bot.domain.errors import Unavailable
from bot.services.sessions import IDLE, hashed
from tests.builders import CODE
from tests.services.paying_out import IBAN
from tests.services.proving import newest_code
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import HOST, OPENED, Browser
from tests.world import World


def test_a_larger_amount_is_paid_with_two_screens_before_the_receipt(
    world: World, browser: Browser
) -> None:
    """The order's page, then both codes beside the same amount and payee."""
    world.join("bob", cents=20_000)
    world.join("alice")
    reference = world.order("bob", "alice", "45€")
    page = browser.open_order("bob", reference)
    assert "demandons à la page suivante votre code et un SMS" in text_of(page)
    asked = browser.confirm(reference, "wallet").headers["location"]
    said = text_of(browser.get(asked).text)
    assert "Vous payez 45 € à @alice" in said
    assert world.newest_code("bob") not in said
    wrong = browser.prove("bob", asked, text_code="000000")
    assert wrong.status_code == 422
    assert "ne vont pas ensemble" in wrong.text
    assert browser.prove("bob", asked).headers["location"] == f"/t/{reference}"
    assert "C’est fait" in browser.get(f"/t/{reference}").text
    assert world.balance("alice") == 4_500
    again = browser.post(asked, code="1", text_code="2")
    assert again.headers["location"] == f"/t/{reference}"


def test_a_larger_amount_is_paid_by_card_after_two_factors(world: World, browser: Browser) -> None:
    """With an empty wallet, and the card's 3-D Secure not counted; a card can be kept with it.

    The card's page goes on in the language of ours, whatever its payer wrote last.
    """
    world.join("bob")
    world.dm("bob", "help")
    world.join("alice")
    reference = world.order("bob", "alice", "45€")
    page = browser.open_order("bob", reference)
    said = text_of(page)
    assert "Payer 45 € par carte" in said
    assert "Par carte, nous demandons d’abord" in said
    assert "Pas par carte" not in said
    keep = browser.hidden("keep")
    asked = browser.confirm(reference, "card", keep=keep).headers["location"]
    assert "Garder votre carte" in text_of(browser.get(asked).text)
    browser.get(f"/t/{reference}")
    asked = browser.confirm(reference, "card").headers["location"]
    said = text_of(browser.get(asked).text)
    assert "Vous payez 45 € à @alice" in said
    assert "Par carte : sa page vient juste après" in said
    assert world.statuses(reference) == ["pending"]
    to_card = browser.prove("bob", asked)
    assert (to_card.status_code, to_card.headers["location"]) == (303, world.topup(reference).url)
    assert world.topup(reference).lang == "fr"
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    browser.get(f"/t/{reference}", card="done")
    assert "C’est fait" in browser.get(f"/t/{reference}").text
    assert world.balance("alice") == 4_500


def test_a_page_of_two_factors_is_its_owners(world: World, open_browser: OpenBrowser) -> None:
    """Somebody else finds nothing at its address; another text is another page."""
    for handle in ("bob", "alice"):
        world.join(handle, cents=20_000)
    bob, alice = open_browser(), open_browser()
    bob.open_order("bob", reference := world.order("bob", "alice", "45€"))
    asked = bob.confirm(reference, "wallet").headers["location"]
    alice.sign_in("alice")
    alice.get("/wallet")
    assert alice.get(asked).status_code == 404
    assert alice.post(asked, code="1").status_code == 404
    assert alice.post(f"{asked}/again").status_code == 404
    bob.get(asked)
    newer = bob.post(f"{asked}/again").headers["location"]
    assert newer != asked
    assert bob.prove("bob", newer).headers["location"] == f"/t/{reference}"
    stale = bob.prove("bob", asked)
    assert stale.status_code == 422


def test_a_session_that_ends_before_the_codes_leads_back_to_their_page(
    world: World, browser: Browser
) -> None:
    """By each of its forms; too late, it says so, and leads on to another text or the order."""
    world.join("bob", cents=20_000)
    world.join("alice")
    reference = world.order("bob", "alice", "45€")
    browser.open_order("bob", reference)
    asked = browser.confirm(reference, "wallet").headers["location"]
    browser.get(asked)
    world.pass_time(seconds=IDLE.total_seconds())
    for path in (asked, f"{asked}/again", f"{asked}/touch"):
        over = browser.post(path, code=CODE, text_code="482915", credential="{}")
        assert over.status_code == 401, path
        assert f'href="/signin?next={asked}"' in over.text, path
        assert not any(one in over.text for one in (CODE, "482915")), path
    assert browser.sign_in("bob", asked).headers["location"] == asked
    page = browser.get(asked).text
    assert "45 €" in text_of(page)
    assert 'role="alert"' in page
    assert f'href="/t/{reference}"' in page
    newer = browser.post(f"{asked}/again").headers["location"]
    assert browser.prove("bob", newer).headers["location"] == f"/t/{reference}"
    assert world.balance("alice") == 4_500


def test_what_changed_meanwhile_is_said_and_nothing_is_paid(world: World, browser: Browser) -> None:
    """Cancelled in another tab: the codes were right, the payment is not there any more."""
    world.join("bob", cents=20_000)
    reference = world.order("bob", "alice", "45€")
    browser.open_order("bob", reference)
    asked = browser.confirm(reference, "wallet").headers["location"]
    browser.post(f"/t/{reference}/cancel")
    late = browser.prove("bob", asked)
    assert late.status_code == 409
    assert f'href="/t/{reference}"' in late.text
    assert world.balance("bob") == 20_000


def test_what_cannot_be_read_any_more_shows_where_it_came_from_anew(
    world: World, browser: Browser
) -> None:
    """It was asked for before a deployment that named things otherwise: by no way is it done."""
    world.join("bob", cents=20_000)
    reference = world.order("bob", "alice", "45€")
    browser.open_order("bob", reference)
    asked = browser.confirm(reference, "card", keep=browser.hidden("keep")).headers["location"]
    assert browser.get(asked).status_code == 200
    older = text("UPDATE challenge SET facts = replace(facts, :now, :then)")
    with world.store.write() as session:
        session.connection().execute(older, {"now": '"people"', "then": '"payees"'})
    both = {"code": CODE, "text_code": world.newest_code("bob"), "credential": "{}"}
    for way in ("", "/touch", "/again"):
        answer = browser.post(asked + way, **both)
        assert answer.status_code == 409, way
        assert f'action="/t/{reference}/confirm"' in answer.text, way
        assert "ne peut plus être lu" in answer.text, way
    assert "ne peut plus être lu" in browser.client.get(asked).text
    assert world.statuses(reference) == ["pending"]
    with world.store.write() as session:
        session.connection().execute(text("UPDATE challenge SET used_at = created_at"))
    for way in ("", "/touch", "/again"):
        assert browser.post(asked + way, **both).headers["location"] == f"/t/{reference}", way
    assert browser.client.get(asked).headers["location"] == f"/t/{reference}", "it was done"


def test_signing_in_with_x_alone_shows_what_waits_until_two_factors_open_the_wallet(
    world: World, open_browser: OpenBrowser
) -> None:
    """In each browser for itself, and there for 180 days (art. 10), whoever else opens theirs."""
    world.join("bob", cents=12_345)
    world.join("alice", cents=6_789)
    reference = world.order("bob", "alice", "1€")
    browser = open_browser(is_strange=True)
    browser.sign_in("bob")
    closed = browser.get("/wallet").text
    assert f'href="/t/{reference}"' in closed
    assert "123,45" not in closed
    above = browser.get(f"/t/{world.order('bob', 'alice', '200€')}").text
    assert "pas assez" in above, "and not how much there is"
    assert "123,45" not in above
    for path in ("/wallet/payout", "/wallet/statement/2026-11", "/wallet/new-code"):
        assert browser.get(path).headers["location"] == "/wallet"
    assert open_here(browser, "bob") == "/wallet"
    assert "123,45" in browser.get("/wallet").text
    before = browser.client.cookies[OPENED]
    browser.post("/signout")
    browser.sign_in("alice")
    assert not {"123,45", "67,89"} & set(re.findall(r"\d+,\d+", browser.get("/wallet").text))
    assert open_here(browser, "alice") == "/wallet"
    assert "67,89" in browser.get("/wallet").text
    browser.sign_in("bob")
    assert "123,45" in browser.get("/wallet").text
    thief = open_browser(is_strange=True)
    thief.client.cookies.set(OPENED, before, domain=HOST)
    thief.sign_in("bob")
    assert "123,45" not in thief.get("/wallet").text, "a token ends when the next one is given"
    world.pass_time(days=180)
    browser.sign_in("bob")
    assert "123,45" not in browser.get("/wallet").text


def open_here(browser: Browser, handle: str) -> str:
    """Open somebody's wallet in a browser by both codes; return where that leads."""
    browser.get("/wallet")
    asked = browser.post("/wallet/open").headers["location"]
    assert "comme la loi le demande" in browser.get(asked).text, "in which browser is our rule"
    answer = browser.prove(handle, asked)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(OPENED.lower())
    for part in ("max-age=15552000", "httponly", "secure", "samesite=lax", "path=/"):
        assert part in cookie
    token = browser.client.cookies[OPENED]
    with browser.world.store.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM opened_browser").all())
    assert hashed(token) in kept
    assert token not in kept
    return answer.headers["location"]


def test_code_and_phone_are_changed_in_the_wallet(world: World, browser: Browser) -> None:
    """Each with the old factors; weak codes and foreign numbers are refused first."""
    world.join("bob", cents=100)
    browser.sign_in("bob")
    browser.get("/wallet/new-code")
    weak = browser.post("/wallet/new-code", code="123456", again="123456")
    assert "essaie en premier" in weak.text
    asked = browser.post("/wallet/new-code", code="270936", again="270936").headers["location"]
    assert browser.prove("bob", asked).headers["location"] == "/wallet?open=safety#safety"
    browser.get("/wallet/new-phone")
    assert browser.post("/wallet/new-phone", phone="+44 7911 123456").status_code == 422
    asked = browser.post("/wallet/new-phone", phone="07 51 23 45 67").headers["location"]
    browser.get(asked)
    both = {"code": "270936", "text_code": world.newest_code("bob")}
    world.sms.faults.add(Unavailable("down"))
    down = browser.post(asked, **both)
    assert (down.status_code, "pas perdu" in down.text) == (503, True)
    assert browser.get("/wallet/new-phone").status_code == 200, "it is open all the same"
    asked = browser.post("/wallet/new-phone", phone="07 51 23 45 67").headers["location"]
    path = browser.prove("bob", asked, code="270936").headers["location"]
    assert "se termine par 67" in browser.get(path).text
    assert browser.post(path, code="000000").status_code == 422
    code = newest_code(world, "+33751234567")
    assert browser.post(path, code=code).headers["location"] == "/wallet?open=safety#safety"
    assert "se termine par 67" in browser.get("/wallet").text, "it is open where that was done"
    payout = browser.get("/wallet/payout").text
    assert "les versements attendent" in payout


def test_everything_goes_to_the_same_account_with_one_tap(world: World, browser: Browser) -> None:
    """After the first payout; the page says when it arrives."""
    world.join("bob", cents=5_000)
    world.pass_time(hours=72)
    browser.sign_in("bob")
    said = text_of(browser.get("/wallet/payout").text)
    assert "le 30 nov. au plus tard" in said
    asked = browser.post("/wallet/payout", iban=IBAN, holder="Bob", amount="20")
    page = text_of(browser.get(asked.headers["location"]).text)
    assert "20 €" in page
    assert "FR14 … 2606" in page
    done = browser.prove("bob", asked.headers["location"])
    assert done.headers["location"] == "/wallet/payout"
    assert "Tout verser, 30 €, vers FR14 … 2606" in text_of(browser.get("/wallet/payout").text)
    asked = browser.post("/wallet/payout/again")
    browser.prove("bob", asked.headers["location"])
    assert world.balance("bob") == 0
    said = text_of(browser.get("/wallet/payout").text)
    assert re.search("Verser sur votre compte C’est demandé.*FR14.*rien à verser", said)
    assert said.count("sur votre compte le 30 nov. au plus tard") == 2
    world.pass_time(hours=24 * 5)
    browser.sign_in("bob")
    assert "au plus tard" not in text_of(browser.get("/wallet/payout").text)
