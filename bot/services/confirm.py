"""Confirming: a payer's proof of will, bound to the terms that were shown, becomes a row.

The row is written first and settled after: from the wallet in the next commit, by card once the
acquirer has the money. A process that dies in between leaves a row for the recovery job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books, limits, sca
from bot.domain.commands import Lang
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.limits import Policy
from bot.domain.replies import Reply
from bot.domain.topup import SESSION_MINUTES
from bot.domain.transfer import Reason, TransferStatus, confirmation_hash
from bot.domain.x_bill import CONFIRMATIONS
from bot.services import accept, blocks, card_guard, choices, gone, locks, mandates, settle
from bot.services.deps import Deps
from bot.services.posting import PAID
from bot.services.steps import Step
from bot.services.tell import lang_of
from bot.store import cards, confirmations, ledger, orders, people

log = structlog.get_logger(__name__)


OTHER_TOTAL: Final = "refusal.other_total"
"""The sentence for a payer who ticked other transfers than those whose total was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What a payer wants: these transfers of an order, at these terms, paid in this way."""

    reference: str
    x_user_id: str
    terms_hash: str
    numbers: tuple[int, ...] | None = None
    """The ticked transfers; None: all that this payer pays in the order."""
    total_cents: int | None = None
    """The total that the payer was shown; None: the page showed each amount alone."""
    funding: Literal["wallet", "card"]
    method: Literal["page", "dm"]
    saved_card_id: int | None = None
    """By card: the one that is kept, under its mandate; None: the acquirer's page asks for one."""
    proof: sca.Authenticated | None = None
    """The strong authentication of the ticked terms, where one was made. With `keep`: that of the
    mandate beside them. A saved card goes without: its mandate had its own."""
    keep: str | None = None
    """By the acquirer's page: the name of the permission under which its card is to be kept."""
    lang: Lang | None = None
    """The language of the page, which the acquirer's goes on in; None: the payer's by what is kept.
    """
    address: str | None = None
    """Where the payer's browser is: counted against card testing, as a keyed hash."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The money moved: posted, or held for its payee."""

    reference: str


@dataclass(frozen=True, slots=True)
class GoToCard:
    """The card is asked for at `url`, the acquirer's page."""

    url: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """It is written down and goes on by itself; the order's page will say how it ended."""

    reference: str


Outcome = Settled | GoToCard | UnderWay


def confirm(deps: Deps, will: Will) -> Outcome:
    """Confirm what a payer pays in an order, and settle it. Raises `Refusal`."""
    gone.look(deps, will.reference, will.x_user_id)
    at = deps.clock.now()
    with deps.store.write() as session:
        confirmation_id, topup_id = write(session, deps, will, at)
    deps.step(Step.CONFIRMATION_WRITTEN)
    deps.tally.count(CONFIRMATIONS)
    if topup_id is None:
        settle.settle_one(deps, confirmation_id)
    else:
        _go_on(deps, topup_id)
    return _outcome(deps, confirmation_id, will.reference)


def _go_on(deps: Deps, topup_id: str) -> None:
    """Drive a fresh top-up; what the acquirer delays or refuses, the recovery job takes up."""
    try:
        settle.drive(deps, topup_id)
    except (Unavailable, Rejected) as error:
        log.warning("card_page_delayed", topup=topup_id, reason=str(error))


def _outcome(deps: Deps, confirmation_id: int, reference: str) -> Outcome:
    with deps.store.read() as session:
        row = confirmations.get(session, confirmation_id)
        topup = confirmations.topup_of(session, confirmation_id)
    if row.outcome == PAID:
        return Settled(reference)
    if row.outcome is not None:
        raise Refusal(limits.explain(row.outcome, deps.policy))
    if topup is not None and topup.url is not None and topup.status == "created":
        return GoToCard(topup.url)
    return UnderWay(reference)


