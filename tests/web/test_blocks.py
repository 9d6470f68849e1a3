"""Decline and block on the pages: a third button, what it means, and the way back."""

from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World


def blocked_in(browser: Browser) -> str:
    """Return what the wallet's list of blocked people says."""
    _, _, after = browser.get("/wallet").text.partition('id="blocked"')
    return text_of(after.partition("</details>")[0])


def test_who_is_asked_reads_the_amount_first_then_who_asks_and_why(
    world: World, browser: Browser
) -> None:
    """You would pay … to @asker, who asks you for it; and three ways to answer."""
    world.join("bob", cents=5000)
    reference = world.order("alice", "bob", "10€ for pizza", kind="request")
    said = text_of(browser.open_order("bob", reference))
    assert "Vous paieriez 10 € à @alice qui vous le demande" in said
    places = [said.index(words) for words in ("10 €", "@alice", "qui vous", "pizza", "Payer 10 €")]
    assert places == sorted(places)
    for words in ("Payer 10 € depuis mon portefeuille", "Refuser cette demande", "Refuser et bloq"):
        assert words in said


def test_blocking_says_what_it_means_before_it_is_done(world: World, browser: Browser) -> None:
    """Opening that page changes nothing; its form declines and blocks; the page then says so."""
    world.join("bob", cents=5000)
    reference = world.order("alice", "bob", kind="request")
    other = world.order("alice", "bob", "11€", kind="request")
    page = browser.open_order("bob", reference)
    assert f'href="/t/{reference}/block"' in page
    meaning = text_of(browser.get(f"/t/{reference}/block").text)
    assert "bloquer @alice" in meaning
    assert "toujours vous payer" in meaning
    assert world.statuses(reference) == ["pending"]
    answer = browser.post(f"/t/{reference}/block")
    assert answer.headers["location"] == f"/t/{reference}"
    assert [world.statuses(one) for one in (reference, other)] == [["declined"], ["declined"]]
    after = text_of(browser.get(f"/t/{reference}").text)
    assert "Vous avez bloqué @alice" in after
    assert "Refuser et bloquer" not in after
    assert browser.get(f"/t/{reference}/block").headers["location"] == f"/t/{reference}"


def test_who_paid_a_request_can_block_too(world: World, browser: Browser) -> None:
    """The page then declines nothing, and says nothing of declining."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("alice", "bob", kind="request")
    world.confirm("bob", reference)
    page = browser.open_order("bob", reference)
    assert "Ne plus recevoir de demandes de @alice" in text_of(page)
    meaning = text_of(browser.get(f"/t/{reference}/block").text)
    assert "Bloquer @alice ?" in meaning
    assert "efus" not in meaning
    browser.post(f"/t/{reference}/block")
    assert world.statuses(reference) == ["posted"]
    assert "Vous avez bloqué @alice" in text_of(browser.get(f"/t/{reference}").text)


def test_who_has_no_wallet_can_decline_block_and_unblock(world: World, browser: Browser) -> None:
    """Signing in is enough to say no."""
    reference = world.order("alice", "carol", kind="request")
    assert "Refuser et bloquer" in browser.open_order("carol", reference)
    browser.post(f"/t/{reference}/block")
    assert world.statuses(reference) == ["declined"]
    assert "Vous avez bloqué @alice" in text_of(browser.get(f"/t/{reference}").text)
    assert browser.post(f"/t/{reference}/unblock").headers["location"] == f"/t/{reference}"
    after = text_of(browser.get(f"/t/{reference}").text)
    assert "Vous avez bloqué" not in after
    assert "Ne plus recevoir de demandes de @alice" in after


def test_the_wallet_lists_who_is_blocked_and_unblocks_them(world: World, browser: Browser) -> None:
    """By a form with the session's token; who has blocked nobody sees no such list."""
    world.join("bob")
    browser.sign_in("bob")
    assert "Personnes bloquées" not in browser.get("/wallet").text
    for asker in ("alice", "dave"):
        reference = world.order(asker, "bob", kind="request")
        browser.get(f"/t/{reference}")
        browser.post(f"/t/{reference}/block")
    said = blocked_in(browser)
    assert "Personnes bloquées" in said
    assert said.index("@dave") < said.index("@alice")
    forged = browser.client.post("/wallet/unblock", data={"csrf": "x", "x_user_id": "1"})
    assert forged.status_code == 403
    answer = browser.post("/wallet/unblock", x_user_id=world.x_id("alice"))
    assert answer.headers["location"] == "/wallet?open=blocked#blocked"
    said = blocked_in(browser)
    assert "@alice" not in said
    assert "@dave" in said
    assert world.dm("alice", "request 10€ from @bob")[0].count("/t/") == 1


def test_nobody_but_who_is_asked_sees_that_page(world: World, open_browser: OpenBrowser) -> None:
    """Strangers, the asker, who is signed out, and who guesses: none learns who asks whom."""
    world.join("bob")
    asking = world.order("alice", "bob", kind="request")
    paying = world.order("bob", "alice")
    for handle, reference in (("mallory", asking), ("alice", asking), ("bob", paying)):
        browser = open_browser()
        browser.sign_in(handle)
        answer = browser.get(f"/t/{reference}/block")
        assert answer.headers["location"] == f"/t/{reference}"
        browser.get(f"/t/{reference}")
        assert browser.post(f"/t/{reference}/block").status_code == 409
    assert open_browser().get(f"/t/{asking}/block").headers["location"] == f"/t/{asking}"
    assert open_browser().get("/t/nothing-at-all/block").status_code == 404
    assert world.statuses(asking) == ["pending"]


def test_it_reads_in_english_too(world: World, open_browser: OpenBrowser) -> None:
    """In the visitor's language, not in the asker's."""
    world.join("bob", cents=5000)
    reference = world.order("alice", "bob", kind="demander")
    browser = open_browser(lang="en")
    said = text_of(browser.open_order("bob", reference))
    assert "You would pay €10 to @alice who asks you for it" in said
    meaning = text_of(browser.get(f"/t/{reference}/block").text)
    assert "Decline, and block @alice?" in meaning
    browser.post(f"/t/{reference}/block")
    assert "You have blocked @alice" in text_of(browser.get(f"/t/{reference}").text)
