"""The pages for everybody, and the catalogue: no sentence stands in a template."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.nodes import Const

import bot.web
from bot.domain.commands import Lang, Misread, Nothing
from bot.domain.transfer import Reason, TransferStatus
from bot.i18n.texts import catalogue
from bot.language import Text, parse
from bot.web.languages import preferred
from tests.web.conftest import OpenBrowser
from tests.web.test_orders import text_of
from tests.web.visiting import Browser
from tests.world import World

WEB = Path(bot.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


NAME = re.compile(r" ?[a-z0-9_./?=%:@·-]*")
"""What an expression may spell out: a key, a path, a class, a format; no two words, none large."""


def worded(template: str) -> list[str]:
    """Return what the expressions and statements of a template spell out that is no name."""
    texts = (one.value for one in Environment(autoescape=True).parse(template).find_all(Const))
    return [one for one in texts if isinstance(one, str) and not NAME.fullmatch(one)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_sentence_stands_in_a_template(path: Path) -> None:
    """Outside tags and expressions a template holds signs, no words; nor do spoken attributes.

    Within expressions there are names alone.
    """
    assert worded(path.read_text()) == []
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text(), flags=re.DOTALL)
    bare = re.sub(r"<[^>]*>", " ", text)
    assert re.findall(r"[^\W\d_]{2,}", bare) == []
    spoken = re.findall(r'\b(?:title|alt|placeholder|aria-label)="([^"]*)"', text)
    assert [one for one in spoken if one.strip()] == []


def test_a_sentence_within_an_expression_is_seen() -> None:
    """A rule that found nothing would show nothing."""
    for said in ("Payé", "nothing was done", "it’s", "Sorry"):
        for template in (
            f'{{{{ "{said}" }}}}',
            f'<p title="{{{{ t("page.x") if y else "{said}" }}}}">',
            f'{{% set x = "{said}" %}}',
        ):
            assert worded(template) == [said], template


def test_every_sentence_that_a_page_names_is_in_the_catalogue() -> None:
    """By its whole name; those made of parts are tried below."""
    named = set()
    for path in (*TEMPLATES, *WEB.glob("*.py")):
        named |= set(re.findall(r'"((?:page|refusal|sms)\.[a-z_.]+[a-z_])"', path.read_text()))
    assert len(named) > 100
    assert named - set(catalogue()) == set()


@pytest.mark.parametrize(
    "key",
    [
        *(f"page.reason.{reason.value}" for reason in Reason if not reason.is_payees_own),
        "page.reason.waits",
        *(f"page.paid.{status.value}" for status in TransferStatus),
        *(f"page.paid.badge.{status.value}" for status in TransferStatus),
        *(f"page.asked_of.{status.value}" for status in TransferStatus),
        *(f"page.gets.{status}" for status in ("held", "posted", "returned")),
        *(f"page.gets.badge.{status}" for status in ("held", "posted", "returned")),
    ],
)
def test_every_status_and_every_reason_has_its_words(key: str) -> None:
    """Whatever happens to a transfer can be said."""
    assert key in catalogue()


def test_the_pages_sentences_are_all_used() -> None:
    """A sentence that no page says is dropped."""
    source = "".join(path.read_text() for path in (*TEMPLATES, *WEB.glob("*.py")))
    for key in catalogue():
        if not key.startswith("page."):
            continue
        parts = key.split(".")
        heads = [".".join(parts[:count]) for count in range(2, len(parts) + 1)]
        assert any(f'"{key}"' in source or f'"{head}.' in source for head in heads), key


def test_french_puts_a_space_that_does_not_break() -> None:
    """Before double punctuation, and inside quotation marks."""
    for key, texts in catalogue().items():
        if key.startswith(("page.", "sms.")):
            assert not re.search(" [:;!?»€]|« ", " ".join(texts["fr"])), key


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize(
    "path", ["/t/222222", "/t/4F7K2Q", "/t/x", "/t/é", "/nowhere", "/@b-b", "/@@bob"]
)
def test_an_unknown_address_is_a_404_in_both_languages(
    open_browser: OpenBrowser, path: str, lang: str
) -> None:
    """Whoever opens a link with a reference reads why, whatever they speak; theirs comes first.

    Elsewhere the other language is there for whom we do not know alone, and nobody is signed out.
    """
    said = {"fr": "Il n’y a rien à cette adresse", "en": "There is nothing at this address"}
    browser, other = open_browser(lang=lang), "en" if lang == "fr" else "fr"
    for is_known in (False, True):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert f"<h1>{said[lang]}" in answer.text
        assert (said[other] in answer.text) == (path.startswith("/t/") and not is_known)
        assert ('href="/wallet"' in answer.text) == is_known
        browser.sign_in("carol")
    assert all(one in open_browser(lang="de").get(path).text for one in said.values())


def test_home_and_help_say_which_is_the_true_bot(browser: Browser) -> None:
    """An imitation is known by its handle and its address."""
    for path in ("/", "/help"):
        page = text_of(browser.get(path).text)
        assert "Le vrai compte est @smoney" in page
        assert "smoney.test" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("envoyer 20€ à @alice pour la pizza", "Payer 20 € à @alice, avec"),
        ("@smoney pay @alice 20€", "Payer 20 € à @alice."),
        ("annuler", "Annuler votre dernier paiement."),
        ("oui 4F7K2Q", "Confirmer 4F7K2Q."),
        ("bonjour", "le bot se tait"),
        ("payer @alice 10", "La réponse contient aussi un lien"),
        ("payer 10", "Il manque la monnaie|dans quelle monnaie|Ajoutez le signe"),
        ("oui !", "à quoi|à quel ordre"),
        ("@smoney oui !", "le bot se tait"),
        ("@smoney payer", "le bot se tait"),
        ("@alice @smoney payer 10€", "mais pas qui|avec qui|il me manque la personne"),
    ],
)
def test_a_text_can_be_tried(browser: Browser, text: str, said: str) -> None:
    """The same parser says what it would read: of a post where it names the bot, else of a DM.

    The page's script reads the same as the page without it.
    """
    page = text_of(browser.get("/help", text=text).text)
    assert re.search(said, page)
    reading = browser.client.get("/help/read", params={"text": text, "lang": "fr"}).json()
    assert text_of(reading["reading"]) in page


def test_nothing_is_read_in_nothing(browser: Browser) -> None:
    """Whoever empties the box is told nothing; a long text is cut."""
    assert browser.client.get("/help/read", params={"text": " "}).json() == {"reading": None}
    assert browser.client.get("/help/read", params={"text": "pay " * 2000}).status_code == 200


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_example_of_the_help_can_be_tried(open_browser: OpenBrowser, lang: str) -> None:
    """One press puts it into the box."""
    browser = open_browser(lang=lang)
    links = re.findall(r'href="(/help\?text=[^"]+)"', browser.get("/help").text)
    assert len(links) >= 6
    for link in links:
        page = text_of(browser.get(link).text)
        assert "le bot se tait" not in page
        assert "stays silent" not in page


def test_what_is_tried_is_shown_as_text(browser: Browser) -> None:
    """Nothing that is typed becomes part of the page."""
    page = browser.get("/help", text="pay @alice 5€ for <script>alert(1)</script>").text
    assert "<script>" not in page


def test_what_is_tried_changes_nothing(world: World, browser: Browser) -> None:
    """A try is no order."""
    browser.get("/help", text="envoyer 20€ à @alice")
    assert world.outbox() == []


@pytest.mark.parametrize(
    ("accept", "lang"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-US,en;q=0.9", "en"),
        ("de,en;q=0.5,fr;q=0.4", "en"),
        ("fr;q=0,en;q=0.1", "en"),
        ("fr;q=0.5,en;q=0.5", "fr"),
        ("de", None),
        ("", None),
        ("en;q=much", None),
        ("," * 5000, None),
    ],
)
def test_the_browser_says_its_language(accept: str, lang: str | None) -> None:
    """Or does not; French where both are liked alike."""
    assert preferred(accept) == lang


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_example_of_the_help_is_a_command(lang: Lang) -> None:
    """Nobody is taught a word that the bot does not know."""
    examples = [key for key in catalogue() if key.startswith("page.help.example.")]
    assert len(examples) > 5
    for key in examples:
        for text in catalogue()[key][lang][0].split(" · "):
            command = parse(Text(text, direct=True, lang=lang))
            assert not isinstance(command, Misread | Nothing), text
