"""Whether a card's authorization may be captured: the card, the person, the law and the limits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits, sca
from bot.domain.errors import Refusal
from bot.services.deps import Deps
from bot.store import confirmations, orders, people, wishes


def open_wishes(session: Session, row: Row[Any]) -> Sequence[Row[Any]]:
    """Return the unanswered wishes for what a top-up funds."""
    if row.confirmation_id is None:
        return []
    covered = confirmations.covered_ids(session, row.confirmation_id)
    return wishes.open_of(session, covered)


def why_void(session: Session, deps: Deps, row: Row[Any]) -> str | None:
    """Say why an authorization cannot be used; None where it can. Limits are checked here."""
    confirmation = confirmations.get(session, row.confirmation_id)
    if open_wishes(session, row):
        return "refusal.already_cancelled"
    if row.card_country not in deps.policy.card_countries:
        return "refusal.card_country"
    person = people.lock_persons(session, [row.person_id])[row.person_id]
    if person.locked_at is not None:
        return "refusal.locked"
    verdict = sca.by_card(
        confirmation.total_cents,
        person.since_sca_cents
        + confirmations.exempted_cents(session, person.id, before_id=confirmation.id),
        three_d_secure=row.three_d_secure,
        policy=deps.policy,
    )
    if isinstance(verdict, sca.NeedsSca):
        return verdict.refusal_of_card
    window = deps.clock.now() - timedelta(days=limits.ROLLING_DAYS)
    paid = orders.paid_since(session, [person.id], since=window).get(person.id, 0)
    try:
        limits.check_30_days(paid - confirmation.total_cents, confirmation.total_cents, deps.policy)
    except Refusal as refusal:
        return refusal.reply.key
    return None
