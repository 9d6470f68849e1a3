"""What a person declares: a name, a date of birth, and a wallet code that nobody guesses."""

import re
from datetime import date
from itertools import pairwise
from typing import Final
from unicodedata import combining, normalize

from bot.domain.errors import Refusal
from bot.domain.replies import Reply

ADULT_YEARS: Final = 18
"""Whoever is younger has no wallet (Code civil, art. 1145 and 1148)."""
OLDEST_YEARS: Final = 120
"""A date before that is a slip."""
NAME_AT_MOST: Final = 70
"""Characters of a name, as SEPA files take them."""
CODE_DIGITS: Final = 6
"""Digits of a wallet code, and of a code by text: with five tries a guess is right once in
200 000."""


def read_name(text: str) -> str | None:
    """Return a name with single spaces; None where it is none.

    >>> read_name("  Anne-Marie   d'Arc "), read_name("12"), read_name("<b>")
    ("Anne-Marie d'Arc", None, None)
    """
    name = " ".join(text.split())
    if not 0 < len(name) <= NAME_AT_MOST or not any(one.isalpha() for one in name):
        return None
    return name if all(one.isalpha() or one in " '’.-" for one in name) else None


_MONTHS: Final = (
    ("janvier", "january"),
    ("fevrier", "february"),
    ("mars", "march"),
    ("avril", "april"),
    ("mai", "may"),
    ("juin", "june"),
    ("juillet", "july"),
    ("aout", "august"),
    ("septembre", "september"),
    ("octobre", "october"),
    ("novembre", "november"),
    ("decembre", "december"),
)
"""The months' names, without accents."""
_NAMED_MONTH: Final = re.compile(
    r"([0-9]{1,2})(?:er|st|nd|rd|th)? +([^\W\d_]{3,})\.?,? +([0-9]{4})"
)


def _with_figures(found: re.Match[str]) -> str:
    """Write a date's month in figures, where its first letters name one and no other."""
    word = "".join(c for c in normalize("NFKD", found[2]) if not combining(c)).casefold()
    months = [
        number
        for number, names in enumerate(_MONTHS, 1)
        if any(name.startswith(word) for name in names)
    ]
    return f"{found[1]}/{months[0]}/{found[3]}" if len(months) == 1 else found[0]


def read_birth_date(text: str) -> date | None:
    """Return a date of birth as people here write it: day, month, year; or as ISO does.

    The month may be a French or an English word. A year of two figures is not guessed at.

    >>> read_birth_date("3/2/1990"), read_birth_date("03021990"), read_birth_date("31/02/1990")
    (datetime.date(1990, 2, 3), datetime.date(1990, 2, 3), None)
    >>> read_birth_date("1er févr. 1990"), read_birth_date("3 jui 1990"), read_birth_date("3/2/90")
    (datetime.date(1990, 2, 1), None, None)
    """
    text = _NAMED_MONTH.sub(_with_figures, text.strip())
    if found := re.fullmatch("([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text):
        year, month, day = found.groups()
    elif found := re.fullmatch("([0-9]{1,2})[ ./-]+([0-9]{1,2})[ ./-]+([0-9]{4})", text) or (
        re.fullmatch("([0-9]{2})([0-9]{2})([0-9]{4})", text)
    ):
        day, month, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def age_on(born: date, day: date) -> int:
    """Return how old somebody is on a day; born on 29 February, one is older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def is_adult(born: date, today: date) -> bool:
    """Whether somebody is old enough for a wallet: from their eighteenth birthday on."""
    return age_on(born, today) >= ADULT_YEARS


def check_birth_date(text: str, today: date) -> date:
    """Return a date of birth that can be one. Raises `Refusal`."""
    born = read_birth_date(text)
    if born is None or not 0 <= age_on(born, today) <= OLDEST_YEARS:
        raise Refusal(Reply.of("refusal.birth_date_not_read"))
    return born


def read_code(text: str) -> str:
    """Return the digits of what was typed for a code: people read them aloud in groups."""
    return "".join(re.findall("[0-9]", text))


def check_code(code: str, *, born: date | None, phone: str) -> None:
    """Refuse a wallet code that is none, or that a thief would try first."""
    if len(code) != CODE_DIGITS:
        raise Refusal(Reply.of("refusal.code_not_read"))
    if _is_regular(code):
        raise Refusal(Reply.of("refusal.code_regular"))
    if code in phone or (born is not None and code in _dates(born)):
        raise Refusal(Reply.of("refusal.code_personal"))


def _is_regular(code: str) -> bool:
    """Whether it is one digit, a row (123456, 246802), a repetition, or pairs (112233)."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(code)}
    pairs = code[::2]
    return (
        len(steps) == 1
        or len(set(code)) <= 2
        or code[:3] == code[3:]
        or code == code[:2] * 3
        or code[:3] == code[:2:-1]
        or pairs == code[1::2]
    )


def _dates(born: date) -> set[str]:
    """Write a date in every order of six digits."""
    day, month, year = f"{born.day:02}", f"{born.month:02}", f"{born.year}"
    short = year[2:]
    return {
        day + month + short,
        month + day + short,
        short + month + day,
        short + day + month,
        month + year,
        year + month,
        day + year,
        year + day,
    }
