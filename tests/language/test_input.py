"""LANGUAGE.md, "Input" and "Who is addressed, and where a command starts"."""

import pytest

from bot.language import normalize
from tests.language.saying import direct, order, post

ZERO_WIDTH = [
    "\u00ad", "\u034f", "\u061c", "\u180e", "\u200b", "\u200d", "\u200f", "\u202a", "\u202e",
    "\u2060", "\u2064", "\u2066", "\u206f", "\ufeff",
]  # fmt: skip
SPACES = [
    "\t", "\n", "\r", "\u0085", "\u00a0", "\u1680", "\u2000", "\u2003", "\u2009", "\u200a",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@smoney pay @alice &amp; @bob 10€ each", "pay @alice @bob 1000 each"),
        ("@smoney pay @alice 10€ &lt;3", "pay @alice 1000 '<3'"),
        ("@smoney pay @alice 10€ for a&amp;lt;b", "pay @alice 1000 'a&lt;b'"),
        ("＠ｓｍｏｎｅｙ　ｐａｙ　＠ａｌｉｃｅ　１０€", "pay @alice 1000"),
        ("@smoney transfe\u0301rer 10€ @alice", "pay @alice 1000"),
        ("@smoney paye\u0301 @alice 10€", "nothing"),
        ("@smoney pay @alice 10€ https://t.co/abc", "pay @alice 1000"),
        ("@smoney https://t.co/abc pay @alice 10€", "pay @alice 1000"),
        (
            "@smoney pay @alice 10€ for lunch https://t.co/abc today",
            "pay @alice 1000 'lunch today'",
        ),
        ("RT @bob: @smoney pay @alice 10€", "nothing"),
        (" RT @bob: @smoney pay @alice 10€", "nothing"),
        ("https://t.co/a RT @bob @smoney stop", "nothing"),
        ("@smoney ſend @alice 10€", "nothing"),
        ("", "nothing"),
        ("pay @alice 10€", "nothing"),
    ],
)
def test_a_text_is_decoded_folded_and_cleared_of_links(text: str, expected: str) -> None:
    """As X sends it, before it is read."""
    assert post(text) == expected


@pytest.mark.parametrize("space", SPACES)
def test_every_space_is_a_space(space: str) -> None:
    """Whichever Unicode has, in numbers and notes too."""
    text = "@smoney pay @alice 1 250,50 € for my lunch".replace(" ", space)
    assert post(text) == "pay @alice 125050 'my lunch'"


@pytest.mark.parametrize("mark", ZERO_WIDTH)
def test_what_cannot_be_seen_is_dropped_at_edges_and_never_inside(mark: str) -> None:
    """Inside a mention or a number X and a person read different things."""
    edges = f"{mark}@smoney{mark} {mark}pay {mark}@alice{mark}, {mark}10€{mark}"
    assert post(edges) == "pay @alice 1000"
    assert order(f"pay @ali{mark}ce 10€") == "error invalid_handle"
    assert order(f"pay @{mark}alice 10€") == "error invalid_handle"
    assert order(f"pay @alice_{mark}x 10€") == "error invalid_handle"
    assert order(f"pay @alice 1{mark}0€") == "error ambiguous_amount"
    assert order(f"pay @alice 10{mark}€") == "error ambiguous_amount"
    assert order(f"pay @alice 10,{mark}50€") == "error ambiguous_amount"
    assert order(f"p{mark}ay @alice 10€") == "nothing"
    assert post(f"@smo{mark}ney pay @alice 10€") == "nothing"


