"""From the parts that a rule of the grammar found to a command: values, not meanings.

What a text means stands in `grammar/`; here a token becomes cents, a handle or a note, and of
several errors the first in the specified order is kept.
"""

import re
from dataclasses import dataclass
from typing import Final

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
)  # fmt: skip
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.language import characters as ch
from bot.language import words
from bot.language.engine import Token
from bot.language.normalize import Addressed

NOTE_CHARACTERS: Final = 140
"""A longer note is cut at a word, with `…`, to that many characters."""

NAME_CHARACTERS: Final = 6
"""An order's short name, without its `#`."""

NOTHING: Final = Nothing()

Order = type[Pay] | type[Donate] | type[Request] | type[Split]
Child = Token | list[Token]

_AMOUNT_ERRORS: Final[dict[str, ErrorCode | None]] = {
    "EURO_AMOUNT": None,
    "TWO_AMOUNTS": ErrorCode.AMBIGUOUS_COMMAND,
    "NEGATIVE_AMOUNT": ErrorCode.NEGATIVE_AMOUNT,
    "UNSUPPORTED_CURRENCY": ErrorCode.UNSUPPORTED_CURRENCY,
    "AMBIGUOUS_AMOUNT": ErrorCode.AMBIGUOUS_AMOUNT,
    "LETTERED_AMOUNT": ErrorCode.AMBIGUOUS_AMOUNT,
    "TOO_PRECISE": ErrorCode.TOO_PRECISE,
    "SPELLED_AMOUNT": ErrorCode.MISSING_AMOUNT,
    "EUROS_ALONE": ErrorCode.MISSING_AMOUNT,
    "BARE_NUMBER": ErrorCode.MISSING_CURRENCY,
    "BARE_NEGATIVE": ErrorCode.NEGATIVE_AMOUNT,
    "BARE_PRECISE": ErrorCode.TOO_PRECISE,
    "BARE_AMBIGUOUS": ErrorCode.AMBIGUOUS_AMOUNT,
}
"""What each terminal of `grammar/money.lark` says of an amount."""

_NOTES: Final = frozenset({"NOTE", "PLAIN_NOTE"})
_PERSONS: Final = frozenset({"MENTION", "INVALID_HANDLE"})
_SMALL: Final = frozenset({"TO_PERSON", "TO_AMOUNT"})
NAMES: Final = frozenset({"REFERENCE", "CODE"})
_REST: Final = frozenset(
    {
        *("MORE_OF_BOTH", "MORE_PEOPLE", "MORE_MONEY", "PLAIN_MORE", "EACH_OTHER", "ANYTHING"),
        *("PERSON_AGAIN", "AMOUNT_AGAIN"),
    }
)
_RANK: Final = {error: rank for rank, error in enumerate(ErrorCode)}

