"""Reply → text: finds the sentence in the catalogue and writes its values as the reader does.

The catalogue is the TOML files beside this module: a table for each key, with `fr` and `en`, each a
sentence or a list of wordings. A value is written by its name: `…_cents` as an amount
(`typed_cents` as the command language reads it, `signed_cents` with `+` or `−`), `handle` and
`people` with `@` except in public (X would notify them), `…_at` as a day and time in Paris, `…_on`
as a day there, `…_date` as one with its year, `month` as a month there, `countries` by their names,
a reply in its own words, `lines` of replies one a line, `parts` of a sentence joined in it;
what is text stays as it is. A key or a value that is missing is a programmer's error.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from bot.domain.commands import Lang
from bot.domain.replies import Reply

NBSP: Final = "\u00a0"
PARIS: Final = ZoneInfo("Europe/Paris")
"""Where the institution is: the clock of its terms."""
_T = TypeVar("_T")
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_AND: Final[Mapping[Lang, str]] = {"fr": " et ", "en": " and "}


def say(reply: Reply, lang: Lang, *, public: bool, seed: int = 0) -> str:
    """Put a reply into a language; `seed` picks one of its wordings."""
    wordings = catalogue()[reply.key][lang]
    said, places = _pieces(wordings[seed % len(wordings)])
    for name, write, text in places:
        assert name in reply.values, f"{reply.key} names {name}, which it was not given"
        value = reply.values[name]
        if isinstance(value, Reply):
            said += say(value, lang, public=public, seed=seed) + text
        else:
            said += write(value, lang, public=public) + text
    return said


class _Writer(Protocol):
    """Writes a value of a kind."""

    def __call__(self, value: object, lang: Lang, *, public: bool) -> str: ...


@cache
def _pieces(sentence: str) -> tuple[str, tuple[tuple[str, _Writer, str], ...]]:
    """Return how a sentence begins, and each name that it has a place for with what follows it.

    A name's end tells what writes its values: that is found out once, not for each message.
    """
    said, *places = _PLACE.split(sentence)
    names = places[::2]
    return said, tuple(zip(names, map(_writer, names), places[1::2], strict=True))


@cache
def catalogue() -> Mapping[str, Mapping[Lang, tuple[str, ...]]]:
    """Return every sentence of every TOML file here, by key and language."""
    every: dict[str, Mapping[Lang, tuple[str, ...]]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for key, texts in tomllib.loads(path.read_text("utf-8")).items():
            assert key not in every, f"{key} stands twice in the catalogue"
            every[key] = {"fr": _wordings(texts["fr"]), "en": _wordings(texts["en"])}
    return every


def _wordings(text: str | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _writer(name: str) -> _Writer:
    """Return what writes the values of a name."""
    if name.endswith("_cents"):
        return _of_kind(int, _AMOUNTS.get(name, amount))
    for end, write in _TIMES.items():
        if name.endswith(end):
            return _of_kind(datetime, write)
    return _BY_NAME.get(name, _as_it_is)


def _of_kind(kind: type[_T], write: Callable[[_T, Lang], str]) -> _Writer:
    def written(value: object, lang: Lang, *, public: bool) -> str:  # noqa: ARG001 (a _Writer)
        assert isinstance(value, kind), f"{value!r} is of another kind"
        return write(value, lang)

    return written


def amount(cents: int, lang: Lang) -> str:
    """Write an amount as a person of that language does: `10,50 €` or `€10.50`.

    >>> amount(125050, "en")
    '€1,250.50'
    """
    sign = "−" if cents < 0 else ""
    euros, rest = divmod(abs(cents), 100)
    if lang == "fr":
        whole = f"{euros:,}".replace(",", "\u202f")
        return f"{sign}{whole}{f',{rest:02}' if rest else ''}{NBSP}€"
    return f"{sign}€{euros:,}{f'.{rest:02}' if rest else ''}"


def typed(cents: int, lang: Lang) -> str:
    """Write an amount as the command language reads it, with nothing between its thousands.

    >>> typed(125050, "en")
    '€1250.50'
    """
    euros, rest = divmod(cents, 100)
    if lang == "fr":
        return f"{euros}{f',{rest:02}' if rest else ''}{NBSP}€"
    return f"€{euros}{f'.{rest:02}' if rest else ''}"


def figures(cents: int, lang: Lang) -> str:
    """Write an amount as it stands in a field whose label says that it is in euros.

    >>> figures(125050, "fr"), figures(1000, "en")
    ('1250,50', '10')
    """
    euros, rest = divmod(cents, 100)
    sign = "," if lang == "fr" else "."
    return f"{euros}{f'{sign}{rest:02}' if rest else ''}"


def signed(cents: int, lang: Lang) -> str:
    """Write what came in with a plus and what went out with a minus.

    >>> signed(1000, "en"), signed(-1000, "en")
    ('+€10', '−€10')
    """
    return f"{'+' if cents > 0 else '−'}{amount(abs(cents), lang)}"


_AMOUNTS: Final[Mapping[str, Callable[[int, Lang], str]]] = {
    "typed_cents": typed,
    "signed_cents": signed,
    "figures_cents": figures,
}
"""How amounts of these names are written; the others as `amount` does."""


def named(handle: str, *, public: bool) -> str:
    """Name an X account: with `@`, save in public, where X would notify it."""
    return handle if public else f"@{handle}"


def country(code: str, lang: Lang) -> str:
    """Name a country as a sentence does, by its code (ISO 3166-1 alpha-2).

    >>> country("FR", "fr"), country("ZZ", "en")
    ('en France', 'ZZ')
    """
    return catalogue().get(f"country.{code}", {lang: (code,)})[lang][0]


def listed(names: list[str], lang: Lang) -> str:
    """Join names as in a sentence."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + _AND[lang] + names[-1]


