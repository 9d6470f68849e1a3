"""Whether a card's authorization may be captured: the card, the person, the law and the limits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import levels, limits, sca
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import card_guard
from bot.services.deps import Deps
from bot.services.posting import check_payee
from bot.services.whoami import bot_account
from bot.store import cards, confirmations, orders, people, settlement, wishes


def open_wishes(session: Session, row: Row[Any]) -> Sequence[Row[Any]]:
    """Return the unanswered wishes for what a top-up funds."""
    if row.confirmation_id is None:
        return []
    covered = confirmations.covered_ids(session, row.confirmation_id)
    return wishes.open_of(session, covered)


def why_void(session: Session, deps: Deps, row: Row[Any]) -> str | None:
    """Say why an authorization cannot be used; None where it can. Limits are checked here."""
    return _why_not(session, deps, row, row.card_country, row.card_fingerprint)


def why_no_charge(session: Session, deps: Deps, row: Row[Any]) -> str | None:
    """Say why a saved card cannot be charged; None where it can.

    The person's lock stands between this and a revocation: one of the two sees the other.
    """
    people.lock_persons(session, [row.person_id])
    at = deps.clock.now()
    mandate = cards.mandate_of(session, row.saved_card_id, at=at)
    if mandate is None or row.amount_cents > mandate.limit_cents:
        return "refusal.no_mandate"
    saved = cards.saved_card(session, row.saved_card_id)
    return _why_not(session, deps, row, saved.country, saved.fingerprint)


def _why_not(
    session: Session, deps: Deps, row: Row[Any], country: str | None, fingerprint: str | None
) -> str | None:
    if open_wishes(session, row):
        return "refusal.already_cancelled"
    if country not in deps.policy.card_countries:
        return "refusal.card_country"
    person = people.lock_persons(session, [row.person_id])[row.person_id]
    if person.locked_at is not None:
        return "refusal.locked"
    if card_guard.are_closed(
        session,
        deps.clock.now(),
        person_id=person.id,
        address_hash=row.address_hash,
        fingerprint=fingerprint,
    ):
        return "refusal.cards_closed"
    if row.confirmation_id is None:
        return None
    return _why_not_pay(session, deps, row, person)


def _why_not_pay(session: Session, deps: Deps, row: Row[Any], person: Row[Any]) -> str | None:
    """Say what the law or a limit has against the payment behind a top-up."""
    confirmation = confirmations.get(session, row.confirmation_id)
    by_card = sca.by_card(
        confirmation.total_cents,
        person.since_sca_cents
        + confirmations.exempted_cents(session, person.id, before_id=confirmation.id),
        three_d_secure=row.three_d_secure,
        policy=deps.policy,
    )
    verdict = sca.recorded(confirmation.sca_basis, by_card)
    if isinstance(verdict, sca.NeedsSca):
        return verdict.refusal_of_card
    # The transfers are not locked: a person is, and whoever locks both takes transfers first. What
    # is with the card is moved by its driver alone.
    order = orders.by_id(session, confirmation.order_id)
    every = orders.transfers_of(session, [order.id])
    rows = [one for one in every if one.confirmation_id == confirmation.id]
    try:
        if order.owner_x_user_id == confirmation.payer_x_user_id:  # their own wish, not a payee's
            _check_welcome(session, rows, person)
        check_transfers(session, deps, person, rows, counted_cents=confirmation.total_cents)
    except Refusal as refusal:
        return refusal.reply.key
    return None


def _check_welcome(session: Session, rows: Sequence[Row[Any]], person: Row[Any]) -> None:
    """Check that no payee turns the payer's money away. Raises `Refusal`."""
    if settlement.turning_away([one.payee_x_user_id for one in rows], [person.id]).ask(session):
        raise Refusal(Reply.of("refusal.cannot_pay"))


def check_transfers(
    session: Session,
    deps: Deps,
    person: Row[Any],
    rows: Sequence[Row[Any]],
    *,
    counted_cents: int = 0,
) -> None:
    """Check the payees and the amounts of what a person pays, under their lock. Raises `Refusal`.

    `counted_cents`: what of it stands among what they paid in 30 days already.
    """
    bot = bot_account(session)
    payees = people.persons_by_account(session, {row.payee_x_user_id for row in rows})
    for row in rows:
        payee = payees.get(row.payee_x_user_id)
        bot_id = bot.id if bot is not None else None
        check_payee(payee, row.payee_x_user_id, person.id, bot_x_user_id=bot_id)
        to_organisation = payee is not None and payee.is_organisation
        limits.check_amount(row.amount_cents, to_organisation=to_organisation, policy=deps.policy)
    window = deps.clock.now() - timedelta(days=limits.ROLLING_DAYS)
    paid = orders.paid_since(session, [person.id], since=window).get(person.id, 0) - counted_cents
    total = sum(row.amount_cents for row in rows)
    limits.check_30_days(paid, total, deps.policy)
    largest = max(row.amount_cents for row in rows)
    rights = deps.policy.rights(person.level)
    levels.check_pay(rights, largest, paid_30_days_cents=paid, total_cents=total)
