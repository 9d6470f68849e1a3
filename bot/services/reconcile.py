"""Our books beside the acquirer's and the bank's: what was paid out is booked, the rest is listed.

A payout of the acquirer is one commit: its row, what it was made of, its entries. A difference is
listed with a sentence and never booked by itself: an operator does that, once, by `ledger book`.
What explains it after that is in the books twice, and a difference that turns the first.
A dispute or a returned refund whose webhook never came is no difference: it is looked up first.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import AcquirerLine, AcquirerPayout
from bot.domain.errors import Rejected, Unavailable
from bot.domain.safeguarding import OwnAccount, captured_before
from bot.services import disputes, refunds
from bot.services.deps import LEFT_TO_WORKER, Deps
from bot.services.steps import Step
from bot.store import cases, inbox, ledger, reconcile
from bot.store import disputes as card_disputes
from bot.telemetry import METRICS

log = structlog.get_logger(__name__)

RECONCILED: Final = "books.reconciled"
"""The cursor that holds the day of the last nightly reconciliation."""
SAFEGUARDED: Final = "books.safeguarded"
"""The cursor that holds what was missing last, for the processes that did not look."""
OURS: Final = (books.BANK, books.CARDS, *books.OWN)
"""The accounts that are no person's: whoever reconciles locks them first, and nothing before."""
TWICE: Final = "twice"
"""Begins the key of a difference that is in the books twice: booked first, explained later."""
TRANSFER_WITHIN: Final = timedelta(days=1)
"""Own funds are moved within a day: what they make good is owed already."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A line of the list; the other side has `amount_cents` more than our `account`."""

    line: int
    account: str
    amount_cents: int
    detail: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was booked, what does not agree, and whether what is owed is safeguarded."""

    payouts: int
    paid_out_cents: int
    topup_cents: int
    owed_cents: int
    safeguarded_cents: int
    short_cents: int
    late_cents: int
    differences: list[Difference]


def nightly(deps: Deps) -> int:
    """Reconcile where it was not done this day (UTC); return how often it was done."""
    at = deps.clock.now()
    today = at.date().isoformat()
    with deps.store.read() as session:
        if inbox.read_cursor(session, RECONCILED) == today:
            return 0
    reconcile_books(deps)
    with deps.store.write() as session:
        inbox.set_cursor(session, RECONCILED, today, at=at)
    deps.step(Step.NIGHT_RECORDED)
    return 1


def reconcile_books(deps: Deps) -> Reconciliation:
    """Book what the acquirer paid out, list what does not agree, and see what is safeguarded."""
    fresh = deps.acquirer.paid_out(lambda ids: _known(deps, ids))
    booked = [_book_payout(deps, one, deps.acquirer.lines(one.id)) for one in reversed(fresh)]
    done = [one for one in booked if one is not None]
    _look_up(deps)
    at = deps.clock.now()
    with deps.store.write() as session:
        ledger.lock_balances(session, OURS)  # so that what is read beside them belongs together
        _compare(session, at)
        rows = reconcile.open_differences(session)
        found = Reconciliation(
            payouts=len(done),
            paid_out_cents=sum(amount for amount, _topup in done),
            topup_cents=sum(topup for _amount, topup in done),
            **_safeguarded(session, rows, at),
            differences=[Difference(r.id, r.account, r.amount_cents, r.detail) for r in rows],
        )
        _open_case(session, found, at)
        said = json.dumps({"short_cents": found.short_cents, "late_cents": found.late_cents})
        inbox.set_cursor(session, SAFEGUARDED, said, at=at)
    deps.step(Step.BOOKS_COMPARED)
    METRICS.safeguarding_short_cents.set(found.short_cents)
    METRICS.safeguarding_late_cents.set(found.late_cents)
    if found.short_cents or found.late_cents:
        log.error("safeguarding_alarm", short_cents=found.short_cents, late_cents=found.late_cents)
    return found


def _known(deps: Deps, acquirer_ids: Iterable[str]) -> set[str]:
    with deps.store.read() as session:
        return reconcile.known_payouts(session, list(acquirer_ids))


# --- what the acquirer paid out ------------------------------------------------------------------


def _book_payout(
    deps: Deps, payout: AcquirerPayout, lines: tuple[AcquirerLine, ...]
) -> tuple[int, int] | None:
    """Book a payout once; return its amount and what own funds add, None where it is known."""
    lines = (*lines, *_rest(payout, lines))
    fee_cents = sum(one.own_fee_cents for one in lines)
    at = deps.clock.now()
    with deps.store.write() as session:
        balances = ledger.lock_balances(session, OURS)
        own_cents = sum(balances[name] for name in books.OWN)
        own_cents += sum(one.amount_cents for one in _booked_twice(session, _unexplained(session)))
        topup_cents = max(0, fee_cents - own_cents)
        row_id = reconcile.insert_payout(
            session, payout, fee_cents=fee_cents, topup_cents=topup_cents, at=at
        )
        if row_id is None:
            return None
        reconcile.insert_lines(session, row_id, lines)
        batch = [books.acquirer_paid(row_id, payout.amount_cents, fee_cents)]
        if topup_cents:
            batch.append(books.safeguard(row_id, topup_cents))
            _ask_for_funds(session, row_id, payout, topup_cents, at)
        ledger.record(session, batch, now=deps.clock.now)
    deps.step(Step.ACQUIRER_PAYOUT_BOOKED)
    return payout.amount_cents, topup_cents


def _rest(payout: AcquirerPayout, lines: tuple[AcquirerLine, ...]) -> tuple[AcquirerLine, ...]:
    """Return what a payout has that none of its movements says, as a movement of its own."""
    rest = payout.amount_cents - sum(one.net_cents for one in lines)
    return (AcquirerLine(f"{payout.id}:rest", "other", "", rest, 0),) if rest else ()


def _ask_for_funds(
    session: Session, row_id: int, payout: AcquirerPayout, cents: int, at: datetime
) -> None:
    cases.open_case(
        session,
        kind="own_funds",
        key=f"acquirer_payout:{row_id}",
        detail=f"Transfer {cents} cents from the operator's own funds to the safeguarding account: "
        f"the acquirer's payout {payout.id} came less its fees, and what is safeguarded has to "
        "equal what is owed. They are booked to own:funds already.",
        opened_at=at,
        due_at=at + TRANSFER_WITHIN,
    )


# --- what does not agree -------------------------------------------------------------------------


def _look_up(deps: Deps) -> None:
    """Look at the disputes and refunds of which perhaps no webhook told us.

    Those that the acquirer moved for no reason that we know, and the disputes that are open here:
    one that is lost moves nothing more. What an operator has booked as a difference is settled: it
    is not booked a second time.
    """
    with deps.store.read() as session:
        rows = reconcile.unexplained_lines(session, booked=False)
        disputed = [row.about for row in rows if row.kind in ("dispute", "dispute_won")]
        disputed += card_disputes.open_ids(session)
    for read, ids in (
        (disputes.read, disputed),
        (refunds.look, [row.about for row in rows if row.kind == "refund_failed"]),
    ):
        for one in dict.fromkeys(ids):
            try:
                read(deps, one)
            except (Unavailable, Rejected) as error:
                # A door that reaches the acquirer's payouts alone leaves it to the worker's night.
                if str(error) != LEFT_TO_WORKER:
                    log.warning("not_looked_up", about=one, reason=str(error))


@dataclass(frozen=True, slots=True)
class _Found:
    """What does not agree now; `key` says what it is about."""

    key: str
    account: str
    amount_cents: int
    detail: str


def _compare(session: Session, at: datetime) -> None:
    """List what does not agree, and end what agrees again."""
    found = list(_differing(session))
    for one in found:
        reconcile.list_difference(session, **asdict(one), at=at)
    reconcile.let_go(session, still={one.key for one in found}, at=at)


def _differing(session: Session) -> Iterator[_Found]:
    """Yield what the acquirer moved and we do not know, and what the newest statement says else."""
    unexplained = _unexplained(session)
    yield from unexplained
    yield from _booked_twice(session, unexplained)
    statement = reconcile.latest_statement(session)
    if statement is not None:
        yield from _of_statement(session, statement)


def _unexplained(session: Session) -> list[_Found]:
    found = []
    for row in reconcile.unexplained_lines(session):
        # A fee that was booked as a cost is not part of what is unexplained.
        line = AcquirerLine(row.id, row.kind, row.about, row.amount_cents, row.fee_cents)
        cents = line.net_cents + line.own_fee_cents
        if cents:
            one = _Found(
                f"line:{row.id}",
                books.CARDS,
                cents,
                detail=f"The acquirer's payout {row.acquirer_id} holds {cents} cents ({row.kind}, "
                f"{row.about or 'no object'}, {row.id}) that no top-up, refund or dispute of ours "
                "explains: look it up on the acquirer's pages.",
            )
            found.append(one)
    return found


def _booked_twice(session: Session, unexplained: Iterable[_Found]) -> Iterator[_Found]:
    """Yield what an operator booked, a fact of ours explained later, and nobody booked back yet.

    By so much, to the cent, `cards` and the own accounts are wrong until then: whoever reckons with
    them takes it into account.
    """
    waits = {one.key for one in unexplained}
    for row in reconcile.booked_lines(session, back=f"{TWICE}:"):
        if row.key not in waits:
            yield _Found(
                f"{TWICE}:{row.key}",
                row.account,
                -row.amount_cents,
                detail=f"Line {row.id} was booked to own:{row.booked_to}, and a top-up, refund or "
                f"dispute of ours that we heard of later explains it ({row.key}): it is in the "
                f"books twice. Book this line to own:{row.booked_to} too, which takes the first "
                "back. Until then own funds are asked for, and what is safeguarded is reckoned, as "
                "if it were booked.",
            )


def _of_statement(session: Session, statement: Row[Any]) -> Iterator[_Found]:
    expected = reconcile.bank_at_statement(session, statement)
    cents = statement.closing_cents - expected
    if not cents:
        return
    # Payouts of a later day may count in what the statement should say.
    may_be_later = reconcile.later_report_was_read(session, statement)
    yield _Found(
        f"statement:{statement.id}:{expected}:{cents}",
        books.BANK,
        cents,
        detail=f"Statement {statement.report_id} closes {statement.closing_on} with "
        f"{statement.closing_cents} cents where the books expect {expected}: look for a movement "
        "that is no payout, for own funds that did not come, and for a payout of the acquirer "
        "that was late."
        + (
            " A report of payouts was read between that day and this statement. If it is of a "
            "later day the next statement ends the difference: look at it first, and book it after."
            if may_be_later
            else ""
        ),
    )


def book_difference(deps: Deps, line: int, to: OwnAccount) -> Difference:
    """Book a listed difference to an own account by an operator's word, once. Raises `Rejected`.

    It has to differ still: what explains it may have come since it was listed.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        ledger.lock_balances(session, OURS)
        row = reconcile.lock_difference(session, line)
        if row is None:
            raise Rejected("no_such_line", f"There is no line {line}.")
        if row.booked_at is not None and row.booked_to != to:
            raise Rejected("line_booked", f"Line {line} is booked to own:{row.booked_to} already.")
        if row.booked_at is None:
            _check_differs(session, row)
            book = {
                books.CARDS: books.book_cards_difference,
                books.BANK: books.book_bank_difference,
            }[row.account]
            reconcile.mark_booked(session, line, to=to, at=at)
            ledger.record(session, [book(line, to, row.amount_cents)], now=deps.clock.now)
    deps.step(Step.DIFFERENCE_BOOKED)
    return Difference(row.id, row.account, row.amount_cents, row.detail)


