"""Handles that look alike: what an impostor would choose, and what is merely another name."""

import pytest

from bot.domain.lookalike import look_alike


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("alice", "a1ice", True),  # a figure for a letter
        ("alice", "AIice", True),  # a capital i for an l
        ("alice", "a11ce", True),  # twice
        ("alice", "al1c3", False),  # e and 3 are far apart
        ("marie", "rnarie", True),  # two letters for one
        ("david", "clavid", True),
        ("willy", "vvilly", True),
        ("google", "g00gle", True),
        ("alice", "allice", True),  # doubled
        ("anna_l", "ana_l", True),
        ("alice", "_alice", True),  # an underscore comes, twice
        ("alice", "_alice_", True),
        ("alice", "ailce", True),  # neighbours change places, and look alike besides
        ("carole", "craole", True),
        ("alice", "alice", False),  # the same is not another
        ("alice", "ALICE", False),
        ("alice", "alicia", False),
        ("alice", "__alice__", False),  # four changes
        ("carol", "karol", False),
        ("bob", "b0b", True),  # of a short one a single change
        ("bob", "8o8", False),
        ("dave", "dan", False),
    ],
)
def test_what_a_hurried_eye_takes_for_one_another(one: str, other: str, *, alike: bool) -> None:
    """Either way round."""
    assert look_alike(one, other) is look_alike(other, one) is alike
