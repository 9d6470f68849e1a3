"""LANGUAGE.md, "Commands", "Notes", "Errors" and "Language of the answer"."""

import pytest

from bot.domain.commands import ErrorCode, Misread
from bot.language import Text, parse, words
from tests.language.saying import direct, order, told

VERBS = [
    (kind, lang, verb)
    for kind, table in words.VERBS.items()
    for lang, verbs in table.items()
    for verb in verbs
]
ARGUMENTS = {
    **dict.fromkeys(("pay", "donate", "request", "split"), (" @alice 10€", " @alice 1000")),
    "confirm": (" 4F7K2Q", " 4F7K2Q"),
}


@pytest.mark.parametrize(("kind", "lang", "verb"), VERBS)
def test_every_verb_is_understood_in_any_case_and_without_accents(
    kind: str, lang: str, verb: str
) -> None:
    """With `#` and without; it decides the language unless both have it."""
    written, expected = ARGUMENTS.get(kind, ("", ""))
    for form in (verb, verb.upper(), verb.title(), words.plain(verb), f"#{verb}"):
        command = parse(Text(f"@smoney {form}{written}", lang="fr" if verb == "refuse" else None))
        assert told(command) == kind + expected
        assert getattr(command, "lang", None) == ("fr" if verb == "refuse" else lang)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Amount and people in either order, joined by small words.
        ("pay @alice 10€", "pay @alice 1000"),
        ("pay 10€ to @alice", "pay @alice 1000"),
        ("pay 10€ to @alice, @bob and @carol each", "pay @alice @bob @carol 1000 each"),
        ("pay to @alice 10€", "pay @alice 1000"),
        ("pay to with @alice 10€", "pay @alice 1000"),
        ("pay to with from @alice 10€", "error ambiguous_command"),
        ("pay: @alice 10€", "pay @alice 1000"),
        ("pay for @alice 10€", "pay @alice 1000"),
        ("pay @alice: 10€", "error ambiguous_command"),
        ("pay @alice for 10€", "error ambiguous_command"),
        ("envoie 10€ à @alice et @bob chacun", "pay @alice @bob 1000 each"),
        ("demande 10€ à @bob pour la pizza", "request @bob 1000 'la pizza'"),
        ("réclame 10€ de @bob", "request @bob 1000"),
        ("divise 30€ entre @alice, @bob et @carol", "split @alice @bob @carol 3000"),
        ("split @alice @bob 30€", "split @alice @bob 3000"),
        ("#don @acf_france 10€", "donate @acf_france 1000"),
        ("pay @Alice @ALICE 10€", "pay @alice 1000"),
        # 1. Other words before the last argument.
        ("send my friend @alice 10€", "error ambiguous_command"),
        ("pay @alice for lunch 10€", "error ambiguous_command"),
        ("pay 10€ for lunch @alice", "error ambiguous_command"),
        ("pay @alice and bob 10€", "error ambiguous_command"),
        ("pay @alice. 10€", "error ambiguous_command"),
        ("pay @alice-bob 10€", "error ambiguous_command"),
        ("pay @alice 10€ @bob", "error ambiguous_command"),
        ("pay @alice 10 or 20€", "error ambiguous_command"),
        ("pay attention to @alice", "nothing"),
        ("pay @alice or @bob", "nothing"),
        ("pay me 10€", "nothing"),
        ("pay 10€ or 20€", "nothing"),
        ("pay my friend 10 @alice", "nothing"),
        # 2. Both stand, badly written or not.
        ("pay 10 @alice", "error missing_currency"),
        ("pay @alice 10 @bob", "error ambiguous_command"),
        ("pay @alice 10 for @bob", "error ambiguous_command"),
        ("split @alice 10k and @bob", "error ambiguous_command"),
        ("pay 10 @alice each, @bob", "error ambiguous_command"),
        ("pay @alice 10 lunch with @bob", "nothing"),
        ("pay @alice 10 for lunch", "error missing_currency"),
        ("pay @toolonghandle1234567 10€", "error invalid_handle"),
        ("pay @abcdefghijklmnop 10", "error missing_currency"),
        ("pay @alicé 10€", "error invalid_handle"),
        ("pay @alice@bob 10€", "error invalid_handle"),
        # 3. One is missing.
        ("pay @alice", "error missing_amount"),
        ("give @alice a hug", "error missing_amount"),
        ("pay @alicé", "error missing_amount"),
        ("pay 10€", "error missing_payee"),
        ("pay 10€ and 20€", "error ambiguous_command"),
        ("pay de 10€ à 20€", "error ambiguous_command"),
        ("pay 10€ for lunch", "error missing_payee"),
        ("pay 10", "error missing_currency"),
        ("pay 10!", "error missing_currency"),
        ("pay 0!", "error zero_amount"),
        ("pay 10 beers", "nothing"),
        ("share 5 tips", "nothing"),
        ("pay", "nothing"),
        ("pay please", "nothing"),
        ("give me a break", "nothing"),
        ("pay@alice 10€", "nothing"),
        ("pay10€ @alice", "nothing"),
        ("pay's @alice 10€", "nothing"),
        # each
        ("pay 10€ each @alice @bob", "pay @alice @bob 1000 each"),
        ("pay 10€ @alice @bob each", "pay @alice @bob 1000 each"),
        ("pay @alice @bob 10€ chacune", "pay @alice @bob 1000 each"),
        ("pay @alice 10€ each", "pay @alice 1000 each"),
        ("pay @alice 10€ each please", "pay @alice 1000 each"),
        ("pay @alice 10€ each for lunch", "pay @alice 1000 each 'lunch'"),
        ("pay @alice 10€ each, lunch", "pay @alice 1000 each 'lunch'"),
        ("pay @alice 10€ each month", "error ambiguous_command"),
        ("pay @alice @bob 10€ each/month", "error ambiguous_command"),
        ("pay @alice 10€ each / month", "error ambiguous_command"),
        ("pay @alice 10€ each & month", "error ambiguous_command"),
        ("pay 10€ each & @alice", "pay @alice 1000 each"),
        ("pay @alice 10€ each!", "pay @alice 1000 each"),
        ("pay 10€ chaque mois @alice", "error ambiguous_command"),
        ("pay @alice 10€ each each", "error ambiguous_command"),
        ("pay 10€ each @alice each", "error ambiguous_command"),
        ("pay @alice @bob each 10€", "error ambiguous_command"),
        ("pay @alice @bob 10€ chacun·e", "error ambiguous_command"),
        ("pay @alice @bob 10€ chacun(e)", "error ambiguous_command"),
        ("pay @alice 10€ each 5", "error ambiguous_command"),
        ("pay @alice 10€ each x2", "error ambiguous_command"),
        ("pay @alice 10€ each (lunch)", "pay @alice 1000 each '(lunch)'"),
        ("pay each @alice 10€", "error ambiguous_command"),
        ("pay @alice @bob 10€", "error ambiguous_total"),
        ("request 10€ @alice @bob", "error ambiguous_total"),
        ("split 30€ @alice each", "error ambiguous_total"),
        ("donate 10€ @alice @bob", "error ambiguous_command"),
        ("donate 10€ @alice @alice", "donate @alice 1000"),
    ],
)
def test_a_verb_that_takes_arguments(text: str, expected: str) -> None:
    """Each rule, in the specified order, beside its neighbour."""
    assert order(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@alice 10€", "pay @alice 1000"),
        ("10€ for @alice", "pay @alice 1000"),
        ("20€ pour @alice", "pay @alice 2000"),
        ("@alice and @bob 10€ each", "pay @alice @bob 1000 each"),
        ("@alice @bob 10€", "error ambiguous_total"),
        ("@alice $10", "error unsupported_currency"),
        ("-10€ @alice", "error negative_amount"),
        ("@alicé 10€", "error invalid_handle"),
        ("@alice 10€ thanks!", "pay @alice 1000"),
        ("@alice 10€ 🎉", "pay @alice 1000 '🎉'"),
        ("@alice 10€ for lunch", "pay @alice 1000 'lunch'"),
        ("@alice 10€ pour le resto", "pay @alice 1000 'le resto'"),
        ("@alice 10€ #lunch", "pay @alice 1000 '#lunch'"),
        ("@alice 10€: lunch", "pay @alice 1000 'lunch'"),
        ("@alice 10€ - lunch", "pay @alice 1000 'lunch'"),
        ("@alice 10€ for lunch with @bob", "error ambiguous_command"),
        ("@alice 10€ - 20€", "error ambiguous_command"),
        ("@alice 10€ lunch", "nothing"),
        ("@alice 10€, lunch", "nothing"),
        ("@alice 10€ is a lot", "nothing"),
        ("10€ is a lot @alice", "nothing"),
        ("@alice 10€ and @bob 5€", "nothing"),
        ("@alice 10€ chaque mois", "nothing"),
        ("@alice 10", "nothing"),
        ("@alice, 10", "nothing"),
        ("10 @alice", "nothing"),
        ("-10 @alice", "nothing"),
        ("10€", "nothing"),
        ("@alice", "nothing"),
    ],
)
def test_without_a_verb(text: str, expected: str) -> None:
    """An amount with its currency and a mention, and hardly anything else."""
    assert order(text) == expected


