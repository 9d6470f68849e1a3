"""Settling what was confirmed: one driver for the request, the webhook and the recovery job.

From the wallet, `settle_waiting` takes every unsettled confirmation, many in a commit, and
`settle_one` those that threads ask for at the same moment. For a card,
`drive` reads the top-up's row and chooses the phase: write the row with the provider's key, commit,
call the acquirer with that key outside any transaction, write what came of it, commit. A crash
anywhere is repaired by calling it again. Locks are taken in one order: X accounts, an order (by who
confirms or cancels), top-ups, confirmations, transfers, persons, ledger accounts.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import CardFailure, refusal_of
from bot.domain.errors import Rejected, Unavailable
from bot.domain.topup import KEYS_LAST, TAKEN, UNFINISHED, TopupStatus
from bot.domain.transfer import Reason
from bot.ports import CardPayment
from bot.services import accept, card_guard, hosted, mandates, posting, topup_end
from bot.services.deps import Deps
from bot.services.hosted import LOOK_AGAIN_S
from bot.services.steps import Step
from bot.services.topup_end import OUR_MISTAKES
from bot.services.whoami import as_kept
from bot.store import cards, confirmations, ledger, orders, people
from bot.store.down import is_away

log = structlog.get_logger(__name__)

BATCH: Final = 1000
"""Confirmations settled in one commit, or by as many hands: large enough to share its cost."""
HANDS: Final = 2
"""Threads that share a batch on PostgreSQL: one decides while the server writes the other's."""
PHASES_AT_MOST: Final = 8
"""Phases that one call of the driver may go through; there are six."""
AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The acquirer's word where an issuer wants to see the person before a saved card is charged."""
BACK_OFF_AT_MOST_S: Final = 600
"""The longest wait between two attempts of the recovery job (seconds)."""


def settle_one(deps: Deps, confirmation_id: int) -> None:
    """Settle a confirmation from a wallet, with those that other threads ask for meanwhile.

    One thread settles at a time, in one commit for all who wait for it: they would wait for the
    interpreter, for one another's locks and for the disk in any case.
    """
    deps.together.do(confirmation_id, lambda batch: settle_waiting(deps, only=batch), most=BATCH)


