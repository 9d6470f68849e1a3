"""Notes on the pages: a stranger's is folded, and any other's can be reported."""

from bot.services import cases
from bot.web.security import REPORTS_BY_PERSON
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World, reference_in

FOLDED = '<details class="more folded">\n<summary>Voir le message d’une personne nouvelle pour vous'


def test_a_stranger_s_note_is_folded_on_the_page_and_in_the_history(
    world: World, open_browser: OpenBrowser
) -> None:
    """Its writer reads it as it is; between people who know each other it stands open."""
    world.join("bob", cents=5000)
    world.join("alice")
    alice, bob = open_browser(), open_browser()
    for number, is_folded in ((1, True), (2, False)):
        reference = world.order("bob", "alice", f"{number}€ for tea <b>{number}</b>")
        world.confirm("bob", reference)
        page = alice.open_order("alice", reference)
        assert (FOLDED in page) is is_folded
        assert f'href="/t/{reference}/note/1"' in page
        assert f"tea &lt;b&gt;{number}" in page
        page = bob.open_order("bob", reference)
        assert FOLDED not in page
        assert "/note/1" not in page
    for path in ("/wallet", "/wallet/history"):
        assert alice.get(path).text.count(FOLDED) == 1


def test_the_statement_folds_a_stranger_s_note_and_its_values_hold_it_as_text(
    world: World, open_browser: OpenBrowser
) -> None:
    """Its writer's own stands open; once reported, its reader has it in neither."""
    world.join("bob", cents=5000)
    world.join("alice")
    alice, bob = open_browser(), open_browser()
    references = []
    for number in (1, 2):
        references.append(world.order("bob", "alice", f"{number}€ for <b>tea {number}"))
        world.confirm("bob", references[-1])
    month, values = "/wallet/statement/2026-11", "/wallet/statement/2026-11.csv"
    alice.sign_in("alice")
    page = alice.get(month).text
    before, _, folded = page.partition(FOLDED)
    assert FOLDED not in folded, "they know each other by the second"
    inside, _, after = folded.partition("</details>")
    assert "&lt;b&gt;tea 1" in inside
    assert f'href="/t/{references[0]}/note/1"' in inside
    assert "tea 1" not in before + after
    assert "<bdi>&lt;b&gt;tea 2</bdi>" in after
    assert "<b>tea 1" in alice.get(values).text
    bob.sign_in("bob")
    page = bob.get(month).text
    assert FOLDED not in page
    assert "<bdi>&lt;b&gt;tea 1</bdi>" in page
    alice.get(f"/t/{references[0]}/note/1")
    alice.post(f"/t/{references[0]}/note/1")
    for path in (month, values):
        assert "tea 1" not in alice.get(path).text
        assert "tea 1" in bob.get(path).text


def test_reporting_says_what_it_means_hides_the_note_and_offers_to_block(
    world: World, open_browser: OpenBrowser
) -> None:
    """One tap on a page of its own; whoever paid is blocked for money, who asks for requests."""
    world.join("bob", cents=5000)
    world.join("alice")
    sent = world.order("bob", "alice", "1€ for nothing nice")
    world.confirm("bob", sent)
    wanted = reference_in(world.post("bob", "@smoney request 2€ from @alice for nothing nice"))
    for reference, way in ((wanted, "block"), (sent, "block-payer")):
        browser = open_browser()
        browser.open_order("alice", reference)
        said = text_of(browser.get(f"/t/{reference}/note/1").text)
        assert "Signaler le message de @bob ?" in said
        assert "nothing nice" in said
        answer = browser.post(f"/t/{reference}/note/1")
        assert answer.headers["location"] == f"/t/{reference}/note/1"
        page = browser.get(f"/t/{reference}/note/1").text
        assert "C’est signalé" in page
        assert f'href="/t/{reference}/{way}"' in page
        page = browser.get(f"/t/{reference}").text
        assert "nothing nice" not in page
        assert "Message signalé : vous ne le voyez plus." in text_of(page)
        assert "/note/1" not in page
        browser.post(f"/t/{reference}/{way}")
        assert f"/t/{reference}/{way}" not in browser.get(f"/t/{reference}/note/1").text
    assert [one["kind"] for one in cases.list_cases(world.deps)] == ["note", "note"]


def test_nobody_reports_all_day_long(world: World, browser: Browser) -> None:
    """An operator looks at each: beyond a day's worth, it waits for the next."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "1€ for tea")
    world.confirm("bob", reference)
    browser.open_order("alice", reference)
    path = f"/t/{reference}/note/1"
    answers = [browser.post(path).status_code for _ in range(REPORTS_BY_PERSON.most + 1)]
    assert answers == [303] * REPORTS_BY_PERSON.most + [429]
    assert len(cases.list_cases(world.deps)) == 1
