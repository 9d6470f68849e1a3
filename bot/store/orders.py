"""Orders, transfers and confirmations; a status changes only by `advance`.

Every change is one guarded `UPDATE … WHERE id IN … AND status = :old`, set-based, and writes an
event row for each transfer, numbered without a gap. `settlement._SETTLE` is `advance` for sets
whose rows differ: guarded by status and sequence, allowed by `may_go`, with the same events.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, bindparam, func, select, text, update
from sqlmodel import Session

from bot.domain.order import OrderKind
from bot.domain.transfer import Reason, Terms, TransferStatus, may_go
from bot.store.questions import Question
from bot.store.sets import Statement
from bot.store.tables import Confirmation, Order, Transfer, TransferEvent, core
from bot.store.types import UtcDateTime

orders = core(Order)
transfers = core(Transfer)
events = core(TransferEvent)
confirmations = core(Confirmation)

# What is asked for each message or payment is built once: that takes longer than the answer.
_INSERT: Final = (
    text(
        """
    INSERT INTO orders (reference, kind, source, source_id, conversation_id, owner_x_user_id, lang,
        created_at)
    VALUES (:reference, :kind, :source, :source_id, :conversation_id, :owner_x_user_id, :lang,
        :created_at)
    ON CONFLICT (reference) DO NOTHING RETURNING *
    """
    )
    .bindparams(bindparam("created_at", type_=UtcDateTime))
    .columns(*orders.c)
)
_INSERT_TRANSFERS: Final = transfers.insert().returning(
    transfers.c.id, sort_by_parameter_order=True
)
_LAST_NUMBER: Final = select(func.max(transfers.c.number)).where(
    transfers.c.order_id == bindparam("order")
)
_ADVANCE: Final = (
    update(transfers)
    .where(
        transfers.c.id.in_(bindparam("ids", expanding=True)),
        transfers.c.status == bindparam("old"),
    )
    .values(sequence=transfers.c.sequence + 1)
    .returning(transfers.c.id, transfers.c.sequence)
)
_BY_REFERENCE: Final = select(orders).where(orders.c.reference == bindparam("wanted"))
_BY_ID: Final = select(orders).where(orders.c.id == bindparam("wanted"))
_TRANSFERS_OF: Final = (
    select(transfers)
    .where(transfers.c.order_id.in_(bindparam("orders", expanding=True)))
    .order_by(transfers.c.order_id, transfers.c.number)
)
_LOCK_TRANSFERS_OF: Final = _TRANSFERS_OF.with_for_update()
"""`FOR UPDATE` vanishes on SQLite, where a writer is alone anyway."""
_REPLIED: Final = update(orders).where(
    orders.c.id == bindparam("order"), orders.c.replied_at.is_(None)
)
_BEGIN_TIME: Final = update(transfers).where(
    transfers.c.order_id == bindparam("order"),
    transfers.c.status == TransferStatus.PENDING.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a message asks for, before it has a reference."""

    kind: OrderKind
    source: str
    source_id: str
    conversation_id: str | None
    owner_x_user_id: str
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """One amount from one payer to one payee."""

    payer_x_user_id: str
    payee_x_user_id: str
    payee_handle: str | None
    amount_cents: int
    note: str | None


def insert_order(
    session: Session, order: NewOrder, reference: str, *, at: datetime
) -> Row[Any] | None:
    """Write an order and return it; None where the reference is taken."""
    values = asdict(order) | {"kind": order.kind.value, "reference": reference, "created_at": at}
    return session.execute(_INSERT, values).one_or_none()


def insert_transfers(
    session: Session,
    order_id: int,
    new: Sequence[NewTransfer],
    *,
    confirm_by: datetime,
    at: datetime,
) -> list[int]:
    """Write transfers of an order, pending, each with the first event of its history.

    They are numbered on from those that the order has.
    """
    first_number = _next_number(session, order_id)
    rows = [
        {
            "order_id": order_id,
            "number": first_number + index,
            "payer_x_user_id": one.payer_x_user_id,
            "payee_x_user_id": one.payee_x_user_id,
            "payee_handle": one.payee_handle,
            "amount_cents": one.amount_cents,
            "note": one.note,
            "terms_hash": Terms(one.amount_cents, one.payee_x_user_id).hash,
            "status": TransferStatus.PENDING.value,
            "sequence": 1,
            "confirm_by": confirm_by,
            "created_at": at,
        }
        for index, one in enumerate(new)
    ]
    ids = list(session.execute(_INSERT_TRANSFERS, rows).scalars())
    _write_events(session, [(one, 1) for one in ids], TransferStatus.PENDING, Reason.ORDERED, at)
    return ids


