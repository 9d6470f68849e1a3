"""Properties of the command language, for every text that can be written."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.domain.commands import (
    Balance,
    Cancel,
    Claim,
    Command,
    Confirm,
    Decline,
    Donate,
    Help,
    History,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
    Start,
    Stop,
)
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.language import Text, characters, parse, tables, words
from bot.language.engine import Engine
from bot.language.normalize import address
from bot.language.parser import _BUILDERS, _engine
from bot.language.reading import NOTE_CHARACTERS

SMALL = [word for table in words.SMALL_WORDS.values() for word in table] + [",", "&", "for", ":"]
PIECES = [
    "@smoney", "@alice", "@bob", "@Carol_1", "@alicé", "@a\u200bb", "@toolonghandle12345", "@",
    "@@x", "#resto",
    "10", "10€", "€10", "1 250,50 €", "1.250€", "10-20€", "$10", "10 USD", "-5€", "0€", "1.2345€",
    "10²€", "½", "②", "dix euros", "50 cents", "50c", "99999999€", "10k", "€", "$", "EUR", "each",
    "chaque", "mois", "#4F7K2Q", "4f7k2q", "yes", "please", "merci", "?", "!", "...", "-", "🎉",
    "👨\u200d👩\u200d👧", "\u200b", "\u2028", "\ufdd0", "&amp;", "https://t.co/x", "lunch", "RT",
    "don't", "é", "٣", *SMALL, *(verb for table in words.VERBS.values() for verb in table["fr"]),
    *(verb for table in words.VERBS.values() for verb in table["en"]),
]  # fmt: skip
"""What texts are made of, so that many of them come near to a command."""

pytestmark = pytest.mark.properties
TABLES = tables.load()

ODDS = st.one_of(st.sampled_from(PIECES), st.text(max_size=6), st.characters())
SPACED = st.builds(
    "".join,
    st.lists(
        st.tuples(ODDS, st.sampled_from(["", " ", " ", "  ", "\n"])).map("".join), max_size=14
    ),
)
TEXTS = st.one_of(SPACED, SPACED.map("@smoney {}".format), st.text())
GIVEN = st.builds(
    Text,
    text=TEXTS,
    bot=st.sampled_from(["smoney", "@SMoney", "", "a.b"]),
    in_reply_to=st.sampled_from([None, "alice", "smoney", "@Bob", ""]),
    typed_from=st.one_of(st.none(), st.integers(-3, 60)),
    direct=st.booleans(),
    lang=st.sampled_from([None, "fr", "en", "und"]),
)

HANDLES = st.from_regex(r"[A-Za-z0-9_]{1,15}", fullmatch=True).filter(
    lambda h: h.lower() != "smoney"
)
CENTS = st.one_of(st.integers(1, 100_000), st.integers(1, MAX_AMOUNT_CENTS))
NOTES = st.sampled_from(["lunch", "le resto", "#pizza", "🎉", "merci pour hier", "2 beers"])


def note_of(command: Command) -> str:
    """The note, or nothing."""
    return getattr(command, "note", None) or ""


@given(GIVEN)
@example(Text("@smoney pay @alice " + "1" * 5000 + "€"))
@example(Text("\ud800 @smoney pay @alice 10€ \udfff"))
@example(Text("@smoney pay @alice 10€ each @bob"))
def test_parse_never_raises_and_the_grammar_reads_every_text(given: Text) -> None:
    """Nothing falls back to silence for want of a rule."""
    parse(given)
    addressed = address(given)
    if addressed is not None:
        _engine().read(addressed.command, "direct" if given.direct else "public")


@given(GIVEN)
def test_no_note_holds_a_mention_or_an_amount_with_a_currency(given: Text) -> None:
    """Such a text is ambiguous; only the bot's own handle is text there."""
    said = note_of(parse(given))
    bot = given.bot.lstrip("@").lower()
    for found in re.finditer(r"(?<![^\W_])@(\w+)", said):
        assert found[1].lower() == bot
    assert not re.search(r"[0-9] ?(€|euros?\b|eur\b|USD\b)|[€$£] ?[0-9]", said, re.IGNORECASE)
    assert len(said) <= NOTE_CHARACTERS


