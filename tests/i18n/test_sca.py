"""Why a payment needs strong authentication: the sentence names the figure that is passed."""

import re
from typing import Literal

import pytest

from bot.domain import limits, sca
from bot.domain.commands import Lang
from bot.domain.limits import Policy
from bot.i18n.texts import say

Bites = Literal["amount", "total"]


def sentence(key: str, lang: Lang) -> str:
    """Return what a person reads."""
    return say(limits.explain(key, Policy()), lang, public=False)


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("card", [True, False])
@pytest.mark.parametrize(("bites", "named"), [("amount", "30"), ("total", "100")])
def test_one_figure_is_named_and_it_is_the_one(
    lang: Lang, bites: Bites, named: str, *, card: bool
) -> None:
    """30 € for one payment, 100 € for all of them since the last check: never the other."""
    needed = sca.NeedsSca(card_would_do=card, bites=bites)
    for key in (needed.refusal, needed.refusal_of_card):
        assert re.findall("[0-9]{2,}", sentence(key, lang)) == [named]


@pytest.mark.parametrize("bites", ["amount", "total"])
def test_another_card_is_proposed_where_it_helps_alone(bites: Bites) -> None:
    """Where the first was not checked; where no card's check would do, the code and a text do."""
    with_card = sca.NeedsSca(card_would_do=True, bites=bites)
    without = sca.NeedsSca(card_would_do=False, bites=bites)
    assert "ar carte" in sentence(with_card.refusal, "fr")
    assert "autre carte" in sentence(with_card.refusal_of_card, "fr")
    assert "another card" in sentence(with_card.refusal_of_card, "en")
    for key in (without.refusal, without.refusal_of_card):
        assert "portefeuille ou par carte, avec votre code et un SMS" in sentence(key, "fr")
        assert "wallet or by card, with your code and a text message" in sentence(key, "en")
        assert "3-D Secure" not in sentence(key, "fr")
