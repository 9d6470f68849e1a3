"""Transfers as one of their parties sees them: no reason that is the other's own business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.transfer import Reason, TransferStatus
from bot.services import cautions, notes, parties
from bot.services.notes import Manner, Reader
from bot.services.tell import shown
from bot.services.wrong import open_cases
from bot.store import orders, people

WAITS: Final = "waits"
"""The reason of a hold, as its parties read it; the true one stands in the row, for operators."""
MOVED: Final = (
    TransferStatus.POSTED.value,
    TransferStatus.HELD.value,
    TransferStatus.RETURNED.value,
)
"""Statuses of money that has left its payer, if only for a while."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event of a transfer's life."""

    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TransferView:
    """One transfer, as one of its parties sees it."""

    number: int
    reference: str
    """With its number: `4F7K2Q-1`."""
    status: str
    amount_cents: int
    note: str | None
    """None also where the visitor reported it."""
    note_is: Manner
    other_x_user_id: str
    other_handle: str
    other_name: str
    funding: str | None
    confirm_by: datetime
    claim_by: datetime | None
    history: tuple[HistoryLine, ...]
    is_refund: bool
    """Whether an operator gave back another transfer by it."""
    moved: str | None
    """To its payer, while it is held: the handle that it named, where another bears it by now."""
    wrong_case: int | None
    """The open case of a payer who says that it went to the wrong person."""


def transfer_views(
    session: Session, order: Row[Any], rows: Sequence[Row[Any]], x_user_id: str
) -> dict[int, TransferView]:
    """Return an order's transfers as an account sees those in which it has a part, by their ids."""
    accounts = people.accounts_by_id(
        session, {row.payer_x_user_id for row in rows} | {row.payee_x_user_id for row in rows}
    )
    history = _histories(session, rows, x_user_id)
    paid = [row for row in rows if row.payer_x_user_id == x_user_id]
    held = [row for row in paid if row.status == TransferStatus.HELD.value]
    moved = cautions.moved_handles(session, held) if held else {}
    posted = [row.id for row in rows if row.status == TransferStatus.POSTED.value]
    wrong = open_cases(session, posted) if posted else {}
    reader = _reader(session, order, rows, x_user_id)
    views = {}
    for row in rows:
        pays = row.payer_x_user_id == x_user_id
        other_id = row.payee_x_user_id if pays else row.payer_x_user_id
        other = accounts.get(other_id)
        views[row.id] = TransferView(
            number=row.number,
            reference=f"{order.reference}-{row.number}",
            status=row.status,
            amount_cents=row.amount_cents,
            note=reader.note(row, order.owner_x_user_id),
            note_is=reader.manner(row, order.owner_x_user_id),
            other_x_user_id=other_id,
            other_handle=shown(other, row.payee_handle if pays else None),
            other_name=other.name if other is not None else "",
            funding=row.funding,
            confirm_by=row.confirm_by,
            claim_by=row.claim_by,
            is_refund=row.refund_of_id is not None,
            history=history[row.id],
            moved=moved.get(row.id),
            wrong_case=wrong.get(row.id),
        )
    return views


def _reader(session: Session, order: Row[Any], rows: Sequence[Row[Any]], x_user_id: str) -> Reader:
    me = parties.behind(session, x_user_id)
    noted = [(row, order.owner_x_user_id) for row in rows]
    return notes.reader(session, me.person_id, me.accounts, noted)


def _histories(
    session: Session, rows: Sequence[Row[Any]], x_user_id: str
) -> dict[int, tuple[HistoryLine, ...]]:
    """Return the events of transfers that an account may read of, by the transfers' ids."""
    payers = {row.id for row in rows if row.payer_x_user_id == x_user_id}
    lines: dict[int, tuple[HistoryLine, ...]] = {row.id: () for row in rows}
    for event in orders.history_of(session, list(lines)):
        # Why a payee cannot take it yet is the payee's own business: a payer reads that it waits.
        reason = WAITS if Reason(event.reason).is_payees_own else event.reason
        # How the payer came to pay, and which cards failed, is the payer's own business.
        is_shown = event.transfer_id in payers or (
            event.status in MOVED and reason != Reason.CARD_DISPUTED.value
        )
        if is_shown:
            lines[event.transfer_id] += (HistoryLine(event.status, reason, event.at),)
    return lines
