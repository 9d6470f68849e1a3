"""Refunds by an operator's word: from payee to payer, and on to the card that the money came from.

To the wallet it is a transfer of the same order, posted at birth. To the card is a second step, a
row with a key of its own, driven as a top-up is: row, commit, call, commit. What the card does not
take, at once or days later, is in the wallet again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.domain.topup import RefundStatus, TopupStatus, taken_as
from bot.domain.transfer import TransferStatus
from bot.services import late_money
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, shown, tell
from bot.services.topup_end import OUR_MISTAKES
from bot.store import closing, confirmations, disputes, ledger, orders, people, refunds
from bot.store.down import is_away

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""Refunds looked at in one go: each costs calls to the acquirer."""
BACK_OFF_AT_MOST_S: Final = 600
"""The longest wait between two attempts (seconds)."""


def refund(deps: Deps, reference: str, *, to: Literal["wallet", "card"]) -> None:
    """Give back what was posted in an order, or the one transfer that `4F7K2Q-1` names.

    Raises `Refusal` where nothing is to be given back, where a payee's wallet no longer holds it,
    or where no card of the payer's can take it.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        rows = _posted(session, reference)
        fresh = [row for row in rows if not refunds.given_back(session, [row.id])]
        people.lock_persons(
            session, {one for row in rows for one in (row.payee_person_id, row.payer_person_id)}
        )
        payers = {row.payer_person_id for row in fresh}
        if to == "wallet" and closing.closed_among(session, payers):
            raise Refusal(Reply.of("refusal.payer_has_closed"))
        if not fresh and to == "wallet":
            raise Refusal(Reply.of("refusal.nothing_to_refund", reference=reference))
        balances = _lock_balances(session, rows, to)
        _to_wallet(session, deps, fresh, balances, at)
        made = _to_card(session, deps, rows, reference, at) if to == "card" else []
    deps.step(Step.REFUND_WRITTEN)
    deps.bells.outbox.set()
    for refund_id in made:
        try:
            drive(deps, refund_id)
        except Unavailable as error:  # as it is behind an operator's door: the job goes on
            log.info("refund_delayed", refund=refund_id, reason=error.reason)
        except Rejected as error:
            log.exception("refund_stuck", refund=refund_id, reason=error.code)


def _posted(session: Session, reference: str) -> list[Row[Any]]:
    """Lock an order, its top-ups and its transfers; return what was posted of those that are meant.

    A refund is not refunded in its turn.
    """
    bare, _, number = reference.partition("-")
    order = orders.by_reference(session, bare)
    if order is None:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
    confirmations.lock_order(session, order.id)
    confirmations.lock_topups(session, order.id)
    rows = [
        row
        for row in orders.transfers_of(session, [order.id], lock=True)
        if row.status == TransferStatus.POSTED.value
        and row.refund_of_id is None
        and (not number or str(row.number) == number)
    ]
    if not rows:
        raise Refusal(Reply.of("refusal.nothing_to_refund", reference=reference))
    return rows


def _lock_balances(session: Session, rows: Sequence[Row[Any]], to: str) -> dict[str, int]:
    """Lock at once whatever both steps write: who has `cards` may be waiting for a wallet."""
    wallets = [books.wallet(row.payee_person_id) for row in rows]
    wallets += [books.wallet(row.payer_person_id) for row in rows]
    return ledger.lock_balances(session, [*wallets, books.CARDS] if to == "card" else wallets)


def _to_wallet(
    session: Session,
    deps: Deps,
    rows: Sequence[Row[Any]],
    balances: dict[str, int],
    at: datetime,
) -> None:
    entries = []
    for row in rows:
        payee = books.wallet(row.payee_person_id)
        if balances[payee] < row.amount_cents:
            raise Refusal(Reply.of("refusal.payee_spent_it"))
        balances[payee] -= row.amount_cents
        back_id = orders.insert_refund(session, row, at=at)
        entries.append(
            books.post(back_id, row.payee_person_id, row.payer_person_id, row.amount_cents)
        )
    ledger.record(session, entries, now=deps.clock.now)
    _tell_parties(session, deps, rows, at)


def _to_card(
    session: Session, deps: Deps, rows: Sequence[Row[Any]], reference: str, at: datetime
) -> list[str]:
    """Send on to the card what is back in the payer's wallet; return the new refunds."""
    by_id = {row.id: row for row in rows}
    back = refunds.given_back(session, list(by_id))
    on_the_way = refunds.by_transfer(session, [row.id for row in back])
    made = []
    for row in back:
        if row.id in on_the_way:
            continue
        confirmation_id = by_id[row.refund_of_id].confirmation_id
        topup = confirmations.topup_of(session, confirmation_id)
        if topup is None or topup.status != TopupStatus.CAPTURED.value:
            raise Refusal(Reply.of("refusal.no_card_to_refund"))
        left_cents = topup.amount_cents - refunds.spoken_for(session, topup.id)
        name = books.wallet(topup.person_id)
        if left_cents < row.amount_cents:
            raise Refusal(Reply.of("refusal.no_card_to_refund"))
        if ledger.lock_balances(session, [name])[name] < row.amount_cents:
            raise Refusal(Reply.of("refusal.payer_spent_it"))
        refund_id = deps.chance.uuid()
        refunds.insert(
            session,
            id=refund_id,
            transfer_id=row.id,
            topup_id=topup.id,
            person_id=topup.person_id,
            amount_cents=row.amount_cents,
            at=at,
        )
        entry = books.card_refund(refund_id, topup.person_id, row.amount_cents)
        ledger.record(session, [entry], now=deps.clock.now)
        made.append(refund_id)
    if not made:
        raise Refusal(Reply.of("refusal.nothing_to_refund", reference=reference))
    return made


