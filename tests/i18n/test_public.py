"""Everything that the bot may say in public fits a post, whatever it names."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.i18n
from bot.domain.commands import Lang
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.replies import NAMED_AT_MOST, Reply, quoted
from bot.i18n.length import LINK_LENGTH, POST_AT_MOST, weighted_length
from bot.i18n.texts import catalogue, say
from bot.language import words

FILES = sorted(Path(bot.i18n.__file__).parent.glob("*.toml"))
SPOKEN = [
    key
    for path in FILES
    if path.name not in {"pages.toml", "people.toml", "lost.toml"}
    for key in tomllib.loads(path.read_text("utf-8"))
    if not key.startswith(("page.", "sms."))
]
PRIVATE = re.compile(r"news\.|balance$|history(\.|$)|.*\.direct(_|$)")
"""What is said by direct message alone, where ten thousand characters are allowed."""
PUBLIC = [key for key in SPOKEN if not PRIVATE.match(key)]
REFUSALS = [key for key in PUBLIC if key.startswith("refusal.")]
EXAMPLES = [key for key in PUBLIC if key.startswith("example.")]

URL = "https://smoney-by-tweet.fr/t/4F7K2Q#1a2b3c4d"
TEXT = st.sampled_from(
    ["10", "1.250,50 €", "@a@b", "W" * 99, "字" * 99, "👍🏽" * 99, "\u202e€ x.fr"]
)
HANDLE = st.text("aiwm019_", min_size=1, max_size=15)
VERBS = [verb for table in words.VERBS.values() for verbs in table.values() for verb in verbs]
CENTS = st.integers(1, MAX_AMOUNT_CENTS)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "handle": HANDLE,
    "reference": st.text("247FKMQW", min_size=6, max_size=6),
    "url": st.just(URL),
    "most": st.integers(1, 100),
    "read": TEXT.map(quoted),
    "verb": st.sampled_from(VERBS),
    "countries": st.just(("FR", "GB", "NL")),
    "people": st.lists(HANDLE, min_size=1, max_size=NAMED_AT_MOST, unique=True),
}
"""How long each value that a sentence names can be; amounts and times are known by their ends."""
LONGEST: dict[str, object] = {
    "handle": "w" * 15,
    "reference": "4F7K2Q",
    "url": URL,
    "most": 100,
    "read": quoted("W" * 99),
    "verb": "désabonner",
    "countries": ("FR", "GB", "NL"),
    "people": ("w" * 15, "m" * 15),
}


def named(key: str) -> set[str]:
    """The values that a sentence names, in either language."""
    wordings = (wording for said in catalogue()[key].values() for wording in said)
    return {name for wording in wordings for name in re.findall(r"\{([a-z_]+)\}", wording)}


@st.composite
def replies(draw: st.DrawFn, keys: list[str]) -> Reply:
    """Draw a reply of one of the keys, with values as long as they come."""
    key = draw(st.sampled_from(keys))
    return Reply.of(key, **{name: draw(_value(name)) for name in sorted(named(key))})


def _value(name: str) -> st.SearchStrategy[object]:
    if name == "why":
        return replies(REFUSALS)
    if name == "example":
        return replies(EXAMPLES)
    if name.endswith("_cents"):
        return CENTS
    if name.endswith("_at"):
        return st.datetimes(timezones=st.just(UTC))
    assert name in VALUES, f"say in VALUES how long {name} can be"
    return VALUES[name]


def longest(key: str) -> Reply:
    """The reply of a key with its longest values, the widest of those that stand within it."""
    return Reply.of(key, **{name: _longest(name) for name in named(key)})


def _longest(name: str) -> object:
    if name in ("why", "example"):
        within = [longest(key) for key in (REFUSALS if name == "why" else EXAMPLES)]
        return max(within, key=lambda one: max(map(weighted_length, said(one))))
    if name.endswith("_cents"):
        return MAX_AMOUNT_CENTS
    if name.endswith("_at"):
        return datetime(2026, 12, 28, 23, 59, tzinfo=UTC)
    return LONGEST[name]


def said(reply: Reply) -> list[str]:
    """Every wording of a reply in public."""
    langs: tuple[Lang, ...] = ("fr", "en")
    return [
        say(reply, lang, public=True, seed=seed)
        for lang in langs
        for seed in range(len(catalogue()[reply.key][lang]))
    ]


def test_every_public_sentence_fits_a_post_at_its_longest() -> None:
    """In both languages and every wording; an error has room for a link besides."""
    for key in PUBLIC:
        room = LINK_LENGTH + 1 if key.startswith("error.") else 0
        for text in said(longest(key)):
            assert weighted_length(text) <= POST_AT_MOST - room, (key, text)


@pytest.mark.properties
@given(replies(PUBLIC), st.integers(0, 2**32), st.sampled_from(["fr", "en"]))
def test_every_public_reply_fits_a_post(reply: Reply, seed: int, lang: Lang) -> None:
    """For every handle, amount, reference and link; and it mentions nobody."""
    text = say(reply, lang, public=True, seed=seed)
    assert weighted_length(text) <= POST_AT_MOST
    assert "@" not in text


def test_a_link_of_ours_is_counted_as_x_counts_it() -> None:
    """Whatever its length."""
    assert weighted_length(URL) == LINK_LENGTH
    assert len(URL) > LINK_LENGTH
