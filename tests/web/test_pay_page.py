"""The pay page of a handle, and the page of a draft: what is shown to whom, and what a tap does."""

import html
import re
from urllib.parse import unquote

import pytest

from bot.services.drafted import DraftView
from bot.web.security import LOOK_UPS_BY_PERSON
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World, reference_in

LINK = "/@alice?amount=12.50&note=pizza"


def _looked_up(world: World) -> int:
    """Return how many accounts X told of."""
    return world.roles.directory.users_read


def _form(browser: Browser, **typed: str) -> str:
    """Send the open pay page's form; return where it leads."""
    fields = {"payee": browser.hidden("payee"), "once": browser.hidden("once"), "note": ""}
    answer = browser.post("/@alice", **(fields | typed))
    assert answer.status_code == 303, text_of(answer.text)
    return str(answer.headers["location"])


def test_it_looks_the_same_for_any_handle_and_asks_x_nothing(
    world: World, browser: Browser
) -> None:
    """Whoever looks learns nothing of who has a wallet, or exists."""
    world.join("alice")
    before = _looked_up(world)
    pages = [
        browser.get(f"/@{handle}?amount=5").text.replace(handle, "somebody")
        for handle in ("alice", "nobody", "smoney_fr")
    ]
    without_codes = {re.sub(r"<path[^>]*>", "", page) for page in pages}
    assert len(without_codes) == 1
    assert _looked_up(world) == before


def test_a_link_says_that_its_maker_chose_and_folds_their_note(browser: Browser) -> None:
    """What a stranger wrote is text, and not in the reader's face; a code and a link lead here."""
    page = browser.get("/@alice", amount="12,5", note="<b>gratuit</b>").text
    said = text_of(page)
    assert "12,50 €" in said
    assert "@alice" in said
    assert "La personne qui a fait ce lien a choisi le montant" in said
    assert re.search(r"<details>.*?gratuit.*?</details>", page, re.DOTALL)
    assert "<b>" not in page
    assert '<svg role="img" viewBox="0 0 ' in page
    assert "https://smoney.test/@alice?amount=12.50&amp;note=" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("amount=1.250", "plusieurs montants"),
        ("amount=-5", "signe moins"),
        ("amount=%2410", "pas en euros"),
        ("amount=5€ @bob", "n’est pas un montant"),
        ("amount=0", "Zéro"),
        ("amount=99999999", "au-delà"),
        ("amount=1.234", "plusieurs montants"),
        ("amount=1.2345", "centime"),
        ("amount=dix", "n’est pas un montant"),
    ],
)
def test_an_amount_that_a_link_garbles_is_left_to_be_chosen(
    browser: Browser, query: str, said: str
) -> None:
    """Never guessed: by the very rules of the command language."""
    page = browser.get(f"/@alice?{query}")
    assert said in text_of(page.text)
    assert 'class="amount"' not in page.text


def test_from_a_link_to_the_confirmation(world: World, browser: Browser) -> None:
    """Signing in keeps what the link filled in; X says who it is; all of it may be changed."""
    world.join("bob", cents=5000)
    shown = browser.get("/@Alice?amount=10&note=caf%C3%A9+%F0%9F%8D%95").text
    sign_in = re.search(r'href="/signin\?next=([^"]+)"', shown)
    assert sign_in is not None
    back = browser.sign_in("bob", "/@Alice?amount=10&note=caf%C3%A9+%F0%9F%8D%95")
    page = browser.get(back.headers["location"]).text
    assert 'value="10"' in page
    assert 'value="café 🍕"' in html.unescape(page)
    assert "Alice" in text_of(page), "the name that X knows"
    order = _form(browser, amount="20", note="merci")
    assert world.outbox() == [], "nobody is told before it is confirmed"
    said = text_of(browser.get(order).text)
    assert "20 €" in said
    assert "merci" in said
    assert browser.confirm(order[3:], "wallet").status_code == 303
    assert world.statuses(order[3:]) == ["held"], "alice has no wallet yet"


def test_a_form_that_is_sent_twice_makes_one_order(world: World, browser: Browser) -> None:
    """Once cancelled or paid, too; who goes back and changes it wants another."""
    before = _looked_up(world)
    world.join("bob", cents=5000)
    browser.sign_in("bob")
    browser.get(LINK)
    assert _form(browser, amount="5") == _form(browser, amount="5")
    assert len(world.involving("bob")) == 1
    _form(browser, amount="6")
    assert len(world.involving("bob")) == 2
    assert _looked_up(world) == before + 1