def write(session: Session, deps: Deps, will: Will, at: datetime) -> tuple[int, str | None]:
    """Write a confirmation, and for a card its top-up, in the caller's transaction.

    Returns their ids. Raises `Refusal` where what was shown is no longer so, or not allowed.
    """
    order, rows = ticked(session, will, at)
    person = _payer(session, will.x_user_id)
    total = sum(row.amount_cents for row in rows)
    accept.check_transfers(session, deps, person, rows)
    if order.owner_x_user_id == will.x_user_id:  # who asked for the money takes it
        mine = people.account_ids_of(session, person.id)
        blocks.check_welcome(session, [row.payee_x_user_id for row in rows], mine)
    terms_hash = terms_of(order.reference, rows)
    given = None
    if will.funding == "wallet":
        basis = _check_wallet(session, person, total, will.proof, terms_hash, deps.policy)
    else:
        _check_cards_open(session, deps, person, order.id, total, will.address, at)
        if will.saved_card_id is None:
            basis, given = _check_card(session, person, total, will, terms_hash, deps.policy, at)
        else:
            basis = _check_saved(session, person, total, will.saved_card_id, deps.policy, at)
    confirmation_id = confirmations.insert(
        session,
        order_id=order.id,
        person_id=person.id,
        payer_x_user_id=will.x_user_id,
        funding=will.funding,
        method=will.method,
        terms_hash=terms_hash,
        total_cents=total,
        sca_basis=basis,
        created_at=at,
    )
    bound = confirmations.cover(session, confirmation_id, rows, person_id=person.id, at=at)
    if bound != len(rows):
        raise Refusal(Reply.of("refusal.changed"))
    if will.funding == "wallet":
        return confirmation_id, None
    topup_id = deps.chance.uuid()
    _begin_card(
        session,
        rows,
        at,
        id=topup_id,
        confirmation_id=confirmation_id,
        order_id=order.id,
        person_id=person.id,
        saved_card_id=will.saved_card_id,
        address_hash=card_guard.hashed(deps, will.address),
        lang=will.lang or lang_of(session, will.x_user_id),
    )
    if given is not None:
        mandates.give(session, person.id, topup_id, given, at=at)
    return confirmation_id, topup_id


def ticked(session: Session, will: Will, at: datetime) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """Lock an order and what a payer ticked in it, each exactly as shown. Raises `Refusal`."""
    order = orders.by_reference(session, will.reference)
    if order is None:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=will.reference))
    order = confirmations.lock_order(session, order.id)
    mine = [
        row
        for row in orders.transfers_of(session, [order.id], lock=True)
        if row.payer_x_user_id == will.x_user_id
    ]
    rows = _ticked(session, order, mine, will, at)
    total = sum(row.amount_cents for row in rows)
    if will.total_cents not in (None, total):
        # Whoever pays has to have seen what leaves in all (RTS 2018/389 art. 5 (1) (a)).
        raise Refusal(Reply.of(OTHER_TOTAL, amount_cents=total))
    return order, rows


def terms_of(reference: str, rows: Sequence[Row[Any]]) -> str:
    """Return the hash of what a payer would confirm with these transfers of an order."""
    return confirmation_hash(reference, [(row.number, row.terms_hash) for row in rows])


def _ticked(
    session: Session, order: Row[Any], mine: Sequence[Row[Any]], will: Will, at: datetime
) -> Sequence[Row[Any]]:
    """Return the transfers that are confirmed, each pending and exactly as it was shown."""
    if not mine:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=will.reference))
    open_ones = [row for row in mine if row.status == TransferStatus.PENDING.value]
    if not open_ones:
        raise Refusal(_why_not(session, mine))
    is_at_the_card = any(row.status == TransferStatus.FUNDING.value for row in mine)
    if is_at_the_card or any(row.confirmation_id is not None for row in open_ones):
        raise Refusal(Reply.of("refusal.under_way"))
    if any(row.confirm_by <= at for row in open_ones):
        raise Refusal(Reply.of("refusal.too_late"))
    changed = Reply.of("refusal.edited" if order.edited_at else "refusal.changed")
    if terms_of(order.reference, open_ones) != will.terms_hash:
        raise Refusal(changed)
    wanted = will.numbers if will.numbers is not None else [row.number for row in open_ones]
    rows = [row for row in open_ones if row.number in wanted]
    if not rows:
        raise Refusal(Reply.of("refusal.nothing_ticked"))
    if len(rows) != len(set(wanted)):
        raise Refusal(changed)
    return rows


def _why_not(session: Session, mine: Sequence[Row[Any]]) -> Reply:
    statuses = {row.status for row in mine}
    if statuses & {"posted", "held", "returned"}:
        return Reply.of("refusal.already_paid")
    if "funding" in statuses:
        return Reply.of("refusal.under_way")
    if "expired" in statuses:
        return Reply.of("refusal.too_late")
    edited = len(orders.edited_away(session, [row.id for row in mine])) == len(mine)
    return Reply.of("refusal.edited_away" if edited else "refusal.already_cancelled")


