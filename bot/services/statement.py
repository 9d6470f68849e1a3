"""A person's monthly statement: what the wallet held, every entry that moved it, what it held then.

It is made of the ledger's postings, not of transfers: opening and entries are the closing, which is
the next month's opening. Months are those of the clock of Paris.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.export import Leg
from bot.domain.replies import Reply
from bot.i18n.texts import PARIS
from bot.services import notes
from bot.services.deps import Deps
from bot.services.notes import Manner
from bot.services.payouts import ends_of
from bot.services.sessions import Visitor, person_behind
from bot.services.tell import shown
from bot.store import journal, ledger, people

FIRST_YEAR: Final = 2014
"""Before the first of its kind there is no statement; keeps dates within what clocks can say."""
MONTHS_LISTED: Final = 13
"""Months that the wallet lists: this one, and a year."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """An entry: `amount_cents` is below zero for what left, `balance_cents` is what then was.

    `reference` says the transfer: `order` with its `number` in it; empty and 0 where there is none.
    """

    at: datetime
    what: Reply
    reference: str
    order: str
    number: int
    note: str
    note_is: Manner
    amount_cents: int
    balance_cents: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of a wallet."""

    month: str
    begins: datetime
    ends: datetime
    is_over: bool
    handles: tuple[str, ...]
    opening_cents: int
    lines: tuple[StatementLine, ...]
    closing_cents: int


def statement(deps: Deps, visitor: Visitor, month: str) -> Statement | None:
    """Return somebody's statement of `2026-11`; None where there is no such month, or no wallet."""
    span = read_month(month)
    if span is None or span[0] > deps.clock.now():
        return None
    begins, ends = span
    with deps.store.read() as session:
        person = person_behind(session, visitor)
    if person is None:
        return None
    wallet = books.wallet(person.id)
    now = _quiet_at(deps, wallet)
    with deps.store.read() as session:
        deps.store.hold_still(session)
        opening = journal.balance_at(session, wallet, begins)
        legs = journal.legs_of(session, wallet, since=begins, until=ends)
        ids = people.account_ids_of(session, person.id)
        facts = _Facts(session, legs, person.id, ids)
        balances = accumulate((leg.amount_cents for leg in legs), initial=opening)
        next(balances)
        lines = tuple(facts.line(leg, balance) for leg, balance in zip(legs, balances, strict=True))
        accounts = people.accounts_by_id(session, ids)
    return Statement(
        month=month,
        begins=begins,
        ends=ends,
        is_over=ends <= now,
        handles=tuple(shown(accounts[one]) for one in ids),
        opening_cents=opening,
        lines=lines,
        closing_cents=lines[-1].balance_cents if lines else opening,
    )


def _quiet_at(deps: Deps, wallet: str) -> datetime:
    """Return a moment before which nothing is written to a wallet any more.

    Whoever is writing to it has read the clock and is waited for; who comes after reads it after
    us (`ledger.record`). So a month that is over stays as it was said.
    """
    with deps.store.write() as session:
        ledger.lock_accounts(session, [wallet])  # which is there since its person is
        return deps.clock.now()


def months(deps: Deps, visitor: Visitor) -> list[datetime]:
    """Return the beginnings of the months that somebody has a statement of, the newest first."""
    with deps.store.read() as session:
        person = person_behind(session, visitor)
    if person is None:
        return []
    first = person.created_at.astimezone(PARIS)
    last = deps.clock.now().astimezone(PARIS)
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [_month_before(last, one) for one in range(min(count, MONTHS_LISTED))]


def _month_before(at: datetime, months_ago: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 - months_ago, 12)
    return datetime(year, month + 1, 1, tzinfo=PARIS)


def read_month(text: str) -> tuple[datetime, datetime] | None:
    """Return when a month begins and ends in Paris, in UTC; None where it is none.

    >>> [f"{moment:%d %H:%M}" for moment in read_month("2026-10")]
    ['30 22:00', '31 23:00']
    """
    found = re.fullmatch("([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None or not FIRST_YEAR <= int(found[1]) < 9999:
        return None
    begins = datetime(int(found[1]), int(found[2]), 1, tzinfo=PARIS)
    return begins.astimezone(UTC), _month_before(begins, -1).astimezone(UTC)


_SAID: Final = {
    ("topup", "capture"): "topup",
    ("transfer", "post"): "transfer",
    ("transfer", "hold"): "held",
    ("transfer", "claim"): "transfer",
    ("transfer", "return"): "returned",
    ("payout", "request"): "payout",
    ("payout", "cancel"): "payout_cancelled",
    ("payout", "return"): "payout_returned",
    ("dispute", "won"): "dispute_won",
    ("recovery", "take"): "recovered",
    ("refund", "card"): "card_refund",
    ("refund", "failed"): "card_refund_failed",
}
"""How an entry is said, by the kind and the end of its key; what is not here is "another one"."""


_TO_PAYEE: Final = ("paid", "refunded", "held", "returned")
"""What is said with the payee as the other party."""


def _posted(row: Row[Any], *, is_out: bool) -> str:
    """Say a posted transfer; what an operator gave back is nobody's payment."""
    if row.refund_of_id is not None:
        return "refunded" if is_out else "refund"
    return "paid" if is_out else "transfer"


class _Facts:
    """What the entries of a statement came from: transfers with their other party, payouts."""

    def __init__(
        self, session: Session, legs: Sequence[Leg], person_id: int, mine: Sequence[str]
    ) -> None:
        parts = [leg.key.split(":") for leg in legs]
        self._transfers = journal.transfers_behind(session, _ids(parts, "transfer"))
        noted = [(one, one.owner_x_user_id) for one in self._transfers.values()]
        self._reader = notes.reader(session, person_id, mine, noted)
        self._payouts = journal.payouts_behind(session, _ids(parts, "payout"))
        named = {row.payer_x_user_id for row in self._transfers.values()}
        named |= {row.payee_x_user_id for row in self._transfers.values()}
        self._accounts = journal.accounts_named(session, named)

    def line(self, leg: Leg, balance_cents: int) -> StatementLine:
        """Return an entry as a line."""
        kind, name, *end = leg.key.split(":")
        said = _SAID.get((kind, end[-1] if end else ""), "other")
        row = self._transfers.get(int(name)) if kind == "transfer" else None
        reference = order = note = ""
        number = 0
        note_is: Manner = "own"
        values: dict[str, object] = {}
        if row is not None:
            if said == "transfer":
                said = _posted(row, is_out=leg.amount_cents < 0)
            values["handle"] = self._other(row, is_payee=said in _TO_PAYEE)
            order, number = row.reference, row.number
            reference = f"{order}-{number}"
            note = self._reader.note(row, row.owner_x_user_id) or ""
            note_is = self._reader.manner(row, row.owner_x_user_id)
        elif kind == "payout":
            values["iban"] = ends_of(self._payouts[int(name)].iban)
        return StatementLine(
            at=leg.written_at,
            what=Reply(f"page.statement.what.{said}", values),
            reference=reference,
            order=order,
            number=number,
            note=note,
            note_is=note_is,
            amount_cents=leg.amount_cents,
            balance_cents=balance_cents,
        )

    def _other(self, row: Row[Any], *, is_payee: bool) -> str:
        if is_payee:
            return shown(self._accounts.get(row.payee_x_user_id), row.payee_handle)
        return shown(self._accounts.get(row.payer_x_user_id))


def _ids(parts: Sequence[Sequence[str]], kind: str) -> list[int]:
    return sorted({int(one[1]) for one in parts if one[0] == kind})
