"""What a page offers for an amount that was misread: every reading, and none that is a guess."""

import pytest

from bot.domain.commands import Misread
from bot.domain.draft import is_mendable, offers, readings
from bot.domain.order import NOTE_AT_MOST, typed_note
from bot.language import Text, parse


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("pay @alice 10", [1000]),
        ("pay @alice 12,50", [1250]),
        ("pay @alice 1.250€", [125000, 125]),
        ("pay @alice 1,255€", [125500]),
        ("pay @alice 0.125€", []),
        ("pay @alice 1.2345€", [123, 124]),
        ("pay @alice 10-20€", [1000, 2000]),
        ("pay @alice 10/20€", [1000, 2000]),
        ("pay @alice 10€ 50", [1050, 1000, 5000]),
        ("pay @alice 10€5", [1000, 500]),
        ("pay @alice €10€", [1000]),
        ("pay @alice 10 50€", [1050]),
        ("pay @alice 1.250.000,50€", [125000050]),
        ("pay @alice -10€", [1000]),
        ("pay @alice 10k€", []),
        ("pay @alice 10²€", []),
        ("pay @alice 10€/mois", []),
        ("pay @alice .50€", []),
        ("pay @alice $10", []),
        ("pay @alice 0€", []),
        ("pay @alice 99999999€", []),
        ("pay @alice ten euros", []),
        ("pay @alice", []),
        ("request 12.500€ from @bob for taxi", [1250000, 1250]),
        ("pay @alice @bob 10€", [1000, 500]),
        ("pay @alice @bob @carol 10€", [1000]),
        ("split 30€ each with @alice @bob", [3000, 9000]),
    ],
)
def test_what_is_offered_for_a_text(text: str, cents: list[int]) -> None:
    """Each reading of the figures; with several people, an amount for each of them."""
    misread = parse(Text(f"@smoney {text}"))
    assert isinstance(misread, Misread)
    assert is_mendable(misread)
    heads = len(misread.people)
    found = offers(
        misread.error.value, misread.verb, misread.amount_cents, misread.amount_text, heads
    )
    assert list(found) == cents


@pytest.mark.parametrize(
    "text",
    [
        "pay @alice @bobé 10",  # somebody is illegible: to leave them out would be a guess
        "pay my friend @alice 10€",
        "pay @alice 10€ and @bob 5€",
        "pay 10",
        "pay 10€",
        "yes 4F7K2Q or not",
        "donate 10€ @alice @bob",
    ],
)
def test_what_no_page_can_mend(text: str) -> None:
    """Where more than the amount is in doubt, the hint is all."""
    misread = parse(Text(f"@smoney {text}"))
    assert isinstance(misread, Misread)
    assert not is_mendable(misread)


def test_a_long_text_offers_nothing() -> None:
    """It is not kept whole, so that nothing is read out of a part of it."""
    assert readings("10-" + "0" * 40) == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("  pour\tla \n pizza ", "pour la pizza"),
        ("a\u202eb\u200bc\x00", "abc"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        (" \u200b ", None),
        ("x" * 141, "x" * (NOTE_AT_MOST - 1) + "…"),
    ],
)
def test_a_note_that_is_typed_is_one_line_of_what_is_seen(text: str, note: str | None) -> None:
    """Nothing turns round or hides what stands beside it."""
    assert typed_note(text) == note
