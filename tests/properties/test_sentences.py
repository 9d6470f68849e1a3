"""Commands put together part by part, with what the specification says of the parts.

What is expected is worked out from the parts alone, without the grammar: which errors apply, the
first of them in the specified order, or the command that the parts say.
"""

from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.commands import (
    Command,
    Donate,
    ErrorCode,
    Lang,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
)
from bot.language import Text, parse, words
from tests.properties.test_language import CENTS, written

pytestmark = pytest.mark.properties

KINDS: dict[str, type[Pay] | type[Donate] | type[Request] | type[Split]] = {
    "pay": Pay,
    "donate": Donate,
    "request": Request,
    "split": Split,
}
WRONG_AMOUNTS = {
    ErrorCode.NEGATIVE_AMOUNT: ("-5€", "− 5 €", "-$5", "€-5", "–1.250€"),
    ErrorCode.UNSUPPORTED_CURRENCY: ("$10", "10 USD", "10 livres", "€10$", "1.250$", "₿1", "5 btc"),
    ErrorCode.AMBIGUOUS_AMOUNT: ("1.250€", "10k€", "10-20€", "€10€", "10€/mois", "10²€", "1.250"),
    ErrorCode.TOO_PRECISE: ("1.2345€", "€0,12345", "1.2345"),
    ErrorCode.ZERO_AMOUNT: ("0€", "0,00 €", "0 cents", "0"),
    ErrorCode.AMOUNT_TOO_LARGE: ("99999999€", "10 000 000 €", "10000000"),
    ErrorCode.MISSING_CURRENCY: ("10", "12,50", "1 250"),
    ErrorCode.MISSING_AMOUNT: ("dix euros", "twenty-five euros", "euros"),
}
BARE = ("1.250", "1.2345", "0", "10000000", "10", "12,50", "1 250")
"""Those that name no currency."""


@dataclass(frozen=True)
class Amount:
    """An amount as it is written, and what it says."""

    text: str
    cents: int = 0
    error: ErrorCode | None = None


AMOUNTS = st.one_of(
    st.builds(lambda cents, style: Amount(written(cents, style), cents), CENTS, st.integers(0, 99)),
    st.sampled_from(
        [Amount(text, error=error) for error, texts in WRONG_AMOUNTS.items() for text in texts]
    ),
)
PEOPLE = st.lists(
    st.sampled_from(["@alice", "@Alice", "@bob_1", "@carol", "@ALICÉ", "@fifteen_letters_"]),
    min_size=1,
    max_size=4,
)
BEFORE_AMOUNT = ["", "", "to ", ", ", "de ", "with, ", "& ", "à ", "and "]
BEFORE_PERSON = [*BEFORE_AMOUNT, "for ", "pour ", ": ", ", and ", "et pour ", "a "]
LED = {"for lunch": "lunch", "#resto": "#resto", ", le pain": "le pain", "pour Léa": "Léa"}
"""Notes that may follow `each`, which another word may not."""
LOOSE = {"lunch": "lunch", "merci pour hier": "merci pour hier", "à midi": "à midi", "🎉": "🎉"}
HELLO = st.sampled_from(["", "", "please ", "Bonjour, ", "hey! ", "👋 ", "peux-tu "])
BYE = st.sampled_from(["", "", "!", " stp", ", merci !", " ?", " https://t.co/abc"])


