"""From a text as X sends it to the command in it: folded, without links, from where it starts.

Promises: takes time in proportion to the text's length, never raises, and never joins what stood
apart: a dropped link leaves a gap that no number reaches across.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, NamedTuple

from bot.language import characters as ch

COMMAND_CHARACTERS: Final = 280
"""The command, its note aside, stands in that many characters after the address block."""

MARKS: Final = 30
"""Combining marks in a row that are read, as in Unicode's Stream-Safe Text Format: NFC sorts each
run in time that grows with its square. The rest of a run could change nothing: marks still stand
there, and so no word, handle or number does."""

_WHITE: Final = (
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
    0x205F, 0x3000,
)  # fmt: skip
"""Unicode's property White_Space."""
_TO_FOLD: Final = re.compile(f"[{''.join(map(chr, _WHITE)).replace(' ', '')}\uff01-\uff5e{ch.BOT}]")
_FOLDED: Final[dict[int, int | str]] = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(_WHITE, " "),
    ord(ch.BOT): "\ufffd",
}
_ENTITY: Final = re.compile("&(amp|lt|gt);")
_CHARACTERS: Final = {"amp": "&", "lt": "<", "gt": ">"}
_LINK: Final = re.compile(r"(?ai:https?)://[!-~]*[A-Za-z0-9/#=&%~+$*@_\-]")
_ZERO_WIDTH: Final = re.compile(f"[{ch.ZERO_WIDTH}]+")
_LONG_RUN: Final = re.compile(f"[^\\x00-\\x7f\\w]{{{MARKS + 1}}}")
_EMOJI: Final = re.compile(f"[{ch.EMOJI}{ch.KEYCAP}]")
_ENDS_IN_NUMBER: Final = re.compile("[0-9][.,]?$")
_STARTS_IN_NUMBER: Final = re.compile("[.,]?[0-9]")
_MENTION: Final = re.compile(f"(?<![^\\W_])@[\\w@{ch.ZERO_WIDTH}{ch.MARK}]+")
_BLOCK: Final = re.compile(f"(?:[ {ch.GAP}]*@[\\w@{ch.ZERO_WIDTH}{ch.MARK}]+(?=[^\\w@]|$))+")


@dataclass(frozen=True, slots=True)
class Text:
    """A text, and what X says of it.

    `in_reply_to` is the handle of the author replied to; `typed_from` the index at which what the
    writer typed begins (code points of the text as it came), None where X did not say.
    """

    text: str
    bot: str = "smoney"
    in_reply_to: str | None = None
    typed_from: int | None = None
    direct: bool = False
    lang: str | None = None


class Addressed(NamedTuple):
    """What was said to the bot: the command and what the rest of the text means for it.

    `command` is the shadow (`characters.shadow`) of `text`, which was written: positions in one are
    positions in the other. `author` is who is meant where a command names nobody; `length` how many
    characters of the command count; `named` how the bot's handle was written where `BOT` stands, in
    order.
    """

    command: str
    text: str
    author: str | None
    length: int
    named: tuple[str, ...] = ()
    direct: bool = False


def address(text: Text) -> Addressed | None:
    """Find the command in a text; None where it is not said to the bot."""
    bot = text.bot.lstrip("@").lower()
    said = fold(text.text)
    if said.lstrip(f" {ch.GAP}").startswith("RT @"):
        return None
    mention = _mention_of(bot)
    if text.direct:
        return _from(said, start=0, base=0, author=None, mention=mention, direct=True)
    first = mention.search(said)
    if first is None:
        return None
    if text.in_reply_to is None:
        return _from(said, start=first.end(), base=0, author=None, mention=mention)
    return _reply(text, said, bot=bot, mention=mention)


def _reply(text: Text, said: str, *, bot: str, mention: re.Pattern[str]) -> Addressed | None:
    """Find the command in a reply, after the mentions that X put there by itself."""
    block = _block(text, said)
    base = block[-1].end() if block else 0
    handles = {found[0][1:].lower() for found in block}
    if bot in handles:
        start = base
    elif (first := mention.search(said, base)) is not None:
        start = first.end()
    else:
        return None
    author = (text.in_reply_to or "").strip().lstrip("@").lower()
    unsure = text.typed_from is None and not handles <= {bot, author}
    known = None if author in ("", bot) or unsure else author
    return _from(said, start=start, base=base, author=known, mention=mention)


def _block(text: Text, said: str) -> list[re.Match[str]]:
    """List the mentions of the address block: before `typed_from`, else those at the very start."""
    if text.typed_from is not None:
        typed = len(fold(text.text[: max(text.typed_from, 0)]))
        return [found for found in _MENTION.finditer(said) if found.start() < typed]
    run = _BLOCK.match(said)
    return [] if run is None else list(_MENTION.finditer(said, 0, run.end()))


def _from(
    said: str,
    *,
    start: int,
    base: int,
    author: str | None,
    mention: re.Pattern[str],
    direct: bool = False,
) -> Addressed:
    """Cut the command out, with a mark in the place of each mention of the bot."""
    command = said[start:]
    named: tuple[str, ...] = ()
    length = COMMAND_CHARACTERS - (start - base)
    if "@" in command and mention.search(said, start):
        named = tuple(mention.findall(said, start))
        command = _mark(said, start, mention)
    return Addressed(ch.shadow(command), command, author, length, named, direct)


def _mark(said: str, start: int, mention: re.Pattern[str]) -> str:
    """Put a mark, and gaps to keep its length, where the bot is mentioned."""
    parts = []
    for found in mention.finditer(said, start):
        parts += [said[start : found.start()], ch.BOT, ch.GAP * (len(found[0]) - 1)]
        start = found.end()
    return "".join((*parts, said[start:]))


@functools.lru_cache(maxsize=16)
def _mention_of(bot: str) -> re.Pattern[str]:
    return re.compile(f"(?<![^\\W_])@(?ai:{re.escape(bot)})(?![\\w@{ch.ZERO_WIDTH}{ch.MARK}])")


def fold(text: str) -> str:
    """Bring a text to the form that the grammar reads, character by character."""
    if "&" in text:
        text = _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)
    if not ch.is_everyday(text):
        if _TO_FOLD.search(text):
            text = text.translate(_FOLDED)
        if _LONG_RUN.search(text):
            text = _without_long_runs(text)
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        if _ZERO_WIDTH.search(text):
            text = _ZERO_WIDTH.sub(_kept, text)
    if "://" in text:
        text = _LINK.sub(lambda found: ch.GAP * len(found[0]), text)
    return text


def _without_long_runs(text: str) -> str:
    """Cut each run of combining marks to `MARKS` of them."""
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= MARKS:
            kept.append(character)
    return "".join(kept)


def _kept(run: re.Match[str]) -> str:
    """Keep zero-width characters inside of words, mentions and numbers, and joiners of emoji."""
    text, start, end = run.string, run.start(), run.end()
    left, right = text[max(start - 2, 0) : start], text[end : end + 2]
    if left.endswith("@") or (_ENDS_IN_NUMBER.search(left) and _STARTS_IN_NUMBER.match(right)):
        return run[0]
    if _is_edge(left[-1:]) or _is_edge(right[:1]):
        return ""
    if _EMOJI.match(left[-1:]) and _EMOJI.match(right):
        return "\u200d" if "\u200d" in run[0] else ""
    return run[0]


def _is_edge(character: str) -> bool:
    """Whether it is white space, punctuation or an end; `@` and `_` are parts of handles."""
    if character in ("", " "):
        return True
    return character not in "@_" and unicodedata.category(character).startswith("P")
