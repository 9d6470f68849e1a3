"""The one catalogue: every key in both languages, and how values are written."""

import re
from datetime import UTC, datetime

import pytest

from bot.domain.replies import Reply
from bot.i18n.texts import amount, catalogue, moment, say, typed


def places(wording: str) -> set[str]:
    """The values that a wording names."""
    return set(re.findall(r"\{([a-z_]+)\}", wording))


def test_every_key_has_both_languages_with_the_same_values() -> None:
    """In some wording of each; none is empty, none has a stray brace."""
    for key, texts in catalogue().items():
        assert set(texts) == {"fr", "en"}, key
        named = {lang: set().union(*map(places, wordings)) for lang, wordings in texts.items()}
        assert named["fr"] == named["en"], key
        for wording in (wording for wordings in texts.values() for wording in wordings):
            assert wording.strip() == wording, key
            assert wording, key
            assert not re.search(r"[{}]", re.sub(r"\{[a-z_]+\}", "", wording)), key


def test_french_is_set_as_french_is() -> None:
    """A no-break space before high punctuation and inside guillemets, curly apostrophes."""
    for key in (key for key in catalogue() if not key.startswith(("page", "example"))):
        for wording in catalogue()[key]["fr"]:
            assert not re.search(r"[^\u00a0\u202f](?:[?!»]|:(?!//))", wording), (key, wording)
            assert not re.search(r"«[^\u00a0\u202f]", wording), (key, wording)
            assert "'" not in wording, (key, wording)


def test_values_are_written_as_the_reader_does() -> None:
    """By their names, in public without `@`."""
    reply = Reply.of(
        "news.payer.posted", handle="alice", amount_cents=125050, reference="A", url="u"
    )
    assert say(reply, "fr", public=False).startswith(
        "C’est fait\u00a0: @alice a reçu 1\u202f250,50\u00a0€"
    )
    assert say(reply, "en", public=True).startswith("Done: alice has received €1,250.50 (A).")
    assert amount(1000, "fr") == "10\u00a0€"
    assert amount(1050, "en") == "€10.50"
    assert amount(5, "fr") == "0,05\u00a0€"
    assert typed(100000000, "en") == "€1000000"
    assert moment(datetime(2026, 7, 1, 22, 5, tzinfo=UTC), "fr") == "2\u00a0juil. à\u00a000:05"


def test_a_reply_may_stand_within_another() -> None:
    """An example is written in the same language and as publicly."""
    inner = Reply.of(
        "example.pay", verb=Reply.of("verb.pay"), people=("alice", "bob"), typed_cents=1000
    )
    reply = Reply.of("error.missing_code", verb="oui", example=inner)
    assert say(reply, "fr", public=False).endswith("payer 10\u00a0€ à @alice et @bob")
    assert say(reply, "en", public=True).endswith("pay €10 to alice and bob")


def test_a_seed_picks_the_wording() -> None:
    """So that X sees no text twice in short order."""
    reply = Reply.of("refusal.to_self")
    assert len({say(reply, "fr", public=True, seed=seed) for seed in range(2)}) == 2


def test_a_missing_key_or_value_is_our_own_mistake() -> None:
    """It is never shown to a person."""
    with pytest.raises((AssertionError, KeyError)):
        say(Reply.of("no.such.key"), "fr", public=True)
    with pytest.raises(AssertionError):
        say(Reply.of("refusal.unknown_reference"), "fr", public=True)