def test_a_joiner_stays_between_emoji() -> None:
    """A family in a note stays a family."""
    assert order("pay @alice 10€ for 👨\u200d👩\u200d👧") == "pay @alice 1000 '👨\u200d👩\u200d👧'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@SMoney pay @alice 10€", "pay @alice 1000"),
        ("@smoney: pay @alice 10€", "pay @alice 1000"),
        ("Hey @smoney please pay @alice 10€!", "pay @alice 1000"),
        ("@alice @smoney pay 10€", "error missing_payee"),
        ("I used @smoney to pay @alice 10€ yesterday", "nothing"),
        ("foo@smoney pay @alice 10€", "nothing"),
        ("1@smoney pay @alice 10€", "nothing"),
        ("@smoneyé pay @alice 10€", "nothing"),
        ("@smoney_ pay @alice 10€", "nothing"),
        ("@smoney2 pay @alice 10€", "nothing"),
        ("@smoney@x pay @alice 10€", "nothing"),
        ("@smoney don't pay @alice 10€", "nothing"),
        ("thanks @smoney!", "nothing"),
        ("@smoney", "nothing"),
        ("@smoney - pay @alice 10€", "nothing"),
        ("@smoney # pay @alice 10€", "nothing"),
        ("@smoney ? pay @alice 10€", "nothing"),
        ("@smoney and pay @alice 10€", "nothing"),
        ("@smoney to @alice 10€", "nothing"),
        # The bot's own handle is dropped in the command and is text in a note.
        ("@smoney @smoney pay @alice 10€", "pay @alice 1000"),
        ("@smoney pay @alice and @smoney 10€", "pay @alice 1000"),
        ("@smoney pay @smoney and @alice 10€", "pay @alice 1000"),
        ("@smoney pay 10€ @alice @SMoney", "pay @alice 1000"),
        ("@smoney pay @alice 10€ @smoney", "pay @alice 1000"),
        ("@smoney pay @alice 10€ thanks @smoney", "pay @alice 1000 'thanks @smoney'"),
        ("@smoney pay @alice 10€, @smoney!", "pay @alice 1000"),
        ("@smoney pay @alice 10€ @smoney thanks", "pay @alice 1000"),
        ("@smoney pay @alice 10€ for @smoney", "pay @alice 1000 '@smoney'"),
        ("@smoney pay @alice 10€ to @smoney", "pay @alice 1000 'to @smoney'"),
        ("@smoney pay @alice 10€ for the @SMoney party", "pay @alice 1000 'the @SMoney party'"),
        ("@smoney pay @alice 10€ @SMONEY fans & @smoney", "pay @alice 1000 'fans & @smoney'"),
        ("@smoney pay @smoney 10€", "error missing_payee"),
        ("@smoney pay @smoney 10€ @alice", "pay @alice 1000"),
        ("@smoney pay @smoney to 10€ @alice", "pay @alice 1000"),
        ("@smoney pay @smoney 10 @alice", "error missing_currency"),
        ("@smoney pay @alice 10€ @smoney each", "pay @alice 1000 each"),
        ("@smoney pay @alice @bob 10€ @smoney each", "pay @alice @bob 1000 each"),
        ("@smoney pay 10€ @smoney each @alice @bob", "pay @alice @bob 1000 each"),
        ("@smoney pay 10€ @smoney each", "error missing_payee"),
        ("@smoney pay @alice 10€ @smoney each month", "error ambiguous_command"),
        ("@smoney pay @alice 10€ each @smoney month", "error ambiguous_command"),
        ("@smoney pay @alice 10€ each @smoney!", "pay @alice 1000 each"),
        ("@smoney cancel @smoney #4F7K2Q", "cancel 4F7K2Q"),
        ("@smoney yes @smoney 4F7K2Q", "confirm 4F7K2Q"),
        ("@smoney yes @bob 4F7K2Q", "nothing"),
        ("@smoney 10€ @smoney", "error missing_payee"),
        ("@smoney give @smoney a break", "nothing"),
    ],
)
def test_a_command_starts_after_the_first_mention_of_the_bot(text: str, expected: str) -> None:
    """What stands before is no part of it."""
    assert post(text) == expected


@pytest.mark.parametrize(
    "courtesy",
    [
        "please", "pls", "stp", "svp", "s'il te plaît", "s’il vous plait", "S'IL TE PLAÎT", "hey",
        "hi", "hello", "salut", "bonjour", "can you", "could you", "peux-tu", "tu peux", "merci de",
        "merci", "thanks", "thank you", "thx", ",", ".", ";", ":", "!", '"', "«", "“", "'", "👋",
        "👋🏽 hello,", "❤️", "👨\u200d👩\u200d👧", "❤️\u200d🔥", "🇫🇷", "hey, please:",
    ],
)  # fmt: skip
def test_courtesy_is_skipped_at_the_start_and_at_the_end(courtesy: str) -> None:
    """In both languages."""
    assert order(f"{courtesy} cancel") == "cancel"
    assert order(f"cancel {courtesy}") == "cancel"
    assert order(f"{courtesy} cancel #4F7K2Q {courtesy} ?") == "cancel 4F7K2Q"
    assert order(f"{courtesy}").startswith("nothing")
    assert direct(f"{courtesy} pay @alice 10€") == "pay @alice 1000"


@pytest.mark.parametrize("symbol", [*"→★✓■♪←☆✗▲⌘∞🄰🙐🞄", "★\ufe0f"])
def test_a_symbol_that_is_no_emoji_is_no_courtesy(symbol: str) -> None:
    """Unlike those of its kind that are: `➡`, `⭐`, `✔`, `▪`, `♥`, `🅰`."""
    assert order(f"{symbol} pay @alice 10€") == "nothing"
    assert order(f"cancel {symbol}") == "nothing"
    assert order(f"pay @alice 10€ {symbol}") == f"pay @alice 1000 '{symbol}'"
    for emoji in "➡⭐✔▪♥🅰©↔🔘🫶🏿":
        assert order(f"{emoji} pay @alice 10€") == "pay @alice 1000"


