"""What the bot would read in a text, said in a sentence: the same parser, and nothing is done."""

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
from bot.domain.replies import Reply, misread_reply
from bot.language import Text, parse


def read(text: str, bot: str, lang: Lang) -> Reply:
    """Return what the bot would understand, as if somebody had written it in a direct message."""
    return _reading(parse(Text(text, bot=bot, direct=True, lang=lang)))


def _reading(command: Command) -> Reply:
    match command:
        case Pay() | Donate() | Request() | Split():
            return _order(command)
        case Misread():
            return misread_reply(command)
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
