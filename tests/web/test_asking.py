"""What a message can ask of the bot, a page can: asking others, and each command's page by name."""

from datetime import timedelta
from typing import get_args

import pytest
from fastapi.routing import APIRoute

from bot.domain import commands as c
from bot.web.app import PARTS
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World

PAGE_OF = {
    c.Pay: ("POST", "/@{handle}"),
    c.Donate: ("POST", "/@{handle}"),
    c.Request: ("POST", "/ask"),
    c.Split: ("POST", "/ask"),
    c.Cancel: ("POST", "/t/{reference}/cancel"),
    c.Decline: ("POST", "/t/{reference}/decline"),
    c.Confirm: ("POST", "/t/{reference}/confirm"),
    c.Claim: ("POST", "/t/{reference}/claim"),
    c.Stop: ("POST", "/wallet/messages"),
    c.Start: ("POST", "/wallet/messages"),
    c.Balance: ("GET", "/wallet"),
    c.History: ("GET", "/wallet/history"),
    c.Help: ("GET", "/help"),
    c.Misread: ("POST", "/t/{reference}/amount"),
}
"""The page that does what a command does."""


def test_whatever_a_direct_message_can_do_a_page_can_do_too() -> None:
    """X's encrypted messages never reach the bot: nobody may depend on them."""
    routes = [one for part in PARTS for one in part.routes if isinstance(one, APIRoute)]
    served = {(method, one.path) for one in routes for method in one.methods or ()}
    assert set(PAGE_OF.values()) - served == set()
    assert set(get_args(c.Command)) - {c.Nothing} == set(PAGE_OF)


def test_others_are_asked_from_a_page_once_however_often_it_is_sent(
    world: World, browser: Browser
) -> None:
    """Each for the same amount: as a request in a message, and it stands in their wallets."""
    world.join("bob")
    world.join("alice", cents=5000)
    assert "Se connecter avec X" in browser.get("/ask").text
    browser.sign_in("bob")
    browser.get("/ask")
    asked = {"people": "@alice, Carol", "amount": "12,50", "note": "pizza", "kind": "each"}
    once = browser.hidden("once")
    first = browser.post("/ask", once=once, **asked)
    assert browser.post("/ask", once=once, **asked).headers["location"] == first.headers["location"]
    reference = first.headers["location"].removeprefix("/t/")
    rows = world.transfers(reference)
    assert [(row.amount_cents, row.note) for row in rows] == [(1250, "pizza")] * 2
    ends = world.clock.now() + timedelta(hours=world.deps.policy.confirm_within_h)
    assert [row.confirm_by for row in rows] == [ends] * 2
    assert [row.payer_x_user_id for row in rows] == [world.x_id("alice"), world.x_id("carol")]
    world.confirm("alice", reference)
    assert world.balance("bob") == 1250


def test_a_total_is_shared_from_a_page_once_its_asker_has_seen_the_shares(
    world: World, browser: Browser
) -> None:
    """A draft, as a split in a message: nobody is asked before the tap."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/ask")
    made = browser.post("/ask", people="alice carol", amount="30", kind="total")
    page = browser.get(made.headers["location"])
    assert "10 €" in text_of(page.text)
    assert world.transfers(made.headers["location"].removeprefix("/t/")) == []


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_what_cannot_be_asked_is_said_and_what_was_typed_stays(
    world: World, browser: Browser, lang: str
) -> None:
    """Nobody, too many, oneself, no amount, somebody who is not on X: a sentence for each."""
    world.join("bob")
    world.x.missing.add("nobody_at_all")
    browser.sign_in("bob")
    browser.get("/ask", lang=lang)
    for people, amount in (
        ("", "10"),
        ("not a handle!", "10"),
        (" ".join(f"p{n}" for n in range(11)), "10"),
        ("bob", "10"),
        ("smoney", "10"),
        ("alice", ""),
        ("alice", "10 dollars"),
        ("nobody_at_all", "10"),
    ):
        answer = browser.post("/ask", people=people, amount=amount, note="n", kind="each")
        assert (answer.status_code, people) == (422, people)
        assert 'role="alert"' in answer.text
        assert f'value="{people}"' in answer.text
    assert world.involving("bob") == []
