"""A text to what is printed of it: `smoney parse`, and the box on `/help`.

Promises: imports the language, the catalogue and the domain alone, so that it starts cold at once;
one answer for each line, in order, written out before the next line is read.
"""

import json
import re
from collections.abc import Iterable
from typing import Final, Protocol

from bot.domain.commands import (
    Cancel,
    Command,
    Confirm,
    Decline,
    Donate,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
)  # fmt: skip
from bot.domain.money import CURRENCY
from bot.domain.replies import misread_reply
from bot.i18n.texts import say
from bot.language import Text, parse

HANDLE: Final = re.compile(r"@?([A-Za-z0-9_]{1,15})")
"""An X account's, as a person types it."""


class MalformedLineError(ValueError):
    """A line of `--jsonl` that is no text; its message names the line and says what is wrong."""


class Writer(Protocol):
    """Where answers go: a text stream."""

    def write(self, text: str, /) -> object:
        """Write a piece of text."""

    def flush(self) -> object:
        """Send on what was written."""


def describe(text: Text) -> dict[str, object]:
    """Return what `smoney parse` prints of one text (LANGUAGE.md, "Output")."""
    return as_json(parse(text))


def as_json(command: Command) -> dict[str, object]:
    """Return a command as an object of plain values."""
    match command:
        case Nothing():
            return {"kind": "none"}
        case Misread():
            message = say(misread_reply(command), command.lang, public=False)
            said: dict[str, object] = {"error": command.error.value, "message": message}
            kind = "error"
        case Pay() | Request():
            said = {**_money(command), "each": command.each, "note": command.note}
            kind = type(command).__name__.lower()
        case Donate() | Split():
            said = {**_money(command), "note": command.note}
            kind = type(command).__name__.lower()
        case Cancel() | Decline():
            said = {"reference": command.reference}
            kind = type(command).__name__.lower()
        case Confirm():
            said, kind = {"code": command.code}, "confirm"
        case _:
            said, kind = {}, type(command).__name__.lower()
    return {"kind": kind, **said, "lang": command.lang}


def _money(command: Pay | Request | Donate | Split) -> dict[str, object]:
    return {
        "people": list(command.people),
        "amount_cents": command.amount_cents,
        "currency": CURRENCY,
    }


def printed(said: dict[str, object]) -> str:
    """Write an object as one line of JSON, as it can be printed: a lone surrogate is escaped."""
    line = json.dumps(said, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(said)
    return line


def describe_lines(lines: Iterable[str], out: Writer, errors: Writer) -> bool:
    """Answer each line of JSON with one of its own; say whether every line was a text.

    A line that is none, be it empty, asks for nothing and is answered so, for the answers to stay
    beside their lines; what is wrong with it is a line in `errors`.
    """
    well = True
    for number, line in enumerate(lines, start=1):
        try:
            said = describe(_text(line, number))
        except MalformedLineError as error:
            said, well = as_json(Nothing()), False
            errors.write(f"Error: {error}\n")
        out.write(printed(said) + "\n")
        out.flush()
    return well


_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "text": (str,),
    "bot": (str,),
    "in_reply_to": (str, type(None)),
    "typed_from": (int, type(None)),
    "direct": (bool,),
    "lang": (str, type(None)),
}
_HANDLES: Final = frozenset({"bot", "in_reply_to"})


def _text(line: str, number: int) -> Text:
    """Read one line; fields that are not known are passed over."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise MalformedLineError(f"Line {number} is not JSON.") from None
    if not isinstance(given, dict) or "text" not in given:
        raise MalformedLineError(f'Line {number} is not an object with a "text".')
    known = {name: given[name] for name in _FIELDS if name in given}
    for name, value in known.items():
        is_handle = value is None or HANDLE.fullmatch(str(value))
        if (
            not isinstance(value, _FIELDS[name])
            or (name == "typed_from" and value is True)
            or (name in _HANDLES and not is_handle)
        ):
            raise MalformedLineError(f'Line {number}: "{name}" cannot be {json.dumps(value)[:40]}.')
    return Text(**known)