@given(GIVEN)
def test_what_is_read_is_well_formed(given: Text) -> None:
    """Handles, amounts and references are as the rest of the bot expects them."""
    command = parse(given)
    for handle in getattr(command, "people", ()):
        assert (
            re.fullmatch(r"[a-z0-9_]{1,15}", handle)
            or handle == (given.in_reply_to or "").lstrip("@").lower()
        )
    people = getattr(command, "people", ())
    assert len(set(people)) == len(people)
    if isinstance(command, (Pay, Donate, Request, Split)):
        assert people
        assert 0 < command.amount_cents <= MAX_AMOUNT_CENTS
    for name in (getattr(command, "reference", None), getattr(command, "code", None)):
        assert name is None or re.fullmatch("[0-9A-Z]{6}", name)


def written(cents: int, style: int) -> str:
    """One of the notations of an amount."""
    euros, rest = divmod(cents, 100)
    grouped = f"{euros:,}"
    spaced = grouped.replace(",", " ")
    styles = [
        f"{euros},{rest:02}€", f"{euros}.{rest:02} €", f"€{euros}.{rest:02}", f"{euros}€{rest:02}",
        f"{euros}.{rest:02}EUR", f"eur {euros},{rest:02}", f"{spaced},{rest:02} €",
        f"{euros} euros {rest:02}", f"{euros} euros {rest} centimes", f"{cents} cents", f"{cents}c",
        f"{euros} euros {rest:02} cents", f"EUR{euros}.{rest:02}",
    ]  # fmt: skip
    if euros < 1_000_000:
        styles += [f"{grouped}.{rest:02}€", f"{grouped.replace(',', '.')},{rest:02} €"]
    if rest == 0:
        styles += [f"{euros}€", f"€ {euros}", f"{spaced}€", f"{euros} euros", f"EUR {euros}"]
    if rest % 10 == 0:
        styles += [f"{euros},{rest // 10}€", f"€{euros}.{rest // 10}"]
    return styles[style % len(styles)]


@given(CENTS, st.integers(0, 500), HANDLES)
def test_an_amount_read_is_the_amount_written(cents: int, style: int, handle: str) -> None:
    """Under every notation, before the payee and after."""
    amount = written(cents, style)
    expected = Pay((handle.lower(),), cents, each=False, note=None, lang="en")
    assert parse(Text(f"@smoney pay @{handle} {amount}")) == expected
    assert parse(Text(f"@smoney pay {amount} to @{handle}")) == expected


def printed(command: Command) -> str:
    """Write a command as a person would."""
    fr = getattr(command, "lang", "fr") == "fr"
    match command:
        case Pay() | Donate() | Request() | Split():
            verbs = words.VERBS[type(command).__name__.lower()]["fr" if fr else "en"]
            each = (" chacun" if fr else " each") if getattr(command, "each", False) else ""
            people = (" et " if fr else " and ").join(f"@{handle}" for handle in command.people)
            joint = "à" if fr else "to"
            note = f" {command.note}" if command.note else ""
            amount = written(command.amount_cents, command.amount_cents)
            return f"{verbs[0]} {amount}{each} {joint} {people}{note}"
        case Cancel(reference=name) | Decline(reference=name):
            verb = words.VERBS[type(command).__name__.lower()]["fr" if fr else "en"][0]
            return f"{verb} #{name}" if name else verb
        case Confirm(code=code):
            return f"{'oui' if fr else 'yes'} {code}"
        case Nothing() | Misread():
            return ""
    return words.VERBS[type(command).__name__.lower()]["fr" if fr else "en"][0]


LANGS = st.sampled_from(["fr", "en"])
CODES = st.from_regex("[0-9A-Z]{6}", fullmatch=True).filter(
    lambda code: re.search("[0-9]", code) and re.search("[A-Z]", code)
)
CROWD = st.lists(HANDLES.map(str.lower), min_size=1, max_size=4, unique=True).map(tuple)
ONE = HANDLES.map(lambda handle: (handle.lower(),))
NOTE = st.one_of(st.none(), NOTES)
COMMANDS = st.one_of(
    st.builds(Pay, ONE, CENTS, st.booleans(), NOTE, LANGS),
    st.builds(Pay, CROWD, CENTS, st.just(value=True), NOTE, LANGS),
    st.builds(Request, CROWD, CENTS, st.just(value=True), NOTE, LANGS),
    st.builds(Donate, ONE, CENTS, st.booleans(), NOTE, LANGS),
    st.builds(Split, CROWD, CENTS, NOTE, LANGS),
    st.builds(Cancel, st.one_of(st.none(), CODES), LANGS),
    st.builds(Decline, st.one_of(st.none(), CODES), st.just("en")),
    st.builds(Confirm, CODES, LANGS),
    *(st.builds(kind, LANGS) for kind in (Stop, Start, Claim, Balance, History, Help)),
)


