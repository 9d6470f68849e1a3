"""Sign-in with X on the pages: whose browser, once, and where it leads."""

import pytest

from bot.services.sessions import ATTEMPT, IDLE
from tests.web.conftest import OpenBrowser
from tests.web.visiting import Browser
from tests.world import PUBLIC_URL, World


def test_who_comes_back_from_x_goes_on_where_they_were(world: World, browser: Browser) -> None:
    """The order's page is where the sign-in began, so it is where it ends."""
    reference = world.order("bob", "alice")
    assert browser.sign_in("bob", f"/t/{reference}").headers["location"] == f"/t/{reference}"
    assert "@bob" in browser.get(f"/t/{reference}").text


def test_another_browser_starts_afresh(open_browser: OpenBrowser) -> None:
    """A link to somebody else's sign-in signs nobody in."""
    mine, other = open_browser(), open_browser()
    answer = other.come_back(mine.leave_for_x("/t/4F7K2Q"), "bob")
    assert answer.status_code == 400
    assert "Recommençons" in answer.text
    assert 'href="/signin?next=/t/4F7K2Q"' in answer.text
    assert "smoney_session" not in answer.headers.get("set-cookie", "")
    assert "Connectez-vous" in other.get("/wallet").text


def test_a_state_serves_once(world: World, browser: Browser) -> None:
    """The address that X sent back to is of no use to whoever finds it later."""
    url = browser.leave_for_x()
    assert browser.come_back(url, "bob").status_code == 303
    assert browser.come_back(url, "mallory").status_code == 400


def test_a_state_that_we_did_not_make_is_refused(browser: Browser) -> None:
    """Nobody signs in without having begun here."""
    answer = browser.get("/signin/callback", state="made-up", code="made-up")
    assert answer.status_code == 400


def test_a_state_lasts_only_so_long(world: World, browser: Browser) -> None:
    """Who came back too late begins again."""
    url = browser.leave_for_x()
    world.pass_time(seconds=ATTEMPT.total_seconds())
    assert browser.come_back(url, "bob").status_code == 400


def test_who_declines_on_x_reads_a_friendly_page(browser: Browser) -> None:
    """`access_denied` is a decision, not a fault."""
    browser.leave_for_x()
    answer = browser.get("/signin/callback", error="access_denied", state="whatever")
    assert answer.status_code == 400
    assert "Vous n’êtes pas connecté" in answer.text


def test_a_code_that_x_does_not_take_signs_nobody_in(browser: Browser) -> None:
    """X has the last word on who somebody is."""
    state = browser.leave_for_x().partition("state=")[2].partition("&")[0]
    answer = browser.get("/signin/callback", state=state, code="stolen")
    assert answer.status_code == 400
    assert "smoney_session" not in answer.headers.get("set-cookie", "")


def test_a_session_ends_after_five_idle_minutes(world: World, browser: Browser) -> None:
    """RTS 2018/389, art. 4: who went away is signed out, who is there is not."""
    world.join("bob")
    browser.sign_in("bob")
    for _ in range(3):
        world.pass_time(minutes=4)
        assert "@bob" in browser.get("/wallet").text
    world.pass_time(seconds=IDLE.total_seconds())
    assert "Connectez-vous" in browser.get("/wallet").text


def test_a_new_sign_in_ends_the_old_session(world: World, browser: Browser) -> None:
    """The token is new each time, and the old one opens nothing any more."""
    world.join("bob")
    browser.sign_in("bob")
    name = "__Host-smoney_session"
    old = browser.client.cookies[name]
    browser.sign_in("bob")
    assert browser.client.cookies[name] != old
    browser.client.cookies.set(name, old, domain="smoney.test", path="/")
    assert "Connectez-vous" in browser.get("/wallet").text


def test_signing_out_ends_the_session(world: World, browser: Browser) -> None:
    """Afterwards the cookie's token opens nothing, even where a thief kept it."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/wallet")
    kept = browser.client.cookies["__Host-smoney_session"]
    assert browser.post("/signout").headers["location"] == "/"
    browser.client.cookies.set("__Host-smoney_session", kept, domain="smoney.test", path="/")
    assert "Connectez-vous" in browser.get("/wallet").text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        "//evil.test/t/4F7K2Q",
        "/\\evil.test",
        "/%0d%0aLocation:https://evil.test",
        "/\tevil",
        "evil.test",
        "javascript:alert(1)",
        "/signin?next=//evil.test",
        "/" + "a" * 400,
    ],
)
def test_a_sign_in_never_leads_elsewhere(browser: Browser, elsewhere: str) -> None:
    """Whatever a link asks for, the browser stays with us."""
    target = browser.sign_in("bob", elsewhere).headers["location"]
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))
    assert "\r" not in target
    assert "\n" not in target


def test_cookies_are_out_of_reach(browser: Browser) -> None:
    """No script reads them, no other site sends them, no other host sets them."""
    for answer in (browser.get("/signin"), browser.sign_in("bob")):
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-smoney_")
        for part in ("httponly", "secure", "samesite=lax", "path=/"):
            assert part in cookie


def test_only_hashes_of_tokens_are_kept(world: World, browser: Browser) -> None:
    """A stolen table opens no wallet."""
    browser.sign_in("bob")
    token = browser.client.cookies["__Host-smoney_session"]
    with world.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT token_hash FROM web_session").all()
    assert rows
    assert token not in str(rows)


def test_x_is_asked_to_come_back_to_our_own_address(browser: Browser) -> None:
    """The redirect address is the operator's, whatever host the request names."""
    answer = browser.client.get("/signin", headers={"Host": "evil.test"})
    assert "evil.test" not in answer.headers["location"]
    assert PUBLIC_URL.partition("://")[2] in answer.headers["location"]
