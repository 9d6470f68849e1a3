"""Money into a wallet by a saved card, off-session, under its mandate."""

from datetime import timedelta

from bot.domain import books, limits
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.topup import SESSION_MINUTES
from bot.services import settle
from bot.services.deps import Deps
from bot.store import cards, confirmations, ledger, people


def charge_saved_card(deps: Deps, person_id: int, saved_card_id: int, amount_cents: int) -> str:
    """Charge a saved card and issue the money into its owner's wallet; return the top-up's id.

    Raises `Refusal` where no mandate permits it, and `Unavailable` where the acquirer does not
    answer: the row stays, and the recovery job finishes it.
    """
    at = deps.clock.now()
    topup_id = deps.chance.uuid()
    with deps.store.write() as session:
        person = people.lock_persons(session, [person_id])[person_id]
        if person.locked_at is not None:
            raise Refusal(Reply.of("refusal.locked"))
        mandate = cards.mandate_of(session, saved_card_id, at=at)
        is_theirs = cards.owner_of(session, saved_card_id) == person_id
        if not is_theirs or mandate is None or amount_cents > mandate.limit_cents:
            raise Refusal(Reply.of("refusal.no_mandate"))
        if cards.saved_card(session, saved_card_id).country not in deps.policy.card_countries:
            raise Refusal(limits.explain("refusal.card_country", deps.policy))
        held_cents = ledger.balance(session, books.wallet(person_id))
        held_cents += confirmations.charging_cents(session, person_id)
        limits.check_wallet(held_cents, amount_cents, deps.policy)
        confirmations.insert_topup(
            session,
            id=topup_id,
            person_id=person_id,
            saved_card_id=saved_card_id,
            amount_cents=amount_cents,
            expires_at=at + timedelta(minutes=SESSION_MINUTES),
            at=at,
        )
    settle.drive(deps, topup_id)
    return topup_id
