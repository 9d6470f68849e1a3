"""In which language a visitor is spoken to."""

from typing import Final

from fastapi import Request

from bot.domain.commands import Lang
from bot.services.sessions import Visitor

LANG_COOKIE: Final = "lang"
LANG_KEPT_S: Final = 31_536_000
"""How long a browser remembers its language (seconds)."""
LANGS: Final[tuple[Lang, ...]] = ("fr", "en")
"""French first."""


def choose_lang(request: Request, visitor: Visitor | None) -> Lang:
    """Return the language of a visitor; French where it is not known."""
    return known_lang(request, visitor) or LANGS[0]


def known_lang(request: Request, visitor: Visitor | None) -> Lang | None:
    """Return the language: asked for here, the person's choice, the browser's; None: neither."""
    asked = (
        request.query_params.get("lang"),
        visitor.lang if visitor is not None else None,
        request.cookies.get(LANG_COOKIE),
    )
    for one in asked:
        if one in LANGS:
            return one
    return preferred(request.headers.get("accept-language", ""))


def preferred(accept: str) -> Lang | None:
    """Return the language that an `Accept-Language` header likes best; French where it is equal.

    >>> preferred("en-GB,en;q=0.9,fr;q=0.8"), preferred("de, fr;q=0.4, en;q=0.3"), preferred("")
    ('en', 'fr', None)
    """
    liked: dict[str, float] = {}
    for part in accept.lower().split(",")[:20]:
        tag, _, rest = part.partition(";")
        name = tag.strip().partition("-")[0]
        if name in LANGS:
            liked[name] = max(liked.get(name, 0.0), _quality(rest))
    best = max(LANGS, key=lambda one: liked.get(one, 0.0))
    return best if liked.get(best, 0.0) > 0 else None


def _quality(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=") or "1")
    except ValueError:
        return 0.0
