"""The ways to pay that a page offers a payer, and why another is not offered."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import sca
from bot.domain.cards import NEEDS_PERSON
from bot.domain.topup import ATTEMPTS_AN_ORDER
from bot.services import card_guard, mandates
from bot.services.deps import Deps
from bot.store import cards, confirmations


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to pay; `refusal` is the key of the sentence that says why it is not offered."""

    offered: bool
    refusal: str | None = None
    asks_proof: bool = False
    """Two factors are asked for on the next page."""
    is_final: bool = False
    """Whether ticking less would not change that."""


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


def card(
    session: Session, deps: Deps, order_id: int, person: Row[Any] | None, total: int
) -> Choice:
    """Say whether a card may be asked for."""
    if total < deps.policy.min_card_cents:
        return Choice(offered=False, refusal="refusal.below_card_minimum")
    if person is not None and are_used_up(session, order_id, person.id):
        return Choice(offered=False, refusal="refusal.too_many_attempts", is_final=True)
    if person is not None and are_closed(session, deps, person.id):
        return Choice(offered=False, refusal="refusal.cards_closed", is_final=True)
    since_sca = person.since_sca_cents if person is not None else 0
    match sca.by_card_may_begin(total, since_sca, deps.policy):
        case sca.Allowed():
            return Choice(offered=True)
        case sca.NeedsSca():
            return Choice(offered=True, asks_proof=True)


def are_used_up(session: Session, order_id: int, person_id: int) -> bool:
    """Whether one payer of an order has begun as many top-ups as they may."""
    return len(confirmations.topups_of_order(session, order_id, person_id)) >= ATTEMPTS_AN_ORDER


def are_closed(session: Session, deps: Deps, person_id: int) -> bool:
    """Whether cards are closed to a person, wherever they are."""
    at = deps.clock.now()
    return card_guard.are_closed(session, at, person_id=person_id, address_hash=None)


def wanting_their_person(
    session: Session, order_id: int, person: Row[Any] | None
) -> frozenset[int]:
    """Return the saved cards whose issuer wants to see the payer of an order: on the card's page.

    To charge one of them again unseen would bring the same answer.
    """
    if person is None:
        return frozenset()
    begun = confirmations.topups_of_order(session, order_id, person.id)
    return frozenset(
        row.saved_card_id
        for row in begun
        if row.saved_card_id is not None and row.refusal == NEEDS_PERSON
    )


def saved(
    session: Session, deps: Deps, order_id: int, person: Row[Any] | None, total: int
) -> tuple[SavedChoice, ...]:
    """Return the saved cards that may be charged for it all."""
    if person is None or total < deps.policy.min_card_cents:
        return ()
    if are_used_up(session, order_id, person.id) or are_closed(session, deps, person.id):
        return ()
    if not sca.is_low_value(total, person.since_sca_cents, deps.policy):
        return ()
    at = deps.clock.now()
    not_again = wanting_their_person(session, order_id, person)
    permitted = {
        row.id: SavedChoice(row.id, row.brand, row.last4)
        for row in cards.cards_of(session, person.id)
        if row.id not in not_again
        and row.country in deps.policy.card_countries
        and mandates.permits(row, at)
        and row.limit_cents >= total
    }
    return tuple(permitted.values())
