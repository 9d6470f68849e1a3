"""The ways to pay that a page offers a payer, and why another is not offered."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import sca
from bot.services.deps import Deps
from bot.store import cards


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to pay; `refusal` is the key of the sentence that says why it is not offered."""

    offered: bool
    refusal: str | None = None
    asks_proof: bool = False
    """Two factors are asked for on the next page."""


@dataclass(frozen=True, slots=True)
class SavedChoice:
    """A card that is kept and may be charged for all of it: brand and last figures tell which."""

    id: int
    brand: str
    last4: str


def wallet(deps: Deps, total: int, balance: int, since_sca: int) -> Choice:
    """Say whether the wallet pays it all."""
    if balance < total:
        return Choice(offered=False, refusal="refusal.not_enough")
    match sca.from_wallet(total, since_sca, deps.policy):
        case sca.Allowed():
            return Choice(offered=True)
        case sca.NeedsSca():
            return Choice(offered=True, asks_proof=True)


def card(deps: Deps, total: int, since_sca: int) -> Choice:
    """Say whether a card may be asked for."""
    if total < deps.policy.min_card_cents:
        return Choice(offered=False, refusal="refusal.below_card_minimum")
    match sca.by_card_may_begin(total, since_sca, deps.policy):
        case sca.Allowed():
            return Choice(offered=True)
        case sca.NeedsSca() as needed:
            return Choice(offered=False, refusal=needed.refusal)


def saved(
    session: Session, deps: Deps, person: Row[Any] | None, total: int
) -> tuple[SavedChoice, ...]:
    """Return the saved cards that may be charged for it all."""
    if person is None or total < deps.policy.min_card_cents:
        return ()
    if not sca.is_low_value(total, person.since_sca_cents, deps.policy):
        return ()
    at = deps.clock.now()
    permitted = {
        row.id: SavedChoice(row.id, row.brand, row.last4)
        for row in cards.cards_of(session, person.id)
        if row.country in deps.policy.card_countries
        and row.limit_cents is not None
        and row.revoked_at is None
        and row.ends_at > at
        and row.limit_cents >= total
    }
    return tuple(permitted.values())
