"""The kinds of characters that the language tells apart, and what stands for each in the grammar.

Each kind is the inside of a regular expression's class (`[…]`). Python's `re` knows no Unicode
properties, so the ranges are written down; a test compares those that come from the Unicode
database with it. Python's own `isdigit` takes digits of every script: here a figure is `[0-9]`.
"""

import re
from typing import Final

GAP: Final = "\u2028"
"""Stands where a link was dropped: white space that no number reaches across."""

BOT: Final = "\ufdd0"
"""Stands where the bot's own handle was: a noncharacter, which no text holds by itself."""

ZERO_WIDTH: Final = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
)
"""Zero-width and bidirectional control characters: what a person does not see."""

FOREIGN_SIGN: Final = (
    "$\u00a2-\u00a5\u058f\u060b\u07fe\u07ff\u09f2\u09f3\u09fb\u0af1\u0bf9\u0e3f\u17db"
    "\u20a0-\u20ab\u20ad-\u20c0\ua838\ufdfc\ufe69\uff04\uffe0\uffe1\uffe5\uffe6"
    "\U00011fdd-\U00011fe0\U0001e2ff\U0001ecb0"
)
"""Category Sc, all but the euro sign."""

ODD_DIGIT: Final = (
    "\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2189"
    "\u2460-\u249b\u24ea\u3251-\u325f\u32b1-\u32cb\u3358-\u3370\u3378\u3379\u339f-\u33a6\u33a8"
    "\u33af\u33e0-\u33fe\U0001d7ce-\U0001d7ff\U0001f100-\U0001f10a\U0001fbf0-\U0001fbf9"
)
"""What is no figure, yet turns into one under NFKC: `²`, `①`, `½`."""

EMOJI: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9-\u21aa\u231a-\u231b\u2328\u23cf"
    "\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa-\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e"
    "\u2611\u2614-\u2615\u2618\u261d\u2620\u2622-\u2623\u2626\u262a\u262e-\u262f\u2638-\u263a"
    "\u2640\u2642\u2648-\u2653\u265f-\u2660\u2663\u2665-\u2666\u2668\u267b\u267e-\u267f"
    "\u2692-\u2697\u2699\u269b-\u269c\u26a0-\u26a1\u26a7\u26aa-\u26ab\u26b0-\u26b1\u26bd-\u26be"
    "\u26c4-\u26c5\u26c8\u26ce-\u26cf\u26d1\u26d3-\u26d4\u26e9-\u26ea\u26f0-\u26f5\u26f7-\u26fa"
    "\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2728\u2733-\u2734"
    "\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2764\u2795-\u2797\u27a1\u27b0\u27bf"
    "\u2934-\u2935\u2b05-\u2b07\u2b1b-\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171"
    "\U0001f17e-\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f1ad-\U0001f1ff"
    "\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f"
    "\U0001f249-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f"
    "\U0001f7d5-\U0001f7ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001faff"
    "\U000e0020-\U000e007f"
)
"""Emoji as Unicode has them, and the marks that colour them: neither `→` nor `★`.

Of the characters below U+10000 those with the property Emoji, above those with it or with
Extended_Pictographic; figures, `#` and `*` are none here. U+200D between two is their joiner.
"""

KEYCAP: Final = "\u20e3\ufe0e\ufe0f"
"""What turns a figure into a picture of it; emoji may carry it too."""

QUOTE: Final = "\u201a-\u201f\u00ab\u00bb\u2039\u203a"
"""Quotation marks, curly and French; the single ones are apostrophes too."""

APOSTROPHE: Final = "\u2018\u2019\u02bc"
"""What joins a letter to a word as `'` does: `don’t`."""

HYPHEN: Final = "\u2010\u2011"
"""What joins a word to a word as `-` does, and is no minus."""

MARK: Final = "\u0300-\u034e\u0350-\u036f\u20d0-\u20e2\u20e4-\u20ff\ufe20-\ufe2f"
"""Combining marks that NFC could not put into a letter."""

PUNCTUATION: Final = (
    "!-#%-*,-\\/:;?@\\[-\\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u2043"
    "\u2045-\u2051\u2053-\u205e\u3001-\u3003\u3008-\u3011\u3014-\u301f"
)
"""Punctuation of the scripts that the bot's two languages are written in."""

KINDS: Final = {
    "ZERO_WIDTH": ("\u200b", ZERO_WIDTH),
    "FOREIGN_SIGN": ("$", FOREIGN_SIGN),
    "ODD_DIGIT": ("\u00b2", ODD_DIGIT),
    "EMOJI": ("\u263a", EMOJI),
    "KEYCAP": ("\ufe0f", KEYCAP),
    "QUOTE": ('"', QUOTE),
    "APOSTROPHE": ("'", APOSTROPHE),
    "HYPHEN": ("\u2010", HYPHEN),
    "MINUS": ("\u2212", "\u2212\u2013"),
    "MARK": ("\u0301", MARK),
}
"""Kinds of characters, and which of them stands for its kind. The first kind that fits counts."""

is_everyday: Final = re.compile("[ -~\u20ac\u00c0-\u00ff]*+").fullmatch
"""Matches what most texts are made of: nothing of it is folded, and none stands for a kind."""
_SPECIAL: Final = re.compile(f"[{''.join(kind for _, kind in KINDS.values())}]")
_STAND_INS: Final = {
    code: stand_in
    for stand_in, kind in reversed(KINDS.values())
    for code in (
        code
        for first, last in re.findall("(.)(?:-(.))?", kind)
        for code in range(ord(first), ord(last or first) + 1)
    )
}


def shadow(text: str) -> str:
    """Put each special character's stand-in in its place: same length, few kinds of characters."""
    if is_everyday(text) or _SPECIAL.search(text) is None:
        return text
    return text.translate(_STAND_INS)


WORD_END: Final = "(?![\\w@\u200b\u0301]|['\\-\u2010][^\\W\\d_])"
"""Where a word ends, of a shadow: `don't`, `stop-gap` and `pay@alice` hold no verb."""
