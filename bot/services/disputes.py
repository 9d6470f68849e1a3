"""Disputes: the acquirer takes a captured payment back, and gives it again where we win.

A webhook is only a hint: the dispute is read at the acquirer, and what it says is booked once. Its
payer's wallet is locked for review; what the top-up paid and is still held goes back into it. What
is in the wallet is taken by an operator alone, never by itself.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import CardDispute
from bot.domain.errors import Refusal, Unavailable
from bot.domain.replies import Reply
from bot.domain.topup import UNFINISHED, DisputeStatus, TopupStatus
from bot.domain.transfer import Reason, TransferStatus
from bot.services import claim, late_money
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, tell
from bot.store import cases, confirmations, disputes, ledger, orders, people

log = structlog.get_logger(__name__)

LOOK_WITHIN: Final = timedelta(days=7)
"""A case's clock where the acquirer names no end: card networks give 7 to 21 days for evidence."""
UNDER_WAY_S: Final = 30
"""When to look again at a dispute whose top-up is not captured yet in our rows (seconds)."""


def read(deps: Deps, dispute_id: str) -> bool:
    """Book what became of a dispute, once; False where it is about no top-up of ours.

    Raises `Unavailable` where the acquirer does not answer, or our own row is not there yet.
    """
    found = deps.reversals.dispute(dispute_id)
    # A charge whose answer was lost has no id in our rows yet: the payment says what it was for.
    topup_id = deps.payments.read(found.payment_id).topup_id
    at = deps.clock.now()
    with deps.store.write() as session:
        topup = confirmations.find_topup(
            session, topup_id=topup_id, session_id=None, payment_id=found.payment_id
        )
        if topup is None:
            return False
        topup = confirmations.topup(session, topup.id, lock=True)
        assert topup is not None, "a top-up stays"
        if TopupStatus(topup.status) in UNFINISHED:
            raise Unavailable("topup_under_way", at + timedelta(seconds=UNDER_WAY_S))
        if not found.taken:
            return True  # an inquiry: no money has moved, and none may
        if disputes.get(session, dispute_id) is None:
            _open(session, deps, topup, found, at)
        if found.status != DisputeStatus.OPEN.value:
            _close(session, deps, topup, found, at)
    deps.step(Step.DISPUTE_BOOKED)
    deps.bells.outbox.set()
    return True


def _open(session: Session, deps: Deps, topup: Row[Any], found: CardDispute, at: datetime) -> None:
    disputes.insert(
        session,
        id=found.id,
        topup_id=topup.id,
        person_id=topup.person_id,
        amount_cents=found.amount_cents,
        fee_cents=found.fee_cents,
        opened_at=at,
    )
    confirmations.advance_topup(
        session,
        topup.id,
        old=TopupStatus.CAPTURED,
        new=TopupStatus.DISPUTED,
        reason=found.id,
        at=at,
    )
    paid = _paid_by(session, topup)
    people.lock_persons(session, [topup.person_id])
    held = [row for row in paid if row.status == TransferStatus.HELD.value]
    entry = books.dispute_taken(found.id, found.amount_cents, found.fee_cents)
    # Every account of both entries at once: who has `cards` may be waiting for this wallet.
    given_back = [books.wallet(topup.person_id), *(books.held(row.id) for row in held)]
    ledger.lock_accounts(session, [*given_back, *(leg.account for leg in entry.postings)])
    claim.give_back(session, deps, held, Reason.CARD_DISPUTED, at)
    posted = [row.id for row in paid if row.status == TransferStatus.POSTED.value]
    orders.note(session, posted, Reason.CARD_DISPUTED, at=at)
    people.lock_wallet(session, topup.person_id, f"dispute {found.id}", at=at)
    ledger.record(session, [entry], now=deps.clock.now)
    cases.open_case(
        session,
        kind="dispute",
        key=f"dispute:{found.id}",
        person_id=topup.person_id,
        order_id=topup.order_id,
        detail=f"The acquirer took {found.amount_cents} cents of top-up {topup.id} back, with a "
        f"fee of {found.fee_cents} cents. The wallet is locked; {len(held)} held transfers went "
        "back to it. Answer the dispute, then `smoney person recover` or `unlock`.",
        opened_at=at,
        due_at=found.respond_by or at + LOOK_WITHIN,
    )
    _tell(session, topup, found, at)
    log.error("dispute_opened", dispute=found.id, topup=topup.id, person=topup.person_id)


def _paid_by(session: Session, topup: Row[Any]) -> list[Row[Any]]:
    """Lock and return the transfers that a top-up was for."""
    if topup.confirmation_id is None:
        return []
    return list(confirmations.covered(session, [topup.confirmation_id]))


def _tell(session: Session, topup: Row[Any], found: CardDispute, at: datetime) -> None:
    reply = Reply.of("news.disputed", amount_cents=found.amount_cents)
    accounts = people.account_ids_of(session, topup.person_id)
    news = [News(f"dispute:{found.id}:{one}", one, reply, topup.order_id) for one in accounts]
    tell(session, news, at=at)


def _close(session: Session, deps: Deps, topup: Row[Any], found: CardDispute, at: datetime) -> None:
    """Book the end of a dispute: won, the money is there again, and what was recovered goes back.

    The fee is the acquirer's whatever the outcome, and so is what was recovered for it ours.
    """
    status = DisputeStatus(found.status)
    known = disputes.get(session, found.id)
    assert known is not None, "it was written before"
    people.lock_persons(session, [known.person_id])
    restored = 0
    if status is DisputeStatus.WON:
        restored = min(known.amount_cents, disputes.recovered_cents(session, found.id))
    if not disputes.close(session, found.id, status, restored_cents=restored, at=at):
        return
    log.warning("dispute_closed", dispute=found.id, outcome=status.value)
    if status is not DisputeStatus.WON:
        return
    entry = books.dispute_won(found.id, known.person_id, known.amount_cents, restored)
    ledger.record(session, [entry], now=deps.clock.now)
    if restored:
        late_money.came(session, [(f"dispute {found.id}", known.person_id, restored)], at=at)
    if not disputes.are_open(session, topup.id):
        confirmations.advance_topup(
            session,
            topup.id,
            old=TopupStatus.DISPUTED,
            new=TopupStatus.CAPTURED,
            reason=f"{found.id} won",
            at=at,
        )


def recover(deps: Deps, person_id: int) -> int:
    """Take from a wallet what its disputes cost, as far as it holds it; return how many cents.

    By an operator's word alone. Raises `Refusal` where nothing is owed, or nothing is there.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        people.lock_persons(session, [person_id])
        unpaid = disputes.unpaid_of(session, person_id)
        if not unpaid:
            raise Refusal(Reply.of("refusal.nothing_to_recover"))
        name = books.wallet(person_id)
        left = ledger.lock_balances(session, [name, books.LOSSES])[name]  # both that are written
        entries = []
        for row in unpaid:
            cents = min(left, row.left_cents)
            if cents:
                recovery_id = disputes.recover(session, row.id, person_id, cents, at=at)
                entries.append(books.recover(recovery_id, person_id, cents))
                left -= cents
        if not entries:
            raise Refusal(Reply.of("refusal.nothing_there"))
        ledger.record(session, entries, now=deps.clock.now)
    deps.step(Step.RECOVERED)
    return sum(-leg.amount_cents for one in entries for leg in one.postings[:1])
