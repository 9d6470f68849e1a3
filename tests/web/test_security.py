"""What no request may do, on every route: headers, forged forms, too many of them."""

from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute
from httpx import Response
from structlog.testing import capture_logs

from bot.store.tables import metadata
from bot.web import card_origins
from bot.web.app import PARTS
from bot.web.security import (
    BODY_AT_MOST,
    BY_ADDRESS,
    BY_PERSON,
    CODES_BY_ADDRESS,
    LOST_BY_ADDRESS,
    Rate,
)
from tests.web.visiting import ADDRESS, CARD_PAGES, Browser, site
from tests.world import World

PATHS = [
    "/",
    "/help",
    "/help/read?text=stop",
    "/pay",
    "/@alice?amount=10&note=pizza",
    "/wallet",
    "/wallet/history?text=tea",
    "/wallet/phone",
    "/lost",
    "/lost/code",
    "/signin",
    "/signin/callback",
    "/ask",
    "/wallet/messages",
    "/webhooks/x",
    "/t/4F7K2Q",
    "/t/4F7K2Q/answers",
    "/nowhere",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/nothing.css",
]
FORMS = [
    "/signout",
    "/lang",
    "/ask",
    "/wallet/messages",
    "/wallet/dm",
    "/wallet/card",
    "/wallet/phone",
    "/wallet/code",
    "/wallet/name",
    "/wallet/secret",
    "/wallet/link",
    "/wallet/open",
    "/wallet/new-code",
    "/wallet/new-phone",
    "/wallet/new-phone/code",
    "/prove/1",
    "/prove/1/again",
    "/prove/1/touch",
    "/t/4F7K2Q/touch",
    "/wallet/passkey",
    "/wallet/passkey/new",
    "/wallet/passkey/remove",
    "/t/4F7K2Q/ask",
    "/t/4F7K2Q/amount",
    "/@alice",
    "/t/4F7K2Q/confirm",
    "/t/4F7K2Q/cancel",
    "/t/4F7K2Q/decline",
    "/t/4F7K2Q/claim",
    "/t/4F7K2Q/refuse",
    "/t/4F7K2Q/take-back",
    "/t/4F7K2Q/block",
    "/t/4F7K2Q/unblock",
    "/t/4F7K2Q/block-payer",
    "/t/4F7K2Q/unblock-payer",
    "/t/4F7K2Q/claim-out",
    "/t/4F7K2Q/wrong/1",
    "/t/4F7K2Q/not-me",
    "/t/4F7K2Q/note/1",
    "/wallet/unblock",
    "/wallet/lock",
    "/wallet/payout",
    "/wallet/payout/again",
    "/wallet/payout/1/cancel",
    "/wallet/data",
    "/wallet/close",
    "/wallet/close/clear",
]


BY_NOBODY = {
    "/webhooks/stripe",
    "/webhooks/x",
    "/signin/passkey/begin",
    "/signin/passkey",
    "/lost",
    "/lost/code",
}
"""What nobody who is signed in sends; a way in is bound to the browser that began it."""


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_bears_the_headers(browser: Browser, path: str) -> None:
    """Whatever the route, and whatever came of it."""
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {CARD_PAGES}" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers["cache-control"] == "no-store"


def test_static_files_are_kept(browser: Browser) -> None:
    """Their address changes with what they say."""
    answer = browser.get("/static/style.css")
    assert "max-age" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")


def test_a_form_without_the_sessions_token_is_refused_and_logged(
    world: World, browser: Browser
) -> None:
    """Missing or forged, on every form: nothing is done."""
    browser.sign_in("bob")
    for path in FORMS:
        world.pass_time(minutes=1)  # so many forms may be sent in one
        for token in ({}, {"csrf": ""}, {"csrf": "forged"}, {"csrf": "é"}):
            with capture_logs() as logs:
                answer = browser.client.post(path, data={"funding": "wallet", **token})
            assert answer.status_code == 403, (path, token)
            assert any(line["event"] == "form_forged" for line in logs), (path, token)


def test_a_form_of_nobody_is_refused(world: World, browser: Browser) -> None:
    """The session ended in the middle of a form: sign in, and nothing was done."""
    for path in FORMS:
        world.pass_time(minutes=1)
        answer = browser.client.post(path, data={"csrf": "", "funding": "wallet"})
        assert answer.status_code == 401, path
        assert "Votre session a pris fin" in answer.text, path


