"""Texts, card failures, former handles, who closed, what X was used for: each goes in its time."""

from datetime import datetime, timedelta
from typing import Final

from bot.domain.x_bill import day_of
from bot.services import card_guard
from bot.services.deps import Deps
from bot.store import closing, inbox, outbox, people, x_counts

TEXTS_KEPT_DAYS: Final = 30
"""How long the text of a post, a direct message or an answer is kept (days); ids and money stay."""
HANDLES_KEPT_DAYS: Final = 365
"""How long it is kept what an X account was called before (days): payers are warned by it."""
IDENTITY_KEPT_YEARS: Final = 5
"""How long after its end it is kept who had an account (years): Code monétaire et financier,
L.561-12."""
BOOKS_KEPT_YEARS: Final = 10
"""How long the books are kept at least (years): Code de commerce, L.123-22. No job removes any."""


BILLS_KEPT_DAYS: Final = 400
"""How long the counts of what was used of X are kept (days): a year, to compare, and a month."""


def prune(deps: Deps) -> int:
    """Drop old texts, former handles and identities; return how many rows lost theirs, or went."""
    at = deps.clock.now()
    before = at - timedelta(days=TEXTS_KEPT_DAYS)
    card_guard.prune(deps)
    with deps.store.write() as session:
        return (
            inbox.prune_bodies(session, before=before)
            + outbox.prune_texts(session, before=before)
            + people.prune_handles(session, before=at - timedelta(days=HANDLES_KEPT_DAYS))
            + closing.prune(session, before=years_later(at, -IDENTITY_KEPT_YEARS))
            + x_counts.prune(session, before_day=day_of(at - timedelta(days=BILLS_KEPT_DAYS)))
        )


def years_later(at: datetime, years: int) -> datetime:
    """Return the same day some years later, or before; of 29 February the first of March.

    >>> years_later(datetime(2024, 2, 29), -5).isoformat()
    '2019-03-01T00:00:00'
    """
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, month=3, day=1)
