"""Texts go, and card failures with their addresses, when they are no longer needed."""

from datetime import timedelta
from typing import Final

from bot.services import card_guard
from bot.services.deps import Deps
from bot.store import inbox, outbox

TEXTS_KEPT_DAYS: Final = 30
"""How long the text of a post, a direct message or an answer is kept (days); ids and money stay."""


def prune(deps: Deps) -> int:
    """Drop old texts; return how many rows lost theirs."""
    at = deps.clock.now()
    before = at - timedelta(days=TEXTS_KEPT_DAYS)
    card_guard.prune(deps)
    with deps.store.write() as session:
        return inbox.prune_bodies(session, before=before) + outbox.prune_texts(
            session, before=before
        )
