"""Writes what was read in one line, so that the tables of cases can be read aloud.

`pay @alice 1000`, `split @alice @bob 3000`, `confirm 4F7K2Q`, `error missing_amount`, `nothing`;
`each` and a note follow where there are any.
"""

from bot.domain.commands import Command, Confirm, Misread, Nothing
from bot.language import Text, parse


def told(command: Command) -> str:
    """Write a command in one line."""
    if isinstance(command, Nothing):
        return "nothing"
    if isinstance(command, Misread):
        return f"error {command.error}"
    kind = type(command).__name__.lower()
    if isinstance(command, Confirm):
        return f"confirm {command.code}"
    words = [kind, *(f"@{handle}" for handle in getattr(command, "people", ()))]
    words += [str(getattr(command, "amount_cents", ""))]
    words += ["each"] if getattr(command, "each", False) else []
    words += [f"'{note}'"] if (note := getattr(command, "note", None)) else []
    words += [name] if (name := getattr(command, "reference", None)) else []
    return " ".join(word for word in words if word)


def post(text: str, **given: object) -> str:
    """What a post says."""
    return told(parse(Text(text, **given)))  # type: ignore[arg-type]  # the fields of Text


def order(text: str) -> str:
    """What a post says to the bot."""
    return post(f"@smoney {text}")


def direct(text: str) -> str:
    """What a direct message says."""
    return post(text, direct=True)
