"""The length of a post, and what X takes for a link."""

from typing import Any

import pytest
import yaml

from bot.sandbox.x_server import weighted
from tests.sandbox.x_kit import DATA

CASES = yaml.load((DATA / "twitter-text-validate.yml").read_text(), yaml.CSafeLoader)["tests"]
PLAIN = CASES["WeightedTweetsCounterTest"]
EMOJI = (
    CASES["WeightedTweetsWithDiscountedEmojiCounterTest"]
    + CASES["UnicodeDirectionalMarkerCounterTest"]
)


def name_of(case: dict[str, Any]) -> str:
    """What a conformance case calls itself."""
    return str(case["description"])


@pytest.mark.parametrize("case", PLAIN, ids=name_of)
def test_weights_are_those_of_twitter_text_without_emoji_parsing(case: dict[str, Any]) -> None:
    """Each conformance case that counts the parts of an emoji one by one."""
    weight = weighted.weighted_length(case["text"], emoji=False)
    assert weight == case["expected"]["weightedLength"]


@pytest.mark.parametrize("case", EMOJI, ids=name_of)
def test_weights_are_those_of_twitter_text(case: dict[str, Any]) -> None:
    """Each conformance case as X counts today, with its verdict."""
    assert weighted.weighted_length(case["text"]) == case["expected"]["weightedLength"]
    assert weighted.is_valid(case["text"]) == case["expected"]["valid"]


@pytest.mark.parametrize("case", CASES["urls_without_protocol"], ids=name_of)
def test_links_without_a_scheme_are_those_of_twitter_text(case: dict[str, Any]) -> None:
    """Each conformance case of a link without its scheme."""
    found = [span.url for span in weighted.find_links(case["text"])]
    assert (found == [case["text"]]) == case["expected"]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://pay.example.org/t/4F7K2Q.", ["https://pay.example.org/t/4F7K2Q"]),
        ("(https://x.com/a(b))", ["https://x.com/a(b)"]),
        ("http://localhost:8000/t/4F7K2Q", []),
        ("bob@example.com", []),
        ("10.50€", []),
        ("it.so", []),
        ("pizza.Merci", []),
    ],
)
def test_only_names_with_a_domain_are_links(text: str, links: list[str]) -> None:
    """X leaves http://localhost and ends of sentences as they were typed."""
    assert [span.url for span in weighted.find_links(text)] == links


def test_a_host_named_beforehand_is_a_link_too() -> None:
    """A test may ask for short links where the address is a local one."""
    text = "http://localhost:8000/t/4F7K2Q"
    found = weighted.find_links(text, hosts=frozenset({"localhost"}))
    assert [span.url for span in found] == [text]
    assert weighted.weighted_length(text, hosts=frozenset({"localhost"})) == 23
