"""The sentences of the thirteen errors: what was read, what is wrong, one corrected example."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.commands import Command, ErrorCode, Lang, Misread, Nothing
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.replies import READ_AT_MOST, Reply, misread_reply, quoted
from bot.i18n.length import POST_AT_MOST, weighted_length
from bot.i18n.texts import catalogue, say
from bot.language import Text, parse, words

LINK = " https://smoney.example/t/4F7K2Q"
TEXTS = [
    "pay my friend @alice 10€", "pay @alice 10€ and @bob 5€", "pay @alice for lunch 10€",
    "donate 10€ @alice @bob", "pay @alice -10€", "pay @alice $10", "pay @alice 1.250€",
    "pay @alice 10-20€", "pay @alice 1.2345€", "pay @alice 0€", "pay @alice 99999999€",
    "pay @alice 10", "request @alice 12,50", "pay @alice", "split @alice", "pay @alice ten euros",
    "pay @alicé 10€", "pay @a\u200blice 10€", "pay 10€", "split 30€", "donate 5€",
    "pay @alice @bob 10€", "request @alice @bob @carol 10€", "split 30€ each with @alice @bob",
    "demander 10€ à @alice et @bob", "partage @alice 0€", "don @alice 10", "10 livres @alice",
    "cancel #4F7K2Q but why", "yes 4F7K2Q or not", "non #4F7K2Q merci beaucoup", "1.250€ @alice",
]  # fmt: skip
DIRECT = ["yes", "oui !", "pay", "partage", "don"]

HANDLES = st.from_regex(r"[a-z0-9_]{1,15}", fullmatch=True)
WRITTEN = st.one_of(st.none(), st.text(max_size=300), st.just("W" * 300), st.just("字" * 300))
TALK = st.lists(
    st.sampled_from(["@bob", "@" + "w" * 15, "10€", "€9.999.999,99", "99999999€", "for", "W" * 30]),
    max_size=9,
).map(" ".join)
MISREADS = st.builds(
    Misread,
    error=st.sampled_from(ErrorCode),
    lang=st.sampled_from(["fr", "en"]),
    verb=st.sampled_from(
        ["pay", "donate", "request", "split", "confirm", "cancel", "decline", "start", "claim",
         "balance", "history", "help"],
    ),
    people=st.lists(HANDLES, max_size=12, unique=True).map(tuple),
    amount_cents=st.one_of(st.none(), st.integers(1, MAX_AMOUNT_CENTS)),
    amount_text=WRITTEN,
    each=st.booleans(),
    note=WRITTEN,
    handle_text=WRITTEN,
    verb_text=st.one_of(st.none(), st.sampled_from(["désabonner", "unsubscribe", "?"])),
    rest=st.one_of(WRITTEN, TALK),
    reference=st.one_of(st.none(), st.just("4F7K2Q")),
)  # fmt: skip
LONGEST = Misread(
    error=ErrorCode.MISSING_CURRENCY,
    lang="fr",
    verb="request",
    people=("w" * 15, "m" * 15),
    amount_cents=MAX_AMOUNT_CENTS,
    amount_text="字" * 99,
    each=True,
    note="字" * 140,
    handle_text="@" + "字" * 99,
)


@pytest.mark.properties
@given(MISREADS, st.integers(0, 5), st.booleans())
@example(LONGEST, 0, True)
@example(replace(LONGEST, error=ErrorCode.AMBIGUOUS_COMMAND), 0, False)
@example(replace(LONGEST, error=ErrorCode.AMBIGUOUS_COMMAND, amount_text="W" * 99), 0, False)
def test_a_hint_fits_a_post_with_a_link_behind_it(
    misread: Misread, seed: int, public: bool
) -> None:
    """For every possible handle, amount and note; in public it mentions, tags and links nothing."""
    for lang in ("fr", "en"):
        text = say(misread_reply(misread), lang, public=public, seed=seed)
        assert weighted_length(text + LINK) <= POST_AT_MOST
        if public:
            assert "@" not in text
            assert "://" not in text
            assert not re.search(r"[^\W\d_]\.[^\W\d_]", text)


@pytest.mark.parametrize("error", list(ErrorCode))
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_error_has_three_wordings_and_an_example(error: ErrorCode, lang: Lang) -> None:
    """In every variant."""
    keys = [key for key in catalogue() if re.fullmatch(rf"error\.{error}(\..*)?", key)]
    assert keys
    for key in keys:
        wordings = catalogue()[key][lang]
        assert len(set(wordings)) >= 3
        assert all("{example}" in wording for wording in wordings)


def typed_back(misread: Misread, lang: Lang) -> Command:
    """Read the example of a hint as a direct message, and see that a post reads the same."""
    inner = misread_reply(misread).values["example"]
    assert isinstance(inner, Reply)
    written = say(inner, lang, public=False)
    command = parse(Text(written, direct=True))
    assert parse(Text(f"@smoney {written}")) == command, written
    assert not isinstance(command, (Misread, Nothing)), written
    assert type(command).__name__.lower() == misread.verb, written
    return command


@pytest.mark.parametrize(
    "given",
    [Text(f"@smoney {text}") for text in TEXTS] + [Text(text, direct=True) for text in DIRECT],
    ids=[*TEXTS, *DIRECT],
)  # fmt: skip
def test_the_example_of_a_hint_is_a_command_of_the_same_kind(given: Text) -> None:
    """Sent as it stands, it is read without an error, with the person's own words."""
    misread = parse(given)
    assert isinstance(misread, Misread)
    for lang in ("fr", "en"):
        command = typed_back(misread, lang)
        for handle in misread.people[:1]:
            assert handle in getattr(command, "people", ())
        if misread.amount_cents and misread.error is not ErrorCode.AMBIGUOUS_COMMAND:
            assert getattr(command, "amount_cents", None) == misread.amount_cents