@dataclass(frozen=True)
class Sentence:
    """A command in parts."""

    kind: str
    verb: str
    people: tuple[str, ...]
    amount: Amount | None
    amount_first: bool
    each: str
    each_at_end: bool
    note: str
    small: tuple[str, ...]

    def text(self) -> str:
        """Write it."""
        small = iter(self.small * 9)
        people = ""
        for handle in self.people:
            people += f"{next(small)}{handle} "
        amount = "" if self.amount is None else f"{self.amount.text} "
        each = f"{self.each} " if self.each else ""
        if self.amount_first:
            middle = each if not self.each_at_end else ""
            said = f"{amount}{middle}{people}{each if self.each_at_end else ''}"
        else:
            joint = next(small) if self.amount is not None and self.people else ""
            joint = joint if joint in BEFORE_AMOUNT else ""
            said = f"{people}{joint}{amount}{each}"
        return f"{self.verb} {said}{self.note}".strip()

    def expected(self, author: str | None) -> Command | ErrorCode:
        """Say what the specification says of it."""
        heads = list(dict.fromkeys(handle.lower() for handle in self.people))
        good = [handle[1:] for handle in heads if handle not in ("@alicé", "@fifteen_letters_")]
        bare = self.amount is not None and self.amount.text in BARE
        if not heads and bare and (self.each or self.note not in ("", "🎉")):  # courtesy
            return Nothing()
        errors = set()
        if self.amount is None:
            errors.add(ErrorCode.MISSING_AMOUNT)
        elif self.amount.error is not None:
            errors.add(self.amount.error)
        if len(good) < len(heads):
            errors.add(ErrorCode.INVALID_HANDLE)
        if not heads:
            if author is None or self.kind == "split":
                errors.add(ErrorCode.MISSING_PAYEE)
            else:
                good = [author]
        if self.kind == "donate" and len(heads) > 1:
            errors.add(ErrorCode.AMBIGUOUS_COMMAND)
        if self.kind == "split" and self.each:
            errors.add(ErrorCode.AMBIGUOUS_TOTAL)
        if self.kind in ("pay", "request") and len(heads) > 1 and not self.each:
            errors.add(ErrorCode.AMBIGUOUS_TOTAL)
        if errors:
            return min(errors, key=list(ErrorCode).index)
        assert self.amount is not None
        return self._made(tuple(good))

    def _made(self, people: tuple[str, ...]) -> Command:
        assert self.amount is not None
        said = {**LED, **LOOSE}.get(self.note)
        lang: Lang = "en" if self.verb.lstrip("#").lower() in english(self.kind) else "fr"
        if self.kind == "split":
            return Split(people, self.amount.cents, said, lang)
        make = KINDS[self.kind]
        assert make is not Split
        return make(people, self.amount.cents, bool(self.each), said, lang)  # type: ignore[call-arg,arg-type]  # not Split


def english(kind: str) -> tuple[str, ...]:
    """The English verbs of a kind."""
    return words.VERBS[kind]["en"]


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    """Draw a command in parts, with what may stand where."""
    kind = draw(st.sampled_from(list(KINDS)))
    verb = draw(st.sampled_from([v for verbs in words.VERBS[kind].values() for v in verbs]))
    people = tuple(draw(st.one_of(st.just([]), PEOPLE)))
    amount = draw(st.one_of(st.none(), AMOUNTS)) if people else draw(AMOUNTS)
    each = draw(st.sampled_from(["", "", "each", "chacun", "CHACUNE", "chaque"])) if amount else ""
    counting = amount is not None and " euros " in amount.text  # 10 euros 99 balloons
    notes = [*LED] if each or counting else [*LED, *LOOSE]
    return Sentence(
        kind=kind,
        verb=draw(st.sampled_from([verb, verb.upper(), f"#{verb}", words.plain(verb)])),
        people=people,
        amount=amount,
        amount_first=draw(st.booleans()),
        each=each,
        each_at_end=draw(st.booleans()),
        note=draw(st.sampled_from(["", "", *notes])),
        small=tuple(draw(st.lists(st.sampled_from(BEFORE_PERSON), min_size=1, max_size=6))),
    )


@given(sentences(), HELLO, BYE, st.sampled_from([None, "dave"]), st.booleans())
def test_a_command_says_what_its_parts_say(
    sentence: Sentence, hello: str, bye: str, author: str | None, direct: bool
) -> None:
    """In a post, a reply and a direct message; courtesy at both ends changes nothing."""
    assume(not sentence.note or bye in ("", " https://t.co/abc"))
    said = f"{hello}{sentence.text()}{bye}"
    if direct:
        text = Text(said, direct=True)
    elif author is not None:
        text = Text(f"@{author} @smoney {said}", in_reply_to=author, typed_from=len(author) + 2)
    else:
        text = Text(f"@smoney {said}")
    command = parse(text)
    expected = sentence.expected(None if direct else author)
    got = command.error if isinstance(command, Misread) else command
    assert got == expected, said
