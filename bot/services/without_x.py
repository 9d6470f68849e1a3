"""What a person does who entered without X: look at an order, block from it, lock the wallet.

They see and protect what is theirs, whichever of their X accounts it went by. They order, confirm,
claim, decline and cancel nothing: that takes the X account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import blocks, locks, parties, wrong
from bot.services.deps import Deps
from bot.services.parties import Party
from bot.services.sessions import Visitor
from bot.services.tell import lang_of_person
from bot.services.texts import notify
from bot.services.transfer_views import MOVED
from bot.services.wallet import Line, lines_of
from bot.store import activity, browsers, cases, orders, people

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
    me = parties.of(session, visitor.person_id, mine)
    pays = [row.payer_x_user_id for row in rows if me.pays(row)]
    gets = [row.payee_x_user_id for row in rows if me.gets(row)]
    return next(iter((*pays, *gets)), None)


def order_of(deps: Deps, visitor: Visitor, reference: str) -> OwnOrder | None:
    """Return an order as a person sees it; None where they have no part in it."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        if order is None:
            return None
        assert visitor.person_id is not None, "who has no account is somebody"
        mine = people.account_ids_of(session, visitor.person_id)
        me = parties.of(session, visitor.person_id, mine)
        rows = [row for row in activity.of_order(session, order.id) if _is_seen(row, order, me)]
        if not rows:
            return None
        accounts = people.accounts_by_id(
            session, {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}
        )
        lines = lines_of(session, rows, accounts, visitor.person_id, mine)
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


def _is_seen(row: Row[Any], order: Row[Any], me: Party) -> bool:
    """Whether a transfer is a person's to see: what their wallet paid or got, or what waits."""
    return me.pays(row) or (me.gets(row) and (row.status in MOVED or me.made(order)))


def lock(deps: Deps, visitor: Visitor, *, page: Lang | None = None) -> None:
    """Lock a person's wallet at their word: nothing leaves it until an operator has looked.

    Twice is once. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        person = _person(session, visitor)
        people.lock_wallet(session, person.id, locks.LOST_X, at=at)
        browsers.shut_wallet(session, person.id)
        if _open_case(session, person, at):
            said = Reply.of("sms.lost_wallet_locked")
            notify(
                session,
                person.phone,
                said,
                lang_of_person(session, person, page=page),
                person_id=person.id,
                at=at,
            )
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


def _person(session: Session, visitor: Visitor) -> Row[Any]:
    """Lock the person who entered without X. Raises `Refusal` for who did not.

    Phone and wallet code were both given minutes ago: who signed in with X gives them first.
    """
    if visitor.x_user_id is not None or visitor.person_id is None:
        raise Refusal(Reply.of("refusal.needs_phone"))
    return people.lock_persons(session, [visitor.person_id])[visitor.person_id]
