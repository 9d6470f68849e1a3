"""Ordering: a command that names amounts and people becomes an order with pending transfers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits
from bot.domain import order as order_rules
from bot.domain.commands import Donate, Pay, Request
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind
from bot.domain.replies import Reply
from bot.services import asked
from bot.services.answers import Incoming
from bot.services.deps import Deps
from bot.services.whoami import bot_account
from bot.store import orders, people
from bot.store.orders import NewOrder, NewTransfer

_KINDS = {Pay: OrderKind.PAY, Donate: OrderKind.DONATE, Request: OrderKind.REQUEST}


def order(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    command: Pay | Donate | Request,
    at: datetime,
) -> Row[Any]:
    """Write an order with its pending transfers and return it. Raises `Refusal`."""
    kind = _KINDS[type(command)]
    me = incoming.author_x_user_id
    others = [(handle, incoming.people[handle]) for handle in command.people]
    _check(session, deps, kind, me, others, command.amount_cents, at)
    order_id = _insert(
        session,
        deps,
        NewOrder(
            kind=kind,
            source=incoming.source,
            source_id=incoming.id,
            conversation_id=incoming.conversation_id,
            owner_x_user_id=me,
            lang=command.lang,
        ),
        at,
    )
    latest = order_rules.confirm_by_at_most(
        at,
        confirm_within_h=deps.policy.confirm_within_h,
        answer_within_h=deps.policy.answer_within_h,
    )
    new = [
        NewTransfer(
            payer_x_user_id=other if kind is OrderKind.REQUEST else me,
            payee_x_user_id=me if kind is OrderKind.REQUEST else other,
            payee_handle=None if kind is OrderKind.REQUEST else handle,
            amount_cents=command.amount_cents,
            note=command.note,
        )
        for handle, other in others
    ]
    orders.insert_transfers(session, order_id, new, first_number=1, confirm_by=latest, at=at)
    return orders.by_id(session, order_id)


def _insert(session: Session, deps: Deps, new: NewOrder, at: datetime) -> int:
    """Write an order under a reference that is free: a drawn one nearly always is."""
    while True:
        order_id = orders.insert_order(session, new, deps.chance.reference(), at=at)
        if order_id is not None:
            return order_id


def _check(
    session: Session,
    deps: Deps,
    kind: OrderKind,
    me: str,
    others: Sequence[tuple[str, str]],
    amount_cents: int,
    at: datetime,
) -> None:
    """Check what can be known when a command is read; settlement checks it again."""
    limits.check_people(len(others), deps.policy)
    bot = bot_account(session)
    mine = asked.lock_parties(session, me, [x_user_id for _handle, x_user_id in others])
    persons = people.persons_by_account(session, [x_user_id for _handle, x_user_id in others])
    for handle, x_user_id in others:
        other = persons.get(x_user_id)
        if bot is not None and x_user_id == bot.id:
            raise Refusal(Reply.of("refusal.to_bot"))
        if x_user_id == me or (mine is not None and other is not None and other.id == mine.id):
            raise Refusal(Reply.of("refusal.to_self"))
        is_organisation = other is not None and bool(other.is_organisation)
        if kind is OrderKind.DONATE and not is_organisation:
            raise Refusal(_pay_instead(handle, amount_cents, deps))
        to_organisation = is_organisation and kind is not OrderKind.REQUEST
        limits.check_amount(amount_cents, to_organisation=to_organisation, policy=deps.policy)
    if kind is OrderKind.REQUEST:
        asked.check(session, me, others, at)
    limits.check_pending(orders.open_orders_of(session, _accounts(session, me, mine)), deps.policy)
    if mine is not None and kind is not OrderKind.REQUEST:
        window = at - timedelta(days=limits.ROLLING_DAYS)
        paid = orders.paid_since(session, [mine.id], since=window).get(mine.id, 0)
        limits.check_30_days(paid, amount_cents * len(others), deps.policy)


def _pay_instead(handle: str, amount_cents: int, deps: Deps) -> Reply:
    """Offer a plain payment in the place of a donation, as far as that may be so much."""
    most_cents = deps.policy.to_person_cents
    if amount_cents > most_cents:
        key = "refusal.not_organisation.above"
        return Reply.of(key, handle=handle, amount_cents=amount_cents, most_cents=most_cents)
    example = Reply.of("example.pay", people=(handle,), typed_cents=amount_cents)
    return Reply.of("refusal.not_organisation", handle=handle, example=example)


def _accounts(session: Session, me: str, mine: Row[Any] | None) -> list[str]:
    """Return the X accounts of a person: what is counted is counted by person."""
    return people.account_ids_of(session, mine.id) if mine is not None else [me]
