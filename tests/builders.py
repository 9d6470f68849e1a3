"""Rows that tests begin with, made through the store's own functions."""

from datetime import UTC, datetime
from itertools import count
from zlib import crc32

from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import AcquirerLine, AcquirerPayout
from bot.domain.order import OrderKind
from bot.domain.payout import PayoutTerms
from bot.domain.topup import TopupStatus
from bot.domain.transfer import Reason, TransferStatus
from bot.services import sessions
from bot.store import browsers, confirmations, ledger, orders, payouts, people, reconcile
from bot.store.orders import NewOrder, NewTransfer

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET_KEY = "a secret of the tests"
CODE = "493817"
"""The wallet code of everybody in the tests."""
CODE_HASH = "scrypt$2$salt$hg63QdxjUzw7GA/4HuNC4gfSE1/zD3WAvN1oDgef2lE="
"""How it is kept, at a cost that tests can bear."""
_numbers = count(1)


def x_id(handle: str) -> str:
    """Return the X user id of a handle in the tests: always the same."""
    return str(1_000_000 + crc32(handle.encode()))


def browser_of(handle: str) -> str:
    """Return the token of the browser in which somebody opened their wallet."""
    return f"the-browser-of-{handle}"


def person(
    session: Session,
    handle: str,
    *,
    cents: int = 0,
    x_user_id: str | None = None,
    **chosen: object,
) -> int:
    """Make a person with a wallet, and money in it that a card brought; `chosen` are columns."""
    number = next(_numbers)
    x_user_id = x_user_id or x_id(handle)
    people.see(session, x_user_id, at=NOON, handle=handle)
    person_id = people.make_person(
        session, phone=f"+336{number:08}", x_user_id=x_user_id, terms_version="1", at=NOON
    )
    assert person_id is not None, "each has a phone of their own"
    known = {"level": "declared", "code_hash": CODE_HASH, "opened_at": NOON}
    people.change_person(session, person_id, **known | chosen)
    mine = sessions.hashed(browser_of(handle))
    browsers.open_wallet(session, person_id, token_hash=mine, before=None, at=NOON)
    if cents:
        fill(session, person_id, cents)
    return person_id


def fill(session: Session, person_id: int, cents: int) -> str:
    """Bring money into a wallet by a captured top-up; return its id."""
    return fund(session, f"topup{next(_numbers):08}", person_id, cents)


def fund(
    session: Session, topup_id: str, person_id: int, cents: int, *, at: datetime = NOON
) -> str:
    """Bring money into a wallet by a captured top-up of this id."""
    confirmations.insert_topup(
        session, id=topup_id, person_id=person_id, amount_cents=cents, expires_at=at, at=at
    )
    confirmations.advance_topup(
        session,
        topup_id,
        old=TopupStatus.CREATED,
        new=TopupStatus.CAPTURED,
        reason="captured",
        at=at,
        captured_at=at,
    )
    ledger.record(session, [books.capture(topup_id, person_id, cents)], now=lambda: at)
    return topup_id


def hold(session: Session, transfer_id: int, person_id: int, cents: int) -> None:
    """Take a pending transfer's money from its payer, held for the payee."""
    orders.advance(
        session,
        [transfer_id],
        old=TransferStatus.PENDING,
        new=TransferStatus.HELD,
        reason=Reason.PAYEE_HAS_NO_WALLET,
        at=NOON,
        payer_person_id=person_id,
    )
    ledger.record(session, [books.hold(transfer_id, person_id, cents)], now=lambda: NOON)


def pay_out(
    session: Session,
    person_id: int,
    handle: str,
    cents: int,
    *,
    at: datetime = NOON,
    x_user_id: str | None = None,
) -> int:
    """Take a payout's money from a wallet; return the payout's id."""
    terms = PayoutTerms(cents, "FR1420041010050500013M02606", "Bob Martin")
    payout_id = payouts.insert(
        session,
        terms,
        key=f"passkey-{next(_numbers)}",
        person_id=person_id,
        x_user_id=x_user_id or x_id(handle),
        sca_basis="passkey",
        at=at,
    )
    assert payout_id is not None
    ledger.record(session, [books.payout_request(payout_id, person_id, cents)], now=lambda: at)
    return payout_id


def order(
    session: Session,
    reference: str,
    payer: str,
    payee: str,
    *amounts_cents: int,
    kind: OrderKind = OrderKind.PAY,
) -> list[int]:
    """Write an order with a transfer for each amount; return the transfers' ids."""
    for handle in (payer, payee):
        people.see(session, x_id(handle), at=NOON, handle=handle)
    row = orders.insert_order(
        session,
        NewOrder(
            kind=kind,
            source="post",
            source_id=f"post-{reference}",
            conversation_id=f"post-{reference}",
            owner_x_user_id=x_id(payee if kind is OrderKind.REQUEST else payer),
            lang="fr",
        ),
        reference,
        at=NOON,
    )
    assert row is not None
    new = [
        NewTransfer(
            payer_x_user_id=x_id(payer),
            payee_x_user_id=x_id(payee),
            payee_handle=payee,
            amount_cents=cents,
            note=None,
        )
        for cents in amounts_cents
    ]
    return orders.insert_transfers(session, row.id, new, confirm_by=NOON.replace(day=24), at=NOON)


def paid_by_acquirer(session: Session, gross_cents: int, fee_cents: int) -> None:
    """Let the acquirer pay a charge out, own funds make its fee good, and a statement differ."""
    payout = AcquirerPayout("po_1", gross_cents - fee_cents, NOON)
    row_id = reconcile.insert_payout(
        session, payout, fee_cents=fee_cents, topup_cents=fee_cents, at=NOON
    )
    assert row_id is not None
    reconcile.insert_lines(
        session, row_id, [AcquirerLine("txn_1", "charge", "pi_1", gross_cents, fee_cents)]
    )
    entries = [
        books.acquirer_paid(row_id, payout.amount_cents, fee_cents),
        books.safeguard(row_id, fee_cents),
    ]
    ledger.record(session, entries, now=lambda: NOON)
    reconcile.list_difference(
        session, key="statement:1", account="bank", amount_cents=3, detail="Interest.", at=NOON
    )