@pytest.mark.parametrize(
    ("text", "aloud", "apart"),
    [
        ("yes", "nothing", "error missing_code"),
        ("oui !", "nothing", "error missing_code"),
        ("yes please", "nothing", "error missing_code"),
        ("yes we can", "nothing", "nothing"),
        ("yes 4f7k2q", "confirm 4F7K2Q", "confirm 4F7K2Q"),
        ("yes, #4F7K2Q please!", "confirm 4F7K2Q", "confirm 4F7K2Q"),
        ("yes 4F7K2Q but not now", "error ambiguous_command", "error ambiguous_command"),
        ("yes please 4F7K2Q", "nothing", "nothing"),
        ("yes thanks", "nothing", "error missing_code"),
        ("yes 100000", "nothing", "nothing"),
        ("yes ABCDEF", "nothing", "nothing"),
        ("yes 4F7K2QX", "nothing", "nothing"),
        ("yes 4F7K2", "nothing", "nothing"),
        ("no", "decline", "decline"),
        ("no thanks", "decline", "decline"),
        ("no way this works", "nothing", "nothing"),
        ("no #4F7K2Q", "decline 4F7K2Q", "decline 4F7K2Q"),
        ("no 4F7K2Q", "nothing", "decline 4F7K2Q"),
        ("cancel 4F7K2Q", "nothing", "cancel 4F7K2Q"),
        ("cancel: #4f7k2q", "cancel 4F7K2Q", "cancel 4F7K2Q"),
        ("cancel (#4F7K2Q", "cancel 4F7K2Q", "cancel 4F7K2Q"),
        ("cancel [4F7K2Q", "nothing", "cancel 4F7K2Q"),
        ("cancel — #4F7K2Q", "cancel 4F7K2Q", "cancel 4F7K2Q"),
        ("cancel (#4F7K2Q)", "error ambiguous_command", "error ambiguous_command"),
        ("cancel x#4F7K2Q", "nothing", "nothing"),
        ("cancel ##4F7K2Q", "nothing", "nothing"),
        ("cancel #4F7K2Q and #ABC123", "error ambiguous_command", "error ambiguous_command"),
        ("cancel #resto", "nothing", "nothing"),
        ("cancel my subscription", "nothing", "nothing"),
        ("accept", "claim", "claim"),
        ("accept my apologies", "nothing", "nothing"),
        ("help me", "nothing", "nothing"),
        ("?", "help", "help"),
        ("#?", "help", "help"),
        ("???", "help", "help"),
        ("?pay", "nothing", "nothing"),
        ("solde ?", "balance", "balance"),
        ("start now", "nothing", "nothing"),
        ("stop bothering me", "stop", "stop"),
        ("stop @alice 10€", "stop", "stop"),
        ("stop-gap", "nothing", "nothing"),
        ("désabonne-moi", "nothing", "nothing"),
        ("pay", "nothing", "error missing_amount"),
        ("split !", "nothing", "error missing_amount"),
        ("pay attention", "nothing", "nothing"),
        ("pay 10 please", "error missing_currency", "error missing_currency"),
    ],
)
def test_everyday_words(text: str, aloud: str, apart: str) -> None:
    """In a post they are small talk sooner than in a direct message."""
    assert order(text) == aloud
    assert direct(text) == apart


