"""From what somebody typed to a text as X delivers it.

Links become X's short ones, `&`, `<` and `>` are escaped, entities are found; a reply begins with
the mentions that X puts in front, and a long post is cut short with the whole in a note.
Positions are counted in code points of the delivered text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bot.sandbox.x_server.model import Link, Mention, Tag, Text
from bot.sandbox.x_server.weighted import Span, find_links, limit, weighted_length

HANDLE = re.compile(r"(?<![A-Za-z0-9_!@#$%&*＠/])[@＠]([A-Za-z0-9_]{1,15})(?![A-Za-z0-9_@＠])")
HASHTAG = re.compile(r"(?<![\w&/])[#＃](\w*[^\W\d_]\w*)")
CASHTAG = re.compile(r"(?<![\w$/])\$([A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)(?![\w$])")
SHOWN_LINK = 27  # characters of a link that X shows before it cuts it with an ellipsis
ELLIPSIS = "…"

FindUser = Callable[[str], tuple[str, str] | None]
"""From a handle to the id and the handle as its owner writes it."""
Shorten = Callable[[str], str]
"""From a link to X's short one."""


@dataclass(frozen=True)
class _Piece:
    start: int
    end: int
    kind: str
    value: str


def _pieces(typed: str, links: list[Span]) -> list[_Piece]:
    pieces = [_Piece(link.start, link.end, "link", link.url) for link in links]
    for kind, pattern in (("mention", HANDLE), ("hashtag", HASHTAG), ("cashtag", CASHTAG)):
        for found in pattern.finditer(typed):
            piece = _Piece(found.start(), found.end(), kind, found[1])
            if not any(one.start < piece.end and piece.start < one.end for one in pieces):
                pieces.append(piece)
    return sorted(pieces, key=lambda piece: piece.start)


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _shown(url: str) -> str:
    bare = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE)
    return bare if len(bare) <= SHOWN_LINK else bare[:SHOWN_LINK] + ELLIPSIS


class Composer:
    """Makes texts; knows who there is and how links are shortened."""

    def __init__(
        self, find_user: FindUser, shorten: Shorten, *, hosts: frozenset[str] = frozenset()
    ) -> None:
        self._find_user = find_user
        self._shorten = shorten
        self._hosts = hosts

    def weigh(self, typed: str) -> int:
        """What the typed text weighs."""
        return weighted_length(typed, hosts=self._hosts)

    def handles(self, typed: str) -> list[str]:
        """The handles that a text names, as typed."""
        return [found[1] for found in HANDLE.finditer(typed)]

    def deliver(self, typed: str, *, filled_in: Sequence[str] = ()) -> Text:
        """The text with the mentions that X fills in before it, its entities and its links."""
        built = _Builder()
        for handle in filled_in:
            self._mention(built, "@" + handle, handle)
            built.plain(" ")
        typed_from = built.length
        at = 0
        for piece in _pieces(typed, find_links(typed, hosts=self._hosts)):
            built.plain(_escape(typed[at : piece.start]))
            self._add(built, piece, typed[piece.start : piece.end])
            at = piece.end
        built.plain(_escape(typed[at:]))
        return built.text(typed_from)

    def cut(self, typed: str, permalink: str, *, filled_in: Sequence[str] = ()) -> Text:
        """The beginning of a long post, as much as fits, with a link to the whole."""
        room = limit() - self.weigh(f"{ELLIPSIS} {permalink}")
        low, high = 0, len(typed)
        while low < high:
            middle = (low + high + 1) // 2
            if self.weigh(typed[:middle]) <= room:
                low = middle
            else:
                high = middle - 1
        return self.deliver(f"{typed[:low]}{ELLIPSIS} {permalink}", filled_in=filled_in)

    def _mention(self, built: _Builder, shown: str, handle: str) -> None:
        user = self._find_user(handle)
        start = built.length
        built.plain(shown)
        if user is not None:
            built.mentions.append(
                Mention(start=start, end=built.length, username=user[1], user_id=user[0])
            )

    def _add(self, built: _Builder, piece: _Piece, shown: str) -> None:
        start = built.length
        match piece.kind:
            case "mention":
                self._mention(built, shown, piece.value)
            case "link":
                scheme = "" if re.match("https?://", piece.value, re.IGNORECASE) else "http://"
                short = self._shorten(scheme + piece.value)
                built.plain(short)
                built.links.append(
                    Link(
                        start=start,
                        end=built.length,
                        url=short,
                        expanded_url=scheme + piece.value,
                        display_url=_shown(piece.value),
                    )
                )
            case kind:
                built.plain(shown)
                tags = built.hashtags if kind == "hashtag" else built.cashtags
                tags.append(Tag(start=start, end=built.length, tag=piece.value))


class _Builder:
    """A text under construction, with its entities."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0
        self.mentions: list[Mention] = []
        self.links: list[Link] = []
        self.hashtags: list[Tag] = []
        self.cashtags: list[Tag] = []

    def plain(self, text: str) -> None:
        """Add some text."""
        self._parts.append(text)
        self.length += len(text)

    def text(self, typed_from: int) -> Text:
        """What was built."""
        return Text(
            text="".join(self._parts),
            mentions=tuple(self.mentions),
            links=tuple(self.links),
            hashtags=tuple(self.hashtags),
            cashtags=tuple(self.cashtags),
            typed_from=typed_from,
        )


@cache
def _words() -> dict[str, frozenset[str]]:
    path = files("bot.sandbox").joinpath("data", "x", "words.json")
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return {language: frozenset(words.split()) for language, words in loaded.items()}


def guess_language(typed: str) -> str:
    """`fr`, `en`, or `und` where the words do not tell."""
    words = re.findall(r"[a-zàâçéèêëîïôûùüÿœ]+", typed.lower())
    french = sum(word in _words()["fr"] for word in words)
    english = sum(word in _words()["en"] for word in words)
    if french == english:
        return "fr" if re.search("[àâçéèêëîïôûùœ]", typed.lower()) else "und"
    return "fr" if french > english else "en"
