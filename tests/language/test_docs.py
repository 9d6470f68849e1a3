"""docs/language.md says what the bot does: its examples are read, its lists are the table's."""

import re
from pathlib import Path

import pytest

from bot.domain.commands import ErrorCode
from bot.language import Text, parse, words
from tests.language.saying import told

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
FRENCH, ENGLISH = PAGE.split("\n# In English\n")
ROWS = [
    (example, meaning)
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for example in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    for meaning in re.findall("<!-- (.+?) -->", line) or ["nothing is said of it"]
]
LISTS = {
    found[2]: re.findall("`([^`]+)`", found[1])
    for found in re.finditer(r"(.*)<!-- ((?:verbs|small|towards|each) .+?) -->", PAGE)
}


def read(example: str, context: str) -> str:
    """Read an example as a post, as a reply to @alice, or as a direct message."""
    if context == "direct":
        return told(parse(Text(example, direct=True)))
    author = "alice" if context == "reply" else None
    return told(parse(Text(example, in_reply_to=author)))


def test_every_example_is_read_as_it_says() -> None:
    """What a reader tries works."""
    assert len(ROWS) > 100
    for example, meaning in ROWS:
        context, _, expected = meaning.rpartition(": ")
        assert read(example, context) == expected, example


def test_every_list_of_words_is_the_table_s() -> None:
    """Whole, in its order: a verb that is added to the table is missing here until it is told."""
    expected = {
        f"verbs {lang} {kind}": [*table[lang], *(["?"] if kind == "help" else [])]
        for kind, table in words.VERBS.items()
        for lang in ("fr", "en")
    }
    for lang in ("fr", "en"):
        expected[f"small {lang}"] = list(words.SMALL_WORDS[lang])
        expected[f"towards {lang}"] = list(words.TOWARDS_WORDS[lang])
        expected[f"each {lang}"] = list(words.EACH_WORDS[lang])
    assert LISTS.keys() == expected.keys()
    for name, listed in expected.items():
        assert [word for word in LISTS[name] if word != "&"][-len(listed) :] == listed, name


@pytest.mark.parametrize("half", [FRENCH, ENGLISH], ids=["fr", "en"])
def test_every_kind_and_every_error_has_an_example(half: str) -> None:
    """In each language; a reader finds whatever can happen."""
    kinds = {
        meaning.rpartition(": ")[2].split(" @")[0] for meaning in re.findall("<!-- (.+?) -->", half)
    }
    for error in ErrorCode:
        assert f"error {error}" in kinds, error
    for kind in words.VERBS:
        shown = {meaning.split()[0] for meaning in kinds}
        assert kind in shown or kind in ("help", "history"), kind


def test_both_halves_show_the_same() -> None:
    """As many examples of each outcome, in the same order of sections."""
    outcomes = [re.findall("<!-- (.+?) -->", half) for half in (FRENCH, ENGLISH)]
    kinds = [
        [re.sub(r"'.*'|verbs ..|small ..|towards ..|each ..", "", o) for o in half]
        for half in outcomes
    ]
    assert kinds[0] == kinds[1]
    assert FRENCH.count("\n## ") == ENGLISH.count("\n## ")


def test_the_readme_leads_to_it() -> None:
    """A page that nobody finds helps nobody."""
    assert "docs/language.md" in (Path(__file__).parents[2] / "README.md").read_text("utf-8")
