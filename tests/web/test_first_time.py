"""The first time: consent, a phone number, its code, and back to where one was."""

import re
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from bot.domain.sca import FAILURES_AT_MOST
from tests.builders import CODE
from tests.web.conftest import OpenBrowser
from tests.web.visiting import Browser
from tests.world import World

PHONE = "06 12 34 56 78"
E164 = "+33612345678"


def code_of(world: World, phone: str = E164) -> str:
    """Return the code in the newest text message to a phone."""
    found = re.search(r"\b[0-9]{6}\b", world.sms.texts_to(phone)[-1])
    assert found is not None
    return found[0]


def ask_for_code(browser: Browser, phone: str = PHONE, next_path: str = "/wallet") -> None:
    """Go as far as the page of the code."""
    browser.get("/wallet/phone", next=next_path)
    answer = browser.post("/wallet/phone", phone=phone, consent="yes", next=next_path)
    assert answer.status_code == 303, answer.text
    assert browser.get(answer.headers["location"]).status_code == 200


def prove_phone(world: World, browser: Browser, handle: str) -> None:
    """Let somebody new sign in and prove a number, and stop there."""
    browser.sign_in(handle)
    ask_for_code(browser)
    browser.post("/wallet/code", code=code_of(world))


def declare(browser: Browser, **fields: str) -> Response:
    """Say who one is, on the page that asks for it."""
    typed = {"first_names": "Carol", "last_name": "Petit", "born": "03/02/1990"}
    return browser.post("/wallet/name", next=browser.hidden("next"), **(typed | fields))


def refused(browser: Browser, answer: Response) -> Response:
    """Follow a form that was refused to the page that says why, once; return that page."""
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    said, again = browser.get(address), browser.get(address)
    assert said.status_code == again.status_code == 200
    assert 'role="alert"' in said.text
    assert 'role="alert"' not in again.text, "a reload, or back, says it no more"
    return said


def open_wallet(browser: Browser, world: World, next_path: str = "/wallet") -> Response:
    """Go all the way; return the answer to the last form."""
    ask_for_code(browser, next_path=next_path)
    proved = browser.post("/wallet/code", code=code_of(world), next=next_path)
    assert browser.get(proved.headers["location"]).status_code == 200
    assert browser.get(declare(browser).headers["location"]).status_code == 200
    return browser.post("/wallet/secret", code=CODE, again=CODE, next=next_path)


def test_a_newcomer_gets_a_wallet_and_comes_back_to_the_order(
    world: World, browser: Browser
) -> None:
    """From the link to a wallet and the money: at most 8 screens of ours, the receipt included."""
    world.join("bob", cents=1000)
    reference = world.order("bob", "carol")
    world.confirm("bob", reference)
    browser.get(f"/t/{reference}")
    page = browser.open_order("carol", reference)
    assert f"/wallet/phone?next=/t/{reference}" in page
    answer = open_wallet(browser, world, f"/t/{reference}")
    assert answer.headers["location"] == f"/t/{reference}"
    browser.get(f"/t/{reference}")
    assert browser.post(f"/t/{reference}/claim").status_code == 303
    assert "Vous avez reçu" in browser.get(f"/t/{reference}").text
    assert browser.screens <= 8
    assert world.balance("carol") == 1000


def test_each_step_says_how_many_are_left_and_back_shows_what_was_typed(
    world: World, browser: Browser
) -> None:
    """In rows: a reload, another browser or "back" loses nothing; nothing is skipped."""
    browser.sign_in("carol")
    assert "Étape 1 sur 4, encore 3 après" in browser.get("/wallet/phone").text
    assert browser.get("/wallet/secret").headers["location"] == "/wallet/phone"
    ask_for_code(browser)
    assert browser.page is not None
    assert "Étape 2 sur 4, encore 2 après" in browser.page.text
    assert f'value="{PHONE}"' in browser.get("/wallet/phone").text
    answer = browser.post("/wallet/code", code=code_of(world))
    assert "Étape 3 sur 4, encore 1 après" in browser.get(answer.headers["location"]).text
    unread = refused(browser, declare(browser, born="24/11/08"))
    assert 'value="24/11/08"' in unread.text
    assert "Dernière étape" in browser.get(declare(browser).headers["location"]).text
    assert 'value="Petit"' in browser.get("/wallet/name").text
    browser.get("/wallet/secret")
    weak = refused(browser, browser.post("/wallet/secret", code="030290", again="030290"))
    assert "date de naissance" in weak.text
    assert "030290" not in weak.text
    refused(browser, browser.post("/wallet/secret", code=CODE, again="1"))
    assert browser.post("/wallet/secret", code=CODE, again=CODE).headers["location"] == "/wallet"
    assert browser.get("/wallet").status_code == 200


