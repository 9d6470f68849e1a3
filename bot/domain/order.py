"""An order: what one message, or one visit to the pay page, asks for, and its reference."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from unicodedata import category, normalize

REFERENCE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which are mistaken for one another."""
REFERENCE_LENGTH: Final = 6
"""Characters; 32^6 is a thousand million, so a drawn one is nearly always free."""
NOTE_AT_MOST: Final = 140
"""Characters of a note, LANGUAGE.md, "Notes"."""


class OrderKind(StrEnum):
    """What was asked for; a request and a split are paid by others than who ordered them."""

    PAY = "pay"
    DONATE = "donate"
    REQUEST = "request"
    SPLIT = "split"

    @property
    def is_asked(self) -> bool:
        """Whether others are asked to pay who ordered it."""
        return self in (OrderKind.REQUEST, OrderKind.SPLIT)


def is_reference(text: str) -> bool:
    """Whether a text is a reference: 6 of the alphabet, with a letter and a digit."""
    return (
        len(text) == REFERENCE_LENGTH
        and all(character in REFERENCE_ALPHABET for character in text)
        and any(character.isalpha() for character in text)
        and any(not character.isalpha() for character in text)
    )


def confirm_by_at_most(
    created_at: datetime, *, confirm_within_h: int, answer_within_h: int
) -> datetime:
    """Return when an order expires that was never answered: both spans after its creation."""
    return created_at + timedelta(hours=confirm_within_h + answer_within_h)


def confirm_by_after_reply(
    replied_at: datetime, created_at: datetime, *, confirm_within_h: int, answer_within_h: int
) -> datetime:
    """Return when an answered order expires: `confirm_within_h` after the reply, capped."""
    latest = confirm_by_at_most(
        created_at, confirm_within_h=confirm_within_h, answer_within_h=answer_within_h
    )
    return min(replied_at + timedelta(hours=confirm_within_h), latest)


def draft_hash(reference: str, kind: str, x_user_ids: Sequence[str]) -> str:
    """Return the hash of whom a draft is about: an amount is chosen for just these."""
    return sha256("|".join((reference, kind, *x_user_ids)).encode()).hexdigest()


def typed_note(text: str) -> str | None:
    """Return a note as it is typed on a page: one line, nothing unseen, cut where it is long.

    >>> typed_note("  pour\u202e la   pizza "), typed_note(" ")
    ('pour la pizza', None)
    """
    seen = "".join(one for one in normalize("NFC", text) if one.isspace() or not _is_unseen(one))
    note = " ".join(seen.split())
    return (note if len(note) <= NOTE_AT_MOST else f"{note[: NOTE_AT_MOST - 1].rstrip()}…") or None


def _is_unseen(character: str) -> bool:
    """Whether nothing of a character is seen, save the joint between the parts of an emoji."""
    return category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character != "\u200d"
