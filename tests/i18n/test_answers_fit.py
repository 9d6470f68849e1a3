"""Every answer that may stand in public fits a post, whatever it names."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.replies import Reply
from bot.i18n import texts
from bot.i18n.length import POST_AT_MOST, weighted_length
from bot.i18n.texts import catalogue, say

CONVERSATION = (Path(texts.__file__).parent / "conversation.toml").read_text("utf-8")
HANDLE = "w" * 15
"""As long as a handle may be."""
WORST: dict[str, object] = {
    "handle": HANDLE,
    "people": (HANDLE, HANDLE),
    "reference": "4F7K2Q",
    "url": "https://smoney.example/t/4F7K2Q#ffffffff",
    "most": 100,
    "until_at": datetime(2026, 9, 30, 23, 59, tzinfo=UTC),
    "example": Reply.of("example.pay", people=(HANDLE,), typed_cents=MAX_AMOUNT_CENTS),
}


class Worst(dict[str, object]):
    """The longest value of each name; every amount is the highest there is."""

    def __contains__(self, name: object) -> bool:
        """Whether there is such a value: for any amount there is."""
        return str(name).endswith("_cents") or super().__contains__(name)

    def __missing__(self, name: str) -> object:
        """Return the highest amount."""
        assert name.endswith("_cents"), name
        return MAX_AMOUNT_CENTS


PUBLIC = [
    key
    for key, wordings in catalogue().items()
    if f'["{key}"]' in CONVERSATION and len(wordings["fr"]) > 1
]


@pytest.mark.parametrize("key", PUBLIC)
def test_a_public_answer_fits_a_post(key: str) -> None:
    """In every wording of both languages, with the longest handle, amount and link."""
    for lang in ("fr", "en"):
        for seed in range(len(catalogue()[key][lang])):
            said = say(Reply(key, Worst(WORST)), lang, public=True, seed=seed)
            assert weighted_length(said) <= POST_AT_MOST, said
            assert "@" not in said


def test_the_answers_of_this_file_are_those_that_people_read_in_public() -> None:
    """The list is not empty by a mistake of its own."""
    assert {"order.request.public", "refusal.not_yours", "refusal.cannot_ask"} <= set(PUBLIC)
