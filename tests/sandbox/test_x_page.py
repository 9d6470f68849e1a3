"""The page on which a person plays everybody, in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.sandbox.test_x_auth import ASKED
from tests.sandbox.x_kit import LocalX


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X."""
    with LocalX() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as it is installed."""
    with chromium() as running:
        yield running


PHONE_WIDTH, DESK_WIDTH = 390, 1280


@pytest.fixture
def width() -> int:
    """How wide the screen is (CSS pixels): as a phone's."""
    return PHONE_WIDTH


@pytest.fixture
def page(browser: Browser, x: LocalX, width: int) -> Iterator[Page]:
    """The page; a mistake in its script fails the test."""
    opened = browser.new_page(viewport={"width": width, "height": 844})
    mistakes: list[str] = []
    opened.on("pageerror", lambda error: mistakes.append(str(error)))
    opened.on("console", lambda said: mistakes.append(said.text) if said.type == "error" else None)
    opened.goto(x.url + "/")
    expect(opened.get_by_role("button", name="@bob", exact=True)).to_be_visible()
    yield opened
    opened.close()
    assert mistakes == []


def open_tab(page: Page, name: str) -> None:
    """Go to a section, where the screen is too small for all of them."""
    tab = page.locator(".tabs").get_by_role("button", name=name)
    if tab.is_visible():
        tab.click()


@pytest.mark.parametrize("width", [PHONE_WIDTH, DESK_WIDTH])
def test_somebody_posts_and_the_answer_appears_by_itself(page: Page, x: LocalX) -> None:
    """Alice posts, the app replies below, the link leads where it says."""
    page.get_by_role("button", name="@alice", exact=True).click()
    page.get_by_label("A new post").fill("@smoney pay @carol 10€ for <b>pizza</b>")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("article")).to_have_count(1)
    (asks,) = x.control("posts")
    assert asks["username"] == "alice"
    x.reply(asks, "Confirm: http://localhost:8000/t/4F7K2Q")
    reply = page.locator("article article")
    expect(reply).to_contain_text("Confirm: ")
    expect(reply).not_to_contain_text("@alice Confirm")
    link = reply.get_by_role("link")
    assert link.get_attribute("href") == "http://localhost:8000/t/4F7K2Q"
    expect(page.locator("article").first).to_contain_text("<b>pizza</b>")


def test_a_reply_stands_under_what_it_answers(page: Page, x: LocalX) -> None:
    """And a box that is being written in survives what happens meanwhile."""
    asks = x.post("carol", "who is in?")
    page.get_by_role("button", name="Reply").click()
    box = page.get_by_label("Reply to @carol as @bob")
    box.fill("I am")
    x.post("dave", "something else")
    expect(page.locator(".thread")).to_have_count(2)
    expect(box).to_be_focused()
    box.press("Control+Enter")
    expect(page.locator(f"#post-{asks['id']} article")).to_contain_text("I am")
    assert x.control("posts")[-1]["in_reply_to_user_id"] == asks["author_id"]


def test_ones_own_posts_can_be_edited_and_deleted(page: Page, x: LocalX) -> None:
    """By their author alone."""
    x.post("carol", "hers")
    x.post("bob", "his & only his")
    mine = page.locator("article", has_text="his & only")
    expect(page.get_by_role("button", name="Edit")).to_have_count(1)
    mine.get_by_role("button", name="Edit").click()
    box = page.locator(".reply textarea")
    expect(box).to_have_value("his & only his")
    box.fill("changed")
    page.get_by_role("button", name="Save").click()
    changed = page.locator("article", has_text="changed")
    expect(changed).to_contain_text("edited")
    changed.get_by_role("button", name="Delete").click()
    expect(changed).to_have_count(0)
    assert [one["text"] for one in x.control("posts")] == ["hers"]


def test_messages_go_both_ways(page: Page, x: LocalX) -> None:
    """Bob writes to the app and it answers; alice sees nothing of it."""
    open_tab(page, "Messages")
    page.get_by_label("A message to @smoney").fill("solde")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bubble.own")).to_have_text("soldenow")
    x.tweepy.create_direct_message(participant_id=x.id_of("bob"), text="90 €")
    expect(page.locator(".bubble:not(.own)")).to_contain_text("90 €")
    page.get_by_role("button", name="@alice", exact=True).click()
    expect(page.locator(".bubble")).to_have_count(0)


def test_text_messages_show_their_number(page: Page, x: LocalX) -> None:
    """The newest first."""
    x.control("sms", {"to": "+33612345678", "text": "Code 111111"})
    x.control("sms", {"to": "+33687654321", "text": "Code 222222"})
    open_tab(page, "Phone")
    expect(page.locator(".sms").first).to_contain_text("+33687654321")
    expect(page.locator(".sms").last).to_contain_text("Code 111111")


def test_somebody_new_joins(page: Page, x: LocalX) -> None:
    """By typing a handle."""
    page.get_by_label("Somebody else").fill("zoe")
    page.get_by_label("Somebody else").press("Enter")
    expect(page.get_by_role("button", name="@zoe", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert x.id_of("zoe")


@pytest.mark.parametrize("width", [PHONE_WIDTH, DESK_WIDTH])
def test_nothing_is_wider_than_the_screen(page: Page, x: LocalX, width: int) -> None:
    """Not even a word without end."""
    x.post("bob", "w" * 400)
    expect(page.locator("article")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_sign_in_offers_whom_one_plays(page: Page, x: LocalX) -> None:
    """The one chosen in the timeline is ticked already."""
    page.get_by_role("button", name="@carol", exact=True).click()
    back = {"redirect_uri": f"{x.url}/"}  # an app's address that answers, on any machine
    query = "&".join(f"{name}={value}" for name, value in (ASKED | back).items())
    page.goto(f"{x.url}/i/oauth2/authorize?{query}")
    expect(page.get_by_label("@carol")).to_be_checked()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**code=*")
    assert "state=the-state" in page.url


def test_a_text_that_another_site_has_ready_stands_in_the_box(page: Page, x: LocalX) -> None:
    """As X’s own links for posts do it; one for a message is only shown, markup as text."""
    page.goto(x.url + "/intent/post?text=%40alice+Pay%C3%A9+%C3%A0+100%25+%26+plus")
    expect(page.locator("#compose-text")).to_have_value("@alice Payé à 100% & plus")
    page.goto(x.url + "/messages/compose?recipient_id=1&text=Bonjour+%3Cb%3E")
    expect(page.get_by_text("Bonjour <b>")).to_be_visible()