def test_a_long_run_of_combining_marks_is_cut_and_changes_no_meaning() -> None:
    """However long, it leaves no other handle, amount, verb or code than a short one does."""
    for length in (normalize.MARKS, normalize.MARKS + 1, 5000):
        marks = "\u0301\u0323" * length
        assert order(f"pay @alice 10€ for a{marks}").startswith("pay @alice 1000 'ạ")
        assert order(f"pay @alice 1{marks}0€") == "error ambiguous_amount"
        assert order(f"pay @alice 10{marks}€") == "error ambiguous_amount"
        assert order(f"pay @alice{marks} 10€") == "error invalid_handle"
        assert order(f"pay{marks} @alice 10€") == "nothing"
        assert order(f"cancel #4F7K2Q{marks}") == "nothing"
    short, long = ("e" + "\u0301" * n for n in (normalize.MARKS, normalize.MARKS + 9))
    assert normalize.fold(long + "x") == normalize.fold(short + "x")


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("@alice @smoney pay 10€", {}, "pay @alice 1000"),
        ("@Alice @smoney pay 10€", {"in_reply_to": "@ALICE"}, "pay @alice 1000"),
        ("@smoney pay 10€", {}, "pay @alice 1000"),
        ("@smoney @alice pay 10€", {}, "pay @alice 1000"),
        ("@alice hey @smoney pay 10€", {}, "pay @alice 1000"),
        ("@alice @smoney request 10€", {}, "request @alice 1000"),
        ("@alice @smoney donate 10€", {}, "donate @alice 1000"),
        ("@alice @smoney split 10€", {}, "error missing_payee"),
        ("@alice @smoney pay 10€ each", {}, "pay @alice 1000 each"),
        ("@alice @smoney pay 10€ for lunch", {}, "pay @alice 1000 'lunch'"),
        ("@alice @smoney pay @bob 10€", {}, "pay @bob 1000"),
        ("@alice @smoney pay @smoney 10€", {}, "error missing_payee"),
        ("@alice @smoney pay 10€ @smoney each", {}, "error missing_payee"),
        ("@alice @smoney pay 10€ for lunch @smoney", {}, "pay @alice 1000 'lunch @smoney'"),
        ("@alice @smoney pay 10€ or 20€", {}, "error ambiguous_command"),
        ("@alice @smoney pay 10", {}, "error missing_currency"),
        ("@alice @smoney 10€", {}, "nothing"),
        ("@alice @smoney send her 10€", {}, "nothing"),
        ("@smoney pay 10€", {"in_reply_to": "smoney"}, "error missing_payee"),
        # Where X did not say what was typed, the run of mentions at the start is the block.
        ("@alice @carol @smoney pay 5€", {}, "error missing_payee"),
        ("@smoney @carol pay 10€", {}, "error missing_payee"),
        ("@alice, @smoney pay 5€", {}, "pay @alice 500"),
        ("@alice @smoney @carol 10€", {}, "nothing"),
        # Where X said it, the block is what stands before.
        ("@alice @carol @smoney pay 5€", {"typed_from": 14}, "pay @alice 500"),
        ("@alice @smoney @carol 10€", {"typed_from": 7}, "pay @carol 1000"),
        ("@alice @smoney @carol 10€", {"typed_from": 15}, "pay @carol 1000"),
        ("@alice @carol @smoney pay 5€", {"typed_from": 22}, "pay @alice 500"),
        ("@smoney @carol 10€", {"typed_from": 0}, "pay @carol 1000"),
        ("@alice @smoney pay 10€", {"typed_from": -5}, "pay @alice 1000"),
        ("@alice @smoney pay 10€", {"typed_from": 500}, "pay @alice 1000"),
    ],
)
def test_a_reply_is_about_the_author_replied_to(
    text: str, given: dict[str, object], expected: str
) -> None:
    """Unless it names somebody, or the block leaves a doubt."""
    assert post(text, **{"in_reply_to": "alice", **given}) == expected


def test_the_block_is_found_where_marks_and_entities_move_it() -> None:
    """`typed_from` counts the text as it came."""
    text = "\u2066@alice\u2069 @smoney &amp; @carol pay 5€"
    assert post(text, in_reply_to="alice", typed_from=17) == "nothing"
    text = "\u2066@alice\u2069 @smoney pay 5€ @carol"
    assert post(text, in_reply_to="alice", typed_from=17) == "pay @carol 500"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * 300 + " @smoney pay @alice 10€", "error ambiguous_command"),
        ("x" * 300 + " @smoney help", "error ambiguous_command"),
        ("x" * 300 + " @smoney stop it", "stop"),
        ("x" * 300 + " @smoney is nice", "nothing"),
        ("@smoney pay @alice" + " " * 258 + "10€", "pay @alice 1000"),
        ("@smoney pay @alice" + " " * 260 + "10€", "error ambiguous_command"),
        ("@smoney pay @alice 10€".ljust(280) + "each", "error ambiguous_command"),
        ("@smoney pay @alice 10€ " + "x " * 300 + "@bob", "error ambiguous_command"),
        ("@smoney cancel #4F7K2Q" + "!" * 300, "cancel 4F7K2Q"),
    ],
)
def test_the_command_stands_in_the_first_280_characters(text: str, expected: str) -> None:
    """Its note aside; `stop` always counts."""
    assert post(text) == expected


def test_the_280_characters_start_after_the_address_block() -> None:
    """However long it is; in a direct message, which has none, at its beginning."""
    assert direct(" " * 300 + "yes") == direct(" " * 300 + "pay") == "error ambiguous_command"
    assert post("@alice " * 50 + "@smoney pay 10€", in_reply_to="alice") == "pay @alice 1000"
