"""What a person does who entered without X: look at an order, lock the wallet, take an account out.

They see and protect what is theirs, whichever of their X accounts it went by. They order, confirm,
claim, decline and cancel nothing: that takes the X account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import blocks, cancel, changes, wrong
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.steps import Step
from bot.services.tell import lang_of_person, shown
from bot.services.texts import notify
from bot.services.transfer_views import MOVED
from bot.services.wallet import Line, lines_of
from bot.store import activity, cases, confirmations, lost, orders, people

log = structlog.get_logger(__name__)

LOCKED: Final = "lost_locked"
"""The kind of a case: its owner locked a wallet, and we open it again."""
LOOKED_AT_WITHIN: Final = timedelta(hours=24)
"""A case's clock: its owner's money is shut in."""


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order as a person sees it who entered without X."""

    reference: str
    lines: tuple[Line, ...]
    may_disown: bool
    asker_handle: str | None
    """Who asks them for money by it, and may be blocked."""
    payer_handle: str | None
    """Who sent them money by it, and may be blocked."""


def account_in(deps: Deps, visitor: Visitor, reference: str) -> str:
    """Return by which X account a visitor has a part in an order: theirs, or one of a person's.

    To protect themselves alone: whoever entered without X acts as no account. Raises `Refusal`.
    """
    if visitor.x_user_id is not None:
        return visitor.x_user_id
    with deps.store.read() as session:
        found = _account_in(session, visitor, reference)
    if found is None:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
    return found


def _account_in(session: Session, visitor: Visitor, reference: str) -> str | None:
    order = orders.by_reference(session, reference)
    rows = orders.transfers_of(session, [order.id]) if order is not None else []
    assert visitor.person_id is not None, "who has no account is somebody"
    mine = people.account_ids_of(session, visitor.person_id)
    pays = [row.payer_x_user_id for row in rows if row.payer_x_user_id in mine]
    gets = [row.payee_x_user_id for row in rows if row.payee_x_user_id in mine]
    return next(iter((*pays, *gets)), None)


def order_of(deps: Deps, visitor: Visitor, reference: str) -> OwnOrder | None:
    """Return an order as a person sees it; None where they have no part in it."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        if order is None:
            return None
        assert visitor.person_id is not None, "who has no account is somebody"
        mine = people.account_ids_of(session, visitor.person_id)
        rows = [row for row in activity.of_order(session, order.id) if _is_seen(row, visitor, mine)]
        if not rows:
            return None
        accounts = people.accounts_by_id(
            session, {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}
        )
        lines = lines_of(session, rows, accounts, mine, person_id=visitor.person_id)
        acting = _account_in(session, visitor, reference)
    if acting is None:
        return OwnOrder(
            order.reference, lines, may_disown=False, asker_handle=None, payer_handle=None
        )
    asker = blocks.asker_of(deps, reference, acting)
    payer = blocks.payer_of(deps, reference, acting)
    return OwnOrder(
        reference=order.reference,
        lines=lines,
        may_disown=wrong.may_disown(deps, reference, acting),
        asker_handle=asker.handle if asker is not None and not asker.is_blocked else None,
        payer_handle=payer.handle if payer is not None and not payer.is_blocked else None,
    )


def _is_seen(row: Row[Any], visitor: Visitor, mine: list[str]) -> bool:
    """Whether a transfer is a person's to see: what their wallet paid or got, or what waits."""
    if visitor.person_id in (row.payer_person_id, row.payee_person_id):
        return True
    pays = row.payer_x_user_id in mine and row.payer_person_id is None
    gets = row.payee_x_user_id in mine and row.payee_person_id is None
    return pays or (gets and (row.status in MOVED or row.owner_x_user_id in mine))


def lock(deps: Deps, visitor: Visitor) -> None:
    """Lock a person's wallet at their word: nothing leaves it until an operator has looked.

    Twice is once. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        person = _person(session, visitor)
        people.lock_wallet(session, person.id, "locked by its owner, who has lost X", at=at)
        if _open_case(session, person, at):
            said = Reply.of("sms.lost_wallet_locked")
            notify(session, person.phone, said, lang_of_person(session, person), at=at)
            log.warning("locked_by_owner", person=person.id)


def _open_case(session: Session, person: Row[Any], at: datetime) -> bool:
    key, due_at = f"lost-locked:{person.id}", at + LOOKED_AT_WITHIN
    return cases.open_case(
        session,
        kind=LOCKED,
        key=key,
        person_id=person.id,
        detail="Its owner entered by phone and wallet code, without X, and locked the wallet. See "
        "that it is them by another way than X, and what happened; `smoney person unlock` opens "
        "the wallet again.",
        opened_at=at,
        due_at=due_at,
    ) or cases.reopen(session, key, at=at, due_at=due_at)


def handle_of(deps: Deps, visitor: Visitor, x_user_id: str) -> str | None:
    """Return the handle of an account that a person may take out; None where it is not theirs."""
    with deps.store.read() as session:
        account = people.account(session, x_user_id)
    is_theirs = account is not None and account.person_id == visitor.person_id
    return shown(account) if visitor.x_user_id is None and is_theirs else None


def unlink(deps: Deps, visitor: Visitor, x_user_id: str) -> None:
    """Take a lost X account out: from then on it is a stranger's, and what it ordered is cancelled.

    The phone and every account are told, and payouts wait, as after any change of how a person is
    known. What is held stays held. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        people.lock_accounts(session, [x_user_id])  # before every other row
        account = people.account(session, x_user_id)
        waiting = lost.open_orders_of(session, x_user_id)
        for order_id in waiting:
            confirmations.lock_order(session, order_id)
        for order_id in waiting:
            confirmations.lock_topups(session, order_id)
        rows = orders.transfers_of(session, waiting, lock=True)
        person = _person(session, visitor)
        if account is None or account.person_id != person.id:
            raise Refusal(Reply.of("refusal.not_your_account"))
        parents = orders.by_ids(session, waiting)
        for order_id in waiting:
            some = [row for row in rows if row.order_id == order_id]
            cancel.cancel_open_in(session, parents[order_id], some, x_user_id, at)
        told = Reply.of("changed.unlinked", handle=shown(account))
        changes.tell(session, person, told, key=f"unlink:{x_user_id}", at=at)
        lost.unlink(session, x_user_id, person.id, at=at)
        lost.carry_blocks(session, person.id, people.account_ids_of(session, person.id), at=at)
        log.warning("account_unlinked", person=person.id, x_user_id=x_user_id)
    deps.step(Step.STOPPED)
    cancel.drive_wishes(deps, rows)
    deps.bells.outbox.set()


def _person(session: Session, visitor: Visitor) -> Row[Any]:
    """Lock the person who entered without X. Raises `Refusal` for who did not.

    Phone and wallet code were both given minutes ago: who signed in with X gives them first.
    """
    if visitor.x_user_id is not None or visitor.person_id is None:
        raise Refusal(Reply.of("refusal.needs_phone"))
    return people.lock_persons(session, [visitor.person_id])[visitor.person_id]
