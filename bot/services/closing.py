"""The end of an account: what stands in its way, what is cleared first, and the one commit of it.

An account closes at balance zero with nothing held and nothing on its way: no cent is given up. The
person stays in the books; phone and X accounts are free for whoever begins anew. Whoever looks at
the person meanwhile waits for their lock, and finds them locked for good: what was being paid to
them is posted before, and then there is a balance, or held after, for a new wallet.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Purpose
from bot.domain.transfer import Reason, TransferStatus
from bot.services import cancel, claim, topup
from bot.services.deps import Deps
from bot.services.sessions import Visitor, lock_person_behind, person_behind
from bot.services.steps import Step
from bot.services.strong import Asked
from bot.services.tell import lang_of_person, shown
from bot.services.texts import notify
from bot.store import cards, closing, confirmations, disputes, drafts, ledger, orders, people

log = structlog.get_logger(__name__)

WAYS: Final = ("locked", "dispute", "debt", "case", "payment", "card", "refund", "payout", "held")
"""What stands in the way besides money in the wallet, in the order in which it is said."""
_S = TransferStatus


@dataclass(frozen=True, slots=True)
class ClosePage:
    """What would happen to somebody's account, and what stands in the way."""

    balance_cents: int
    held_cents: int
    """What left the wallet and waits for its payees."""
    waits_cents: int
    """What waits for them: it goes on waiting, and then goes back to its payers."""
    open_orders: tuple[Reply, ...]
    """How many payments, requests, and requests that they were sent are open, a phrase each."""
    cards: int
    handles: tuple[str, ...]
    ways: tuple[Reply, ...]
    """What stands in the way, a sentence each; none where the account may be closed."""


def page(deps: Deps, visitor: Visitor) -> ClosePage:
    """Return what closing would do. Raises `Refusal` where there is no wallet."""
    with deps.store.read() as session:
        person = _person(person_behind(session, visitor))
        mine = people.account_ids_of(session, person.id)
        accounts = people.accounts_by_id(session, mine)
        balance = ledger.balance(session, books.wallet(person.id))
        return ClosePage(
            balance_cents=balance,
            held_cents=closing.held_by_cents(session, person.id),
            waits_cents=closing.held_for_cents(session, mine),
            open_orders=_open_orders(session, mine, person.id),
            cards=len({row.id for row in cards.cards_of(session, person.id)}),
            handles=tuple(shown(accounts[one]) for one in mine),
            ways=tuple(_ways(session, person, balance)),
        )


def _open_orders(session: Session, mine: Collection[str], person_id: int) -> tuple[Reply, ...]:
    """Count by kind the orders of which `_stop` would cancel or decline something."""
    ids = closing.order_ids(session, mine, person_id)
    parents = orders.by_ids(session, ids)
    is_open = {row.order_id for row in drafts.open_of(session, mine)}
    for row in orders.transfers_of(session, ids):
        concerns = row.payer_x_user_id in mine or parents[row.order_id].owner_x_user_id in mine
        if concerns and row.status in (_S.PENDING.value, _S.FUNDING.value):
            is_open.add(row.order_id)
    kinds = Counter(_kind(parents[one], mine) for one in is_open)
    return tuple(
        Reply(
            f"page.close.open.{kind}{'' if kinds[kind] == 1 else '.many'}", {"count": kinds[kind]}
        )
        for kind in ("payment", "request", "received")
        if kinds[kind]
    )


def _kind(order: Row[Any], mine: Collection[str]) -> str:
    if order.owner_x_user_id not in mine:
        return "received"
    return "request" if order.kind in ("request", "split") else "payment"


def _ways(session: Session, person: Row[Any], balance_cents: int) -> list[Reply]:
    """Return what keeps an account from being closed, the gravest first."""
    found = closing.in_the_way(session, person.id)
    owed = sum(row.left_cents for row in disputes.unpaid_of(session, person.id))
    held = closing.held_by_cents(session, person.id)
    if person.locked_at is not None:
        found.add("locked")
    if owed and "dispute" not in found:
        found.add("debt")
    if held:
        found.add("held")
    values = {"debt": {"amount_cents": owed}, "held": {"amount_cents": held}}
    ways = [Reply(f"refusal.close_{one}", values.get(one, {})) for one in WAYS if one in found]
    if balance_cents:
        ways.append(Reply.of("refusal.close_balance", amount_cents=balance_cents))
    return ways


# --- what is cleared first ---------------------------------------------------------------------


