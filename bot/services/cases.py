"""Cases as operators see them: what has to be looked at, until when, and that it was."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import late_money
from bot.services.deps import Deps
from bot.services.wrong import NOT_ME
from bot.store import cases, disputes, ledger, payouts, people

LOCKING: Final = ("dispute", NOT_ME)
"""The kinds of cases whose wallet was locked with them."""
Shown = dict[str, Any]
"""An object as it is printed."""


def list_cases(deps: Deps, *, closed: bool = False) -> list[Shown]:
    """Return the cases that are open; with `closed` those that were as well."""
    with deps.store.read() as session:
        return [_shown(row) for row in cases.every(session, closed=closed)]


def show_case(deps: Deps, case_id: int) -> Shown:
    """Return a case. Raises `Refusal`."""
    with deps.store.read() as session:
        row = cases.get(session, case_id)
    if row is None:
        raise Refusal(Reply.of("refusal.no_such_case"))
    return _shown(row)


def close_case(deps: Deps, case_id: int, *, anyway: bool = False) -> Shown:
    """Close a case; one that is closed stays as it was. Raises `Refusal`.

    One that locked a wallet stays open while it is locked, a dispute's while its loss is not
    recovered, one about late money while the closed wallet holds any or a payout of it is on its
    way, save `anyway`.
    """
    with deps.store.write() as session:
        row = cases.get(session, case_id)
        if row is not None and row.closed_at is None and not anyway:
            if row.kind in LOCKING:
                _check_is_over(session, row)
            elif row.kind == late_money.KIND:
                _check_is_paid_out(session, row)
        cases.close(session, case_id, at=deps.clock.now())
    return show_case(deps, case_id)


def _check_is_over(session: Session, case: Row[Any]) -> None:
    person = people.lock_persons(session, [case.person_id])[case.person_id]
    if person.locked_at is not None:
        raise Refusal(Reply.of("refusal.case_locked"))
    unpaid = {f"dispute:{row.id}" for row in disputes.unpaid_of(session, person.id)}
    if case.key in unpaid:
        raise Refusal(Reply.of("refusal.case_unrecovered"))


def _check_is_paid_out(session: Session, case: Row[Any]) -> None:
    people.lock_persons(session, [case.person_id])
    # The payout first: what a cancel or a bank brings back in between is in the balance then.
    if payouts.is_under_way(session, case.person_id):
        raise Refusal(Reply.of("refusal.case_payout_under_way"))
    if ledger.balance(session, books.wallet(case.person_id)):
        raise Refusal(Reply.of("refusal.case_money_left"))


def _shown(row: Row[Any]) -> Shown:
    return {
        "case": row.id,
        "kind": row.kind,
        "about": row.key,
        "person": row.person_id,
        "order": row.order_id,
        "detail": row.detail,
        "opened_at": _at(row.opened_at),
        "due_at": _at(row.due_at),
        "closed_at": _at(row.closed_at),
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
