"""What the acquirer paid out, statements' balances, and differences, beside our own books."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import AcquirerLine, AcquirerPayout
from bot.domain.topup import TopupStatus
from bot.store.confirmations import topups
from bot.store.disputes import disputes
from bot.store.engine import dialect_insert
from bot.store.ledger import accounts, entries, postings
from bot.store.payouts import reports
from bot.store.refunds import refunds
from bot.store.tables import AcquirerLineRow, AcquirerPayoutRow, DifferenceRow, core

payouts = core(AcquirerPayoutRow)
lines = core(AcquirerLineRow)
differences = core(DifferenceRow)


# --- the acquirer's payouts ----------------------------------------------------------------------


def known_payouts(session: Session, acquirer_ids: Collection[str]) -> set[str]:
    """Return those of these payouts that are booked."""
    found = select(payouts.c.acquirer_id).where(payouts.c.acquirer_id.in_(acquirer_ids))
    return set(session.execute(found).scalars())


def insert_payout(
    session: Session, payout: AcquirerPayout, *, fee_cents: int, topup_cents: int, at: datetime
) -> int | None:
    """Write a payout down; return its row's id, None where another was first."""
    statement = (
        dialect_insert(session)(payouts)
        .values(
            acquirer_id=payout.id,
            amount_cents=payout.amount_cents,
            fee_cents=fee_cents,
            topup_cents=topup_cents,
            arrives_at=payout.arrives_at,
            booked_at=at,
        )
        .on_conflict_do_nothing(index_elements=["acquirer_id"])
        .returning(payouts.c.id)
    )
    row_id: int | None = session.execute(statement).scalar_one_or_none()
    return row_id


def insert_lines(session: Session, payout_id: int, made_of: Sequence[AcquirerLine]) -> None:
    """Write down what a payout was made of."""
    rows = [
        {
            "id": one.id,
            "acquirer_payout_id": payout_id,
            "kind": one.kind,
            "about": one.about,
            "amount_cents": one.amount_cents,
            "fee_cents": one.fee_cents,
        }
        for one in made_of
    ]
    if rows:
        session.execute(lines.insert(), rows)


def unexplained_lines(session: Session, *, booked: bool = True) -> Sequence[Row[Any]]:
    """Return the acquirer's movements that no fact of ours explains to the cent.

    `booked`: those too that an operator has booked as a difference.
    """
    captured = [TopupStatus.CAPTURED, TopupStatus.DISPUTED, TopupStatus.REFUNDED]
    charge = select(topups.c.id).where(
        topups.c.payment_id == lines.c.about,
        topups.c.amount_cents == lines.c.amount_cents,
        topups.c.status.in_([one.value for one in captured]),
    )
    refund = select(refunds.c.id).where(
        refunds.c.refund_id == lines.c.about, refunds.c.amount_cents == -lines.c.amount_cents
    )
    refund_failed = select(refunds.c.id).where(
        refunds.c.refund_id == lines.c.about,
        refunds.c.amount_cents == lines.c.amount_cents,
        refunds.c.status == "failed",
    )
    taken = select(disputes.c.id).where(
        disputes.c.id == lines.c.about,
        disputes.c.amount_cents == -lines.c.amount_cents,
        disputes.c.fee_cents == lines.c.fee_cents,
    )
    won = select(disputes.c.id).where(
        disputes.c.id == lines.c.about,
        disputes.c.amount_cents == lines.c.amount_cents,
        lines.c.fee_cents == 0,
        disputes.c.status == "won",
    )
    explained = {
        "charge": charge,
        "refund": refund,
        "refund_failed": refund_failed,
        "dispute": taken,
        "dispute_won": won,
    }
    known = [and_(lines.c.kind == kind, why.exists()) for kind, why in explained.items()]
    statement = (
        select(lines, payouts.c.acquirer_id)
        .join(payouts, payouts.c.id == lines.c.acquirer_payout_id)
        .where(~or_(*known))
        .order_by(lines.c.id)
    )
    if not booked:
        settled = select(differences.c.id).where(
            differences.c.key == "line:" + lines.c.id, differences.c.booked_at.is_not(None)
        )
        statement = statement.where(~settled.exists())
    return session.execute(statement).all()


# --- the bank ------------------------------------------------------------------------------------


def latest_statement(session: Session) -> Row[Any] | None:
    """Return the newest statement that says a closing balance."""
    return session.execute(
        select(reports)
        .where(reports.c.closing_on.is_not(None))
        .order_by(reports.c.closing_on.desc(), reports.c.id.desc())
        .limit(1)
    ).one_or_none()


