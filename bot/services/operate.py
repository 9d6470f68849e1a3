"""What operators see and mend without SQL: transfers, what waits or died, and the books' proof.

The objects are those of CONTRACT.md; scripts rely on their keys.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from sys import maxsize
from typing import Any, Final, Literal

import structlog
from sqlalchemy import Row, select
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.ports import Source
from bot.services import cancel, check, refunds
from bot.services.deps import Deps
from bot.store import confirmations, drafts, inbox, orders, outbox, people
from bot.store import refunds as card_refunds
from bot.telemetry import METRICS

log = structlog.get_logger(__name__)

ALL: Final = maxsize
"""The batch of a job that does everything there is in one call."""
CHUNK: Final = 500
"""Transfers whose history is read by one statement: a database takes only so many parameters."""
PROOF: Final = "books.proof"
"""The cursor that holds the last proof of the books, for the processes that did not make it."""

Shown = dict[str, Any]
"""An object as it is printed."""


def show_order(deps: Deps, reference: str) -> list[Shown]:
    """Return an order's transfers, or the one transfer that `4F7K2Q-1` names. Raises `Refusal`."""
    bare, _, number = reference.partition("-")
    with deps.store.read() as session:
        order = orders.by_reference(session, bare)
        rows = orders.transfers_of(session, [order.id]) if order is not None else []
        if number:
            rows = [row for row in rows if str(row.number) == number]
        if order is not None and not number and drafts.of(session, order.id) is not None:
            return _shown(session, rows)  # a draft has none yet
        if order is None or not rows:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        return _shown(session, rows)


def list_transfers(
    deps: Deps, *, status: str | None = None, since: datetime | None = None
) -> list[Shown]:
    """Return transfers, oldest first: those with a status, or made since a moment."""
    statement = select(orders.transfers).order_by(orders.transfers.c.id)
    if status is not None:
        statement = statement.where(orders.transfers.c.status == status)
    if since is not None:
        statement = statement.where(orders.transfers.c.created_at >= since)
    with deps.store.read() as session:
        rows = session.execute(statement).all()
        parts = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
        return [one for part in parts for one in _shown(session, part)]


def cancel_order(deps: Deps, reference: str) -> int:
    """Cancel what is pending in an order, by an operator's word; return how many transfers.

    What is with a card gets a wish, which the worker's driver applies. Raises `Refusal`.
    """
    done = cancel.cancel_by_operator(deps, reference.partition("-")[0].upper())
    return done.ended + done.wished


def refund_order(deps: Deps, reference: str, *, to: Literal["wallet", "card"]) -> None:
    """Give back what was posted in an order, by an operator's word. Raises `Refusal`."""
    refunds.refund(deps, reference.upper(), to=to)


def _shown(session: Session, rows: Sequence[Row[Any]]) -> list[Shown]:
    parents = orders.by_ids(session, {row.order_id for row in rows})
    ids = {row.payer_x_user_id for row in rows} | {row.payee_x_user_id for row in rows}
    accounts = people.accounts_by_id(session, ids)
    history: dict[int, list[Shown]] = {row.id: [] for row in rows}
    for event in orders.history_of(session, list(history)):
        history[event.transfer_id].append(
            {"status": event.status, "at": _at(event.at), "reason": event.reason}
        )
    numbers = {row.id: f"{parents[row.order_id].reference}-{row.number}" for row in rows}
    bases = confirmations.bases(session, {row.confirmation_id for row in rows})
    to_card = card_refunds.by_transfer(session, list(numbers))
    return [
        _transfer(row, parents[row.order_id], accounts)
        | {
            "history": history[row.id],
            "sca": bases.get(row.confirmation_id),
            "refund_of": numbers.get(row.refund_of_id),
            "to_card": to_card[row.id].status if row.id in to_card else None,
        }
        for row in rows
    ]


