"""Money that is held: its payee claims or refuses it, its payer takes it back, or its time ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, TransferStatus
from bot.services.deps import Deps
from bot.services.posting import check_payee, why_not_yet
from bot.services.steps import Step
from bot.services.tell import News, shown, tell
from bot.services.whoami import bot_account
from bot.store import ledger, orders, people

BATCH: Final = 200
"""Held transfers returned in one commit of the job."""


def claim(deps: Deps, reference: str, x_user_id: str) -> int:
    """The payee takes what an order holds for them, into their wallet; return how many transfers.

    Raises `Refusal` where nothing waits, or where the wallet cannot take it yet.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        rows = _held(session, reference, payee_x_user_id=x_user_id)
        known = people.person_of(session, x_user_id)
        if known is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        # A wallet that is being locked for review takes nothing any more.
        person = people.lock_persons(session, [known.id])[known.id]
        if person.closed_at is not None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        bot = bot_account(session)
        balances = ledger.lock_balances(session, [books.wallet(person.id)])
        for row in rows:
            bot_id = bot.id if bot is not None else None
            check_payee(person, x_user_id, row.payer_person_id, bot_x_user_id=bot_id)
            reason = why_not_yet(person, row.amount_cents, balances, deps.policy)
            if reason is not None:
                raise Refusal(Reply.of(f"refusal.{reason.value}"))
            balances[books.wallet(person.id)] += row.amount_cents
        moved = orders.advance(
            session,
            [row.id for row in rows],
            old=TransferStatus.HELD,
            new=TransferStatus.POSTED,
            reason=Reason.CLAIMED,
            at=at,
            posted_at=at,
            payee_person_id=person.id,
        )
        _all_or_nothing(moved, rows)
        entries = [books.claim(row.id, person.id, row.amount_cents) for row in rows]
        ledger.record(session, entries, now=deps.clock.now)
        _tell_payers(session, deps, rows, "claimed", at)
    _after(deps, Step.CLAIMED)
    return len(rows)


def waiting_cents(deps: Deps, reference: str, x_user_id: str) -> int:
    """Return what an order holds for a payee, in cents."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        rows = orders.transfers_of(session, [order.id]) if order is not None else []
        return sum(
            row.amount_cents
            for row in rows
            if row.payee_x_user_id == x_user_id and row.status == TransferStatus.HELD.value
        )


def take_back(deps: Deps, reference: str, x_user_id: str) -> int:
    """The payer takes back what is held, into their wallet. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        rows = _held(session, reference, payer_x_user_id=x_user_id)
        person = people.person_of(session, x_user_id)
        if any(person is None or row.payer_person_id != person.id for row in rows):
            # Another person paid it, whose account this was.
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        give_back(session, deps, rows, Reason.TAKEN_BACK, at)
    _after(deps, Step.GIVEN_BACK)
    return len(rows)


def refuse(deps: Deps, reference: str, x_user_id: str) -> int:
    """The payee refuses what is held: it goes back to the payer's wallet. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        rows = _held(session, reference, payee_x_user_id=x_user_id)
        give_back(session, deps, rows, Reason.REFUSED_BY_PAYEE, at)
    _after(deps, Step.GIVEN_BACK)
    return len(rows)


def return_due(deps: Deps) -> int:
    """Return what nobody claimed in time; return how many transfers."""
    at = deps.clock.now()
    with deps.store.write() as session:
        due = orders.due_to_return(session, at=at, limit=BATCH)
        returned = give_back(session, deps, due, Reason.NOT_CLAIMED_IN_TIME, at, all_of_them=False)
    if returned:
        _after(deps, Step.GIVEN_BACK)
    return returned


_TOLD = {Reason.REFUSED_BY_PAYEE: "refused", Reason.NOT_CLAIMED_IN_TIME: "unclaimed"}
"""What the payer is told; who takes back themselves needs no telling."""


def give_back(
    session: Session,
    deps: Deps,
    rows: Sequence[Row[Any]],
    reason: Reason,
    at: datetime,
    *,
    all_of_them: bool = True,
) -> int:
    """Return held transfers to their payers' wallets: no ceiling and no lock stops that.

    Returns how many went back. Raises `Refusal` where somebody else was quicker with one of them,
    unless what is left of them will do.
    """
    moved = orders.advance(
        session,
        [row.id for row in rows],
        old=TransferStatus.HELD,
        new=TransferStatus.RETURNED,
        reason=reason,
        at=at,
    )
    if all_of_them:
        _all_or_nothing(moved, rows)
    back = [row for row in rows if row.id in moved]
    entries = [books.give_back(row.id, row.payer_person_id, row.amount_cents) for row in back]
    ledger.record(session, entries, now=deps.clock.now)
    if reason in _TOLD:
        _tell_payers(session, deps, back, _TOLD[reason], at)
    return len(back)


def _held(
    session: Session,
    reference: str,
    *,
    payee_x_user_id: str | None = None,
    payer_x_user_id: str | None = None,
) -> list[Row[Any]]:
    """Lock and return the held transfers of an order that are one party's. Raises `Refusal`."""
    order = orders.by_reference(session, reference)
    rows = [
        row
        for row in (orders.transfers_of(session, [order.id], lock=True) if order else [])
        if (payee_x_user_id is None or row.payee_x_user_id == payee_x_user_id)
        and (payer_x_user_id is None or row.payer_x_user_id == payer_x_user_id)
    ]
    held = [row for row in rows if row.status == TransferStatus.HELD.value]
    if held:
        return held
    key = "refusal.nothing_held" if rows else "refusal.unknown_reference"
    raise Refusal(Reply.of(key, reference=reference))


def _all_or_nothing(moved: Sequence[int], rows: Sequence[Row[Any]]) -> None:
    """Refuse where somebody else was quicker with some of the transfers: roll everything back."""
    if len(moved) != len(rows):
        raise Refusal(Reply.of("refusal.changed"))


def _tell_payers(
    session: Session, deps: Deps, rows: Sequence[Row[Any]], what: str, at: datetime
) -> None:
    parents = orders.by_ids(session, {row.order_id for row in rows})
    payees = people.accounts_by_id(session, {row.payee_x_user_id for row in rows})
    news = []
    for row in rows:
        order = parents[row.order_id]
        reply = Reply.of(
            f"news.payer.{what}",
            amount_cents=row.amount_cents,
            handle=shown(payees.get(row.payee_x_user_id), row.payee_handle),
            reference=order.reference,
            url=f"{deps.public_url}/t/{order.reference}",
        )
        key = f"transfer:{row.id}:{what}:payer"
        news.append(News(key, row.payer_x_user_id, reply, order.id))
    tell(session, news, at=at)


def _after(deps: Deps, step: Step) -> None:
    deps.step(step)
    deps.bells.outbox.set()
