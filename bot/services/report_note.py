"""Reporting a note: an operator looks at it, and its reader sees it no more. Once for each note."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import notes, parties
from bot.services.deps import Deps
from bot.services.tell import shown
from bot.services.transfer_views import MOVED
from bot.store import cases, orders, people

log = structlog.get_logger(__name__)

NOTE: Final = "note"
"""The kind of its case."""
LOOKED_AT_WITHIN: Final = timedelta(hours=48)
"""A case's clock: its reader does not see the note any more, the next reader of the same might."""


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A note that somebody else wrote to a visitor."""

    reference: str
    number: int
    text: str
    writer_handle: str
    is_reported: bool


def read_note(deps: Deps, reference: str, number: int, x_user_id: str) -> ReadNote | None:
    """Return a note that somebody may report, or has reported; None where they were shown none."""
    with deps.store.read() as session:
        found = _read_by(session, reference, number, x_user_id)
        if found is None:
            return None
        order, row = found
        return ReadNote(
            reference=order.reference,
            number=row.number,
            text=row.note,
            writer_handle=shown(people.account(session, order.owner_x_user_id)),
            is_reported=bool(cases.by_keys(session, [notes.key_of(row.id)])),
        )


def report(deps: Deps, reference: str, number: int, x_user_id: str) -> None:
    """Let an operator look at a note, and show it to its reader no more. Raises `Refusal`.

    A note that was reported before stays so, and its case as it is, open or closed.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        found = _read_by(session, reference, number, x_user_id)
        if found is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        order, row = found
        reporter = people.person_of(session, x_user_id)
        opened = cases.open_case(
            session,
            kind=NOTE,
            key=notes.key_of(row.id),
            person_id=reporter.id if reporter is not None else None,
            order_id=order.id,
            detail=f"The note of {order.reference}-{row.number} was reported by whom it was "
            f"written to; X account {order.owner_x_user_id} wrote it. `smoney transfer show "
            f"{order.reference}` has it. They do not see it any more and were offered to block its "
            "writer; `smoney person lock` stops a writer who harasses others.",
            opened_at=at,
            due_at=at + LOOKED_AT_WITHIN,
        )
        if opened:
            log.warning("note_reported", transfer=row.id, x_user_id=x_user_id)


def _read_by(
    session: Session, reference: str, number: int, x_user_id: str
) -> tuple[Row[Any], Row[Any]] | None:
    """Return an order and its transfer whose note a person was shown, and did not write."""
    order = orders.by_reference(session, reference)
    me = parties.behind(session, x_user_id)
    if order is None or order.owner_x_user_id in me.accounts:
        return None
    for row in orders.transfers_of(session, [order.id]):
        # Of an order that may come to nothing its payee knows nothing.
        has_read = me.pays(row) or (me.gets(row) and row.status in MOVED)
        if row.number == number and row.note and has_read:
            return order, row
    return None