def _transfer(row: Row[Any], order: Row[Any], accounts: Mapping[str, Row[Any]]) -> Shown:
    return {
        "reference": f"{order.reference}-{row.number}",
        "status": row.status,
        "payer": _party(row.payer_x_user_id, accounts),
        "payee": _party(row.payee_x_user_id, accounts, row.payee_handle),
        "amount_cents": row.amount_cents,
        "currency": row.currency,
        "note": row.note,
        "funding": row.funding,
        "post_id": order.source_id if order.source == "post" else None,
        "created_at": _at(row.created_at),
        "confirm_by": _at(row.confirm_by),
        "confirmed_at": _at(row.confirmed_at),
        "posted_at": _at(row.posted_at),
    }


def _party(x_user_id: str, accounts: Mapping[str, Row[Any]], named: str | None = None) -> Shown:
    """Return an account with the handle that it bears now, else the one it was named by."""
    account = accounts.get(x_user_id)
    handle = account.handle if account is not None else None
    return {"x_user_id": x_user_id, "handle": handle or named}


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


# --- what waits, and what died -----------------------------------------------------------------


def list_outbox(deps: Deps) -> list[Shown]:
    """Return the messages that died and those that wait; their texts are nobody's business."""
    with deps.store.read() as session:
        return [_letter(row) for row in outbox.listing(session)]


def _letter(row: Row[Any]) -> Shown:
    return {
        "id": row.id,
        "status": row.status,
        "channel": row.channel,
        "key": row.key,
        "to_post_id": row.to_post_id,
        "to_x_user_id": row.to_x_user_id,
        "attempts": row.attempts,
        "in_doubt": row.in_doubt,
        "reason": row.reason,
        "created_at": _at(row.created_at),
        "next_attempt_at": _at(row.next_attempt_at) if row.status == "waiting" else None,
    }


def retry_outbox(deps: Deps, row_ids: Sequence[int] | None = None) -> int:
    """Give dead messages another try, these or all; return how many."""
    with deps.store.write() as session:
        return outbox.revive(session, at=deps.clock.now(), row_ids=row_ids)


def list_inbox(deps: Deps) -> list[Shown]:
    """Return what came in and died, then what waits; without the texts."""
    with deps.store.read() as session:
        return [_event(row) for row in inbox.listing(session)]


def _event(row: Row[Any]) -> Shown:
    return {
        "id": row.id,
        "status": row.status,
        "source": row.source,
        "source_id": row.source_id,
        "attempts": row.attempts,
        "reason": row.reason,
        "received_at": _at(row.received_at),
        "next_attempt_at": _at(row.next_attempt_at) if row.status == "waiting" else None,
    }


def retry_inbox(deps: Deps, row_ids: Sequence[int] | None = None) -> int:
    """Let dead rows be read again, these or all; one whose text was pruned cannot be."""
    with deps.store.write() as session:
        return inbox.revive(session, at=deps.clock.now(), row_ids=row_ids)


# --- the books ---------------------------------------------------------------------------------


def prove_books(deps: Deps) -> int:
    """Prove the books, say so where they do not balance, and keep the result; return 1."""
    report = check.check_books(deps)
    METRICS.books_balanced.set(1 if report.balanced else 0)
    if not report.balanced:
        log.error("books_do_not_balance", problems=report.problems)
    proof = json.dumps({"balanced": report.balanced, "problems": len(report.problems)})
    at = deps.clock.now()
    with deps.store.write() as session:
        inbox.set_cursor(session, PROOF, proof, at=at)
    return 1


def newest_event_at(deps: Deps, source: Source) -> datetime | None:
    """Return when something of a source was last taken in: a webhook of the acquirer's, a DM."""
    rows = inbox.inbox
    with deps.store.read() as session:
        at: datetime | None = session.execute(
            select(rows.c.received_at)
            .where(rows.c.source == source)
            .order_by(rows.c.id.desc())
            .limit(1)
        ).scalar_one_or_none()
    return at