def settle_waiting(deps: Deps, *, only: Collection[int] | None = None, batch: int = BATCH) -> int:
    """Settle every confirmation from a wallet that waits, or some of them; return how many.

    One that cannot be settled by a mistake of ours must not hold up the others: where a batch
    fails, each of it is tried by itself, and what fails alone is logged and goes on waiting.
    """
    if deps.store.is_sqlite or only is not None:  # SQLite has one writer
        return _settle_all(deps, only, batch, lambda: None)
    return _settle_by_hands(deps, max(1, batch // HANDS))


def _settle_by_hands(deps: Deps, most: int) -> int:
    """Settle in this thread; the first full batch calls the others, who take what is not locked."""
    called: list[Future[int]] = []
    with ThreadPoolExecutor(HANDS - 1) as pool:

        def call() -> None:
            if not called:
                work = partial(_settle_all, deps, None, most, lambda: None)
                called.extend(pool.submit(work) for _ in range(1, HANDS))

        settled = _settle_all(deps, None, most, call)
    return settled + sum(one.result() for one in called)


def _settle_all(
    deps: Deps, only: Collection[int] | None, most: int, when_full: Callable[[], None]
) -> int:
    settled = 0
    while True:
        try:
            count = _settle_batch(deps, only, most, when_full)
        except Exception as error:  # whatever it is: only a database that is away stops all
            if is_away(error):
                raise
            log.exception("batch_failed")
            return settled + _settle_one_by_one(deps, only)
        settled += count
        if count < most:
            return settled


def _settle_batch(
    deps: Deps, only: Collection[int] | None, most: int, when_full: Callable[[], None]
) -> int:
    with deps.store.write() as session:
        batch = confirmations.lock_waiting(session, limit=most, only=only)
        if len(batch) == most:
            when_full()
        if batch:
            _post(session, deps, batch, topup=None)
    if batch:
        deps.step(Step.WALLET_SETTLED)
        deps.bells.outbox.set()
    return len(batch)


def _settle_one_by_one(deps: Deps, only: Collection[int] | None) -> int:
    with deps.store.read() as session:
        waiting = only if only is not None else confirmations.waiting_ids(session, limit=BATCH)
    settled = 0
    for confirmation_id in waiting:
        try:
            settled += _settle_batch(deps, [confirmation_id], 1, lambda: None)
        except Exception as error:
            if is_away(error):
                raise
            log.exception("confirmation_stuck", confirmation=confirmation_id)
    return settled


def _post(session: Session, deps: Deps, batch: Any, *, topup: Row[Any] | None) -> None:
    bot = as_kept(batch[0].bot)
    posting.settle(
        session,
        batch,
        topup=topup,
        policy=deps.policy,
        public_url=deps.public_url,
        now=deps.clock.now,
        bot_x_user_id=bot.id if bot is not None else None,
    )


def recover(deps: Deps, limit: int = 100) -> int:
    """Drive every unfinished top-up that is due; return how many were looked at."""
    at = deps.clock.now()
    with deps.store.read() as session:
        due = confirmations.due_topups(session, at=at, limit=limit)
    for topup_id in due:
        try:
            drive(deps, topup_id)
        except Unavailable as error:
            _postpone(deps, topup_id, error.reason, error.retry_at)
        except Exception as error:  # one that we cannot drive must not stop the rest
            if is_away(error):
                raise
            log.exception("topup_stuck", topup=topup_id)
            _postpone(deps, topup_id, type(error).__name__, None)
    return len(due)


def _postpone(deps: Deps, topup_id: str, reason: str, retry_at: datetime | None) -> None:
    at = deps.clock.now()
    with deps.store.write() as session:
        row = confirmations.topup(session, topup_id)
        assert row is not None
        wait_s = min(BACK_OFF_AT_MOST_S, 2 ** min(row.attempts, 10))
        later = retry_at or at + timedelta(seconds=wait_s)
        confirmations.change_topup(
            session, topup_id, attempts=row.attempts + 1, next_attempt_at=later
        )
    log.warning("topup_postponed", topup=topup_id, reason=reason, until=later.isoformat())


def came_back(deps: Deps, reference: str, x_user_id: str, *, abandoned: bool) -> None:
    """Finish what a payer confirmed by card, when their browser comes back from the acquirer.

    `abandoned`: by the cancel address, so that an open page is closed.
    """
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        person = people.person_of(session, x_user_id)
        if order is None or person is None:
            return
        rows = confirmations.topups_of_order(session, order.id, person.id)
        unfinished = [row.id for row in rows if TopupStatus(row.status) in UNFINISHED]
        if abandoned:
            for topup_id in unfinished:
                confirmations.change_topup(session, topup_id, abandoned=True)
    for topup_id in unfinished:
        try:
            drive(deps, topup_id)
        except Unavailable as error:
            _postpone(deps, topup_id, error.reason, error.retry_at)
        except Rejected as error:
            log.exception("topup_stuck", topup=topup_id)
            _postpone(deps, topup_id, error.code, None)


def drive(deps: Deps, topup_id: str) -> None:
    """Bring a top-up as far as it goes now. Raises `Unavailable`; calling again is always safe."""
    for _ in range(PHASES_AT_MOST):
        with deps.store.read() as session:
            row = confirmations.topup(session, topup_id)
        if row is None or TopupStatus(row.status) not in UNFINISHED:
            return
        if not _phase(deps, row):
            return
    raise AssertionError(f"top-up {topup_id} does not come to rest")


def _phase(deps: Deps, row: Row[Any]) -> bool:
    """Do a top-up's next phase; False where it has to wait for somebody."""
    if row.status == TopupStatus.AUTHORIZED.value:
        match row.decision:
            case None:
                return _decide(deps, row)
            case "capture":
                return _capture(deps, row)
            case _:
                return _void(deps, row)
    if row.saved_card_id is not None:
        return _use_saved_card(deps, row)
    if row.session_id is None:
        return hosted.open_page(deps, row)
    return hosted.look(deps, row)


def _decide(deps: Deps, row: Row[Any]) -> bool:
    """Write what is to become of an authorization, before the acquirer is told."""
    with deps.store.write() as session:
        confirmations.topup(session, row.id, lock=True)
        refusal = accept.why_void(session, deps, row)
        decision = "capture" if refusal is None else "void"
        confirmations.decide(session, row.id, decision=decision, refusal=refusal)
    deps.step(Step.DECISION_RECORDED)
    return True


def _capture(deps: Deps, row: Row[Any]) -> bool:
    try:
        payment = deps.payments.capture(
            row.payment_id, amount_cents=row.amount_cents, key=f"topup-{row.id}-capture"
        )
    except Rejected as error:
        payment = deps.payments.read(row.payment_id)
        if payment.status not in ("captured", "voided"):
            raise  # the authorization stands: an operator has to look
        log.warning("capture_refused", topup=row.id, code=error.code)
    if payment.status == "voided":
        # Lapsed or cancelled at the acquirer: the money never came.
        return topup_end.ended(
            deps, row, TopupStatus.VOIDED, "refusal.card_lapsed", Reason.CARD_LAPSED, payment
        )
    assert payment.captured_cents == row.amount_cents, "captured is what was confirmed"
    deps.step(Step.CAPTURED)
    _settle_captured(deps, row, payment)
    return False


def _settle_captured(deps: Deps, row: Row[Any], payment: CardPayment) -> None:
    """Issue the money into the wallet and post what it was for, in one commit."""
    at = deps.clock.now()
    with deps.store.write() as session:
        moved = confirmations.advance_topup(
            session,
            row.id,
            old=TopupStatus(row.status),
            new=TopupStatus.CAPTURED,
            reason="captured",
            at=at,
            captured_at=at,
            payment_id=payment.id,
        )
        if not moved:
            # Another driver was quicker, and did all of what follows: or nobody knows whose it is.
            now = confirmations.topup(session, row.id)
            if now is None or TopupStatus(now.status) not in TAKEN:
                log.error("captured_after_its_end", topup=row.id, payment=payment.id)
            return
        if row.confirmation_id is None:
            entry = books.capture(row.id, row.person_id, row.amount_cents)
            ledger.record(session, [entry], now=deps.clock.now)
        else:
            confirmation = confirmations.lock(session, row.confirmation_id)
            covered = confirmations.covered_ids(session, confirmation.id)
            _post(session, deps, [confirmation], topup=row)
            topup_end.answer_wishes(session, deps, covered, applied=False, at=at)
            mandates.record(session, row, payment.kept, at=at)
    deps.step(Step.TOPUP_SETTLED)
    deps.bells.outbox.set()


def _void(deps: Deps, row: Row[Any]) -> bool:
    try:
        payment = deps.payments.void(row.payment_id, key=f"topup-{row.id}-void")
    except Rejected as error:
        payment = deps.payments.read(row.payment_id)
        if payment.status != "voided":
            raise  # the authorization stands, or its money came: an operator has to look
        log.warning("void_refused", topup=row.id, code=error.code)
    deps.step(Step.VOIDED)
    key = row.refusal or "refusal.card_lapsed"
    return topup_end.ended(deps, row, TopupStatus.VOIDED, key, Reason.CARD_NOT_ACCEPTED, payment)


def permit(deps: Deps, row: Row[Any]) -> bool:
    """Write that a saved card is to be charged, or is not: the last look at mandate and limits.

    Once that is written the charge is asked for until its outcome is known, under one key. A driver
    that looks later writes nothing: the card may have been charged since.
    """
    with deps.store.write() as session:
        now = confirmations.topup(session, row.id, lock=True)
        if now is None or now.decision is not None or now.status != row.status:
            return True  # another driver was quicker, and may have ended it: look again
        refusal = accept.why_no_charge(session, deps, row)
        decision = "capture" if refusal is None else "void"
        confirmations.decide(session, row.id, decision=decision, refusal=refusal)
    deps.step(Step.DECISION_RECORDED)
    return True


def _use_saved_card(deps: Deps, row: Row[Any]) -> bool:
    match row.decision:
        case None:
            return permit(deps, row)
        case "capture":
            return _charge(deps, row)
        case _:
            return topup_end.ended(
                deps, row, TopupStatus.DECLINED, row.refusal, Reason.CARD_NOT_ACCEPTED
            )


def _charge(deps: Deps, row: Row[Any]) -> bool:
    """Charge a saved card off-session, under its mandate."""
    try:
        payment = _charged(deps, row)
    except Rejected as error:
        if error.code in OUR_MISTAKES:
            raise
        log.warning("charge_refused", topup=row.id, code=error.code)
        deps.step(Step.CHARGED)
        return _charge_declined(deps, row, None)
    deps.step(Step.CHARGED)
    match payment.status:
        case "captured":
            _settle_captured(deps, row, payment)
        case "waiting" | "voided":
            return _charge_declined(deps, row, payment)
        case "action" | "authorized":  # on its way: look again
            later = deps.clock.now() + timedelta(seconds=LOOK_AGAIN_S)
            with deps.store.write() as session:
                confirmations.change_topup(
                    session, row.id, payment_id=payment.id, next_attempt_at=later
                )
    return False


def _charged(deps: Deps, row: Row[Any]) -> CardPayment:
    if row.payment_id is not None:
        return deps.payments.read(row.payment_id)
    with deps.store.read() as session:
        saved = cards.saved_card(session, row.saved_card_id)
    return deps.payments.charge(
        saved,
        topup_id=row.id,
        amount_cents=row.amount_cents,
        key=f"topup-{row.id}-charge",
        look_first=deps.clock.now() - row.created_at > KEYS_LAST,
    )


def _charge_declined(deps: Deps, row: Row[Any], payment: CardPayment | None) -> bool:
    """End a charge that the issuer refused; one that it wants the person for is no failure."""
    refusal = refusal_of(payment.decline_code if payment is not None else None)
    if payment is not None and payment.decline_code != AUTHENTICATION_REQUIRED:
        card_guard.count(deps, row, (CardFailure(payment.id, payment.card_fingerprint),))
    return topup_end.ended(deps, row, TopupStatus.DECLINED, refusal, Reason.CARD_DECLINED)
