"""The page of a request or a split for its asker: sums, who answered, live, and a reminder."""

import html
import re
from urllib.parse import parse_qs, urlsplit

from bot.services.sessions import IDLE
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World, reference_in


def asked(world: World, text: str = "3€ each from @alice @carol for pizza") -> str:
    """Let bob ask alice and carol; return the reference."""
    return reference_in(world.post("bob", f"@smoney request {text}"))


def test_the_asker_follows_who_has_paid_and_nobody_else_does(
    world: World, open_browser: OpenBrowser
) -> None:
    """What the page shows at load is what its script asks for; a payer sees their share alone."""
    world.join("alice", cents=5000)
    world.join("bob")
    reference = asked(world)
    bob, alice, eve = open_browser(), open_browser(), open_browser()
    said = text_of(bob.open_order("bob", reference))
    assert "Payé : 0 sur 2, soit 0 € Encore attendu : 6 €" in said
    assert "Regarder de nouveau" in said
    page = alice.open_order("alice", reference)
    assert "carol" not in page
    assert "Encore attendu" not in page
    world.confirm("alice", reference)
    live = f"/t/{reference}/answers"
    part = bob.client.get(live)
    assert (
        text_of(part.text)
        .strip()
        .startswith("Payé : 1 sur 2, soit 3 € Encore attendu : 3 € @alice")
    )
    assert "<html" not in part.text
    assert 'data-waiting="2"' in part.text
    assert "Payé : 1 sur 2" in text_of(bob.get(f"/t/{reference}").text)
    english = bob.get(f"/t/{reference}", lang="en").text
    assert f'data-live="{live}?lang=en"' in english
    assert f'<a href="/t/{reference}?lang=en">Look again</a>' in english
    for browser in (alice, eve):
        assert browser.client.get(live).status_code == 404
    eve.sign_in("eve")
    for path in (live, "/t/222222/answers", "/t/nothing/answers"):
        answer = eve.client.get(path)
        assert (answer.status_code, answer.text) == (404, "")


def test_money_that_waits_for_an_asker_without_a_wallet_is_said_live(
    world: World, browser: Browser
) -> None:
    """The page that is open has no button for it: it gets a link."""
    world.join("alice", cents=5000)
    reference = asked(world, "3€ from @alice for pizza")
    assert "De l’argent vous attend" not in browser.open_order("bob", reference)
    world.confirm("alice", reference)
    part = text_of(browser.client.get(f"/t/{reference}/answers").text).strip()
    assert part.startswith("Payé : 3 €")
    assert "De l’argent vous attend : le prendre" in part


def test_a_page_that_looks_by_itself_keeps_no_session_alive(world: World, browser: Browser) -> None:
    """Whoever went away is signed out after five minutes, with the page open."""
    reference = asked(world)
    browser.open_order("bob", reference)
    for _ in range(9):
        world.pass_time(seconds=IDLE.total_seconds() / 10)
        assert browser.client.get(f"/t/{reference}/answers").status_code == 200
    world.pass_time(seconds=IDLE.total_seconds() / 10)
    assert browser.client.get(f"/t/{reference}/answers").status_code == 404
    assert "Encore attendu" not in browser.get(f"/t/{reference}").text


def test_a_reminder_names_no_amount_and_nobody(world: World, browser: Browser) -> None:
    """A text that can be changed, to post or for each who waits; gone once nobody does."""
    world.join("alice", cents=5000)
    reference = asked(world)
    world.confirm("alice", reference)
    page = browser.open_order("bob", reference)
    found = re.search(r'<textarea id="remind" rows="6">([^<]*)</textarea>', page)
    assert found is not None, "it is there, and not read-only"
    text = html.unescape(found[1])
    assert text.endswith(f"/t/{reference}")
    assert not re.search("[0-9€@]|carol|alice|smoney", text.partition("http")[0])
    links = [html.unescape(one) for one in re.findall(r'href="(https://x\.com/[^"]+)"', page)]
    assert [urlsplit(one).path for one in links] == ["/intent/post", "/messages/compose"]
    assert [parse_qs(urlsplit(one).query)["text"] for one in links] == [[text], [text]]
    assert parse_qs(urlsplit(links[1]).query)["recipient_id"] == [world.x_id("carol")]
    assert world.messages_to("carol") == [], "the bot itself writes to nobody"
    browser.post(f"/t/{reference}/cancel")
    assert world.statuses(reference) == ["held", "cancelled"]
    assert 'id="remind"' not in browser.get(f"/t/{reference}").text


def test_the_page_with_all_that_it_loads_is_light(world: World, browser: Browser) -> None:
    """Ten who were asked, and four small scripts: under 60 KB."""
    names = " ".join(f"@friend_{number}" for number in range(10))
    page = browser.open_order("bob", asked(world, f"3€ each from {names} for pizza"))
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(files) == 6
    assert len(page.encode()) + sum(len(browser.client.get(one).content) for one in files) < 60_000
    assert not re.search(r"<script(?! src=)|style=| on\w+=", page)
