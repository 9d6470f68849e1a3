"""Texts, card failures with their addresses, former handles: each goes when it is not needed."""

from datetime import timedelta
from typing import Final

from bot.services import card_guard
from bot.services.deps import Deps
from bot.store import inbox, outbox, people

TEXTS_KEPT_DAYS: Final = 30
"""How long the text of a post, a direct message or an answer is kept (days); ids and money stay."""
HANDLES_KEPT_DAYS: Final = 365
"""How long it is kept what an X account was called before (days): payers are warned by it."""


def prune(deps: Deps) -> int:
    """Drop old texts and former handles; return how many rows lost theirs, or went."""
    at = deps.clock.now()
    before = at - timedelta(days=TEXTS_KEPT_DAYS)
    card_guard.prune(deps)
    with deps.store.write() as session:
        return (
            inbox.prune_bodies(session, before=before)
            + outbox.prune_texts(session, before=before)
            + people.prune_handles(session, before=at - timedelta(days=HANDLES_KEPT_DAYS))
        )
