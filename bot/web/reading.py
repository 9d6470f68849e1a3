"""What the bot would read in a text, said in a sentence: the same parser, and nothing is done."""

import re
from dataclasses import dataclass

from bot.domain.commands import (
    Balance,
    Cancel,
    Claim,
    Command,
    Confirm,
    Decline,
    Donate,
    Help,
    History,
    Lang,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
    Start,
    Stop,
)  # fmt: skip
from bot.domain.draft import is_mendable
from bot.domain.replies import Reply, misread_reply
from bot.language import Text, parse


@dataclass(frozen=True, slots=True)
class Reading:
    """What the bot would understand, and where: in a post, or in a direct message."""

    said: Reply
    is_post: bool
    """Whether it was read as a post: it names the bot. Else a post has to name it first."""
    is_mended: bool
    """Whether the answer would bear a link on which a tap corrects the amount."""


def read(text: str, bot: str, lang: Lang, *, most_cents: int) -> Reading:
    """Return what the bot would understand of a text, wherever somebody wrote it.

    `most_cents` is the most of one payment.
    """
    is_post = _names(text, bot)
    command = parse(Text(text, bot=bot, direct=not is_post, lang=lang))
    mended = isinstance(command, Misread) and is_mendable(command)
    return Reading(_reading(command, most_cents), is_post, mended)


def _names(text: str, bot: str) -> bool:
    """Whether a text names the bot: then it is read as a post, which must."""
    return re.search(rf"@{re.escape(bot)}(?![\w@])", text, re.IGNORECASE) is not None


def _reading(command: Command, most_cents: int) -> Reply:
    match command:
        case Pay() | Donate() | Request() | Split():
            return _order(command)
        case Misread():
            return misread_reply(command, most_cents=most_cents)
        case Confirm(code):
            return Reply.of("page.read.confirm", reference=code)
        case Cancel(None) | Decline(None):
            return Reply.of(f"page.read.{type(command).__name__.lower()}")
        case Cancel(reference) | Decline(reference):
            name = type(command).__name__.lower()
            return Reply.of(f"page.read.{name}_named", reference=reference)
        case Stop() | Start() | Claim() | Balance() | History() | Help() | Nothing():
            return Reply.of(f"page.read.{type(command).__name__.lower()}")


def _order(command: Pay | Donate | Request | Split) -> Reply:
    name = type(command).__name__.lower()
    each = isinstance(command, Pay | Donate | Request) and len(command.people) > 1
    key = f"page.read.{name}_each" if each else f"page.read.{name}"
    values = {"amount_cents": command.amount_cents, "people": command.people}
    if command.note is None:
        return Reply(key, values)
    return Reply(f"{key}_noted", values | {"note": command.note})