VERBS = [(kind, verb) for kind, table in words.VERBS.items() for v in table.values() for verb in v]
WRONG = st.lists(
    st.sampled_from(
        ["@bob", "@alicé", "@Carol_1", "10€", "10", "$10", "1.250€", "-5€", "0€", "1.2345€", "for",
         "99999999€", "dix euros", "each", "chacun", "to", "lunch", "5€", "#4F7K2Q", "ABC234", "!"],
    ),
    max_size=6,
)  # fmt: skip


@pytest.mark.properties
@given(st.sampled_from(VERBS), WRONG, st.booleans(), st.sampled_from(["fr", "en"]))
def test_every_hint_s_example_typed_back_is_a_good_command(
    verb: tuple[str, str], after: list[str], direct: bool, lang: Lang
) -> None:
    """Of the kind that was meant, with the very verb, for whatever was misread."""
    misread = parse(Text(" ".join(("@smoney", f"#{verb[1]}", *after)), direct=direct))
    if isinstance(misread, Misread):
        assert misread.verb == verb[0]
        assert misread.verb_text == verb[1]
        typed_back(misread, lang)


@pytest.mark.parametrize(
    ("text", "example_"),
    [
        ("#Envoie à mon ami @bob 25,50 €", "envoie 25,50 € à @bob"),
        ("demande à @bob 12 balles", "demande 12 € à @bob"),
        ("tip @bob 10 for the show", "tip €10 to @bob"),
        ("ask @bob and @carol 7.5", "ask €7.50 each from @bob and @carol"),
        ("send 12€ as promised to @bob", "send €12 to @bob"),
        ("pay 10€ or 20€ @bob", "pay €10 to @bob"),
        ("partage 30€ chacun avec @bob", "partage 30 € avec @bob"),
        ("yes abc234 but not now", "yes ABC234"),
        ("annule #abc234 ou pas", "annule #ABC234"),
        ("10.50€/mois @bob", "payer 10,50 € à @bob"),
    ],
)
def test_the_example_is_made_of_the_person_s_own_words(text: str, example_: str) -> None:
    """Their verb, whom they name, the figures that they wrote, the order that they mean."""
    misread = parse(Text(f"@smoney {text}"))
    assert isinstance(misread, Misread)
    said = say(misread_reply(misread), misread.lang, public=False).replace("\u00a0", " ")
    assert said.endswith(f": {example_}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "pay @alice 10",
            "I read “10”, but “10” of what? Add the € sign and all is well: pay €10 to @alice",
        ),
        (
            "paie @alice 1.250€",
            (
                "« 1.250€ » peut vouloir dire plusieurs montants, et je ne devine jamais. "
                "Écrivez-le sans ambiguïté, par exemple : paie 1,25 € à @alice"
            ),
        ),
        (
            "pay @a\u200blice 10€",
            (
                "I read “a·lice”, which is no X handle: those have 1 to 15 plain letters, figures "
                "or _. For example: pay €10 to @alice"
            ),
        ),
        (
            "donne dix euros à @bob",
            (
                "Je lis « dix euros », mais je ne comprends que les chiffres. "
                "Écrivez par exemple : donne 10 € à @bob"
            ),
        ),
    ],
)
def test_a_hint_says_what_was_read(text: str, sentence: str) -> None:
    """In a direct message, with `@`."""
    misread = parse(Text(f"@smoney {text}"))
    assert isinstance(misread, Misread)
    said = say(misread_reply(misread), misread.lang, public=False)
    assert said.replace("\u00a0", " ") == sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.evil.com", "10 evil com"),
        ("@bob", "bob"),
        ("#tag", "tag"),
        ("10\u202e€", "10·€"),
        ("1.250,50 €", "1.250,50 €"),
        ("x" * 50, "x" * (READ_AT_MOST - 1) + "…"),
    ],
)
def test_what_is_repeated_is_harmless(text: str, shown: str) -> None:
    """The bot's own post carries nobody's link, tag or mention."""
    assert quoted(text) == shown