def bank_at_statement(session: Session, statement: Row[Any]) -> int:
    """Return what the books expect of a statement, in cents.

    Payouts to people as far as they were read with it, the acquirer's as far as they had arrived,
    own funds that were asked for on a day before, and what operators booked.
    """
    closed = datetime.combine(statement.closing_on, time.max, UTC)
    opened = datetime.combine(statement.closing_on, time.min, UTC)
    left = (
        select(func.coalesce(func.sum(postings.c.amount_cents), 0))
        .join(entries, entries.c.id == postings.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(
            accounts.c.name == books.BANK,
            entries.c.key.like("payout:%"),
            entries.c.written_at <= statement.read_at,
        )
    )
    arrived = select(func.coalesce(func.sum(payouts.c.amount_cents), 0)).where(
        payouts.c.arrives_at <= closed
    )
    added = select(func.coalesce(func.sum(payouts.c.topup_cents), 0)).where(
        payouts.c.booked_at < opened
    )
    booked = select(func.coalesce(func.sum(differences.c.amount_cents), 0)).where(
        differences.c.account == books.BANK, differences.c.booked_at.is_not(None)
    )
    out, arrived_cents, added_cents, booked_cents = (
        int(session.execute(one).scalar_one()) for one in (left, arrived, added, booked)
    )
    return arrived_cents + added_cents + booked_cents - out


def later_report_was_read(session: Session, statement: Row[Any]) -> bool:
    """Whether a report moved payouts after a statement's day and before the statement was read.

    What it moved counts in `bank_at_statement`, which knows no booking days, and may be of a day
    that the statement does not cover.
    """
    closed = datetime.combine(statement.closing_on, time.max, UTC)
    found = select(reports.c.id).where(
        reports.c.closing_on.is_(None),
        reports.c.settled + reports.c.returned > 0,
        reports.c.read_at > closed,
        reports.c.read_at <= statement.read_at,
    )
    return session.execute(found.limit(1)).first() is not None


# --- differences ---------------------------------------------------------------------------------


def list_difference(
    session: Session, *, key: str, account: str, amount_cents: int, detail: str, at: datetime
) -> None:
    """List a difference; one that is listed or booked stays, one that had gone is there again."""
    values = {"account": account, "amount_cents": amount_cents, "detail": detail}
    insert = dialect_insert(session)(differences).values(key=key, listed_at=at, **values)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["key"],
            set_={**values, "gone_at": None},
            where=differences.c.booked_at.is_(None),
        )
    )


def let_go(session: Session, *, still: Collection[str], at: datetime) -> None:
    """End the differences that are no longer there."""
    for row in open_differences(session):
        if row.key not in still:
            session.execute(
                update(differences).where(differences.c.id == row.id).values(gone_at=at)
            )


def open_differences(session: Session) -> Sequence[Row[Any]]:
    """Return what is listed and neither gone nor booked, the oldest first."""
    return session.execute(
        select(differences)
        .where(differences.c.gone_at.is_(None), differences.c.booked_at.is_(None))
        .order_by(differences.c.id)
    ).all()


def booked_lines(session: Session, *, back: str) -> Sequence[Row[Any]]:
    """Return the acquirer's movements that an operator has booked as differences, oldest first.

    Save those that were booked back: the difference whose key is theirs after `back` is booked too.
    """
    other = differences.alias("other")
    is_back = select(other.c.id).where(
        other.c.key == back + differences.c.key, other.c.booked_at.is_not(None)
    )
    return session.execute(
        select(differences)
        .where(
            differences.c.key.like("line:%"),
            differences.c.booked_at.is_not(None),
            ~is_back.exists(),
        )
        .order_by(differences.c.id)
    ).all()


def lock_difference(session: Session, difference_id: int) -> Row[Any] | None:
    """Lock a difference."""
    return session.execute(
        select(differences).where(differences.c.id == difference_id).with_for_update()
    ).one_or_none()


def mark_booked(session: Session, difference_id: int, *, to: str, at: datetime) -> None:
    """Note where a difference was booked to."""
    session.execute(
        update(differences)
        .where(differences.c.id == difference_id)
        .values(booked_to=to, booked_at=at)
    )


# --- what is owed, and since when ----------------------------------------------------------------


def owed_cents(session: Session) -> int:
    """Return what is owed to people: wallets, what is held, payouts under way."""
    name = accounts.c.name
    owed = or_(name.like("wallet:%"), name.like("held:%"), name == books.PAYOUTS)
    statement = select(func.coalesce(func.sum(accounts.c.balance_cents), 0)).where(owed)
    return int(session.execute(statement).scalar_one())


def late_cents(session: Session, *, before: datetime, at: datetime) -> int:
    """Return what was captured before a moment and is in no payout that has arrived, in cents."""
    arrived = (
        select(lines.c.id)
        .join(payouts, payouts.c.id == lines.c.acquirer_payout_id)
        .where(
            lines.c.kind == "charge",
            lines.c.about == topups.c.payment_id,
            payouts.c.arrives_at <= at,
        )
    )
    kept = [TopupStatus.CAPTURED.value, TopupStatus.REFUNDED.value]
    statement = select(
        func.coalesce(func.sum(topups.c.amount_cents - topups.c.refunded_cents), 0)
    ).where(topups.c.status.in_(kept), topups.c.captured_at < before, ~arrived.exists())
    return int(session.execute(statement).scalar_one())