def _tell_parties(session: Session, deps: Deps, rows: Sequence[Row[Any]], at: datetime) -> None:
    parents = orders.by_ids(session, {row.order_id for row in rows})
    ids = {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}
    accounts = people.accounts_by_id(session, ids)
    news = []
    for row in rows:
        reference = parents[row.order_id].reference
        for side, who, person_id, other in (
            ("payer", row.payer_x_user_id, row.payer_person_id, row.payee_x_user_id),
            ("payee", row.payee_x_user_id, row.payee_person_id, row.payer_x_user_id),
        ):
            reply = Reply.of(
                f"news.{side}.refunded",
                amount_cents=row.amount_cents,
                handle=shown(accounts.get(other)),
                reference=reference,
                url=f"{deps.public_url}/t/{reference}",
            )
            key = f"transfer:{row.id}:refunded:{side}"
            news.append(News(key, who, reply, row.order_id, person_id))
    tell(session, news, at=at)


# --- to the card -------------------------------------------------------------------------------


def drive(deps: Deps, refund_id: str) -> None:
    """Make a refund at the acquirer, once. Raises `Unavailable`; calling again is always safe."""
    with deps.store.read() as session:
        row = refunds.get(session, refund_id)
    if row is None or row.status != RefundStatus.CREATED.value:
        return
    try:
        made = deps.payments.refund(
            row.payment_id, amount_cents=row.amount_cents, key=f"refund-{row.id}"
        )
    except Rejected as error:
        if error.code in OUR_MISTAKES:
            raise
        _end(deps, row, RefundStatus.FAILED, at_acquirer=None, reason=error.code)
        return
    # What was made under this key before may have come back since.
    found = deps.reversals.refund(made)
    deps.step(Step.REFUND_MADE)
    status = RefundStatus.FAILED if found.failed else RefundStatus.SUCCEEDED
    _end(deps, row, status, at_acquirer=made, reason=found.reason)


