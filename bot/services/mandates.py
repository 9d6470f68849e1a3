"""Keeping a card: a mandate is given with a payment, and gets its card where that is captured.

It takes two factors, bound to what it permits and to that payment (PSD2 art. 97 (1) (c): ADR 21).
The page's box puts a mandate and the wish for a customer beside the confirmation, in its commit.
The driver makes the customer (row, call, row) and opens the acquirer's page for it; the capture's
commit makes the card a saved one. A payment that brings no money leaves none: what the acquirer
has kept of it by then is removed there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.cards import Permission, SavedCard, is_expired, permission, read_permission
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Basis
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import cards

NEEDS_SCA: Final = "refusal.mandate_needs_sca"
"""The refusal of a mandate that two factors lift."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A permission that somebody gave, and the strong authentication by which."""

    permission: Permission
    basis: Basis


def offered(policy: Policy, at: datetime) -> Permission:
    """Return the permission that a page asks for now.

    Off-session no issuer checks the payer, so that more than the law exempts is never asked for.
    """
    return permission(policy.low_value_cents, at)


def read(text: str, policy: Policy, at: datetime) -> Permission:
    """Return the permission that a form names, as it was shown. Raises `Refusal`."""
    found = read_permission(text, policy.low_value_cents, at)
    if found is None:
        raise Refusal(Reply.of("refusal.other_mandate"))
    return found


def agreed(
    text: str, proof: Authenticated | None, terms_hash: str, policy: Policy, at: datetime
) -> Agreed:
    """Return the permission that a form names, given by two factors with a payment's terms.

    Raises `Refusal` where there were none, or for something else.
    """
    given = read(text, policy, at)
    if proof is None:
        raise Refusal(Reply.of(NEEDS_SCA))
    if proof.terms_hash != given.agreed_with(terms_hash):
        raise Refusal(Reply.of("refusal.other_mandate"))
    return Agreed(given, proof.basis)


def give(session: Session, person_id: int, topup_id: str, given: Agreed, *, at: datetime) -> None:
    """Write down that the card of a payment is to be kept, under this permission."""
    cards.permit(session, given.permission, topup_id=topup_id, sca_basis=given.basis, at=at)
    cards.want_customer(session, person_id, key=topup_id, at=at)


def customer_for(deps: Deps, row: Row[Any]) -> str | None:
    """Return for whom the acquirer is to keep a top-up's card; None where it is not to."""
    with deps.store.read() as session:
        if cards.mandate_given_with(session, row.id) is None:
            return None
    return customer_of(deps, row.person_id)


def customer_of(deps: Deps, person_id: int) -> str:
    """Return a person's customer at the acquirer, made now where there is none."""
    with deps.store.read() as session:
        known = cards.customer(session, person_id)
    if known.customer_id is not None:
        return str(known.customer_id)
    made = deps.vault.customer(person_id=str(person_id), key=f"customer-{known.key}")
    deps.step(Step.CUSTOMER_MADE)
    with deps.store.write() as session:
        customer_id = cards.name_customer(session, person_id, made)
    deps.step(Step.CUSTOMER_RECORDED)
    return customer_id


def lose_customer(deps: Deps, person_id: int, customer_id: str) -> None:
    """Let the next attempt make another customer, where the acquirer does not know this one."""
    with deps.store.write() as session:
        cards.lose_customer(session, person_id, customer_id)
    deps.step(Step.CUSTOMER_LOST)


def record(session: Session, row: Row[Any], kept: SavedCard | None, *, at: datetime) -> None:
    """Make the card of a captured top-up a saved one, in the capture's commit.

    The same card saved again is one card: the newer mandate holds, and the acquirer keeps it once.
    """
    mandate = cards.mandate_given_with(session, row.id)
    if mandate is None:
        _let_go(session, row, kept, at=at)
        return
    saved = None if kept is None else save(session, row.person_id, kept, at=at)
    if saved is None:
        cards.withdraw(session, mandate.id, at=at)
    else:
        cards.revoke(session, saved, at=at)
        cards.bind(session, mandate.id, saved)


def save(session: Session, person_id: int, kept: SavedCard, *, at: datetime) -> int | None:
    """Return the one row of a card that is kept, new; None where its owner has taken it out."""
    known = None
    for old in cards.same_card(session, person_id, kept):
        if old.payment_method_id == kept.payment_method_id:
            known = old
        else:
            cards.remove(session, old.id, at=at)
    if known is None:
        return cards.keep(session, person_id, kept, at=at)
    return None if known.removed_at is not None else int(known.id)


def permits(row: Row[Any], at: datetime) -> bool:
    """Whether a card with its mandate, a row of `cards.cards_of`, may be charged at all."""
    return (
        row.ends_at is not None
        and row.revoked_at is None
        and row.ends_at > at
        and not is_expired(row.exp_month, row.exp_year, at)
    )


def drop(session: Session, row: Row[Any], kept: SavedCard | None, *, at: datetime) -> None:
    """End the mandate of a top-up that brought no money, and have its card removed there too."""
    mandate = cards.mandate_given_with(session, row.id)
    if mandate is not None:
        cards.withdraw(session, mandate.id, at=at)
    _let_go(session, row, kept, at=at)


def _let_go(session: Session, row: Row[Any], kept: SavedCard | None, *, at: datetime) -> None:
    """Have the acquirer remove a card that it keeps and that no mandate is for."""
    if kept is None:
        return
    same = [one.payment_method_id for one in cards.same_card(session, row.person_id, kept)]
    if kept.payment_method_id not in same:
        cards.keep(session, row.person_id, kept, at=at, removed_at=at)