def test_a_session_that_ends_in_the_first_time_leads_back_to_the_order(browser: Browser) -> None:
    """Where the form would have gone on to, if that is ours; nothing typed is in the address."""
    browser.sign_in("carol")
    forms = {
        "/wallet/phone": {"phone": PHONE, "consent": "yes"},
        "/wallet/code": {"code": "482915"},
        "/wallet/name": {"first_names": "Carol", "last_name": "Petit", "born": "03/02/1990"},
        "/wallet/secret": {"code": CODE, "again": CODE},
        "/wallet/link": {"code": CODE},
    }
    ways = {
        "/t/4F7K2Q": "/t/4F7K2Q",
        "/@alice?amount=5": "/%40alice%3Famount%3D5",
        "https://evil.example": "/wallet",
        "//evil.example": "/wallet",
        "/\\evil.example": "/wallet",
        "/signout": "/wallet",
        "": "/wallet",
    }
    browser.client.cookies.clear()
    for path, typed in forms.items():
        for wanted, way in ways.items():
            answer = browser.client.post(path, data={"csrf": "x", "next": wanted, **typed})
            assert answer.status_code == 401, path
            assert f'href="/signin?next={way}"' in answer.text, (path, wanted)
            assert "vous attend sur la page" not in answer.text, "it is typed again"
            assert not any(one in answer.text for one in typed.values() if one != "yes"), path


def test_who_is_under_age_is_told_what_becomes_of_the_money_and_asked_no_more(
    world: World, browser: Browser
) -> None:
    """After a reload too: the form is gone."""
    browser.sign_in("carol")
    ask_for_code(browser)
    browser.post("/wallet/code", code=code_of(world))
    browser.get("/wallet/name")
    declare(browser, born="24/12/2008")
    for page in (browser.get("/wallet/name"), browser.get("/wallet/name")):
        assert "Il faut avoir 18" in page.text
        assert "après 30" in page.text
        assert 'name="born"' not in page.text


def test_another_account_with_the_same_phone_is_asked_for_the_wallets_code(
    world: World, open_browser: OpenBrowser
) -> None:
    """It joins by that alone; five wrong ones close the door."""
    first, second = open_browser(), open_browser()
    first.sign_in("carol")
    open_wallet(first, world)
    second.sign_in("carol_pro")
    ask_for_code(second)
    answer = second.post("/wallet/code", code=code_of(world))
    assert answer.headers["location"] == "/wallet/link"
    assert "@carol_pro" in second.get("/wallet/link").text
    wrong = refused(second, second.post("/wallet/link", code="111111"))
    assert "Essais restants" in wrong.text
    assert second.post("/wallet/link", code=CODE).headers["location"] == "/wallet"
    assert world.visitor("carol_pro").person_id == world.visitor("carol").person_id


def test_whose_number_has_somebody_elses_wallet_takes_another(
    world: World, open_browser: OpenBrowser
) -> None:
    """A way on that guesses no code; where that wallet has none yet, none is asked for."""
    first, second = open_browser(), open_browser()
    prove_phone(world, first, "carol")
    second.sign_in("dave")
    ask_for_code(second, next_path="/t/4F7K2Q")
    second.post("/wallet/code", code=code_of(world))
    page = second.get("/wallet/link", next="/t/4F7K2Q").text
    assert "Ce portefeuille n’a pas encore de code." in page
    assert 'name="code"' not in page
    assert 'href="/wallet/phone?next=/t/4F7K2Q"' in page
    assert second.get("/wallet/code").headers["location"] == "/wallet/link"
    ask_for_code(second, "06 98 76 54 32")
    assert second.get("/wallet/link").headers["location"] == "/wallet/code"
    wrong = [second.post("/wallet/code", code="1") for _ in range(FAILURES_AT_MOST)]
    asked = refused(second, wrong[-1]).text
    assert 'name="phone"' in asked, "not the page of the wallet that is another's"
    ask_for_code(second, "06 98 76 54 32")
    answer = second.post("/wallet/code", code=code_of(world, "+33698765432"))
    assert answer.headers["location"] == "/wallet/name"


