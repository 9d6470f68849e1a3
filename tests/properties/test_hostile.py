"""Hostile texts take time in proportion to their length: no pattern looks back on what it read.

The time itself says nothing on a shared machine. What is compared is the best time for a text with
the best for one four times as long: about four for what is linear, sixteen for what is not.
"""

from time import process_time

import pytest

from bot.domain.commands import Misread, Nothing, Pay, Stop
from bot.language import Text, parse

pytestmark = pytest.mark.fuzz

SHORT, LONG = 4_000, 16_000
"""Characters; X's longest post has 25,000, which the texts below have."""
MOST = 8
"""How many times the short text's time the long one's may be at the very most."""
ROUNDS = 8
"""Measurements before it counts as slow: noise only adds to a time, so the best are compared."""

PIECES = [
    # Many of one thing.
    "@alice ", "@smoney ", "@alicé ", "@a@", "10€ ", "10 ", "1", "1 000 ", "$1 ", "² ", "- ",
    "each ", "to ", ", ", "for ", "please ", "thanks, ", "dix ", "euros ", "#4F7K2Q ", "4F7K2Q ",
    # What almost is one thing.
    "1,", "1.", "1-", "1 - ", "1/", "1k", "€", "€ -", "-€", "US$", "USD ", "10 euros 50 ", "1…",
    "10€·", "vingt-et-", "s'il te ", "each, ", "A1", "@", "@ ", "_@", "..", "?!", "10€ x", "#tag ",
    # Nested marks, and what is drawn over what.
    "(", "((10€))", "«", "<", "[@", "e\u0301\u0323", "\u0301", "👨\u200d👩\u200d", "1\ufe0f\u20e3",
    # Zero-width and bidirectional marks.
    "\u200b", "\u200d", "a\u200b", "@\u200b", "1\u200b", "\u202e", "\u2066@a\u2069", "\u00ad ",
    # Other scripts, and what X sends.
    "жd", "中文 ", "שלום ", "٣", "€٣", "&amp;", "&amp;amp;", "https://t.co/a ", "http://", "RT @",
    "\n", "\u3000",
]  # fmt: skip
STARTS = ["", "@smoney ", "@smoney pay @bob ", "@smoney pay @bob 10€ ", "@smoney 10€ @bob "]


def best(text: Text, known: float) -> float:
    """Measure again, and return the better time."""
    began = process_time()
    parse(text)
    return min(known, process_time() - began)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", " 10€ @bob"])
def test_a_text_four_times_as_long_takes_about_four_times_as_long(piece: str, end: str) -> None:
    """As a post, a reply whose address block it may be, and a direct message."""
    for start in STARTS:
        short, long = (
            Text(
                start + piece * (length // len(piece)) + end,
                direct=not start,
                in_reply_to="alice" if start == "@smoney " else None,
            )
            for length in (SHORT, LONG)
        )
        times = [1e9, 1e9]
        for _ in range(ROUNDS):
            times = [best(short, times[0]), best(long, times[1])]
            if times[1] <= MOST * times[0]:
                break
        assert times[1] <= MOST * times[0], (start, times)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("@smoney pay " + "@a1 " * 5_000 + "10€ each", Misread),
        ("@smoney pay @alice 10€ " + "lunch " * 4_000, Pay),
        ("@smoney stop " + "(" * 25_000, Stop),
        ("@smoney sto" + "\u200b" * 25_000 + "p", Nothing),
        ("\u200b" * 25_000 + " @smoney stop", Stop),
        ("(" * 12_000 + "@smoney pay @alice 10€" + ")" * 12_000, Misread),
        ("@smoney pay @alice " + "1" * 25_000 + "€", Misread),
    ],
)
def test_a_text_as_long_as_x_allows_is_read_like_any_other(text: str, kind: type) -> None:
    """Its command counts where it stands within the first 280 characters."""
    assert type(parse(Text(text))) is kind