def test_every_form_that_changes_something_is_in_this_test() -> None:
    """A new form is tried for its token too."""
    posts = {
        route.path.replace("{reference}", "4F7K2Q")
        .replace("{payout_id}", "1")
        .replace("{challenge_id}", "1")
        .replace("{handle}", "alice")
        .replace("{number}", "1")
        for part in PARTS
        for route in part.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    assert posts - BY_NOBODY == set(FORMS)


def test_another_sessions_token_is_refused(world: World, browser: Browser) -> None:
    """A token belongs to the session that it was given to."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/wallet")
    old = browser.csrf()
    browser.sign_in("bob")
    answer = browser.client.post("/wallet/dm", data={"csrf": old, "on": "yes"})
    assert answer.status_code == 403


def test_a_body_that_no_form_has_is_refused(browser: Browser) -> None:
    """Whatever length was announced."""
    browser.sign_in("bob")
    answer = browser.client.post("/webhooks/stripe", content=b"x" * (BODY_AT_MOST + 1))
    assert answer.status_code == 413


def test_a_hand_cannot_send_so_many_forms(world: World, browser: Browser) -> None:
    """Beyond, a person waits; the headers say nothing more."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/wallet")
    answers = [browser.post("/wallet/dm", on="no").status_code for _ in range(BY_PERSON.most + 1)]
    sent = answers.count(303)  # fewer than allowed: opening the wallet took forms as well
    assert answers == [303] * sent + [429] * (len(answers) - sent)
    assert 0 < sent <= BY_PERSON.most
    world.pass_time(minutes=1)
    assert browser.post("/wallet/dm", on="no").status_code == 303


@pytest.mark.parametrize(
    ("what", "rate", "visit"),
    [
        ("form", BY_ADDRESS, lambda one: one.post("/wallet/dm", on="no")),
        ("try", BY_ADDRESS, lambda one: one.get("/help/read", text="pay")),
        ("try", BY_ADDRESS, lambda one: one.get("/help", text="pay")),
        ("history", BY_ADDRESS, lambda one: one.get("/wallet/history", text="tea")),
        ("history", BY_ADDRESS, lambda one: one.get("/wallet/history.csv")),
        ("signin", BY_ADDRESS, lambda one: one.get("/signin")),
        ("code", CODES_BY_ADDRESS, lambda one: one.post("/wallet/phone", phone="0612345678")),
        ("lost", LOST_BY_ADDRESS, lambda one: one.post("/lost", phone="0612345678", code="1")),
    ],
)
def test_what_comes_too_often_from_an_address_waits(
    world: World,
    browser: Browser,
    what: str,
    rate: Rate,
    visit: Callable[[Browser], Response],
) -> None:
    """Whoever sends it; the log says which address, and other addresses are not held up."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/lost" if what == "lost" else "/wallet")
    limiter, at = site(world).state.site.limiter, world.clock.now()
    while limiter.allows(f"{what}:{ADDRESS[0]}", rate, at):
        continue
    with capture_logs() as said:
        assert visit(browser).status_code == 429
    assert {"what": what, "address": ADDRESS[0]}.items() <= said[0].items()
    assert limiter.allows(f"{what}:203.0.113.8", rate, at)
    world.clock.advance(seconds=rate.within.total_seconds())
    assert visit(browser).status_code != 429


def test_a_form_that_lacks_a_field_is_a_page(world: World, browser: Browser) -> None:
    """No description of our fields, a sentence."""
    browser.sign_in("bob")
    browser.get("/wallet/phone")
    answer = browser.post("/t/4F7K2Q/confirm", funding="gold")
    assert answer.status_code == 400
    assert "Rien n’a été fait" in answer.text
    assert "gold" not in answer.text


def test_what_breaks_is_not_shown(world: World, browser: Browser) -> None:
    """A page without detail, with the headers of every other."""
    world.store.close()
    with world.store.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE web_session RENAME TO gone")
        connection.commit()
    browser.client.cookies.set("__Host-smoney_session", "x", domain="smoney.test", path="/")
    answer = browser.get("/wallet")
    with world.store.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO web_session")
        connection.commit()
    assert answer.status_code == 500
    assert "web_session" not in answer.text
    assert "Quelque chose s’est cassé" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_looking_changes_nothing(world: World, browser: Browser) -> None:
    """After every page was opened, by nobody and by each party, all rows are as they were.

    Save what X says of somebody who is paid for the first time: it is asked once a day.
    """
    world.join("bob", cents=5000)
    held, pending = world.order("bob", "carol"), world.order("bob", "alice")
    world.confirm("bob", held)
    for handle in (None, "bob", "carol", "mallory"):
        if handle is not None:
            browser.sign_in(handle)
            browser.get("/@alice")  # X is asked once who that is
        browser.get(f"/t/{pending}")
        before = every_row(world)
        own = [f"/t/{held}{end}" for end in ("", "/wrong/1", "/not-me", "/block-payer", "/note/1")]
        for path in [*PATHS, *own, f"/t/{pending}", "/wallet/code", "/help?text=stop"]:
            browser.get(path)
        assert every_row(world) == before


def every_row(world: World) -> dict[str, list[object]]:
    """Return every row there is, save who is signed in or on the way to X."""
    with world.store.read() as session:
        return {
            name: list(session.execute(table.select()).all())
            for name, table in metadata.tables.items()
            if name not in ("web_session", "sign_in_attempt")
        }


def test_nothing_describes_the_interface(browser: Browser) -> None:
    """FastAPI's own pages are off."""
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("base", "origins"),
    [
        ("https://api.stripe.com", ("https://checkout.stripe.com",)),
        ("http://127.0.0.1:8002", ("http://localhost:8002", "http://127.0.0.1:8002")),
        ("https://cards.example", ("https://cards.example",)),
    ],
)
def test_forms_lead_to_the_acquirers_pages_alone(base: str, origins: tuple[str, ...]) -> None:
    """A browser follows no form elsewhere."""
    assert card_origins(base) == origins
