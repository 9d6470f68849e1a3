"""What the bot has to say, before it is put into a language (`bot.i18n` does that)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final
from unicodedata import category

from bot.domain.commands import ErrorCode, Misread
from bot.domain.draft import readings
from bot.domain.money import MAX_AMOUNT_CENTS, PAYMENT_AT_MOST_CENTS

READ_AT_MOST: Final = 24
"""What is repeated of what was read (columns): a hint stays short enough for a post."""
_WIDE: Final = 0x1100
"""From here on characters take two columns, as X weighs them, near enough."""
NAMED_AT_MOST: Final = 2
"""How many people an example names."""
EXAMPLE_CENTS: Final = 1000
"""What an example pays where the person named no amount (cents)."""
EXAMPLE_REFERENCE: Final = "4F7K2Q"
"""The order that an example confirms where the person named none."""
EXAMPLE_HANDLE: Final = "alice"
"""Whom an example pays where the person named nobody."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One sentence of the catalogue, by its key, with the values that it names.

    A value may be a reply itself: an example within a sentence.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, **values: object) -> "Reply":
        """Name a sentence and its values: `Reply.of("refusal.unknown_handle", handle="alice")`."""
        return cls(key, values)


def misread_reply(misread: Misread, *, most_cents: int = PAYMENT_AT_MOST_CENTS) -> Reply:
    """Return what the bot answers to a command with an error.

    It says what was read, what is wrong, and one corrected example of the person's own words: one
    that can be paid, `most_cents` being the most of one payment.
    """
    people = _people(misread)
    return Reply.of(
        f"error.{misread.error}{_variant(misread, people)}",
        read=quoted(_read(misread) or ""),
        verb=_verb(misread),
        people=people[:NAMED_AT_MOST],
        amount_cents=misread.amount_cents or EXAMPLE_CENTS,
        most_cents=MAX_AMOUNT_CENTS,
        example=_example(misread, people, most_cents),
    )


_MENTION: Final = re.compile(r"(?<![^\W_])@([A-Za-z0-9_]{1,15})(?![\w@])")
_MONEY: Final = re.compile(
    r"(?:€|(?ai:\beur) ?)[0-9][0-9., ]*|[0-9][0-9., ]*(?:€|(?ai:euros?|eur)\b)"
)


def _people(misread: Misread) -> tuple[str, ...]:
    """Return who was named: where nobody was understood, whoever the rest of the text names."""
    if misread.people or misread.rest is None:
        return misread.people
    return tuple(dict.fromkeys(name.lower() for name in _MENTION.findall(misread.rest)))


def _read(misread: Misread) -> str | None:
    """Return the part of the text that the sentence is about, as it was written."""
    if misread.error is ErrorCode.INVALID_HANDLE:
        return misread.handle_text or "".join(misread.people[:1])
    return _money(misread)


def _money(misread: Misread) -> str | None:
    """Return the amount as it was written: where none was understood, the first in the rest."""
    if misread.amount_text is not None or misread.rest is None:
        return misread.amount_text
    found = _MONEY.search(misread.rest)
    return None if found is None else found[0].strip()


def _verb(misread: Misread) -> Reply | str:
    """Return the verb that the person used, or the usual one."""
    return misread.verb_text or Reply.of(f"verb.{misread.verb}")


def _variant(misread: Misread, people: tuple[str, ...]) -> str:
    """Which wordings of an error say what was read."""
    if misread.error is ErrorCode.AMBIGUOUS_COMMAND:
        return _ambiguous(misread, people)
    if misread.error is ErrorCode.AMBIGUOUS_TOTAL and misread.verb == "split":
        return ".split"
    if misread.error is ErrorCode.MISSING_AMOUNT and misread.amount_text is not None:
        return ".spelled"
    if misread.error is ErrorCode.MISSING_AMOUNT and not misread.people:
        return ".alone"
    return ""


def _ambiguous(misread: Misread, people: tuple[str, ...]) -> str:
    if misread.verb not in _MOVES:
        return ".long" if misread.rest is None else ".name"
    if misread.verb == "donate" and len(misread.people) > 1:
        return ".donate"
    if misread.rest is None and misread.amount_cents is not None:
        return ".long"
    if _money(misread) is None:
        return ".people" if people else ".unclear"
    return "" if people else ".amount"


_MOVES: Final = frozenset({"pay", "donate", "request", "split"})


def _example(misread: Misread, people: tuple[str, ...], most_cents: int) -> Reply:
    """Make the command that the person may have meant, with their own verb."""
    verb = _verb(misread)
    if misread.verb not in _MOVES:
        named = misread.verb == "confirm" or (
            misread.verb in ("cancel", "decline") and misread.reference is not None
        )
        key = f"example.{misread.verb}{'.named' if named else ''}"
        return Reply.of(key, verb=verb, reference=misread.reference or EXAMPLE_REFERENCE)
    if misread.error is ErrorCode.INVALID_HANDLE and misread.handle_text is None:
        people = people[1:]  # The first of them is what is wrong.
    whom = people[: 1 if misread.verb == "donate" else NAMED_AT_MOST] or (EXAMPLE_HANDLE,)
    shared = misread.verb != "split" and (len(whom) > 1 or misread.each)
    key = f"example.{misread.verb}{'.each' if shared and misread.verb != 'donate' else ''}"
    if misread.verb == "split" and not misread.each:
        most_cents *= len(whom) + 1  # of a total, each pays a share
    cents = payable((_probable_cents(misread), *readings(_money(misread) or "")), most_cents)
    return Reply.of(key, verb=verb, people=whom, typed_cents=cents)


def payable(cents: Iterable[int], most_cents: int) -> int:
    """Return the first of some amounts that one payment may be, else that of a plain example.

    >>> payable([125000, 125], 25000), payable([0, 125000], 25000)
    (125, 1000)
    """
    return next((one for one in cents if 0 < one <= most_cents), EXAMPLE_CENTS)


def _probable_cents(misread: Misread) -> int:
    """Find an amount for the example in what was written; the person still has to say it."""
    if misread.amount_cents is not None:
        return misread.amount_cents
    found = re.search(r"[0-9][0-9., ]*", _money(misread) or "")
    written = found[0].rstrip("., ") if found is not None else ""
    if re.fullmatch(r"[0-9]{1,3}(?:([., ])[0-9]{3})(?:\1[0-9]{3})*", written):
        written = re.sub("[., ]", "", written)
    whole, _, part = re.sub("[, ]", ".", written).partition(".")
    if not whole or len(whole) > len(str(MAX_AMOUNT_CENTS)):
        return EXAMPLE_CENTS
    return int(whole) * 100 + int((part[:2] if part[:2].isdecimal() else "").ljust(2, "0"))


_NO_LINK: Final = re.compile(r"(?<=[^\W\d_])\.|\.(?=[^\W\d_])")
_UNQUOTABLE: Final = re.compile(r"[^\w €$£¥·.,'’+/%*=°−–-]")


def quoted(text: str) -> str:
    """Repeat what somebody wrote: in the bot's own post it holds no mention, tag or link.

    What cannot be seen is shown as `·`.
    """
    shown = "".join("·" if category(c) == "Cf" else c for c in text)
    plain = " ".join(_NO_LINK.sub(" ", _UNQUOTABLE.sub("", shown)).split())
    columns = accumulate(1 if ord(c) < _WIDE else 2 for c in plain)
    kept = sum(column <= READ_AT_MOST for column in columns)
    return plain if kept == len(plain) else f"{plain[: kept - 1].rstrip()}…"