def test_a_payee_is_who_was_shown(world: World, browser: Browser) -> None:
    """If the handle has changed hands since, nothing is done, and who has it now is shown."""
    browser.sign_in("bob")
    browser.get(LINK)
    shown = browser.hidden("payee")
    world.x.change("alice", new_handle="alice_now")
    fresh = world.x.person("alice")
    world.pass_time(minutes=4)
    world.post("carol", "@smoney pay @alice 5€")  # the bot learns whose the handle is now
    answer = browser.post("/@alice", payee=shown, amount="5", once="x")
    assert answer.status_code == 422
    assert "n’est plus à la personne" in text_of(answer.text)
    assert fresh.id in answer.text
    assert world.involving("bob") == []
    forged = browser.post("/@alice", payee="12345", amount="5", once="x")
    assert forged.status_code == 422


@pytest.mark.parametrize(
    ("amount", "said"),
    [("1.250", "Écrivez par exemple 1,25."), ("", "Il manque le montant"), ("251", "250 €")],
)
def test_what_was_typed_survives_a_no(browser: Browser, amount: str, said: str) -> None:
    """The sentence says what to do; nothing is ordered."""
    browser.sign_in("bob")
    browser.get(LINK)
    answer = browser.post("/@alice", payee=browser.hidden("payee"), amount=amount, note="pour toi")
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert 'value="pour toi"' in answer.text


def test_ones_own_page_is_there_to_be_shared(world: World, browser: Browser) -> None:
    """Nobody pays themselves."""
    world.join("bob")
    browser.sign_in("bob")
    page = browser.get("/@bob?amount=10").text
    assert "Votre page de paiement" in text_of(page)
    assert 'name="payee"' not in page
    assert "data-share=" in page


def test_who_is_not_on_x_is_told_to_whoever_signed_in(world: World, browser: Browser) -> None:
    """With the field to mend it; and one account cannot try out thousands of handles."""
    browser.sign_in("bob")
    answer = browser.client.get("/@nobody_there?amount=5")
    assert answer.status_code == 404
    assert "Je ne trouve pas @nobody_there" in text_of(answer.text)
    assert 'value="5"' in answer.text
    codes = [browser.client.get(LINK).status_code for _ in range(LOOK_UPS_BY_PERSON.most)]
    assert codes[-1] == 429
    assert set(codes[:-1]) == {200}


@pytest.mark.parametrize(
    ("query", "to"),
    [
        ("handle=@alice&amount=5&note=a+b", "/@alice?amount=5&note=a+b"),
        ("handle=+alice+", "/@alice"),
        ("handle=alicé", None),
        ("handle=//evil.example", None),
        ("", None),
    ],
)
def test_anybody_else_is_paid_by_name(browser: Browser, query: str, to: str | None) -> None:
    """A field for the handle leads to their page; what is no handle is said."""
    answer = browser.get(f"/pay?{query}")
    assert answer.headers.get("location") == to
    if to is None:
        assert ("1 à 15 lettres" in text_of(answer.text)) is bool(query)


def test_a_session_that_ends_at_the_form_leads_back_to_what_the_link_said(
    browser: Browser,
) -> None:
    """After signing in again the page is as it was filled in."""
    browser.sign_in("bob")
    browser.get(LINK)
    action = re.search(r'method="post" action="([^"]+)"', browser.get(LINK).text)
    assert action is not None
    browser.client.cookies.clear()
    answer = browser.client.post(html.unescape(action[1]), data={"csrf": "x"})
    assert answer.status_code == 401
    assert 'href="/signin?next=/%40alice%3Famount%3D12.50%26note%3Dpizza"' in answer.text


# --- drafts ------------------------------------------------------------------------------------


def test_one_tap_corrects_a_misread_amount(world: World, browser: Browser) -> None:
    """From the reply's link to the confirmation: what was understood is there."""
    world.join("bob", cents=5000)
    reference = reference_in(world.post("bob", "@smoney pay @alice 1.200€ for pizza"))
    page = browser.open_order("bob", reference)
    said = text_of(page)
    assert "1.200" in said
    assert "Lequel est le bon" in said
    assert 'value="pizza"' in page
    assert "1 200 €" not in said, "nobody may pay so much"
    assert "500 €" in said, "and the page says so"
    people_hash = browser.hidden("people_hash")
    answer = browser.post(
        f"/t/{reference}/amount", people_hash=people_hash, amount_cents="120", note="pizza"
    )
    assert answer.headers["location"] == f"/t/{reference}"
    shown = text_of(browser.get(f"/t/{reference}").text)
    assert "1,20 €" in shown
    assert "depuis mon portefeuille" in shown
    assert world.statuses(reference) == ["pending"]


