"""A holder's payouts: what a wallet may pay out, asking for one, cancelling it before its file.

The money leaves the wallet in the commit in which it is asked for. One strong authentication, bound
to amount and account, is one payout, however often the form comes.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books, levels, payout
from bot.domain.errors import Refusal
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.payout import PayoutStatus, PayoutTerms
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated
from bot.i18n.texts import PARIS
from bot.services import changes, locks
from bot.services.deps import Deps
from bot.services.sessions import Visitor, person_behind
from bot.services.steps import Step
from bot.store import ledger, payouts, people

SHOWN: Final = 20
"""Payouts on the page, the newest first."""


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A payout as its owner sees it."""

    payout_id: int
    status: str
    amount_cents: int
    iban: str
    """Its ends alone."""
    at: datetime
    arrives_on: datetime | None
    """When it is at its account at the latest; None: it has ended, or that day is over."""
    may_be_cancelled: bool


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """What a wallet may pay out, and what it did."""

    balance_cents: int
    most_cents: int
    locked: Reply | None
    """That the wallet is locked, as its owner reads it; None where it is not."""
    wait_until: datetime | None
    """Until when a change of phone, code, passkey or X account stops payouts."""
    arrives_on: datetime
    """When money that is asked for now is at its account."""
    last_iban: str | None
    """The ends of where the newest payout went that did not come back: one tap sends all there."""
    holder: str
    """The owner's name, as a bank writes it."""
    lines: tuple[PayoutLine, ...]


def payout_page(deps: Deps, visitor: Visitor) -> PayoutPage:
    """Return the page of somebody's payouts. Raises `Refusal` where there is no wallet."""
    at = deps.clock.now()
    with deps.store.read() as session:
        person = _person(session, visitor)
        balance = ledger.balance(session, books.wallet(person.id))
        rows = payouts.of_person(session, person.id, limit=SHOWN)
        most = payout.most_cents(balance, _fresh_cents(session, deps, person.id))
        most = min(most, deps.policy.rights(person.level).pay_out_cents)
    return PayoutPage(
        balance_cents=balance,
        most_cents=most,
        locked=locks.said(person),
        wait_until=changes.payouts_wait_until(person, at),
        arrives_on=_arrives(at),
        last_iban=next((ends_of(row.iban) for row in rows if row.status in _KEPT), None),
        holder=payout.bank_name(f"{person.first_names or ''} {person.last_name or ''}"),
        lines=tuple(_line(row, at, is_stopped=person.locked_at is not None) for row in rows),
    )


def read_iban(text: str) -> str:
    """Return an account's IBAN, checked as its country's banks make them. Raises `Refusal`."""
    try:
        iban = IBAN(text.strip())
    except SchwiftyException:
        raise Refusal(Reply.of("refusal.iban_not_read")) from None
    if payout.read_iban(str(iban)) is None:
        raise Refusal(Reply.of("refusal.iban_not_read"))
    if not iban.in_sepa_zone:
        raise Refusal(Reply.of("refusal.iban_outside_sepa"))
    return str(iban)


def read_terms(
    deps: Deps,
    visitor: Visitor,
    *,
    iban_text: str,
    holder_text: str,
    amount_text: str,
    everything: bool,
) -> PayoutTerms:
    """Return what a holder asks for, to be authenticated. Raises `Refusal`."""
    iban, holder = read_account(deps, visitor, iban_text=iban_text, holder_text=holder_text)
    amount = None if everything else _read_amount(amount_text)
    return terms_of(deps, visitor, iban, holder, amount_cents=amount)


def read_account(
    deps: Deps, visitor: Visitor, *, iban_text: str, holder_text: str
) -> tuple[str, str]:
    """Return the account that a holder names, and its holder, where they may pay out now.

    Raises `Refusal`.
    """
    iban = read_iban(iban_text)
    holder = payout.bank_name(holder_text)
    if not holder:
        raise Refusal(Reply.of("refusal.holder_missing"))
    with deps.store.read() as session:
        person = _person(session, visitor)
    _check_open(person, deps.clock.now())
    return iban, holder


def terms_of(
    deps: Deps, visitor: Visitor, iban: str, holder: str, *, amount_cents: int | None
) -> PayoutTerms:
    """Return a payout of so much, or of all that can leave, to an account. Raises `Refusal`."""
    most = payout_page(deps, visitor).most_cents
    amount = most if amount_cents is None else amount_cents
    _check_amount(amount, most)
    return PayoutTerms(amount, iban, holder)


def _check_open(person: Row[Any], at: datetime) -> None:
    """Refuse a payout of a locked wallet, or within a day of a change."""
    locks.check(person)
    wait_until = changes.payouts_wait_until(person, at)
    if wait_until is not None:
        raise Refusal(Reply.of("refusal.payouts_wait", until_at=wait_until))


def everything_again(deps: Deps, visitor: Visitor) -> PayoutTerms:
    """Return the wish for all that can leave, to the last account. Raises `Refusal`."""
    with deps.store.read() as session:
        person = _person(session, visitor)
        rows = payouts.of_person(session, person.id, limit=SHOWN)
    last = next((row for row in rows if row.status in _KEPT), None)
    if last is None:
        raise Refusal(Reply.of("refusal.iban_not_read"))
    return read_terms(
        deps,
        visitor,
        iban_text=last.iban,
        holder_text=last.holder_name,
        amount_text="",
        everything=True,
    )


