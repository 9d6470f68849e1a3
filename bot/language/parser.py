"""A text to the command in it: `parse` is total, and the same for the bot and for `smoney parse`.

What a text means stands in `grammar/`; the tree's rules become the frozen dataclasses that they are
named for (`bot.domain.commands`), once it is known who was addressed and in which language.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from bot.domain.commands import (
    Balance,
    Cancel,
    Claim,
    Command,
    Confirm,
    Decline,
    Donate,
    ErrorCode,
    Help,
    History,
    Lang,
    Pay,
    Request,
    Split,
    Start,
    Stop,
)  # fmt: skip
from bot.language import tables
from bot.language.engine import Engine, NotReadError, Token
from bot.language.normalize import Addressed, Text, address
from bot.language.reading import (
    NAMES,
    NOTHING,
    Child,
    Order,
    Parts,
    misread,
    order,
    short_name,
    verb_lang,
)  # fmt: skip

Reading = Callable[[Addressed, Lang], Command]
"""What a rule has understood: a command, once it is known who is meant and in which language."""


def parse(text: Text) -> Command:
    """Read a text. Never raises; takes time in proportion to the text's length."""
    addressed = address(text)
    if addressed is None:
        return NOTHING
    lang: Lang = "en" if text.lang == "en" else "fr"
    try:
        reading: Reading = _engine().read(addressed.command, "direct" if text.direct else "public")
    except NotReadError:
        # The grammar reads every text (a property test holds it to that): silence is the safe end.
        return NOTHING
    return reading(addressed, lang)


@functools.cache
def _engine() -> Engine:
    return Engine(tables.load(), _BUILDERS)


def _order(kind: Order) -> Callable[[list[Child]], Reading]:
    return lambda children: functools.partial(order, kind, Parts.of(children))


def _alone(kind: Callable[[Lang], Command]) -> Callable[[list[Token]], Reading]:
    return lambda children: functools.partial(_within, children[0], children[0], kind)


def _named(kind: Callable[[str, Lang], Command]) -> Callable[[list[Token]], Reading]:
    """Build a command with a short name, in upper case."""

    def build(children: list[Token]) -> Reading:
        verb, name = children[:2]
        return functools.partial(_within, verb, name, functools.partial(kind, short_name(name)))

    return build


def _maybe_named(kind: Callable[[str | None, Lang], Command]) -> Callable[[list[Token]], Reading]:
    """Build a command with a short name or without one."""

    def build(children: list[Token]) -> Reading:
        if len(children) > 1 and children[1].type in NAMES:
            return _named(kind)(children)
        return _alone(functools.partial(kind, None))(children)

    return build


def _within(
    verb: Token,
    last: Token,
    kind: Callable[[Lang], Command],
    addressed: Addressed,
    lang: Lang,
) -> Command:
    """Make the command where its last part stands within the characters that count."""
    lang = verb_lang(verb.text) or lang
    if last.end > addressed.length and kind is not Stop:
        return misread(ErrorCode.AMBIGUOUS_COMMAND, Parts.of([verb, last]), addressed, lang)
    return kind(lang)


def _wrong(error: ErrorCode) -> Callable[[list[Child]], Reading]:
    def read(parts: Parts, addressed: Addressed, lang: Lang) -> Command:
        fits = parts.end <= addressed.length
        return misread(error if fits else ErrorCode.AMBIGUOUS_COMMAND, parts, addressed, lang)

    return lambda children: functools.partial(read, Parts.of(children))


def _perhaps_ambiguous(children: list[Child]) -> Reading:
    """Two amounts and nobody named: ambiguous where the author replied to is meant."""
    parts = Parts.of(children)

    def read(addressed: Addressed, lang: Lang) -> Command:
        assert parts.verb is not None, "the rule has a verb"
        if addressed.author is None or parts.verb.type == "SPLIT":
            return NOTHING
        return misread(ErrorCode.AMBIGUOUS_COMMAND, parts, addressed, lang)

    return read


def _people(children: list[Any]) -> list[Token]:
    """Another person, and the small word before, lengthen the list in place."""
    known: list[Token] = children[0]
    known.extend(children[1:])
    return known


def _nothing(_: Addressed, __: Lang) -> Command:
    return NOTHING


_BUILDERS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "said": lambda children: children[0],
    "person": list,
    "people": _people,
    "nothing": lambda _: _nothing,
    "pay": _order(Pay),
    "donate": _order(Donate),
    "request": _order(Request),
    "split": _order(Split),
    "cancel": _maybe_named(Cancel),
    "decline": _maybe_named(Decline),
    "confirm": _named(Confirm),
    "stop": _alone(Stop),
    "start": _alone(Start),
    "claim": _alone(Claim),
    "balance": _alone(Balance),
    "history": _alone(History),
    "help": _alone(Help),
    "ambiguous_command": _wrong(ErrorCode.AMBIGUOUS_COMMAND),
    "perhaps_ambiguous": _perhaps_ambiguous,
    "missing_amount": _wrong(ErrorCode.MISSING_AMOUNT),
    "missing_code": _wrong(ErrorCode.MISSING_CODE),
}
"""What each rule of the grammar builds, by the rule's name."""