@pytest.mark.parametrize(
    ("after", "note"),
    [
        ("for lunch", "lunch"), ("pour le resto", "le resto"), ("#resto", "#resto"),
        ("merci pour hier", "merci pour hier"), ("and thanks", "and thanks"), ("- lunch", "lunch"),
        (", lunch", "lunch"), (": lunch", "lunch"), ("! lunch", "lunch"), (", for lunch", "lunch"),
        ("à midi", "à midi"), ("🎉", "🎉"), ("please 🎉", "please 🎉"), ("thanks", None),
        (", merci !", None), ("?!", None), (":)", None), ("for", None), ("— ", None),
        ("for bob@example.com", "bob@example.com"), ("for  my\nlunch ", "my lunch"),
        ("lunch please", "lunch please"), ("for apartment 5", "apartment 5"),
        ("for the fleur 10", "the fleur 10"), ("for TOP", "TOP"),
    ],
)  # fmt: skip
def test_what_follows_the_arguments_is_the_note(after: str, note: str | None) -> None:
    """Without what leads it in, and not where it says nothing."""
    expected = f"pay @alice 1000 '{note}'" if note else "pay @alice 1000"
    assert order(f"pay @alice 10€ {after}") == expected
    assert order(f"pay 10€ @alice {after}") == expected


