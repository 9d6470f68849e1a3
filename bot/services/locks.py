"""Locked wallets: that one is, as it is said to its owner.

Why is kept in a few words for the operator. What an operator or a dispute wrote there is not shown;
an owner who locked their own wallet reads that they did, and not that they are suspected.
"""

from typing import Any, Final

from sqlalchemy import Row

from bot.domain.errors import Refusal
from bot.domain.replies import Reply

NOT_ME: Final = "not me: "
"""How the reason begins where its owner said that they did not pay something."""
LOST_X: Final = "locked by its owner, who has lost X"
"""The reason where its owner entered without X and locked it."""


def said(person: Row[Any] | None) -> Reply | None:
    """Say to somebody that their wallet is locked; None where it is not."""
    if person is None or person.locked_at is None:
        return None
    reason: str = person.locked_reason or ""
    if reason == LOST_X or reason.startswith(NOT_ME):
        return Reply.of("refusal.locked_by_you", locked_at=person.locked_at)
    return Reply.of("refusal.locked")


def check(person: Row[Any]) -> None:
    """Refuse what a locked wallet does not do. Raises `Refusal`."""
    reply = said(person)
    if reply is not None:
        raise Refusal(reply)