def look(deps: Deps, at_acquirer: str) -> bool:
    """Look at a refund that the acquirer tells of; False where it is none of ours."""
    with deps.store.read() as session:
        row = refunds.by_acquirers_id(session, at_acquirer)
    if row is None:
        return False
    found = deps.reversals.refund(at_acquirer)
    if found.failed:
        _end(deps, row, RefundStatus.FAILED, at_acquirer=at_acquirer, reason=found.reason)
    return True


def _end(
    deps: Deps, row: Row[Any], status: RefundStatus, *, at_acquirer: str | None, reason: str | None
) -> None:
    """Write what became of a refund: succeeded it counts, failed its money is in the wallet."""
    at = deps.clock.now()
    old = RefundStatus(row.status)
    with deps.store.write() as session:
        confirmations.topup(session, row.topup_id, lock=True)
        people.lock_persons(session, [row.person_id])  # before its wallet, as all do
        reason = reason[:60] if reason else None
        values = {"refund_id": at_acquirer, "reason": reason, "ended_at": at}
        if old is status or not refunds.end(session, row.id, old=old, new=status, **values):
            return
        if status is RefundStatus.FAILED:
            entry = books.card_refund_failed(row.id, row.person_id, row.amount_cents)
            ledger.record(session, [entry], now=deps.clock.now)
            late_money.came(session, [(f"refund {row.id}", row.person_id, row.amount_cents)], at=at)
        if old is RefundStatus.SUCCEEDED:
            _count(session, row, -row.amount_cents, at)
        elif status is RefundStatus.SUCCEEDED:
            _count(session, row, row.amount_cents, at)
        _tell_payer(session, row, status, at)
    log.info("refund_ended", refund=row.id, status=status.value, reason=reason)
    deps.step(Step.REFUND_ENDED)
    deps.bells.outbox.set()


def _count(session: Session, row: Row[Any], cents: int, at: datetime) -> None:
    """Keep what of the top-up is refunded: whole, it says so itself, disputed or not."""
    topup = refunds.count(session, row.topup_id, cents)
    old = TopupStatus(topup.status)
    new = taken_as(
        is_refunded_whole=topup.refunded_cents == topup.amount_cents,
        is_disputed=disputes.are_open(session, topup.id),
    )
    if new is not old:
        moved = confirmations.advance_topup(
            session, topup.id, old=old, new=new, reason=f"refund {row.id}", at=at
        )
        assert moved, "a locked top-up moves"


def _tell_payer(session: Session, row: Row[Any], status: RefundStatus, at: datetime) -> None:
    key = "succeeded" if status is RefundStatus.SUCCEEDED else "failed"
    reply = Reply.of(f"news.card_refund.{key}", amount_cents=row.amount_cents)
    mine = people.account_ids_of(session, row.person_id)
    tell(session, [News(f"refund:{row.id}:{key}:{one}", one, reply, None) for one in mine], at=at)


def recover(deps: Deps) -> int:
    """Drive every refund that is due; return how many were looked at."""
    with deps.store.read() as session:
        due = refunds.due(session, at=deps.clock.now(), limit=BATCH)
    for refund_id in due:
        try:
            drive(deps, refund_id)
        except Exception as error:  # one that we cannot make must not stop the rest
            if is_away(error):
                raise
            if isinstance(error, Unavailable):
                log.warning("refund_postponed", refund=refund_id, reason=error.reason)
            else:
                log.exception("refund_stuck", refund=refund_id)
            _postpone(deps, refund_id, error)
    return len(due)


def _postpone(deps: Deps, refund_id: str, error: Exception) -> None:
    retry_at = error.retry_at if isinstance(error, Unavailable) else None
    with deps.store.write() as session:
        row = refunds.get(session, refund_id)
        assert row is not None, "a refund stays"
        wait = timedelta(seconds=min(BACK_OFF_AT_MOST_S, 2 ** min(row.attempts, 10)))
        refunds.postpone(session, refund_id, until=retry_at or deps.clock.now() + wait)
