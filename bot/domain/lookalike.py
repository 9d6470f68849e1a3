"""Handles that a hurried eye takes for one another: how an impostor borrows a name.

A handle is of `A-Z a-z 0-9 _` alone, so that this small table serves where a table of all scripts
would say nothing.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

MOST_CHANGES: Final = 2
"""How many look-alike changes two handles may differ by, and still be taken for one another."""
SHORT: Final = 4
"""Characters of a handle in which one change is all: with two it would be another word."""
_ALIKE: Final = (
    ("0", "o"),
    ("1", "l", "i"),
    ("2", "z"),
    ("5", "s"),
    ("6", "b"),
    ("8", "b"),
    ("9", "g", "q"),
    ("u", "v"),
    ("m", "rn", "nn"),
    ("w", "vv"),
    ("d", "cl"),
)
"""What looks alike; X shows `I` and `l` alike, and case is its bearer's choice."""
_PAIRS: Final = frozenset(
    (one, other) for group in _ALIKE for one in group for other in group if one != other
)


def look_alike(one: str, other: str) -> bool:
    """Whether two handles that are not the same look so.

    One character may stand for another that looks like it, a letter may be doubled or not, an
    underscore may come or go, two neighbours may change places: once or twice in all.

    >>> look_alike("alice", "aIice"), look_alike("marie", "rnarie"), look_alike("alice", "alicia")
    (True, True, False)
    """
    first, second = one.lower(), other.lower()
    most = MOST_CHANGES if min(len(first), len(second)) > SHORT else 1
    return first != second and _changes(first, second, most) <= most


@lru_cache(maxsize=4096)
def _changes(one: str, other: str, left: int) -> int:
    """Return by how many changes two texts differ; more than `left` where by more than that."""
    if one == other:
        return 0
    if abs(len(one) - len(other)) > 2 * left:
        return left + 1
    ways = [1 + _changes(*rests, left - 1) for rests in _steps(one, other)] if left else []
    if one and other and one[0] == other[0]:
        ways.append(_changes(one[1:], other[1:], left))
    return min(ways, default=left + 1)


def _steps(one: str, other: str) -> Iterator[tuple[str, str]]:
    """Yield what is left to compare after each change that may stand at the head of two texts."""
    for some, others in _PAIRS:
        if one.startswith(some) and other.startswith(others):
            yield one[len(some) :], other[len(others) :]
    for text, beside, is_first in ((one, other, True), (other, one, False)):
        doubled = len(text) > 1 and text[0] == text[1]
        if text.startswith("_") or doubled:
            yield (text[1:], beside) if is_first else (beside, text[1:])
    if one[:2] == other[1::-1] and len(one) > 1:
        yield one[2:], other[2:]
