"""The bank's side of payouts: files out, each payout in one of them; reports in, each booked once.

A file is a row with its text before it is on a disk. A crash between the two is repaired by the
next export, which first writes what is not known to be written, the same to the byte.

A payout comes back only where the bank says that it is a return: whoever sends us money chooses the
name that it bears. A movement that bears a payout's name and is neither its leaving nor its return
is booked nowhere, stops nothing, and is told to who reads the report.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.books import Entry
from bot.domain.errors import Rejected
from bot.domain.payout import (
    BankLine,
    BankReport,
    CreditTransfer,
    Debtor,
    PayoutFile,
    PayoutStatus,
    end_to_end_id,
    read_end_to_end_id,
)
from bot.domain.replies import Reply
from bot.ports import BankFiles
from bot.services import late_money
from bot.services.deps import Deps
from bot.services.payouts import ends_of
from bot.services.steps import Step
from bot.services.tell import News, lang_of_person, tell
from bot.services.texts import notify
from bot.store import ledger, payouts, people

log = structlog.get_logger(__name__)

IN_A_FILE: Final = 5_000
"""Payouts in one file: what banks take at once, and one commit holds easily."""
CHUNK: Final = 500
"""Payouts locked by one statement: a database takes only so many parameters."""

_S = PayoutStatus


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is on the disk."""

    message_id: str
    path: str
    total_cents: int


@dataclass(frozen=True, slots=True)
class Stray:
    """A movement under a payout's name that is not the payout's: for the reconciliation."""

    report_id: str
    end_to_end_id: str
    amount_cents: int
    """Below zero where it left."""
    detail: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file of reports did; `known` reports were read before."""

    reports: int
    known: int
    settled: int
    returned: int
    strays: tuple[Stray, ...]


# --- out ---------------------------------------------------------------------------------------


def export_payouts(deps: Deps, bank: BankFiles, debtor: Debtor) -> list[Written]:
    """Write every payout that waits into files; return these."""
    while _make_file(deps, bank, debtor):
        deps.step(Step.PAYOUT_FILE_RECORDED)
    with deps.store.read() as session:
        unwritten = payouts.unwritten_files(session)
    return [_write(deps, bank, row) for row in unwritten]


def export_again(deps: Deps, bank: BankFiles, message_id: str) -> Written | None:
    """Write a file once more, the same to the byte; None where there is none of that id."""
    with deps.store.read() as session:
        row = payouts.file_by_message(session, message_id)
    return None if row is None else _write(deps, bank, row)


def _make_file(deps: Deps, bank: BankFiles, debtor: Debtor) -> bool:
    """Put the payouts that wait into a file's row, in one commit; False where none waits."""
    at = deps.clock.now()
    message_id = f"SMONEY-{at:%Y%m%d}-{deps.chance.uuid()[-12:].upper()}"
    with deps.store.write() as session:
        rows = payouts.lock_requested(session, limit=IN_A_FILE)
        if not rows:
            return False
        file = PayoutFile(message_id, at, debtor, tuple(_transfer(row) for row in rows))
        file_id = payouts.insert_file(
            session, message_id, bank.render(file), total_cents=file.total_cents, at=at
        )
        _advance(session, rows, _S.REQUESTED, _S.EXPORTED, message_id, at, file_id=file_id)
    return True


def _transfer(row: Row[Any]) -> CreditTransfer:
    return CreditTransfer(end_to_end_id(row.id), row.amount_cents, row.iban, row.holder_name)


def _write(deps: Deps, bank: BankFiles, row: Row[Any]) -> Written:
    path = bank.write(f"{row.message_id}.xml", row.content)
    deps.step(Step.PAYOUT_FILE_WRITTEN)
    with deps.store.write() as session:
        payouts.mark_written(session, row.id, at=deps.clock.now())
    return Written(row.message_id, path, row.total_cents)


# --- in ----------------------------------------------------------------------------------------


