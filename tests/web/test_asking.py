"""What a message can ask of the bot, a page can: asking others, and each command's page by name."""

import html
import re
from datetime import timedelta
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from fastapi.routing import APIRoute
from httpx import Response

from bot.domain import commands as c
from bot.domain.commands import Lang
from bot.domain.errors import Unavailable
from bot.domain.replies import quoted
from bot.web.app import PARTS
from bot.web.security import BY_PERSON, LOOK_UPS_BY_PERSON
from tests.web.test_orders import text_of
from tests.web.visiting import Browser, site
from tests.world import World, wordings

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
    """A draft, as a split in a message: nobody is asked before the tap.

    Oneself, the bot, and an account's second handle, have no share of their own.
    """
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/@alice")
    world.x.change("alice", new_handle="alicia")
    browser.get("/ask")
    people = "alice carol @bob smoney alicia"
    made = browser.post("/ask", people=people, amount="30", kind="total")
    page = browser.get(made.headers["location"])
    assert "10 €" in text_of(page.text)
    assert world.transfers(made.headers["location"].removeprefix("/t/")) == []
    browser.get("/ask")
    ten = " ".join(world.x.person(f"p{n}").handle for n in range(10))
    made = browser.post("/ask", people=f"bob {ten} smoney", amount="33", kind="total")
    assert "3 €" in text_of(browser.get(made.headers["location"]).text)


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_what_cannot_be_asked_is_said_and_what_was_typed_stays(
    world: World, browser: Browser, lang: Lang
) -> None:
    """Nobody, too many, oneself, no amount, somebody who is not on X: a sentence for each.

    And neither of the two ways chosen: 90 € of each is not 90 € shared.
    """
    world.join("bob")
    world.x.missing.add("nobody_at_all")
    browser.sign_in("bob")
    many = " ".join(f"p{n}" for n in range(11))
    values: dict[str, Any] = {"most": 10, "read": quoted("10 dollars"), "handle": "nobody_at_all"}
    assert "checked" not in browser.get("/ask", lang=lang).text, "neither is chosen beforehand"
    for people, amount, kind, key in (
        ("", "10", "each", "refusal.ask.nobody"),
        ("not a handle!", "10", "each", "refusal.handle_not_read"),
        (many, "10", "total", "refusal.ask.too_many_people"),
        ("bob", "10", "each", "refusal.ask.self"),
        ("bob", "10", "total", "refusal.split_alone"),
        ("smoney", "10", "each", "refusal.ask.bot"),
        ("alice", "", "each", "refusal.amount.missing_amount"),
        ("alice", "10 dollars", "each", "refusal.amount.unsupported_currency"),
        ("nobody_at_all", "10", "each", "refusal.unknown_handle"),
        ("alice", "90", "", "refusal.ask.kind"),
        ("alice", "90", "both", "refusal.ask.kind"),
    ):
        answer = browser.post("/ask", people=people, amount=amount, note="n", kind=kind)
        assert (answer.status_code, people) == (422, people)
        assert 'role="alert"' in answer.text
        assert f'value="{people}"' in answer.text
        assert (_chosen(answer.text) or [""]) == [kind if kind != "both" else ""], people
        said = html.unescape(re.findall(r'id="said">([^<]+)<', answer.text)[0])
        assert said in wordings(key, lang=lang, **values), (people, said)
    assert world.involving("bob") == []


def test_what_was_typed_to_ask_survives_whatever_stops_it(world: World, browser: Browser) -> None:
    """X that is down, too many look-ups or forms, a form of an older session, and its end."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/ask")
    typed = {"people": "@alice, zoe", "amount": "12,50", "note": "thé & café", "kind": "total"}
    world.roles.directory.faults.add(Unavailable("x_down"))
    assert _kept(browser.post("/ask", **typed), 503) == typed
    limiter = site(world).state.site.limiter
    name, now = f"look-up:{world.x_id('bob')}", world.clock.now()
    while limiter.allows(name, LOOK_UPS_BY_PERSON, now):
        pass
    assert _kept(browser.post("/ask", **typed), 429) == typed
    forged = browser.client.post("/ask", data={"csrf": "an older session's", **typed})
    assert forged.status_code == 403
    assert _kept(browser.get(_way_back(forged)), 200) == typed
    name = f"person:{world.x_id('bob')}"
    while limiter.allows(name, BY_PERSON, now):
        pass
    too_many = browser.post("/ask", **typed)
    assert too_many.status_code == 429
    assert _kept(browser.get(_way_back(too_many)), 200) == typed
    world.pass_time(minutes=6)
    over = _way_back(browser.post("/ask", **typed))
    path = unquote(over.removeprefix("/signin?next="))
    assert browser.sign_in("bob", path).headers["location"] == path
    assert _kept(browser.get(path), 200) == typed
    assert world.involving("bob") == []


def _way_back(answer: Response) -> str:
    """Return where a page leads that says that what was typed waits."""
    assert "Ce que vous aviez tapé vous attend" in answer.text
    found = re.search(r'class="button[^"]*" href="([^"]+)"', answer.text)
    assert found is not None
    return html.unescape(found[1])


def _chosen(page: str) -> list[str]:
    return re.findall(r'name="kind" value="(\w+)"[^>]* checked', page)


def _kept(answer: Response, status: int) -> dict[str, str]:
    """Return what an answer's form holds."""
    assert answer.status_code == status
    held = {
        name: html.unescape(re.findall(rf'name="{name}"[^>]* value="([^"]*)"', answer.text)[0])
        for name in ("people", "amount", "note")
    }
    return {**held, "kind": "".join(_chosen(answer.text))}
