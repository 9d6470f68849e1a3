"""How long a post is for X: twitter-text's weighted length, version 3 of its configuration.

Emoji are counted code point by code point here, which is never too short.
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
_LINK: Final = re.compile(r"https?://\S+")


def weighted_length(text: str) -> int:
    """Return the weighted length of a text as X counts it."""
    text = normalize("NFC", text)
    links = len(_LINK.findall(text))
    rest = _LINK.sub("", text)
    return links * LINK_LENGTH + sum(_weight(ord(character)) for character in rest)


def _weight(code: int) -> int:
    return 1 if any(low <= code <= high for low, high in _LIGHT) else 2