def import_reports(deps: Deps, bank: BankFiles, iban: str, content: bytes) -> Imported:
    """Book a bank's reports, all of the file or nothing. Raises `Rejected` with a sentence."""
    reports = bank.read(content)
    for one in reports:
        if one.iban != iban:
            raise _no(
                f"Report {one.report_id} is about {ends_of(one.iban)}, not about our account "
                f"{ends_of(iban)}."
            )
    with deps.store.write() as session:
        rows = _lock(session, reports)
        # Every account at once: who asks for a payout has a wallet and wants `payouts` after it.
        wallets = {books.wallet(row.person_id) for row in rows.values()}
        ledger.lock_balances(session, [*wallets, books.PAYOUTS, books.BANK])
        # One time for a report and what it books, and none of that is later than what it was read.
        at = deps.clock.now()
        fresh = {}
        for one in reports:
            row_id = _note(session, one, at)
            if row_id is not None:
                fresh[row_id] = one
        counts = {
            row_id: _book(session, deps, one, rows, at)
            for row_id, one in sorted(fresh.items(), key=lambda pair: pair[0])
        }
        for row_id, (settled, returned) in counts.items():
            payouts.count_report(session, row_id, settled=settled, returned=returned)
    strays = [one for report in fresh.values() for one in _strays(report, rows)]
    for stray in strays:
        log.warning("bank_movement_unexplained", **asdict(stray))
    if fresh:
        deps.step(Step.BANK_REPORT_BOOKED)
        deps.bells.outbox.set()
    return Imported(
        reports=len(reports),
        known=len(reports) - len(fresh),
        settled=sum(settled for settled, _returned in counts.values()),
        returned=sum(returned for _settled, returned in counts.values()),
        strays=tuple(strays),
    )


def _note(session: Session, report: BankReport, at: datetime) -> int | None:
    """Write that a report is read; None where it was read before, the same."""
    row_id = payouts.insert_report(session, report, at=at)
    if row_id is None:
        known = payouts.report(session, iban=report.iban, report_id=report.report_id)
        other = _other(known, report)
        if other is not None:
            raise _no(
                f"A report {report.report_id} with {other} was read on "
                f"{known.read_at:%Y-%m-%d}: ask the bank which one holds."
            )
    return row_id


def _other(known: Row[Any], report: BankReport) -> str | None:
    """Return what a report has else than the one of its name that was read; None for the same."""
    if known.content_hash != report.hash:
        return "other movements"
    # A balance is compared by itself: the hash is of the movements alone.
    if (known.closing_cents, known.closing_on) != (report.closing_cents, report.closing_on):
        return "another balance"
    return None


def _lock(session: Session, reports: Sequence[BankReport]) -> dict[int, Row[Any]]:
    """Lock the payouts that reports name."""
    named = {_payout_id(line) for report in reports for line in report.lines}
    return _read(session, [one for one in named if one is not None])


