"""A top-up on the acquirer's hosted page: opened, looked at, closed. Phases of the one driver.

Each phase returns whether the next can follow at once; `settle` chooses them.
"""

from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row

from bot.domain.cards import CheckoutOrder, refusal_of
from bot.domain.errors import Rejected
from bot.domain.topup import FAILURES_A_PAGE, UNFINISHED, TopupStatus
from bot.domain.transfer import Reason
from bot.ports import CardPayment
from bot.services import accept, card_guard, mandates, topup_end
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import lang_of
from bot.services.topup_end import OUR_MISTAKES
from bot.store import confirmations, orders

log = structlog.get_logger(__name__)

LOOK_AGAIN_S: Final = 60
"""How long an open page is left alone before the recovery job looks at it again (seconds)."""


def open_page(deps: Deps, row: Row[Any]) -> bool:
    """Open the hosted page. The key makes it one page however often this is called."""
    with deps.store.read() as session:
        order = orders.by_id(session, row.order_id)
        payer = confirmations.get(session, row.confirmation_id).payer_x_user_id
        lang = row.lang or lang_of(session, payer)  # rows of before schema 0020 have none
        unwanted = row.abandoned or bool(accept.open_wishes(session, row))
    if unwanted or deps.clock.now() >= row.expires_at:
        # Nobody was ever shown the page, if there is one: nobody can pay on it.
        return _never_shown(deps, row, "refusal.card_abandoned")
    back = f"{deps.public_url}/t/{order.reference}"
    customer_id = None
    try:
        customer_id = mandates.customer_for(deps, row)
        # Looked at after that: with the top-up's end goes the permission to keep the card, and the
        # key would be used for another page.
        if _has_ended(deps, row):
            return True
        wanted = CheckoutOrder(
            topup_id=row.id,
            reference=order.reference,
            amount_cents=row.amount_cents,
            success_url=f"{back}?card=done",
            cancel_url=f"{back}?card=cancelled",
            expires_at=row.expires_at,
            lang=lang,
            customer_id=customer_id,
        )
        state = deps.checkout.open(wanted, key=f"topup-{row.id}-checkout")
    except Rejected as error:
        if error.code in OUR_MISTAKES:
            raise
        log.warning("checkout_refused", topup=row.id, code=error.code)
        if customer_id is not None:
            mandates.lose_customer(deps, row.person_id, customer_id)
        return _never_shown(deps, row, "refusal.card_unavailable")
    deps.step(Step.CHECKOUT_OPENED)
    at = deps.clock.now()
    with deps.store.write() as session:
        confirmations.change_topup(
            session,
            row.id,
            session_id=state.session_id,
            url=state.url,
            next_attempt_at=at + timedelta(seconds=LOOK_AGAIN_S),
        )
    deps.step(Step.CHECKOUT_RECORDED)
    # A fresh page waits for its payer, unless they have already turned away from it.
    return bool(row.abandoned)


def _has_ended(deps: Deps, row: Row[Any]) -> bool:
    """Whether another driver ended a top-up since this one looked."""
    with deps.store.read() as session:
        now = confirmations.topup(session, row.id)
    return now is None or TopupStatus(now.status) not in UNFINISHED


def _never_shown(deps: Deps, row: Row[Any], refusal: str) -> bool:
    return topup_end.ended(deps, row, TopupStatus.EXPIRED, refusal, Reason.CARD_ABANDONED)


def look(deps: Deps, row: Row[Any]) -> bool:
    """Read the hosted page and act on what became of it."""
    state = deps.checkout.read(row.session_id)
    failed = card_guard.count(deps, row, state.failures) if state.failures else row.failed_attempts
    payment = state.payment
    if payment is not None and payment.status in ("authorized", "captured"):
        return _record_authorization(deps, row, payment)
    if state.status == "expired":
        return _ended_without_money(deps, row, failed, payment)
    if state.status == "open" and _should_close(deps, row, failed):
        deps.checkout.close(row.session_id)
        deps.step(Step.CHECKOUT_CLOSED)
        return True
    if payment is not None and payment.status == "voided":
        return _ended_without_money(deps, row, failed, payment)
    _look_again(deps, row)
    return False


def _should_close(deps: Deps, row: Row[Any], failed: int) -> bool:
    at = deps.clock.now()
    if row.abandoned or failed >= FAILURES_A_PAGE or at >= row.expires_at:
        return True
    with deps.store.read() as session:
        return bool(accept.open_wishes(session, row)) or card_guard.are_closed(
            session, at, person_id=row.person_id, address_hash=row.address_hash
        )


def _ended_without_money(
    deps: Deps, row: Row[Any], failed: int, payment: CardPayment | None
) -> bool:
    why = refusal_of(payment.decline_code if payment is not None else None)
    status, refusal, reason = (
        (TopupStatus.DECLINED, why, Reason.CARD_DECLINED)
        if failed
        else (TopupStatus.EXPIRED, "refusal.card_abandoned", Reason.CARD_ABANDONED)
    )
    return topup_end.ended(deps, row, status, refusal, reason, payment)


def _look_again(deps: Deps, row: Row[Any]) -> None:
    later = deps.clock.now() + timedelta(seconds=LOOK_AGAIN_S)
    with deps.store.write() as session:
        confirmations.change_topup(session, row.id, next_attempt_at=later)


def _record_authorization(deps: Deps, row: Row[Any], payment: CardPayment) -> bool:
    at = deps.clock.now()
    with deps.store.write() as session:
        confirmations.advance_topup(
            session,
            row.id,
            old=TopupStatus.CREATED,
            new=TopupStatus.AUTHORIZED,
            reason="authorized",
            at=at,
            payment_id=payment.id,
            card_country=payment.card_country,
            card_fingerprint=payment.card_fingerprint,
            card_last4=payment.card_last4,
            three_d_secure=payment.three_d_secure,
            next_attempt_at=at,
        )
    deps.step(Step.AUTHORIZATION_RECORDED)
    return True