def _next_number(session: Session, order_id: int) -> int:
    last: int | None = session.execute(_LAST_NUMBER, {"order": order_id}).scalar_one()
    return (last or 0) + 1


def insert_refund(session: Session, row: Row[Any], *, at: datetime) -> int:
    """Write the transfer that gives another back: from payee to payer, posted at birth."""
    values = {
        "order_id": row.order_id,
        "number": _next_number(session, row.order_id),
        "payer_x_user_id": row.payee_x_user_id,
        "payee_x_user_id": row.payer_x_user_id,
        "payer_person_id": row.payee_person_id,
        "payee_person_id": row.payer_person_id,
        "amount_cents": row.amount_cents,
        "terms_hash": Terms(row.amount_cents, row.payer_x_user_id).hash,
        "status": TransferStatus.POSTED.value,
        "sequence": 1,
        "funding": "wallet",
        "created_at": at,
        "confirm_by": at,
        "confirmed_at": at,
        "posted_at": at,
        "refund_of_id": row.id,
    }
    statement = transfers.insert().values(**values).returning(transfers.c.id)
    refund_id: int = session.execute(statement).scalar_one()
    _write_events(session, [(refund_id, 1)], TransferStatus.POSTED, Reason.REFUNDED, at)
    return refund_id


def advance(
    session: Session,
    ids: Collection[int],
    *,
    old: TransferStatus,
    new: TransferStatus,
    reason: Reason,
    at: datetime,
    also: Sequence[ColumnElement[bool]] = (),
    **values: object,
) -> list[int]:
    """Move transfers from one status to another, and return which moved.

    Those that are no longer in the old status, or do not match `also`, stay as they are: the caller
    decides whether that is a refusal or a bug.
    """
    assert may_go(old, new), f"no transfer goes from {old} to {new}"
    if not ids:
        return []
    if len(ids) > 1:  # an UPDATE locks in no order: two of them would wait in a circle
        _LOCK.run(session, ids=ids)
    statement = _ADVANCE.where(*also) if also else _ADVANCE
    given = {"ids": list(ids), "old": old.value, "status": new.value, **values}
    moved = [(row.id, row.sequence) for row in session.execute(statement, given)]
    _write_events(session, moved, new, reason, at)
    return [one for one, _sequence in moved]


_LOCK: Final = Statement(
    "SELECT id FROM transfer WHERE id = ANY(:ids bigint) ORDER BY order_id, number FOR UPDATE"
)
"""The order of `settlement.lock_transfers` and `transfers_of`: all lock transfers in this one."""


EVENTS: Final = Statement(
    "INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)"
    " SELECT id, sequence, status, reason, :at"
    " FROM GIVEN moves(id bigint, sequence bigint, status text, reason text, payee bigint)",
    is_counted=False,
)
"""Writes the events of moved transfers, of the set that moves them (`settlement`)."""


def _write_events(
    session: Session,
    moved: Sequence[tuple[int, int]],
    status: TransferStatus,
    reason: Reason,
    at: datetime,
) -> None:
    if moved:
        moves = {
            "id": [transfer_id for transfer_id, _sequence in moved],
            "sequence": [sequence for _transfer_id, sequence in moved],
            "status": [status.value] * len(moved),
            "reason": [reason.value] * len(moved),
            "payee": [None] * len(moved),
        }
        EVENTS.touch(session, moves=moves, at=at)


def note(session: Session, ids: Collection[int], reason: Reason, *, at: datetime) -> None:
    """Write an event on transfers whose status stays as it is."""
    if not ids:
        return
    statement = (
        update(transfers)
        .where(transfers.c.id.in_(ids))
        .values(sequence=transfers.c.sequence + 1)
        .returning(transfers.c.id, transfers.c.sequence, transfers.c.status)
    )
    for row in session.execute(statement).all():
        _write_events(session, [(row.id, row.sequence)], TransferStatus(row.status), reason, at)


def change_order(session: Session, order_id: int, **values: object) -> None:
    """Set columns of an order."""
    session.execute(update(orders).where(orders.c.id == order_id).values(**values))


def by_reference(session: Session, reference: str) -> Row[Any] | None:
    """Return an order by its reference, in any case."""
    return session.execute(_BY_REFERENCE, {"wanted": reference.upper()}).one_or_none()


def by_id(session: Session, order_id: int) -> Row[Any]:
    """Return an order that exists."""
    return session.execute(_BY_ID, {"wanted": order_id}).one()


