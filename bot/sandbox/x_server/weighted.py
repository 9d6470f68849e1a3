"""The length of a post as X counts it, and the links that X recognises in a text.

Follows twitter-text's configuration 3: 280 in all, a link counts 23, an emoji 2, Latin and common
punctuation 1, the rest 2. Promises twitter-text's own results on its conformance cases.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

INVALID_CHARACTERS = re.compile("[\ufffe\ufeff\uffff]")
LONGEST_LABEL = 63  # octets of one label of a domain, in punycode: RFC 1035
LONGEST_URL = 4096  # characters; longer ones are left alone by twitter-text

_REGIONAL = "\U0001f1e6-\U0001f1ff"
_PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5"
    "\U0001f200-\U0001faff"
)
_TONE = "\U0001f3fb-\U0001f3ff"
_ONE = f"[{_PICTURE}]\ufe0f?[{_TONE}]?"
EMOJI = re.compile(
    f"[{_REGIONAL}]{{2}}"
    "|[0-9#*]\ufe0f?\u20e3"
    "|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    f"|{_ONE}(?:\u200d(?:{_ONE}|[\u2640\u2642\u2695\u2696\u2708\u2764]\ufe0f?))*"
)


_LETTER = r"[^\W_]"
_LABEL = rf"{_LETTER}(?:[\w-]*{_LETTER})?"
_DOMAIN = rf"(?:{_LETTER}(?:[\w-]*{_LETTER})?\.)*{_LABEL}\.(?P<top>{_LETTER}+|xn--[a-z0-9-]+)"
_PATH = r"(?:/[\w!*';:=+,.$/%#\[\]\-–~@&|()]*)?"
_QUERY = r"(?:\?[\w!?*'();:&=+$/%#\[\]\-.,~|@]*[\w&=#/\-])?"
URL = re.compile(
    rf"(?<![\w@＠$#＃.\-/])(?P<scheme>https?://)?(?P<domain>{_DOMAIN})"
    rf"(?![\w@＠])(?P<port>:[0-9]+)?(?P<path>{_PATH})(?P<query>{_QUERY})",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'\"&*"


@dataclass(frozen=True)
class Span:
    """A link found in a text: where it stands (code points) and what it says."""

    start: int
    end: int
    url: str


@cache
def _configuration() -> dict[str, Any]:
    path = files("bot.sandbox").joinpath("data", "x", "twitter-text-v3.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@cache
def _domains() -> dict[str, frozenset[str]]:
    path = files("bot.sandbox").joinpath("data", "x", "domains.txt")
    text = path.read_text(encoding="utf-8").split("\n", 1)[1]  # the first line is a comment
    countries, generic = text.removeprefix("country\n").split("\ngeneric\n")
    return {"country": frozenset(countries.split()), "generic": frozenset(generic.split())}


def limit() -> int:
    """How much a post may weigh."""
    return int(_configuration()["maxWeightedTweetLength"])


def _known_domain(found: re.Match[str]) -> bool:
    top = found["top"].lower()
    country = top in _domains()["country"]
    if not country and top not in _domains()["generic"]:
        return False
    labels = found["domain"].split(".")
    try:
        encoded = [label.encode("punycode") if not label.isascii() else b"" for label in labels]
    except UnicodeError:
        return False
    long = any(
        len(label) > LONGEST_LABEL or len(code) + len("xn--") > LONGEST_LABEL
        for label, code in zip(labels, encoded, strict=True)
    )
    if long or len(found[0]) > LONGEST_URL or "_" in "".join(labels[-2:]):
        return False
    if found["scheme"]:
        return True
    if not found["domain"].isascii():
        return False
    # Without a scheme, `it.so` is two sentences rather than a link.
    short = len(labels) == 2 and country and top not in {"co", "tv"}
    return not short or bool(found["path"]) or len(labels[0]) > 2


def _trimmed(found: re.Match[str]) -> str:
    url = found[0]
    while url and (
        url[-1] in _TRAILING
        or (url[-1] == ")" and url.count(")") > url.count("("))
        or (url[-1] == "]" and url.count("]") > url.count("["))
    ):
        url = url[:-1]
    return url


def find_links(text: str, *, hosts: frozenset[str] = frozenset()) -> list[Span]:
    """The links that X recognises; `hosts` are names without a domain to take as one too."""
    spans = []
    for found in URL.finditer(text):
        if _known_domain(found):
            url = _trimmed(found)
            spans.append(Span(found.start(), found.start() + len(url), url))
    for host in hosts:
        for found in re.finditer(rf"https?://{re.escape(host)}(?::[0-9]+)?{_PATH}{_QUERY}", text):
            url = _trimmed(found)
            spans.append(Span(found.start(), found.start() + len(url), url))
    return sorted(spans, key=lambda span: span.start)


def _weight(character: str) -> int:
    code = ord(character)
    configuration = _configuration()
    for within in configuration["ranges"]:
        if within["start"] <= code <= within["end"]:
            return int(within["weight"])
    return int(configuration["defaultWeight"])


def weighted_length(text: str, *, emoji: bool = True, hosts: frozenset[str] = frozenset()) -> int:
    """What the text weighs; `emoji=False` counts the parts of an emoji one by one."""
    text = unicodedata.normalize("NFC", text)
    configuration = _configuration()
    scale = int(configuration["scale"])
    total = 0
    links = {span.start: span.end for span in find_links(text, hosts=hosts)}
    at = 0
    while at < len(text):
        if at in links:
            total += int(configuration["transformedURLLength"]) * scale
            at = links[at]
        elif emoji and (found := EMOJI.match(text, at)):
            total += int(configuration["defaultWeight"])
            at = found.end()
        else:
            total += _weight(text[at])
            at += 1
    return total // scale


def is_valid(text: str, *, hosts: frozenset[str] = frozenset()) -> bool:
    """Whether X takes the text as a post of an ordinary length."""
    if not text.strip() or INVALID_CHARACTERS.search(text):
        return False
    return weighted_length(text, hosts=hosts) <= limit()