@given(COMMANDS)
def test_a_command_printed_and_read_is_the_same(command: Command) -> None:
    """Whatever it asks for."""
    assert parse(Text(f"@smoney {printed(command)}")) == command
    assert parse(Text(printed(command), direct=True)) == command


def unaccented(text: str) -> str:
    """Leave out the accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


POLITE = st.sampled_from(
    ["", "please ", "Hey, ", "s'il te plaît, ", "Bonjour ! ", "👋 ", "merci de "]
)
BYE = st.sampled_from(["", " please", ", merci !", " stp", "!", " ?", " 🙏🏽"])


@given(
    COMMANDS,
    st.sampled_from([str.upper, str.title, str.swapcase, unaccented]),
    POLITE,
    BYE,
    st.sampled_from("\u00a0\u2003\u202f\u3000\t\n"),
)
def test_case_accents_spaces_and_courtesy_change_nothing(
    command: Command, change: object, hello: str, bye: str, space: str
) -> None:
    """Nor do they in any order."""
    assume(not note_of(command))
    assert callable(change)
    text = change(printed(command))
    if bye == " 🙏🏽" and isinstance(command, (Pay, Donate, Request, Split)):
        bye = ""  # An emoji after the arguments is a note.
    assert parse(Text(f"@smoney {hello}{text}{bye}".replace(" ", space))) == command
    assert parse(Text(f"{hello}{text}{bye}", direct=True)) == command


CURRENCIES = st.one_of(
    st.sampled_from([*words.FOREIGN_CODES, *words.FOREIGN_WORDS, "$", "£", "¥", "₿", "US$"]),
    st.characters(categories=["Sc"]).filter(lambda sign: sign != "€"),
)
PLACES = [
    "{} {}€",
    "{}{}€",
    "{1}€ {0}",
    "{1} {0}",
    "{1}{0}",
    "{0}{1}",
    "{0} {1}",
    "{1} € {0}",
    "€{1}{0}",
]


@given(
    CURRENCIES,
    CENTS,
    st.sampled_from(PLACES),
    st.sampled_from(["pay @alice {}", "pay {} @alice", "{} @alice"]),
)
def test_another_currency_never_yields_a_payment(
    sign: str, cents: int, place: str, text: str
) -> None:
    """Before or after the figures, beside a euro sign or not."""
    amount = place.format(sign, f"{cents // 100},{cents % 100:02}")
    command = parse(Text("@smoney " + text.format(amount)))
    assert isinstance(command, (Misread, Nothing)), amount


@pytest.mark.parametrize(
    "piece",
    [
        "@alice ",
        "@smoney ",
        "a ",
        "to ",
        ", ",
        "hello ",
        "thanks ",
        "1",
        "1 ",
        "1-",
        "1,",
        "1k",
        "€",
        "10€ ",
        "$",
        "²",
        "-",
        "each ",
        "dix ",
        "\u200b",
        "a\u200b",
        "@",
        "@ ",
        "&amp;",
        "(",
        "#",
        "yes ",
        "4F7K2Q ",
        "https://t.co/a ",
        "👨\u200d👩",
        "é",
        "USD ",
        "A1",
        "1 000 ",
        "😀 ",
        ".",
        "?",
    ],
)
@pytest.mark.parametrize(
    "start",
    ["@smoney ", "@smoney pay ", "@smoney pay @alice ", "@smoney pay @alice 10€ ", "@smoney yes "],
)
def test_the_work_is_in_proportion_to_the_length(start: str, piece: str) -> None:
    """Counted, not timed: scans and reductions grow no faster than the text."""

    def work(length: int) -> int:
        engine, count = Engine(TABLES, _BUILDERS), 0

        def counting(match: Callable[[str, int], Any]) -> Callable[[str, int], Any]:
            def counted(text: str, position: int) -> Any:
                nonlocal count
                count += 1
                return match(text, position)

            return counted

        addressed = address(Text(start + piece * (length // len(piece))))
        assert addressed is not None
        engine.read(addressed.command, "public")  # compiles its patterns
        for pattern in engine.patterns:
            pattern.match = counting(pattern.match)
        engine.read(addressed.command, "public")
        return count

    assert work(2000) <= 2 * work(1000) + 10


def test_shadows_keep_the_length() -> None:
    """Positions in the shadow are positions in the text."""
    every = "".join(chr(code) for code in range(0x20, 0x2FFFF) if not 0xD800 <= code < 0xE000)
    assert len(characters.shadow(every)) == len(every)