def _check_differs(session: Session, row: Row[Any]) -> None:
    if row.gone_at is not None or row.key not in {one.key for one in _differing(session)}:
        raise Rejected(
            "line_gone",
            f"Line {row.id} agrees again, or another took its place: there is nothing to book.",
        )


# --- what is safeguarded -------------------------------------------------------------------------


def _safeguarded(session: Session, differences: Iterable[Row[Any]], at: datetime) -> dict[str, int]:
    """Return what is owed and what covers it: `bank`, as far as it is there, and fresh `cards`."""
    missing = sum(
        # What is in the books twice is known to the cent; of what nobody explained no more counts.
        row.amount_cents if row.key.startswith(f"{TWICE}:") else min(0, row.amount_cents)
        for row in differences
        if row.account in (books.BANK, books.CARDS)
    )
    late = reconcile.late_cents(session, before=captured_before(at), at=at)
    there = -ledger.balance(session, books.BANK) - ledger.balance(session, books.CARDS)
    owed = reconcile.owed_cents(session)
    safeguarded = there + missing - late
    return {
        "owed_cents": owed,
        "safeguarded_cents": safeguarded,
        "short_cents": max(0, owed - safeguarded),
        "late_cents": late,
    }


def _open_case(session: Session, found: Reconciliation, at: datetime) -> None:
    """Open a case for the day where the alarm is on."""
    if not found.short_cents and not found.late_cents:
        return
    cases.open_case(
        session,
        kind="safeguarding",
        key=f"safeguarding:{at:%Y-%m-%d}",
        detail=f"{found.owed_cents} cents are owed and {found.safeguarded_cents} are safeguarded: "
        f"{found.short_cents} are missing. {found.late_cents} cents were captured more than five "
        "business days ago and have not come to the safeguarding account. Transfer own funds, "
        "and see `smoney ledger reconcile` (2009/110/EC, art. 7).",
        opened_at=at,
        due_at=at,
    )
