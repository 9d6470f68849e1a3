"""What a text asks for: the nodes of the command language's AST (LANGUAGE.md, "Commands").

Handles are lower case and without `@`, in the order in which they first stand. Amounts are whole
cents of euro. References and codes are upper case. Every node carries the language of its answer.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Lang = Literal["fr", "en"]


class ErrorCode(StrEnum):
    """Why a text is an error, in the order in which the first that applies wins."""

    AMBIGUOUS_COMMAND = "ambiguous_command"
    NEGATIVE_AMOUNT = "negative_amount"
    UNSUPPORTED_CURRENCY = "unsupported_currency"
    AMBIGUOUS_AMOUNT = "ambiguous_amount"
    TOO_PRECISE = "too_precise"
    ZERO_AMOUNT = "zero_amount"
    AMOUNT_TOO_LARGE = "amount_too_large"
    MISSING_CURRENCY = "missing_currency"
    MISSING_AMOUNT = "missing_amount"
    INVALID_HANDLE = "invalid_handle"
    MISSING_PAYEE = "missing_payee"
    AMBIGUOUS_TOTAL = "ambiguous_total"
    MISSING_CODE = "missing_code"


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay each of `people`: `amount_cents` is each one's own where `each`, else the one payee's."""

    people: tuple[str, ...]
    amount_cents: int
    each: bool
    note: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Donate:
    """Give to an organisation."""

    people: tuple[str, ...]
    amount_cents: int
    each: bool
    note: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Request:
    """Ask each of `people` for an amount."""

    people: tuple[str, ...]
    amount_cents: int
    each: bool
    note: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Split:
    """Share a total, `amount_cents`, with `people` (the asker has a share too)."""

    people: tuple[str, ...]
    amount_cents: int
    note: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take back an order: the one named, or the one that the context says."""

    reference: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Decline:
    """Refuse what waits for the writer: the order named, or the one that the context says."""

    reference: str | None
    lang: Lang


@dataclass(frozen=True, slots=True)
class Confirm:
    """Confirm the order whose reference is `code`."""

    code: str
    lang: Lang


@dataclass(frozen=True, slots=True)
class Stop:
    """Opt out of every answer."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Start:
    """Opt in again."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Claim:
    """Take the money that waits."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Balance:
    """Ask what the wallet holds."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class History:
    """Ask what happened in the wallet."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Help:
    """Ask how the bot is spoken to."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Misread:
    """A command with an error, and everything in it that was understood.

    `verb` is the kind of command that was meant ("pay", "confirm", …), `verb_text` the verb as it
    was written, without `#`, None where there was none; `amount_text` is the amount as written,
    `amount_cents` what it says where that is beyond doubt; `handle_text` is the first mention that
    is no handle, as it was written; `rest` what could not be placed, for an example to be made of;
    `reference` the order that was named, in upper case.
    """

    error: ErrorCode
    lang: Lang
    verb: str = "pay"
    people: tuple[str, ...] = ()
    amount_cents: int | None = None
    amount_text: str | None = None
    each: bool = False
    note: str | None = None
    handle_text: str | None = None
    verb_text: str | None = None
    rest: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No command: the answer is silence."""


Command = (
    Pay
    | Donate
    | Request
    | Split
    | Cancel
    | Decline
    | Confirm
    | Stop
    | Start
    | Claim
    | Balance
    | History
    | Help
    | Misread
    | Nothing
)