@pytest.mark.parametrize(
    "after",
    [
        "with @bob", "with @alice", "for @alicé", "for @toolonghandle1234567", "and 5€",
        "or $5", "or 5 US$", "or US$ 5",
        "for 10 usd", "for 2 livres", "for USD 10", "in the TOP 10", "for euros 10", "for 10k€",
        "for 50c", "from _@bob", "for (5€)", "for 5 €uros", "for -5€", "for 5²€", "for -€5",
    ],
)  # fmt: skip
def test_a_note_with_a_mention_or_an_amount_is_ambiguous(after: str) -> None:
    """Another payment could be meant."""
    assert order(f"pay @alice 10€ lunch {after}") == "error ambiguous_command"


def test_a_long_note_is_cut_at_a_word() -> None:
    """At 140 characters, the sign of the cut included."""
    command = parse(Text("@smoney pay @alice 10€ " + "lunch " * 30))
    assert getattr(command, "note", "") == "lunch " * 22 + "lunch…"
    one_word = parse(Text("@smoney pay @alice 10€ " + "x" * 300))
    assert getattr(one_word, "note", "") == "x" * 139 + "…"
    just = parse(Text("@smoney pay @alice 10€ " + "x" * 140))
    assert getattr(just, "note", "") == "x" * 140


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("donate @alice @bob -10$", "ambiguous_command"),
        ("pay @alicé -10$", "negative_amount"),
        ("pay @alicé $1.250", "unsupported_currency"),
        ("pay @alicé @bob 1.250€", "ambiguous_amount"),
        ("pay @alicé 1.2345", "too_precise"),
        ("pay @alicé 0", "zero_amount"),
        ("pay @alicé 99999999", "amount_too_large"),
        ("pay @alicé @bob 10", "missing_currency"),
        ("pay @alicé @bob dix euros", "missing_amount"),
        ("pay @alicé @bob 10€", "invalid_handle"),
        ("split 10€ each", "missing_payee"),
        ("pay @alice @bob 10€", "ambiguous_total"),
    ],
)
def test_of_several_errors_the_first_is_told(text: str, expected: str) -> None:
    """In the order of the specification, which is the order of the enumeration."""
    assert order(text) == f"error {expected}"


def test_there_are_thirteen_errors() -> None:
    """No more and no fewer."""
    assert len(ErrorCode) == 13


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("pay @alice 10€ à midi", "fr", "en"),
        ("paie @alice 10€ for lunch", "en", "fr"),
        ("20€ pour @alice", "en", "fr"),
        ("20€ for @alice", "fr", "en"),
        ("@alice & @bob 20€ each", "en", "en"),
        ("@alice, and @bob 20€ each", "fr", "en"),
        ("@alice 20€", None, "fr"),
        ("@alice 20€", "en", "en"),
        ("@alice 20€ for lunch", None, "fr"),
        ("@alice 20€", "es", "fr"),
        ("refuse", None, "fr"),
        ("refuse", "en", "en"),
        ("?", "en", "en"),
        ("?", None, "fr"),
        ("help", "fr", "en"),
    ],
)
def test_the_verb_decides_the_language(text: str, lang: str | None, expected: str) -> None:
    """Then the first small word, then the text's own, then French."""
    assert getattr(parse(Text(f"@smoney {text}", lang=lang)), "lang", None) == expected


def test_an_error_keeps_what_was_understood() -> None:
    """For the hint, and for the page that finishes it."""
    read = parse(Text("@smoney request @alice and @bob 10 each for lunch"))
    assert read == Misread(
        ErrorCode.MISSING_CURRENCY,
        "en",
        "request",
        ("alice", "bob"),
        1000,
        "10",
        each=True,
        note="lunch",
        verb_text="request",
    )
    read = parse(Text("@smoney pay @alicé 10 €"))
    assert read == Misread(
        ErrorCode.INVALID_HANDLE,
        "en",
        "pay",
        (),
        1000,
        "10 €",
        handle_text="@alicé",
        verb_text="pay",
    )
    read = parse(Text("@smoney #Envoie à mon amie @bob 25€"))
    assert read == Misread(
        ErrorCode.AMBIGUOUS_COMMAND, "fr", verb_text="envoie", rest="à mon amie @bob 25€"
    )
    read = parse(Text("@smoney yes abc234 but not now"))
    assert read == Misread(
        ErrorCode.AMBIGUOUS_COMMAND,
        "en",
        "confirm",
        verb_text="yes",
        rest="but not now",
        reference="ABC234",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pay @alice 10€ sat night", "error unsupported_currency"),
        ("pay @alice 10€ ALL", "error unsupported_currency"),
        ("pay @alice <10€", "error ambiguous_command"),
        ("give 110%", "error ambiguous_amount"),
        ("split 50/50", "error ambiguous_amount"),
        ("pay @smoney", "nothing"),
    ],
)
def test_where_the_language_is_open_nothing_is_paid(text: str, expected: str) -> None:
    """Those of docs/adr/0013 that no other table holds."""
    assert order(text) == expected
