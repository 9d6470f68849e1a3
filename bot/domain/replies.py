"""What the bot has to say, before it is put into a language (`bot.i18n` does that)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final
from unicodedata import category

from bot.domain.commands import ErrorCode, Misread
from bot.domain.money import MAX_AMOUNT_CENTS

READ_AT_MOST: Final = 24
"""What is repeated of what was read (columns): a hint stays short enough for a post."""
_WIDE: Final = 0x1100
"""From here on characters take two columns, as X weighs them, near enough."""
NAMED_AT_MOST: Final = 2
"""How many people an example names."""
EXAMPLE_CENTS: Final = 1000
"""What an example pays where the person named no amount (cents)."""
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


def misread_reply(misread: Misread) -> Reply:
    """Return what the bot answers to a command with an error.

    It says what was read, what is wrong, and one corrected example of the person's own words.
    """
    read = misread.handle_text if misread.error is ErrorCode.INVALID_HANDLE else misread.amount_text
    return Reply.of(
        f"error.{misread.error}{_variant(misread)}",
        read=quoted(read or ""),
        people=misread.people[:NAMED_AT_MOST],
        amount_cents=misread.amount_cents or EXAMPLE_CENTS,
        most_cents=MAX_AMOUNT_CENTS,
        example=_example(misread),
    )


def _variant(misread: Misread) -> str:
    """Which wordings of an error say what was read."""
    if misread.error is ErrorCode.AMBIGUOUS_COMMAND:
        return _ambiguous(misread)
    if misread.error is ErrorCode.AMBIGUOUS_TOTAL and misread.verb == "split":
        return ".split"
    if misread.error is ErrorCode.MISSING_AMOUNT and misread.amount_text is not None:
        return ".spelled"
    if misread.error is ErrorCode.MISSING_AMOUNT and not misread.people:
        return ".alone"
    return ""


def _ambiguous(misread: Misread) -> str:
    if misread.verb not in _MONEY:
        return ".name" if misread.verb in _NAMES else ".long"
    if misread.verb == "donate" and len(misread.people) > 1:
        return ".donate"
    return "" if misread.people and misread.amount_text else ".unclear"


_MONEY: Final = frozenset({"pay", "donate", "request", "split"})
_NAMES: Final = frozenset({"confirm", "cancel", "decline"})


def _example(misread: Misread) -> Reply:
    """Make the command that the person may have meant."""
    if misread.verb not in _MONEY:
        return Reply.of(f"example.{misread.verb}")
    named = 1 if misread.verb == "donate" else NAMED_AT_MOST
    people = misread.people[:named] or (EXAMPLE_HANDLE,)
    shared = misread.verb != "split" and (len(people) > 1 or misread.each)
    key = f"example.{misread.verb}{'.each' if shared and misread.verb != 'donate' else ''}"
    return Reply.of(key, people=people, typed_cents=_probable_cents(misread))


def _probable_cents(misread: Misread) -> int:
    """Find an amount for the example in what was written; the person still has to say it."""
    if misread.amount_cents is not None:
        return misread.amount_cents
    found = re.search(r"[0-9][0-9., ]*", misread.amount_text or "")
    written = found[0].rstrip("., ") if found is not None else ""
    if re.fullmatch(r"[0-9]{1,3}(?:([., ])[0-9]{3})(?:\1[0-9]{3})*", written):
        written = re.sub("[., ]", "", written)
    whole, _, part = re.sub("[, ]", ".", written).partition(".")
    if not whole or len(whole) > len(str(MAX_AMOUNT_CENTS)):
        return EXAMPLE_CENTS
    cents = int(whole) * 100 + int((part[:2] if part[:2].isdecimal() else "").ljust(2, "0"))
    return cents if 0 < cents <= MAX_AMOUNT_CENTS else EXAMPLE_CENTS


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