def _read(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Lock and read payouts, in the order of their ids."""
    rows: dict[int, Row[Any]] = {}
    for start in range(0, len(ids), CHUNK):
        rows |= payouts.lock(session, sorted(ids)[start : start + CHUNK])
    return rows


def _payout_id(line: BankLine) -> int | None:
    return read_end_to_end_id(line.end_to_end_id)


def _book(
    session: Session,
    deps: Deps,
    report: BankReport,
    rows: dict[int, Row[Any]],
    at: datetime,
) -> tuple[int, int]:
    """Settle, then return, what a report names; return how many of each."""
    left: dict[int, BankLine] = {}
    back: dict[int, BankLine] = {}
    for line in report.lines:
        payout_id = _payout_id(line)
        if payout_id is None:
            continue  # another movement of the account: for the reconciliation
        row = rows.get(payout_id)
        if _why_stray(line, row) is not None:
            continue  # for the reconciliation too, and told to the operator
        _check(report, line, row)
        way = back if line.is_credit else left
        if payout_id in way:
            raise _no(
                f"Report {report.report_id} names {line.end_to_end_id} twice: ask the bank whether "
                "it moved that money twice."
            )
        way[payout_id] = line
    settled = _settle(session, rows, left, at)
    rows |= _read(session, [row.id for row in settled])
    returned = _give_back(session, rows, back, at)
    rows |= _read(session, [row.id for row in returned])
    _tell(session, deps, settled, "settled", at)
    _tell(session, deps, returned, "returned", at)
    return len(settled), len(returned)


def _strays(report: BankReport, rows: Mapping[int, Row[Any]]) -> Iterator[Stray]:
    for line in report.lines:
        payout_id = _payout_id(line)
        why = None if payout_id is None else _why_stray(line, rows.get(payout_id))
        if why is not None:
            cents = line.amount_cents if line.is_credit else -line.amount_cents
            yield Stray(report.report_id, line.end_to_end_id, cents, why)


def _why_stray(line: BankLine, row: Row[Any] | None) -> str | None:
    """Return why a movement is not the payout's whose name it bears; None where it may be.

    Anybody can send money under a payout's name, so a credit never stops a report; nor does what
    gives such money back. A debit that is no return is ours alone: `_check` refuses what is odd.
    """
    if not line.is_credit:
        return "it gives back what another account had sent" if line.is_return else None
    if not line.is_return:
        return "the bank does not say that it is a return"
    if row is None or row.file_id is None:
        return "no payout of that name has left"
    if row.amount_cents != line.amount_cents:
        return f"the payout is of {row.amount_cents} cents"
    return None


def _check(report: BankReport, line: BankLine, row: Row[Any] | None) -> None:
    if row is None:
        raise _no(f"Report {report.report_id} names {line.end_to_end_id}, which is no payout here.")
    if row.amount_cents != line.amount_cents:
        raise _no(
            f"Report {report.report_id} has {line.amount_cents} cents for {line.end_to_end_id}, "
            f"which is of {row.amount_cents}."
        )
    if row.file_id is None:
        raise _no(
            f"Report {report.report_id} names {line.end_to_end_id}, which is {row.status} and was "
            "in no file."
        )


def _settle(
    session: Session, rows: Mapping[int, Row[Any]], left: Mapping[int, BankLine], at: datetime
) -> list[Row[Any]]:
    due = [rows[one] for one in sorted(left) if rows[one].status == _S.EXPORTED.value]
    _advance(session, due, _S.EXPORTED, _S.SETTLED, "left_the_bank", at, settled_at=at)
    ledger.record(
        session, [books.payout_settle(row.id, row.amount_cents) for row in due], now=lambda: at
    )
    return due


def _give_back(
    session: Session, rows: Mapping[int, Row[Any]], back: Mapping[int, BankLine], at: datetime
) -> list[Row[Any]]:
    """Return what came back to its owners: no ceiling and no lock stops that."""
    due = [rows[one] for one in sorted(back) if rows[one].status != _S.RETURNED.value]
    for row in due:
        reason = f"bank_{back[row.id].reason or 'returned'}"
        _advance(session, [row], _S(row.status), _S.RETURNED, reason, at)
    ledger.record(session, [_return_of(row) for row in due], now=lambda: at)
    came = [(f"payout {row.id}", row.person_id, row.amount_cents) for row in due]
    late_money.came(session, came, at=at)
    return due


def _return_of(row: Row[Any]) -> Entry:
    came = books.payout_return if row.settled_at is None else books.payout_return_from_bank
    return came(row.id, row.person_id, row.amount_cents)


def _advance(
    session: Session,
    rows: Sequence[Row[Any]],
    old: PayoutStatus,
    new: PayoutStatus,
    reason: str,
    at: datetime,
    **values: object,
) -> None:
    for start in range(0, len(rows), CHUNK):
        ids = [row.id for row in rows[start : start + CHUNK]]
        moved = payouts.advance(session, ids, old=old, new=new, reason=reason, at=at, **values)
        assert len(moved) == len(ids), "payouts that are locked move together"


def _tell(session: Session, deps: Deps, rows: Sequence[Row[Any]], what: str, at: datetime) -> None:
    """Tell the accounts that asked; the phone of who asked without one.

    Who closed their account is told nothing: phone and X account may be another's by now.
    """
    news = []
    for row in rows:
        reply = Reply.of(
            f"news.payout.{what}",
            amount_cents=row.amount_cents,
            iban=ends_of(row.iban),
            url=f"{deps.public_url}/wallet/payout",
        )
        if row.x_user_id is not None:
            news.append(News(f"payout:{row.id}:{what}", row.x_user_id, reply, None, row.person_id))
            continue
        person = people.person_by_id(session, row.person_id)
        assert person is not None, "a payout is somebody's"
        if person.closed_at is None:
            notify(
                session,
                person.phone,
                reply,
                lang_of_person(session, person),
                person_id=person.id,
                at=at,
            )
    tell(session, news, at=at)


def _no(sentence: str) -> Rejected:
    return Rejected("bad_report", f"{sentence} Nothing was booked.")