def by_ids(session: Session, order_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Return orders by their ids."""
    rows = session.execute(select(orders).where(orders.c.id.in_(order_ids)))
    return {row.id: row for row in rows}


def order_ids_of(session: Session, transfer_ids: Collection[int]) -> set[int]:
    """Return the orders that transfers belong to."""
    return set(
        session.execute(
            select(transfers.c.order_id).where(transfers.c.id.in_(transfer_ids))
        ).scalars()
    )


def by_source(session: Session, source: str, source_id: str) -> Row[Any] | None:
    """Return the order that a message made."""
    return session.execute(
        select(orders).where(orders.c.source == source, orders.c.source_id == source_id)
    ).one_or_none()


def transfers_of(
    session: Session, order_ids: Collection[int], *, lock: bool = False
) -> Sequence[Row[Any]]:
    """Return the transfers of orders, in the order of their numbers; `lock` for a writer."""
    statement = _LOCK_TRANSFERS_OF if lock else _TRANSFERS_OF
    return session.execute(statement, {"orders": list(order_ids)}).all()


def history_of(session: Session, transfer_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Return the events of transfers, oldest first."""
    return session.execute(
        select(events)
        .where(events.c.transfer_id.in_(transfer_ids))
        .order_by(events.c.transfer_id, events.c.sequence)
    ).all()


def edited_away(session: Session, transfer_ids: Collection[int]) -> set[int]:
    """Return which of these transfers an edit of their post took away."""
    statement = (
        select(events.c.transfer_id)
        .join(transfers, transfers.c.id == events.c.transfer_id)
        .where(
            events.c.transfer_id.in_(transfer_ids),
            events.c.sequence == transfers.c.sequence,
            events.c.reason == Reason.EDITED.value,
        )
    )
    return set(session.execute(statement).scalars())


def open_orders_of(session: Session, x_user_ids: Collection[str]) -> int:
    """Count the orders of these accounts in which something still waits for a payer, and drafts."""
    rows = _OPEN.run(session, mine=x_user_ids)
    return int(rows[0].waiting)


_OPEN: Final = Statement(
    """
    SELECT COUNT(*) AS waiting FROM orders o
    WHERE o.owner_x_user_id = ANY(:mine text) AND (
        EXISTS (SELECT 1 FROM transfer t
            WHERE t.order_id = o.id AND t.status IN ('pending', 'funding'))
        OR EXISTS (SELECT 1 FROM draft d WHERE d.order_id = o.id AND d.ended_at IS NULL))
    """
)
_PAID: Final = Statement(
    """
    SELECT t.payer_person_id AS person, CAST(SUM(t.amount_cents) AS bigint) AS cents FROM transfer t
    WHERE t.payer_person_id = ANY(:person_ids bigint) AND t.confirmed_at >= :since
        AND UNINDEXED(t.status) IN ('posted', 'held', 'funding')
        AND UNINDEXED(t.refund_of_id) IS NULL
        AND NOT EXISTS (SELECT 1 FROM transfer back WHERE back.refund_of_id = t.id)
    GROUP BY t.payer_person_id
    """,
    columns="person cents",
)


def paying(person_ids: Collection[int], *, since: datetime) -> Question[dict[int, int]]:
    """Return what asks for `paid_since`."""
    return Question(_PAID, {"person_ids": person_ids, "since": since}, dict)


def paid_since(session: Session, person_ids: Collection[int], *, since: datetime) -> dict[int, int]:
    """Return what persons paid, or are about to: posted, held and in funding, in cents.

    What was given back no longer counts, and giving it back is no payment.
    """
    return paying(person_ids, since=since).ask(session)


def due_to_expire(session: Session, *, at: datetime, limit: int) -> list[int]:
    """Return pending transfers whose time is over and that no unsettled confirmation covers."""
    return list(
        session.execute(
            select(transfers.c.id)
            .where(transfers.c.status == TransferStatus.PENDING.value, transfers.c.due_at <= at)
            .order_by(transfers.c.id)
            .limit(limit)
        ).scalars()
    )


def due_to_return(session: Session, *, at: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return held transfers that nobody claimed in time."""
    return session.execute(
        select(transfers)
        .where(transfers.c.status == TransferStatus.HELD.value, transfers.c.due_at <= at)
        .order_by(transfers.c.id)
        .limit(limit)
    ).all()


def record_reply(
    session: Session, order_id: int, *, reply_id: str | None, at: datetime, confirm_by: datetime
) -> bool:
    """Record that an order was answered: from now on its payers have their time.

    `reply_id` is None where a post was answered by a direct message.
    False where it had been answered before: its time has begun.
    """
    values = {"order": order_id, "replied_at": at, "reply_id": reply_id}
    if session.connection().execute(_REPLIED, values).rowcount != 1:
        return False
    transfers_of(session, [order_id], lock=True)  # in the order in which all lock them
    session.execute(_BEGIN_TIME, {"order": order_id, "confirm_by": confirm_by})
    return True
