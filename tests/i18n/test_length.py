"""twitter-text's conformance cases for the weighted length, and cutting to it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n.length import POST_AT_MOST, fit, is_valid, weighted_length

CASES = yaml.load(
    (Path(__file__).parents[1] / "data" / "x" / "twitter-text-validate.yml").read_text("utf-8"),
    yaml.CSafeLoader,
)["tests"]
VERSION_3 = [
    *CASES["WeightedTweetsWithDiscountedEmojiCounterTest"],
    *CASES["UnicodeDirectionalMarkerCounterTest"],
    # Version 2 counts the code points of an emoji; the other cases are the same in both.
    *(case for case in CASES["WeightedTweetsCounterTest"] if "👨\u200d" not in case["text"]),
]
assert len(VERSION_3) >= 40


@pytest.mark.parametrize("case", VERSION_3, ids=lambda case: case["description"])
def test_twitter_text_s_own_cases_pass(case: dict[str, Any]) -> None:
    """The weighted length, and whether X would take the text."""
    assert weighted_length(case["text"]) == case["expected"]["weightedLength"]
    assert is_valid(case["text"]) == case["expected"]["valid"]


@pytest.mark.parametrize("case", CASES["urls_without_protocol"], ids=lambda case: case["text"])
def test_a_bare_domain_counts_as_a_link(case: dict[str, Any]) -> None:
    """X links it all the same."""
    assert weighted_length(case["text"]) == 23
    assert weighted_length(f"({case['text']})") == 25


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("€", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("10\u00a0€", 5),
        ("10\u202f000", 7),
        ("“x” – y…", 9),
        ("@alice", 6),
        ("https://smoney.example/t/4F7K2Q", 31),
        ("https://smoney.fr/t/4F7K2Q.", 24),
        ("http://localhost:8000/t/4F7K2Q", 30),
        ("C’est fait.Merci", 16),
        ("👍🏽", 2),
        ("🇫🇷", 2),
        ("©", 1),
        ("字", 2),
    ],
)
def test_what_the_bot_s_sentences_are_made_of(text: str, length: int) -> None:
    """Where X may link a name or not, never too short."""
    assert weighted_length(text) >= length
    if "Merci" not in text:
        assert weighted_length(text) == length


@pytest.mark.properties
@given(st.one_of(st.text(max_size=600), st.text("ab 👍🏽\u200d€.https://t.co", max_size=600)))
def test_what_is_fitted_fits(text: str) -> None:
    """And starts as the text does."""
    short = fit(text)
    assert weighted_length(short) <= POST_AT_MOST
    if weighted_length(text) <= POST_AT_MOST:
        assert short == text
    else:
        assert short.endswith("…")
        assert text.startswith(short[:-1])


def test_a_text_is_cut_at_a_word() -> None:
    """Never inside one, unless there is only one."""
    assert fit("mot " * 100) == "mot " * 68 + "mot…"
    assert fit("x" * 400) == "x" * 278 + "…"