_MONTHS: Final[Mapping[Lang, str]] = {
    "fr": "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
}


def moment(at: datetime, lang: Lang) -> str:
    """Write a day and a time, on the clock of Paris: `23 nov. à 14:05`, `23 Nov at 14:05`."""
    joint = "à" if lang == "fr" else "at"
    return f"{day(at, lang)} {joint}{NBSP}{at.astimezone(PARIS):%H:%M}"


def day(at: datetime, lang: Lang) -> str:
    """Write a day, on the calendar of Paris: `23 nov.`, `23 Nov`."""
    local = at.astimezone(PARIS)
    return f"{local.day}{NBSP}{_MONTHS[lang].split()[local.month - 1]}"


_WHOLE_MONTHS: Final[Mapping[Lang, str]] = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}


def date(at: datetime, lang: Lang) -> str:
    """Write a day with its year, on the calendar of Paris: `25 novembre 2027`."""
    return f"{at.astimezone(PARIS).day}{NBSP}{month(at, lang)}"


def month(at: datetime, lang: Lang) -> str:
    """Write a month, on the calendar of Paris: `novembre 2026`, `November 2026`.

    A line may break before its year: with large text the whole is wider than a phone.
    """
    local = at.astimezone(PARIS)
    return f"{_WHOLE_MONTHS[lang].split()[local.month - 1]} {local.year}"


def _as_it_is(value: object, lang: Lang, *, public: bool) -> str:  # noqa: ARG001 (a _Writer)
    return str(value)


def _handle(value: object, lang: Lang, *, public: bool) -> str:  # noqa: ARG001 (a _Writer)
    return named(str(value), public=public)


def _people(value: object, lang: Lang, *, public: bool) -> str:
    return listed([named(str(one), public=public) for one in _several(value)], lang)


def _countries(value: object, lang: Lang, *, public: bool) -> str:  # noqa: ARG001 (a _Writer)
    return listed([country(str(one), lang) for one in _several(value)], lang)


def _lines(value: object, lang: Lang, *, public: bool) -> str:
    return "\n".join(say(one, lang, public=public) for one in _several(value))


def _parts(value: object, lang: Lang, *, public: bool) -> str:
    return listed([say(one, lang, public=public) for one in _several(value)], lang)


def _several(value: object) -> Sequence[Any]:
    assert isinstance(value, list | tuple), f"{value!r} is not several"
    return value


_TIMES: Final[Mapping[str, Callable[[datetime, Lang], str]]] = {
    "_at": moment,
    "_on": day,
    "_date": date,
    "month": month,
}
"""How moments are written, by the ends of their names."""
_BY_NAME: Final[Mapping[str, _Writer]] = {
    "handle": _handle,
    "people": _people,
    "countries": _countries,
    "lines": _lines,
    "parts": _parts,
}
"""How values of other names are written, where they are not texts."""