def _payer(session: Session, x_user_id: str) -> Row[Any]:
    person = people.lock_person_of(session, x_user_id)
    if person is None:
        raise Refusal(Reply.of("refusal.no_wallet"))
    locks.check(person)
    return person


def _check_wallet(
    session: Session,
    person: Row[Any],
    total: int,
    proof: sca.Authenticated | None,
    terms_hash: str,
    policy: Policy,
) -> sca.Basis:
    balance = ledger.balance(session, books.wallet(person.id))
    if balance < total:
        raise Refusal(Reply.of("refusal.not_enough"))
    otherwise = sca.from_wallet(total, _since_sca(session, person), policy)
    return _by_proof(proof, terms_hash, otherwise, policy)


def _by_proof(
    proof: sca.Authenticated | None,
    terms_hash: str,
    otherwise: sca.Allowed | sca.NeedsSca,
    policy: Policy,
) -> sca.Basis:
    verdict = sca.bound(proof, terms_hash, otherwise)
    if verdict is None:
        # What was authenticated is not what would be paid (RTS 2018/389 art. 5 (1) (d)).
        raise Refusal(Reply.of("refusal.changed"))
    return _allowed(verdict, policy)


def _since_sca(session: Session, person: Row[Any]) -> int:
    """Return what was paid, or is being paid, since the last strong authentication, in cents."""
    return int(person.since_sca_cents) + confirmations.exempted_cents(session, person.id)


def _check_cards_open(
    session: Session,
    deps: Deps,
    person: Row[Any],
    order_id: int,
    total: int,
    address: str | None,
    at: datetime,
) -> None:
    if total < deps.policy.min_card_cents:
        raise Refusal(limits.explain("refusal.below_card_minimum", deps.policy))
    if choices.are_used_up(session, order_id, person.id):
        raise Refusal(Reply.of("refusal.too_many_attempts"))
    address_hash = card_guard.hashed(deps, address)
    if card_guard.are_closed(session, at, person_id=person.id, address_hash=address_hash):
        raise Refusal(Reply.of("refusal.cards_closed"))


def _check_card(
    session: Session,
    person: Row[Any],
    total: int,
    will: Will,
    terms_hash: str,
    policy: Policy,
    at: datetime,
) -> tuple[sca.Basis, mandates.Agreed | None]:
    """Return on which basis the card's page is opened, and the mandate that is given with it."""
    otherwise = sca.by_card_may_begin(total, _since_sca(session, person), policy)
    if will.keep is None:
        return _by_proof(will.proof, terms_hash, otherwise, policy), None
    given = mandates.agreed(will.keep, will.proof, terms_hash, policy, at)
    # Those factors were for the mandate together with this payment: they serve where it needs some.
    basis = given.basis if isinstance(otherwise, sca.NeedsSca) else otherwise.basis
    return basis, given


def _check_saved(
    session: Session, person: Row[Any], total: int, card_id: int, policy: Policy, at: datetime
) -> sca.Basis:
    if cards.owner_of(session, card_id) != person.id:
        raise Refusal(Reply.of("refusal.no_mandate"))
    mandate = cards.mandate_of(session, card_id, at=at)
    if mandate is None or total > mandate.limit_cents:
        raise Refusal(Reply.of("refusal.no_mandate"))
    # Off-session no issuer checks the payer: only what the law exempts goes.
    return _allowed(sca.from_wallet(total, _since_sca(session, person), policy), policy)


def _allowed(verdict: sca.Allowed | sca.NeedsSca, policy: Policy) -> sca.Basis:
    match verdict:
        case sca.Allowed(basis):
            return basis
        case sca.NeedsSca() as needed:
            raise Refusal(limits.explain(needed.refusal, policy))


def _begin_card(session: Session, rows: Sequence[Row[Any]], at: datetime, **values: object) -> None:
    """Bring transfers to `funding` and write the top-up that is behind them."""
    moved = orders.advance(
        session,
        [row.id for row in rows],
        old=TransferStatus.PENDING,
        new=TransferStatus.FUNDING,
        reason=Reason.CONFIRMED_BY_CARD,
        at=at,
        funding="card",
    )
    assert len(moved) == len(rows), "a locked transfer moves"
    confirmations.insert_topup(
        session,
        amount_cents=sum(row.amount_cents for row in rows),
        expires_at=at + timedelta(minutes=SESSION_MINUTES),
        at=at,
        **values,
    )