def test_without_consent_no_code_is_sent_and_what_was_typed_stays(
    world: World, browser: Browser
) -> None:
    """The number need not be typed twice."""
    browser.sign_in("carol")
    browser.get("/wallet/phone")
    answer = refused(browser, browser.post("/wallet/phone", phone="06 12 34", next="/t/4F7K2Q"))
    assert 'value="06 12 34"' in answer.text
    assert 'name="next" value="/t/4F7K2Q"' in answer.text
    assert 'name="back" value="/wallet/phone?next=%2Ft%2F4F7K2Q"' in answer.text, "in English too"
    assert world.sms.sent == []


def test_consent_survives_a_number_that_cannot_be_read(world: World, browser: Browser) -> None:
    """The box stays ticked where only the number was wrong."""
    browser.sign_in("carol")
    browser.get("/wallet/phone")
    answer = refused(browser, browser.post("/wallet/phone", phone="12", consent="yes"))
    assert re.search(r'name="consent"[^>]* checked', answer.text)


def test_the_code_is_nowhere_on_the_pages(world: World, browser: Browser) -> None:
    """It goes by text message alone, and the page names only the number's end."""
    browser.sign_in("carol")
    ask_for_code(browser)
    assert browser.page is not None
    assert code_of(world) not in browser.page.text
    assert E164 not in browser.page.text
    assert "78" in browser.page.text


def test_a_wrong_code_can_be_typed_again(world: World, browser: Browser) -> None:
    """A slip of the thumb costs one try, not the whole way."""
    browser.sign_in("carol")
    ask_for_code(browser)
    wrong = browser.post("/wallet/code", code="999999")
    kept = browser.client.cookies["__Host-smoney_said"]
    assert b"999999" not in urlsafe_b64decode(kept)
    refused(browser, wrong)
    for path, cookie in (("code", kept[:-8]), ("code", "x"), ("phone", kept), ("code", kept)):
        if cookie is kept and path == "code":
            browser.sign_in("carol")  # another session
        browser.client.cookies.set("__Host-smoney_said", cookie, domain="smoney.test")
        assert 'role="alert"' not in browser.get(f"/wallet/{path}").text, (path, cookie)
    answer = browser.post("/wallet/code", code=f" {code_of(world)} ")
    assert answer.headers["location"] == "/wallet/name"


def test_the_page_of_the_code_leads_back_where_none_waits(browser: Browser) -> None:
    """Somebody who comes by a bookmark is asked for a number first."""
    browser.sign_in("carol")
    assert browser.get("/wallet/code").headers["location"] == "/wallet/phone"


@pytest.mark.parametrize("path", ["/wallet/phone", "/wallet/code"])
def test_who_has_a_wallet_is_not_asked_again(world: World, browser: Browser, path: str) -> None:
    """The first time happens once."""
    world.join("bob")
    browser.sign_in("bob")
    assert browser.get(path, next="/t/4F7K2Q").headers["location"] == "/t/4F7K2Q"


def test_a_phone_that_somebody_has_tells_a_stranger_nothing(
    world: World, open_browser: OpenBrowser
) -> None:
    """Nobody learns from the page whether a number has a wallet."""
    first, second = open_browser(), open_browser()
    prove_phone(world, first, "carol")
    pages = []
    for browser, phone in ((second, PHONE), (open_browser(), "06 98 76 54 78")):
        browser.sign_in("dave")
        ask_for_code(browser, phone=phone)
        assert browser.page is not None
        pages.append(re.sub(r'name="csrf" value="[^"]*"', "", browser.page.text))
    assert pages[0] == pages[1]


def test_the_message_speaks_the_visitors_language(world: World, open_browser: OpenBrowser) -> None:
    """French or English, as the page that asked."""
    browser = open_browser(lang="en")
    browser.sign_in("carol")
    ask_for_code(browser)
    assert "your code is" in world.sms.texts_to(E164)[-1]


def test_where_one_came_from_survives_a_step_with_all_of_its_query(browser: Browser) -> None:
    """A step that is not reached yet leads to the one that is, and forgets nothing on the way."""
    wanted = "/t/4F7K2Q?own=yes&order=2"
    browser.sign_in("carol")
    step = urlsplit(browser.get("/wallet/name", next=wanted).headers["location"])
    assert step.path == "/wallet/phone"
    assert parse_qs(step.query) == {"next": [wanted]}