def _read_amount(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,7})(?:[.,]([0-9]{1,2}))?", re.sub(r"[\s€]", "", text))
    cents = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else 0
    if not 0 < cents <= MAX_AMOUNT_CENTS:
        raise Refusal(Reply.of("refusal.payout_amount"))
    return cents


def _check_amount(amount_cents: int, most_cents: int) -> None:
    if most_cents == 0:
        raise Refusal(Reply.of("refusal.payout_nothing"))
    if amount_cents > most_cents:
        raise Refusal(Reply.of("refusal.payout_too_much", most_cents=most_cents))


def request(deps: Deps, visitor: Visitor, terms: PayoutTerms, proof: Authenticated) -> int:
    """Ask for a payout that its owner was authenticated for; return its id. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        person_id = _person(session, visitor).id
        person = people.lock_persons(session, [person_id])[person_id]
        _check_open(person, at)
        known = payouts.by_key(session, proof.key)
        if proof.terms_hash != terms.hash or (known and known.terms_hash != terms.hash):
            raise Refusal(Reply.of("refusal.changed"))
        if known is not None:
            assert known.person_id == person_id, "an authentication is its person's own"
            return int(known.id)
        wallet = books.wallet(person_id)
        balances = ledger.lock_balances(session, [wallet, books.PAYOUTS])
        fresh = _fresh_cents(session, deps, person_id)
        levels.check_pay_out(deps.policy.rights(person.level), terms.amount_cents)
        _check_amount(terms.amount_cents, payout.most_cents(balances[wallet], fresh))
        payout_id = payouts.insert(
            session,
            terms,
            key=proof.key,
            person_id=person_id,
            x_user_id=visitor.x_user_id,
            sca_basis=proof.basis.value,
            at=at,
        )
        assert payout_id is not None, "the person is locked: nobody else writes this key"
        entry = books.payout_request(payout_id, person_id, terms.amount_cents)
        ledger.record(session, [entry], now=deps.clock.now)
    deps.step(Step.PAYOUT_REQUESTED)
    return payout_id


def cancel(deps: Deps, visitor: Visitor, payout_id: int) -> None:
    """Cancel a payout that is in no file yet: its money goes back. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        person = _person(session, visitor)
        row = payouts.lock(session, [payout_id]).get(payout_id)
        if row is None or row.person_id != person.id:
            raise Refusal(Reply.of("refusal.payout_unknown"))
        take_back(session, deps, row, reason="cancelled_by_owner", at=at)
    deps.step(Step.PAYOUT_CANCELLED)


def take_back(session: Session, deps: Deps, row: Row[Any], *, reason: str, at: datetime) -> None:
    """Give the money of a locked payout that is in no file yet back. Raises `Refusal`."""
    moved = payouts.advance(
        session,
        [row.id],
        old=PayoutStatus.REQUESTED,
        new=PayoutStatus.CANCELLED,
        reason=reason,
        at=at,
    )
    if not moved:
        raise Refusal(Reply.of("refusal.payout_under_way"))
    entry = books.payout_cancel(row.id, row.person_id, row.amount_cents)
    ledger.record(session, [entry], now=deps.clock.now)


def _person(session: Session, visitor: Visitor) -> Row[Any]:
    person = person_behind(session, visitor)
    if person is None:
        raise Refusal(Reply.of("refusal.no_wallet"))
    return person


def _fresh_cents(session: Session, deps: Deps, person_id: int) -> int:
    since = deps.clock.now() - timedelta(hours=deps.policy.card_payout_after_h)
    return payouts.own_topups_cents(session, person_id, since=since)


def _arrives(at: datetime) -> datetime:
    day = payout.arrives_on(at.astimezone(PARIS).date())
    return datetime.combine(day, time(12), PARIS)


_KEPT: Final = (
    PayoutStatus.REQUESTED.value,
    PayoutStatus.EXPORTED.value,
    PayoutStatus.SETTLED.value,
)


def _line(row: Row[Any], at: datetime, *, is_stopped: bool) -> PayoutLine:
    return PayoutLine(
        payout_id=row.id,
        status=row.status,
        amount_cents=row.amount_cents,
        iban=ends_of(row.iban),
        at=row.requested_at,
        arrives_on=_expected(row, at, is_stopped=is_stopped),
        may_be_cancelled=row.status == PayoutStatus.REQUESTED.value,
    )


def _expected(row: Row[Any], at: datetime, *, is_stopped: bool) -> datetime | None:
    """Return when a payout arrives; no day where it waits for a locked wallet, and none gone by."""
    is_on_its_way = row.status == PayoutStatus.EXPORTED.value or (
        row.status == PayoutStatus.REQUESTED.value and not is_stopped
    )
    day = _arrives(row.requested_at)
    is_to_come = day.date() >= at.astimezone(PARIS).date()
    return day if is_on_its_way and is_to_come else None


def ends_of(iban: str) -> str:
    """Show an IBAN by its ends alone.

    >>> ends_of("FR1420041010050500013M02606")
    'FR14 … 2606'
    """
    return f"{iban[:4]} … {iban[-4:]}"
