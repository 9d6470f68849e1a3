"""Saved cards: charged off-session into a wallet under their mandate, and taken out again."""

from datetime import timedelta
from typing import Final

import structlog

from bot.domain import books, limits
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.domain.topup import SESSION_MINUTES
from bot.services import locks, settle
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import cards, confirmations, ledger, people

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""Cards removed at the acquirer in one go: each is a call."""


def charge_saved_card(deps: Deps, person_id: int, saved_card_id: int, amount_cents: int) -> str:
    """Charge a saved card and issue the money into its owner's wallet; return the top-up's id.

    Raises `Refusal` where no mandate permits it, and `Unavailable` where the acquirer does not
    answer: the row stays, and the recovery job finishes it.
    """
    at = deps.clock.now()
    topup_id = deps.chance.uuid()
    with deps.store.write() as session:
        person = people.lock_persons(session, [person_id])[person_id]
        locks.check(person)
        mandate = cards.mandate_of(session, saved_card_id, at=at)
        is_theirs = cards.owner_of(session, saved_card_id) == person_id
        if not is_theirs or mandate is None or amount_cents > mandate.limit_cents:
            raise Refusal(Reply.of("refusal.no_mandate"))
        if cards.saved_card(session, saved_card_id).country not in deps.policy.card_countries:
            raise Refusal(limits.explain("refusal.card_country", deps.policy))
        held_cents = ledger.balance(session, books.wallet(person_id))
        held_cents += confirmations.charging_cents(session, person_id)
        limits.check_wallet(held_cents, amount_cents, person.level, deps.policy)
        confirmations.insert_topup(
            session,
            id=topup_id,
            person_id=person_id,
            saved_card_id=saved_card_id,
            amount_cents=amount_cents,
            expires_at=at + timedelta(minutes=SESSION_MINUTES),
            at=at,
        )
    deps.step(Step.TOPUP_WRITTEN)
    settle.drive(deps, topup_id)
    return topup_id


def remove_card(deps: Deps, person_id: int, saved_card_id: int) -> None:
    """Revoke a saved card's mandate at once, and have the acquirer remove the card.

    Twice is a success. Raises `Refusal` where the card is not theirs. What the acquirer delays, the
    recovery job does: from the first commit on nothing new is charged.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        people.lock_persons(session, [person_id])
        if cards.owner_of(session, saved_card_id) != person_id:
            raise Refusal(Reply.of("refusal.no_such_card"))
        cards.remove(session, saved_card_id, at=at)
    deps.step(Step.CARD_REMOVED)
    forget_removed(deps)


def forget_removed(deps: Deps) -> int:
    """Remove at the acquirer what its owner took out of a wallet; return how many cards."""
    with deps.store.read() as session:
        rows = cards.to_forget(session, limit=BATCH)
    done = 0
    for row in rows:
        try:
            deps.vault.forget(row.payment_method_id)
        except (Unavailable, Rejected) as error:
            log.warning("card_not_forgotten", card=row.id, reason=str(error))
            continue
        deps.step(Step.CARD_FORGOTTEN)
        with deps.store.write() as session:
            cards.mark_forgotten(session, row.id, at=deps.clock.now())
        done += 1
    return done