_SPACES: Final = re.compile(f"[ {ch.GAP}]+")
_FIGURES: Final = re.compile("[0-9]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_WHOLE_DIGITS: Final = len(str(MAX_AMOUNT_CENTS))
"""More digits than that are too large in euros and in cents; Python need not read them."""


@dataclass(slots=True)
class Parts:
    """The parts of a command that moves money.

    `another` is a bare number that follows the amount, joined to it; `with_bot` that the bot's own
    handle was dropped; `rest` what could not be placed; `end` is where the arguments end in the
    text.
    """

    verb: Token | None = None
    people: tuple[Token, ...] | list[Token] = ()
    amount: Token | None = None
    each: bool = False
    with_bot: bool = False
    another: Token | None = None
    note: Token | None = None
    rest: Token | None = None
    small: Token | None = None
    name: Token | None = None
    end: int = 0

    @classmethod
    def of(cls, children: list[Child]) -> "Parts":
        """Sort what a rule has found."""
        parts = cls()
        for child in children:
            if isinstance(child, list):
                parts.people = child
                parts.small = parts.small or next((c for c in child if c.type in _SMALL), None)
                parts.end = child[-1].end
                continue
            kind = child.type
            if kind in _AMOUNT_ERRORS:
                parts.amount = child
            elif kind in _NOTES:
                parts.note = child
                continue
            elif kind == "EACH":
                parts.rest = child if parts.each else None
                parts.each = True
                parts.with_bot |= ch.BOT in child.text
            elif kind == "BOT_FIRST":
                parts.with_bot = True
            elif kind == "ANOTHER_NUMBER":
                parts.another = child
            elif kind in NAMES:
                parts.name = child
            elif kind in _SMALL:
                parts.small = parts.small or child
            elif kind.lower() in words.VERBS:
                parts.verb = child
            elif kind in _REST:
                parts.rest = child
                continue
            else:
                continue
            parts.end = child.end
        return parts

    def names_nobody(self) -> bool:
        """Whether nobody is named, not even the bot: the author replied to is meant."""
        return not self.people and not self.with_bot

    def lang(self, other: Lang) -> Lang:
        """The verb's language, else the first small word's, else the other."""
        if self.verb is not None and (known := verb_lang(self.verb.text)) is not None:
            return known
        if self.small is not None:
            for word in _LETTERS.findall(self.small.text):
                if (known := words.SMALL_LANG.get(words.plain(word))) is not None:
                    return known
        return other


def verb_lang(verb: str) -> Lang | None:
    """The language of a verb; None where it is one of both."""
    return words.VERB_LANG.get(words.plain(verb.removeprefix("#")))


def order(kind: Order, parts: Parts, addressed: Addressed, lang: Lang) -> Command:
    """Make the command that moves money, or the first of its errors."""
    named = dict.fromkeys(
        (token.type, token.text.lower()) for token in parts.people if token.type in _PERSONS
    )
    if parts.amount is None and not named and not addressed.direct:
        return NOTHING  # The verb, and at most the bot's own handle, which is dropped.
    people = tuple([handle[1:] for type_, handle in named if type_ == "MENTION"])
    cents, error = amount(parts.amount)
    errors = [error] if error is not None else []
    if parts.another is not None:
        errors.append(ErrorCode.AMBIGUOUS_AMOUNT)
    if len(people) < len(named):
        errors.append(ErrorCode.INVALID_HANDLE)
    if not named:
        if parts.with_bot or parts.people or addressed.author is None or kind is Split:
            errors.append(ErrorCode.MISSING_PAYEE)
        else:
            people = (addressed.author,)
    if (crowd := _crowd(kind, parts, len(named))) is not None:
        errors.append(crowd)
    if parts.end > addressed.length:
        errors.append(ErrorCode.AMBIGUOUS_COMMAND)
    if errors:
        return misread(min(errors, key=_RANK.__getitem__), parts, addressed, lang)
    assert cents is not None, "an amount without an error has a value"
    lang, said = parts.lang(lang), note(parts.note, addressed)
    if issubclass(kind, Split):
        return Split(people, cents, said, lang)
    return kind(people, cents, parts.each, said, lang)


def _crowd(kind: Order, parts: Parts, heads: int) -> ErrorCode | None:
    """What is wrong with the number of people."""
    if kind is Donate:
        return ErrorCode.AMBIGUOUS_COMMAND if heads > 1 else None
    if kind is Split:
        return ErrorCode.AMBIGUOUS_TOTAL if parts.each else None
    return ErrorCode.AMBIGUOUS_TOTAL if heads > 1 and not parts.each else None


def misread(error: ErrorCode, parts: Parts, addressed: Addressed, lang: Lang) -> Misread:
    """Keep what was understood beside what is wrong."""
    handles = dict.fromkeys(t.text[1:].lower() for t in parts.people if t.type == "MENTION")
    people = tuple(handles)
    if parts.names_nobody() and addressed.author is not None:
        people = (addressed.author,)
    cents, _ = amount(parts.amount)
    strange = next((t for t in parts.people if t.type == "INVALID_HANDLE"), None)
    return Misread(
        error=error,
        lang=parts.lang(lang),
        verb="pay" if parts.verb is None else parts.verb.type.lower(),
        people=people,
        amount_cents=cents,
        amount_text=_written(addressed, parts.amount, parts.another),
        each=parts.each,
        note=note(parts.note, addressed),
        handle_text=_written(addressed, strange, None),
        verb_text=verb_text(addressed, parts.verb),
        rest=_written(addressed, parts.rest, None),
        reference=None if parts.name is None else short_name(parts.name),
    )


def short_name(name: Token) -> str:
    """Return the short name of an order, in upper case."""
    return name.text[-NAME_CHARACTERS:].upper()


def verb_text(addressed: Addressed, verb: Token | None) -> str | None:
    """Return the verb as it was written, without `#`."""
    return None if verb is None else addressed.text[verb.start : verb.end].removeprefix("#").lower()


def _written(addressed: Addressed, first: Token | None, last: Token | None) -> str | None:
    """Return what was written from one part to another."""
    if first is None:
        return None
    return _SPACES.sub(" ", addressed.text[first.start : (last or first).end])


def amount(token: Token | None) -> tuple[int | None, ErrorCode | None]:
    """Read an amount: its cents where the figures are beyond doubt, and what is wrong with it."""
    if token is None:
        return None, ErrorCode.MISSING_AMOUNT
    error = _AMOUNT_ERRORS[token.type]
    if error not in (None, ErrorCode.MISSING_CURRENCY):
        return None, error
    cents = _cents(token.text)
    if cents == 0:
        return None, ErrorCode.ZERO_AMOUNT
    if cents > MAX_AMOUNT_CENTS:
        return None, ErrorCode.AMOUNT_TOO_LARGE
    return cents, error


def _cents(written: str) -> int:
    """Read a well-written number; what is too large is read as just that."""
    *before, last = _FIGURES.finditer(written)
    only_cents = "€" not in written and _is_cents(written.lower())
    between = written[before[-1].end() : last.start()] if before else " "
    whole, part = "".join([found[0] for found in before]), last[0]
    if only_cents or between == " ":
        whole, part = whole + part, ""
    whole = whole.lstrip("0") or "0"
    if len(whole) > _WHOLE_DIGITS:
        return MAX_AMOUNT_CENTS + 1
    if only_cents:
        return int(whole)
    return int(whole) * 100 + int((part.ljust(2, "0") if between in ",." else part) or "0")


def _is_cents(folded: str) -> bool:
    """Whether an amount is in cents alone: no other currency's word holds a `c`."""
    return "c" in folded and "eur" not in folded


def note(token: Token | None, addressed: Addressed) -> str | None:
    """Return the payer's note as it was written, cut at a word where it is long."""
    if token is None:
        return None
    text = addressed.text[token.start : token.end]
    if ch.BOT in text:
        text = _with_bot(text, addressed)
    text = _SPACES.sub(" ", text).strip()
    if len(text) <= NOTE_CHARACTERS:
        return text
    cut = text[:NOTE_CHARACTERS].rfind(" ")
    return text[: cut if cut > 0 else NOTE_CHARACTERS - 1].rstrip() + "…"


def _with_bot(text: str, addressed: Addressed) -> str:
    """Put the bot's handle back as it was written: in a note it is text."""
    parts = text.split(ch.BOT)
    named = addressed.named[-(len(parts) - 1) :]
    gap = [
        (f"{handle}{part[len(handle) - 1 :]}")
        for handle, part in zip(named, parts[1:], strict=True)
    ]
    return "".join((parts[0], *gap))
