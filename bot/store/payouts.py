"""Payouts, their files and the bank's reports; a status changes only by `advance`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlmodel import Session

from bot.domain.payout import BankReport, PayoutStatus, PayoutTerms, may_go
from bot.domain.topup import TopupStatus
from bot.store.confirmations import topups
from bot.store.engine import dialect_insert
from bot.store.people import persons
from bot.store.tables import BankReportRow, Payout, PayoutEvent, PayoutFileRow, core

payouts = core(Payout)
events = core(PayoutEvent)
files = core(PayoutFileRow)
reports = core(BankReportRow)


def insert(
    session: Session,
    terms: PayoutTerms,
    *,
    key: str,
    person_id: int,
    x_user_id: str | None,
    sca_basis: str,
    at: datetime,
    reason: str = "authenticated",
) -> int | None:
    """Write a payout, requested; return its id, or None where the key has one already."""
    statement = (
        dialect_insert(session)(payouts)
        .values(
            key=key,
            person_id=person_id,
            x_user_id=x_user_id,
            amount_cents=terms.amount_cents,
            iban=terms.iban,
            holder_name=terms.holder_name,
            terms_hash=terms.hash,
            sca_basis=sca_basis,
            status=PayoutStatus.REQUESTED.value,
            sequence=1,
            requested_at=at,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(payouts.c.id)
    )
    payout_id: int | None = session.execute(statement).scalar_one_or_none()
    if payout_id is not None:
        _write_events(session, [(payout_id, 1)], PayoutStatus.REQUESTED, reason, at)
    return payout_id


def advance(
    session: Session,
    ids: Collection[int],
    *,
    old: PayoutStatus,
    new: PayoutStatus,
    reason: str,
    at: datetime,
    **values: object,
) -> list[int]:
    """Move payouts from one status to another, and return which moved."""
    assert may_go(old, new), f"no payout goes from {old} to {new}"
    if not ids:
        return []
    statement = (
        update(payouts)
        .where(payouts.c.id.in_(ids), payouts.c.status == old.value)
        .values(status=new.value, sequence=payouts.c.sequence + 1, **values)
        .returning(payouts.c.id, payouts.c.sequence)
    )
    moved = [(row.id, row.sequence) for row in session.execute(statement)]
    _write_events(session, moved, new, reason, at)
    return [one for one, _sequence in moved]


def _write_events(
    session: Session,
    moved: Sequence[tuple[int, int]],
    status: PayoutStatus,
    reason: str,
    at: datetime,
) -> None:
    rows = [
        {
            "payout_id": payout_id,
            "sequence": sequence,
            "status": status.value,
            "reason": reason[:60],
            "at": at,
        }
        for payout_id, sequence in moved
    ]
    if rows:
        session.execute(events.insert(), rows)


def by_key(session: Session, key: str) -> Row[Any] | None:
    """Return the payout that an authentication asked for."""
    return session.execute(select(payouts).where(payouts.c.key == key)).one_or_none()


def of_person(session: Session, person_id: int, *, limit: int) -> Sequence[Row[Any]]:
    """Return a person's newest payouts, the newest first."""
    return session.execute(
        select(payouts)
        .where(payouts.c.person_id == person_id)
        .order_by(payouts.c.id.desc())
        .limit(limit)
    ).all()


def is_under_way(session: Session, person_id: int) -> bool:
    """Whether a payout of a person's was asked for, and may still be cancelled or come back."""
    waits = (PayoutStatus.REQUESTED.value, PayoutStatus.EXPORTED.value)
    mine = (payouts.c.person_id == person_id, payouts.c.status.in_(waits))
    return session.execute(select(payouts.c.id).where(*mine).limit(1)).first() is not None


def lock(session: Session, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Lock payouts, in the order of their ids."""
    statement = (
        select(payouts)
        .where(payouts.c.id.in_(ids))
        .order_by(payouts.c.id)
        .with_for_update()  # vanishes on SQLite, where a writer is alone anyway
    )
    return {row.id: row for row in session.execute(statement)}


def lock_requested(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """Lock the payouts that wait for a file, oldest first; of two that ask one gets them.

    Those of a wallet that is locked for review go on waiting. A closed one is locked as well, for
    good: what leaves it was asked for by an operator.
    """
    locked = select(persons.c.id).where(
        persons.c.locked_at.is_not(None), persons.c.closed_at.is_(None)
    )
    return session.execute(
        select(payouts)
        .where(
            payouts.c.status == PayoutStatus.REQUESTED.value,
            payouts.c.person_id.not_in(locked),
        )
        .order_by(payouts.c.id)
        .limit(limit)
        .with_for_update()  # vanishes on SQLite, where a writer is alone anyway
    ).all()


def own_topups_cents(session: Session, person_id: int, *, since: datetime) -> int:
    """Return what a person's cards brought since a moment and was not given back, in cents."""
    brought = func.sum(topups.c.amount_cents - topups.c.refunded_cents)
    captured = [TopupStatus.CAPTURED, TopupStatus.DISPUTED, TopupStatus.REFUNDED]
    return int(
        session.execute(
            select(func.coalesce(brought, 0)).where(
                topups.c.person_id == person_id,
                topups.c.captured_at > since,
                topups.c.status.in_([one.value for one in captured]),
            )
        ).scalar_one()
    )


# --- files and reports -------------------------------------------------------------------------


def insert_file(
    session: Session, message_id: str, content: str, *, total_cents: int, at: datetime
) -> int:
    """Write a file's row; return its id."""
    statement = files.insert().values(
        message_id=message_id, content=content, total_cents=total_cents, made_at=at
    )
    file_id: int = session.execute(statement.returning(files.c.id)).scalar_one()
    return file_id


def unwritten_files(session: Session) -> Sequence[Row[Any]]:
    """Return the files of which it is not known that they are whole on a disk, oldest first."""
    return session.execute(
        select(files).where(files.c.written_at.is_(None)).order_by(files.c.id)
    ).all()


def file_by_message(session: Session, message_id: str) -> Row[Any] | None:
    """Return a file by its message id."""
    return session.execute(select(files).where(files.c.message_id == message_id)).one_or_none()


def mark_written(session: Session, file_id: int, *, at: datetime) -> None:
    """Note that a file is whole on the disk."""
    session.execute(
        update(files)
        .where(files.c.id == file_id, files.c.written_at.is_(None))
        .values(written_at=at)
    )


def insert_report(session: Session, report: BankReport, *, at: datetime) -> int | None:
    """Write that a report is being read; return its row's id, or None where it was read before."""
    statement = (
        dialect_insert(session)(reports)
        .values(
            iban=report.iban,
            report_id=report.report_id,
            content_hash=report.hash,
            closing_cents=report.closing_cents,
            closing_on=report.closing_on,
            settled=0,
            returned=0,
            read_at=at,
        )
        .on_conflict_do_nothing(index_elements=["iban", "report_id"])
        .returning(reports.c.id)
    )
    row_id: int | None = session.execute(statement).scalar_one_or_none()
    return row_id


def report(session: Session, *, iban: str, report_id: str) -> Row[Any]:
    """Return a report that was read."""
    return session.execute(
        select(reports).where(reports.c.iban == iban, reports.c.report_id == report_id)
    ).one()


def count_report(session: Session, row_id: int, *, settled: int, returned: int) -> None:
    """Note what a report did."""
    session.execute(
        update(reports).where(reports.c.id == row_id).values(settled=settled, returned=returned)
    )