def clear(deps: Deps, visitor: Visitor) -> None:
    """Take back all that is held of somebody's, and stop all that waits. Raises `Refusal`.

    Money comes into the wallet, whatever its ceiling or lock. Twice changes nothing.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        rows, person = _lock(session, visitor)
        _stop(session, deps, visitor, person, rows, at)
        held = [
            row for row in rows if row.status == _S.HELD.value and row.payer_person_id == person.id
        ]
        claim.give_back(session, deps, held, Reason.TAKEN_BACK, at)
    deps.step(Step.STOPPED)
    cancel.drive_wishes(deps, rows)
    deps.bells.outbox.set()


def _lock(session: Session, visitor: Visitor) -> tuple[Sequence[Row[Any]], Row[Any]]:
    """Lock a person with all in which something of theirs waits; return its transfers, and them.

    In the order in which all lock: X accounts, orders, top-ups, transfers, the person.
    """
    known = _person(person_behind(session, visitor))
    mine = people.account_ids_of(session, known.id)
    people.lock_accounts(session, mine)
    order_ids = closing.order_ids(session, mine, known.id)
    for order_id in order_ids:
        confirmations.lock_order(session, order_id)
    for order_id in order_ids:
        confirmations.lock_topups(session, order_id)
    rows = orders.transfers_of(session, order_ids, lock=True)
    return rows, _person(lock_person_behind(session, visitor))


def _person(person: Row[Any] | None) -> Row[Any]:
    if person is None or person.closed_at is not None:
        raise Refusal(Reply.of("refusal.no_wallet"))
    return person


def _stop(
    session: Session,
    deps: Deps,
    visitor: Visitor,
    person: Row[Any],
    rows: Sequence[Row[Any]],
    at: datetime,
) -> None:
    """Cancel what a person ordered, decline what they are asked for, end their drafts.

    What is with the card gets its wish, which the driver applies.
    """
    mine = people.account_ids_of(session, person.id)
    for draft in drafts.open_of(session, mine):
        drafts.end(session, draft.order_id, "cancelled", at=at)
    parents = orders.by_ids(session, {row.order_id for row in rows})
    for order_id, order in sorted(parents.items()):
        of_order = [row for row in rows if row.order_id == order_id]
        me = visitor.x_user_id or next(iter(mine), order.owner_x_user_id)
        if order.owner_x_user_id in mine:
            reason = Reason.CANCELLED_BY_OWNER
            cancel.stop_pending(session, of_order, _S.CANCELLED, reason, at)
            funding = [row for row in of_order if row.status == _S.FUNDING.value]
            cancel.wish_away(session, funding, me, reason, at)
        else:
            asked = [row for row in of_order if row.payer_x_user_id in mine]
            cancel.decline_asked(session, deps, order, asked, me, at)


# --- the end -----------------------------------------------------------------------------------


def asked() -> Asked:
    """Return the wish to close one's account, to be authenticated."""
    return Asked(Purpose.CLOSE, {})


def close(deps: Deps, visitor: Visitor, proof: Authenticated, *, page: Lang | None = None) -> None:
    """Close an account whose owner was authenticated for it, in one commit. Raises `Refusal`.

    What waits is cancelled and saved cards are out; the acquirer is told after, and again by the
    recovery job until it has removed them. The phone is told.
    """
    if proof.terms_hash != asked().hash:
        raise Refusal(Reply.of("refusal.changed"))
    _end(deps, visitor, page)


def close_by_operator(deps: Deps, person_id: int) -> None:
    """Close an account whose owner asked an operator for it. Raises `Refusal`.

    Who was refused for their age, or whose codes are shut, cannot give two factors. Nothing is
    given up by it: what stands in the way of its owner stands in an operator's.
    """
    _end(deps, Visitor(x_user_id=None, handle="", person_id=person_id, csrf="", lang=None), None)


def _end(deps: Deps, visitor: Visitor, page: Lang | None) -> None:
    at = deps.clock.now()
    with deps.store.write() as session:
        rows, person = _lock(session, visitor)
        wallet = books.wallet(person.id)
        ways = _ways(session, person, ledger.lock_balances(session, [wallet])[wallet])
        if ways:
            raise Refusal(ways[0])
        _stop(session, deps, visitor, person, rows, at)
        for card in cards.cards_of(session, person.id):
            cards.remove(session, card.id, at=at)
        lang = lang_of_person(session, person, page=page)
        notify(session, person.phone, Reply.of("sms.closed"), lang, person_id=person.id, at=at)
        mine = people.account_ids_of(session, person.id)
        closing.close(session, person.id, mine, at=at)
    log.info("account_closed", person=person.id)
    deps.step(Step.ACCOUNT_CLOSED)
    topup.forget_removed(deps)
    cancel.drive_wishes(deps, rows)
    deps.bells.outbox.set()
