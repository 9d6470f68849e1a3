"""An amount as it is typed on a page, read by the very rules of the command language.

Of euros the page's label says so: the sign may be left out. What would be ambiguous in a post is
ambiguous here, and refused with a sentence that says why.
"""

from typing import Final

from bot.domain.commands import ErrorCode, Misread, Pay
from bot.domain.draft import readings
from bot.domain.errors import Refusal
from bot.domain.money import MAX_AMOUNT_CENTS, PAYMENT_AT_MOST_CENTS
from bot.domain.replies import Reply, payable, quoted
from bot.language import Text, parse

_NOBODY: Final = "x"
"""Somebody to pay, for the amount to be a command."""
_SAID: Final = frozenset(
    {
        ErrorCode.AMBIGUOUS_AMOUNT,
        ErrorCode.AMOUNT_TOO_LARGE,
        ErrorCode.NEGATIVE_AMOUNT,
        ErrorCode.TOO_PRECISE,
        ErrorCode.UNSUPPORTED_CURRENCY,
        ErrorCode.ZERO_AMOUNT,
    }
)
"""What has a sentence of its own; all else is no amount."""


def read_amount(text: str, *, most_cents: int = PAYMENT_AT_MOST_CENTS) -> int:
    """Return what was typed, in cents. Raises `Refusal`, with an example that may be paid.

    `most_cents` is the most of one payment; what is more is refused where it is ordered.
    """
    if not text.strip():
        raise Refusal(Reply.of("refusal.amount.missing_amount"))
    command = parse(Text(f"pay @{_NOBODY} {text}", direct=True))
    match command:
        case Pay((who,), cents, False, None) if who == _NOBODY:
            return cents
        case Misread(ErrorCode.MISSING_CURRENCY) if _is_amount_alone(command):
            assert command.amount_cents is not None, "it is one"
            return command.amount_cents
        case Misread(error) if error in _SAID:
            raise Refusal(_why_not(error.value, text, most_cents))
    raise Refusal(_why_not("not_one", text, most_cents))


def _why_not(why: str, text: str, most_cents: int) -> Reply:
    return Reply.of(
        f"refusal.amount.{why}",
        read=quoted(text),
        most_cents=MAX_AMOUNT_CENTS,
        figures_cents=payable(readings(text), most_cents),
    )


def _is_amount_alone(command: Misread) -> bool:
    """Whether nothing but a figure was typed."""
    return (
        command.amount_cents is not None
        and command.people == (_NOBODY,)
        and (command.note, command.rest, command.handle_text) == (None, None, None)
        and not command.each
    )
