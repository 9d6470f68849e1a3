"""How long a post is for X: twitter-text's weighted length, version 3 of its configuration.

Any link weighs 23, an emoji 2 however many code points it is made of, light characters 1, all
others 2, after NFC. Where X may or may not take a name for a link (its list of top-level domains is
long and grows), the longer count is taken, so that a post is never too long.
"""

import re
from typing import Final
from unicodedata import normalize

POST_AT_MOST: Final = 280
"""The longest post (weighted characters)."""
LINK_LENGTH: Final = 23
"""What any link counts: X shortens it (weighted characters)."""
_LIGHT: Final = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that weigh 1; all others weigh 2."""
_LABEL_AT_MOST: Final = 63
"""The longest part of a host's name, as the name system writes it (characters)."""
_INVALID: Final = re.compile("[\ufffe\ufeff\uffff]")
"""What no post may hold."""

_WORD: Final = "[^\\W_]"
_LABEL: Final = f"{_WORD}(?:[\\w-]*{_WORD})?"
_LINK: Final = re.compile(
    f"(?<![@#$\uff20\uff03\\w/.])(https?://)?((?:{_LABEL}\\.)+([^\\W\\d_]{{2,}}|xn--[a-z0-9-]+))"
    '(?![\\w@-])(?::[0-9]+)?((?:[/?](?:[^\\s<>"\u2018-\u201f]*[\\w/=#&+-])?)?)',
    re.IGNORECASE,
)
_KNOWN: Final = re.compile(
    "com|org|net|info|biz|edu|gov|mil|int|app|dev|xyz|name|shop|site|online|[a-z]{2}"
    "|\u067e\u0627\u06a9\u0633\u062a\u0627\u0646",
    re.IGNORECASE,
)
"""Some top-level domains; any two Latin letters are one, near enough."""

_PICTURE: Final = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    "|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    f"|{_PICTURE}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?"
    f"(?:\u200d{_PICTURE}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?)*"
)
_PLAIN_SIGNS: Final = frozenset("\u00a9\u00ae\u2122")
"""Signs that are emoji only where a variation selector says so."""


def weighted_length(text: str) -> int:
    """Return the weighted length of a text as X counts it."""
    total, position, text = 0, 0, normalize("NFC", text)
    for link in _LINK.finditer(text):
        total += _unlinked(text[position : link.start()]) + _linked(link)
        position = link.end()
    return total + _unlinked(text[position:])


def is_valid(text: str) -> bool:
    """Whether X would take the text as a post."""
    return 0 < weighted_length(text) <= POST_AT_MOST and _INVALID.search(text) is None


def fit(text: str, most: int = POST_AT_MOST) -> str:
    """Cut a text at a word, with `…`, where it is too long for a post."""
    if weighted_length(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if weighted_length(text[:middle]) < most - 1 else (low, middle - 1)
        )
    cut = text[:low]
    word = cut.rsplit(maxsplit=1)[0] if not text[low].isspace() and " " in cut.strip() else cut
    short = f"{word.rstrip()}…"
    return short if weighted_length(short) <= most else fit(word, most)


def _linked(link: re.Match[str]) -> int:
    """Weigh what looks like a link."""
    protocol, host, top, _ = link.groups()
    raw = _unlinked(link[0])
    if any(not _is_label(label) for label in host.split(".")):
        return raw
    sure = _KNOWN.fullmatch(top) and (protocol is not None or host.isascii())
    return LINK_LENGTH if sure else max(raw, LINK_LENGTH)


def _is_label(label: str) -> bool:
    """Whether the name system could write it."""
    try:
        written = label.encode("punycode") if not label.isascii() else label.encode()
    except UnicodeError:
        return False
    return len(written) + (0 if label.isascii() else len("xn--")) <= _LABEL_AT_MOST


def _unlinked(text: str) -> int:
    """Weigh a text that holds no link: emoji as one, the rest by its code points."""
    total = 0
    position = 0
    for emoji in _EMOJI.finditer(text):
        if emoji[0] in _PLAIN_SIGNS:
            continue
        total += sum(_weight(ord(c)) for c in text[position : emoji.start()]) + 2
        position = emoji.end()
    return total + sum(_weight(ord(c)) for c in text[position:])


def _weight(code: int) -> int:
    return 1 if any(low <= code <= high for low, high in _LIGHT) else 2
