"""Texts go when they are no longer needed: X's rules, and everybody's privacy."""

from datetime import timedelta
from typing import Final

from bot.services.deps import Deps
from bot.store import inbox, outbox

TEXTS_KEPT_DAYS: Final = 30
"""How long the text of a post, a direct message or an answer is kept (days); ids and money stay."""


def prune(deps: Deps) -> int:
    """Drop old texts; return how many rows lost theirs."""
    at = deps.clock.now()
    before = at - timedelta(days=TEXTS_KEPT_DAYS)
    with deps.store.write() as session:
        return inbox.prune_bodies(session, before=before) + outbox.prune_texts(
            session, before=before
        )
