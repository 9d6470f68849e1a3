"""Misread amounts that a page can mend: which ones, and what a tap may choose for them.

Nothing is guessed: where what was written can be read as several amounts, each is offered, and none
is chosen.
"""

import re
from typing import Final

from bot.domain.commands import ErrorCode, Misread
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.order import OrderKind

MENDABLE: Final = frozenset(
    {
        ErrorCode.NEGATIVE_AMOUNT,
        ErrorCode.UNSUPPORTED_CURRENCY,
        ErrorCode.AMBIGUOUS_AMOUNT,
        ErrorCode.TOO_PRECISE,
        ErrorCode.ZERO_AMOUNT,
        ErrorCode.AMOUNT_TOO_LARGE,
        ErrorCode.MISSING_CURRENCY,
        ErrorCode.MISSING_AMOUNT,
        ErrorCode.AMBIGUOUS_TOTAL,
    }
)
"""Errors of the amount alone: whom it is about was understood."""
_MOVES: Final = frozenset(one.value for one in OrderKind)
OFFERED_AT_MOST: Final = 3
"""How many readings of an amount are offered: more would be a riddle of its own."""
TEXT_KEPT: Final = 40
"""What is kept of an amount as it was written (characters); a longer one offers nothing."""


def is_mendable(misread: Misread) -> bool:
    """Whether all of a command but its amount was understood: nobody illegible, no word over."""
    return (
        misread.error in MENDABLE
        and misread.verb in _MOVES
        and bool(misread.people)
        and misread.handle_text is None
        and misread.rest is None
    )


def offers(
    error: str, kind: str, cents: int | None, written: str | None, heads: int
) -> tuple[int, ...]:
    """Return the amounts to choose from, each for one of `heads` people; of a split, its total.

    >>> offers("ambiguous_total", "pay", 1000, "10€", 2)
    (1000, 500)
    """
    if error == ErrorCode.AMBIGUOUS_TOTAL and cents is not None:
        if kind == OrderKind.SPLIT:  # "each" of a split: so much in all, or for each of us
            return _possible([cents, cents * (heads + 1)])
        return _possible([cents, *([cents // heads] if cents % heads == 0 else [])])
    if error in (ErrorCode.UNSUPPORTED_CURRENCY, ErrorCode.ZERO_AMOUNT) or written is None:
        return ()
    return _possible([cents] if cents is not None else readings(written))


def _possible(cents: list[int]) -> tuple[int, ...]:
    kept = dict.fromkeys(one for one in cents if 0 < one <= MAX_AMOUNT_CENTS)
    return tuple(kept)[:OFFERED_AT_MOST]


_RUN: Final = re.compile("[0-9]+(?:[., ][0-9]+)*")
_BESIDE: Final = re.compile(r"(?ai:euros?|eur|€)|[ +/−–-]")
"""What may stand beside figures that are euros: a word for them, a sign between two of them."""
_CENTS_BEHIND: Final = re.compile(r"([0-9]+) ?(?:(?ai:euros?|eur)|€) ?([0-9]{2})")


def readings(written: str) -> list[int]:
    """Return in cents what an amount may mean that can be read in more than one way.

    >>> readings("1.250€"), readings("10-20€"), readings("10k€")
    ([125000, 125], [1000, 2000], [])
    """
    if len(written) > TEXT_KEPT or _BESIDE.sub("", _RUN.sub("", written)):
        return []
    found = [cents for run in _RUN.findall(written) for cents in _of_run(run)]
    both = _CENTS_BEHIND.fullmatch(written.strip())
    return [*([int(both[1]) * 100 + int(both[2])] if both else []), *found]


def _of_run(run: str) -> list[int]:
    """Read one run of figures: its signs as thousands, and the last as the decimal one."""
    groups, signs = re.split("[., ]", run), re.findall("[., ]", run)
    if not signs:
        return [int(run) * 100]
    many = [int("".join(groups)) * 100] if _are_thousands(groups) else []
    *before, last = groups
    if signs[-1] == " " and len(last) != 2:
        return many
    if len(before) > 1 and not _are_thousands(before):
        return many
    return [*many, *_decimal("".join(before), last)]


def _are_thousands(groups: list[str]) -> bool:
    first, *others = groups
    return first[0] != "0" and len(first) <= 3 and all(len(one) == 3 for one in others)


def _decimal(whole: str, part: str) -> list[int]:
    """Read cents behind a decimal sign; more of them than there are is down or up to one."""
    down = int(whole) * 100 + int(part[:2].ljust(2, "0"))
    if not part[2:].strip("0"):
        return [down]
    return [down, down + 1] if len(part) > 3 else []