def test_an_amount_is_chosen_where_none_was_written(
    world: World, browser: Browser, open_browser: OpenBrowser
) -> None:
    """It never was public; a slip is said beside what was typed; strangers see nothing."""
    reference = reference_in(world.post("bob", "@smoney pay @alice"))
    assert "alice" not in open_browser().open_order("mallory", reference)
    page = browser.open_order("bob", reference)
    assert "il n’est jamais public" in text_of(page)
    fields = {"people_hash": browser.hidden("people_hash"), "note": "tout à toi"}
    wrong = browser.post(f"/t/{reference}/amount", amount="1.250", **fields)
    assert wrong.status_code == 409
    assert "plusieurs montants" in text_of(wrong.text)
    assert 'value="1.250"' in wrong.text
    assert 'value="tout à toi"' in wrong.text
    browser.post(f"/t/{reference}/amount", amount="12,50", **fields)
    assert [row.amount_cents for row in world.transfers(reference)] == [1250]


@pytest.mark.parametrize("text", ["@smoney pay @alice @carol 10€", "@smoney split @alice @carol"])
def test_a_draft_of_several_says_what_each_pays(world: World, browser: Browser, text: str) -> None:
    """An amount for each says what it is in all; a split asks for the total."""
    reference = reference_in(world.post("bob", text))
    said = text_of(browser.open_order("bob", reference))
    assert isinstance(world.page("bob", reference), DraftView)
    if "split" in text:
        assert "Montant total, en euros" in said
    else:
        assert "10 € chacun, 20 € en tout" in said
        assert "5 € chacun, 10 € en tout" in said
    browser.post(f"/t/{reference}/cancel")
    assert "Vous avez renoncé" in text_of(browser.get(f"/t/{reference}").text)


def test_the_wallet_leads_to_a_draft(world: World, browser: Browser) -> None:
    """Where its reply could not be posted, it stands here."""
    world.join("bob")
    reference = reference_in(world.post("bob", "@smoney pay @alice"))
    browser.sign_in("bob")
    page = browser.get("/wallet").text
    assert f'href="/t/{reference}"' in page
    assert "Montant à choisir, avec @alice" in text_of(page)


def test_what_is_too_long_for_an_address_is_typed_on_the_page(browser: Browser) -> None:
    """Who is meant is kept."""
    answer = browser.get("/pay", handle="alice", amount="1", note="\N{PILE OF POO}" * 140)
    assert (answer.status_code, answer.headers["location"][:7]) == (303, "/@alice")
    assert browser.get(answer.headers["location"]).status_code == 200


def test_what_was_typed_survives_the_end_of_the_session(world: World, browser: Browser) -> None:
    """On a pay page and a draft; on every other page nothing that was typed is in an address."""
    world.join("bob", cents=5000)
    world.x.person("alice")
    browser.sign_in("bob")
    browser.get("/@alice", amount="9", note="of the link")
    typed = {"payee": browser.hidden("payee"), "once": browser.hidden("once")}
    world.pass_time(minutes=6)
    answer = browser.post("/@alice", amount="12,50", note="thé & café", **typed)
    assert answer.status_code == 401
    assert "Ce que vous aviez tapé vous attend" in answer.text
    found = re.search(r'href="/signin\?next=([^"]+)"', answer.text)
    assert found is not None
    path = unquote(html.unescape(found[1]))
    assert browser.sign_in("bob", path).headers["location"] == path
    page = browser.get(path).text
    assert re.search(r'name="amount"[^>]* value="12,50"', page)
    assert re.search(r'name="note"[^>]* value="thé &amp; café"', page)
    reference = reference_in(world.post("bob", "@smoney pay @alice for tea"))
    browser.get(f"/t/{reference}")
    world.pass_time(minutes=6)
    answer = browser.post(f"/t/{reference}/amount", amount="7", note="thé")
    assert f"/signin?next=/t/{reference}%3Famount%3D7%26note%3D" in answer.text
    browser.sign_in("bob")
    page = browser.get(f"/t/{reference}", amount="7", note="thé").text
    assert re.search(r'name="amount"[^>]* value="7"', page)
    assert re.search(r'name="note" autocomplete[^>]* value="thé"', page)
    world.pass_time(minutes=6)
    answer = browser.post("/wallet/payout", amount="12,50", note="my rent", iban="FR14")
    assert not re.search("12,50|12%2C50|rent|FR14|vous aviez tapé", answer.text)
    assert world.involving("bob") == []
