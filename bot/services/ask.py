"""Ordering: a command that names amounts and people becomes an order with pending transfers.

A split becomes a draft: nobody is asked before its asker has seen the shares (`services.split`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits
from bot.domain import order as order_rules
from bot.domain.commands import Donate, Lang, Misread, Pay, Request, Split
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind
from bot.domain.replies import EXAMPLE_CENTS, Reply
from bot.domain.split import share
from bot.domain.transfer import TransferStatus
from bot.domain.x_bill import ORDERS
from bot.services import asked, blocks
from bot.services.answers import Incoming
from bot.services.deps import Deps
from bot.services.whoami import bot_account
from bot.store import drafts, orders, people
from bot.store.drafts import NewDraft
from bot.store.orders import NewOrder, NewTransfer

Ordering = Pay | Donate | Request | Split
_KINDS = {
    Pay: OrderKind.PAY,
    Donate: OrderKind.DONATE,
    Request: OrderKind.REQUEST,
    Split: OrderKind.SPLIT,
}

Named = tuple[str, str]
"""Somebody whom a command names: handle and X user id."""


def order(
    session: Session, deps: Deps, incoming: Incoming, command: Ordering, at: datetime
) -> Row[Any]:
    """Write an order with its pending transfers or its draft, and return it. Raises `Refusal`.

    An edit of a post fills the order that an earlier version made.
    """
    kind = kind_of(command)
    me = incoming.author_x_user_id
    others = others_of(session, command, me, incoming)
    if isinstance(command, Split):
        each_cents = share(command.amount_cents, len(others), with_own=True).each_cents
    else:
        each_cents = command.amount_cents
    check(session, deps, kind, me, others, each_cents, at)
    order = order_for(session, deps, incoming, kind, command.lang, at)
    confirm_by = confirm_by_of(deps, order)
    if isinstance(command, Split):
        named = [(x_user_id, handle) for handle, x_user_id in others]
        draft = NewDraft(amount_cents=command.amount_cents, note=command.note, people=named)
        drafts.put(session, order.id, draft, confirm_by=confirm_by)
    else:
        transfers = [transfer_of(command, me, other) for other in others]
        write(session, deps, order, transfers, confirm_by=confirm_by, at=at)
    if incoming.source == "post":
        deps.tally.count(ORDERS)
    return order


def kind_of(command: Ordering | Misread) -> OrderKind:
    """Return the kind of order that a command makes, or would make."""
    return OrderKind(command.verb) if isinstance(command, Misread) else _KINDS[type(command)]


def others_of(
    session: Session, command: Ordering | Misread, me: str, incoming: Incoming
) -> list[Named]:
    """Return whom a command names, save who said no to an earlier version. Raises `Refusal`."""
    named = [(handle, incoming.people[handle]) for handle in command.people]
    others = others_among(session, kind_of(command), me, named)
    if incoming.order_id is None:
        return others
    return _but_who_declined(session, incoming.order_id, others)


def others_among(session: Session, kind: OrderKind, me: str, named: Sequence[Named]) -> list[Named]:
    """Return each account once. Who splits, and the bot, have no part in what others owe.

    Raises `Refusal` where nobody is left to split with.
    """
    # By id: one account may be named twice, under the handle that it had before as well.
    by_id = {x_user_id: handle for handle, x_user_id in reversed(named)}
    others = [(handle, x_user_id) for x_user_id, handle in reversed(by_id.items())]
    if kind is OrderKind.SPLIT:
        others = besides(session, me, others)
        if not others:
            raise Refusal(Reply.of("refusal.split_alone"))
    return others


def _but_who_declined(session: Session, order_id: int, others: Sequence[Named]) -> list[Named]:
    """Leave out who said no to an earlier version of what is asked: an edit asks nobody twice."""
    rows = orders.transfers_of(session, [order_id])
    declined = {row.payer_x_user_id for row in rows if row.status == TransferStatus.DECLINED.value}
    kept = [one for one in others if one[1] not in declined]
    if not kept:
        raise Refusal(Reply.of("refusal.cannot_ask"))
    return kept


def besides(session: Session, me: str, named: Sequence[Named]) -> list[Named]:
    """Leave out the bot, and oneself under any of one's X accounts."""
    bot = bot_account(session)
    mine = people.person_of(session, me)
    left_out = {me, *([bot.id] if bot is not None else []), *accounts_of(session, me, mine)}
    return [one for one in named if one[1] not in left_out]


def check_count(
    deps: Deps, kind: OrderKind, me: str, handles: Sequence[str], *, own: Sequence[str] = ()
) -> None:
    """Refuse more people than an order may name, before any is looked up. Raises `Refusal`.

    Who splits has no share to be asked for under any account of theirs, nor has the bot: as far as
    their handles are known they are not counted, nor those that X says are theirs (`own`). Once all
    are known by id, `check` counts again.
    """
    if kind is OrderKind.SPLIT and len(handles) > deps.policy.max_people:
        with deps.store.read() as session:
            mine = people.accounts_by_id(session, people.own_accounts(session, me))
            bot = bot_account(session)
        left_out = {*own, *(one.handle for one in mine.values())}
        left_out |= {bot.handle.lower()} if bot is not None else set()
        handles = [one for one in handles if one not in left_out]
    limits.check_people(len(handles), deps.policy)


def transfer_of(command: Pay | Donate | Request, me: str, other: Named) -> NewTransfer:
    """Return the transfer that a command asks for, to or from one of those whom it names."""
    handle, x_user_id = other
    asks = isinstance(command, Request)
    return NewTransfer(
        payer_x_user_id=x_user_id if asks else me,
        payee_x_user_id=me if asks else x_user_id,
        payee_handle=None if asks else handle,
        amount_cents=command.amount_cents,
        note=command.note,
    )


def order_for(
    session: Session, deps: Deps, incoming: Incoming, kind: OrderKind, lang: Lang, at: datetime
) -> Row[Any]:
    """Write the order of a message, with nothing in it yet; an edit fills the one that is there."""
    if incoming.order_id is not None:
        orders.change_order(session, incoming.order_id, kind=kind.value, lang=lang)
        return orders.by_id(session, incoming.order_id)
    new = NewOrder(
        kind=kind,
        source=incoming.source,
        source_id=incoming.thing_id,
        conversation_id=incoming.conversation_id,
        owner_x_user_id=incoming.author_x_user_id,
        lang=lang,
    )
    return insert(session, deps, new, at)


def insert(session: Session, deps: Deps, new: NewOrder, at: datetime) -> Row[Any]:
    """Write an order under a reference that is free: a drawn one nearly always is."""
    while True:
        order = orders.insert_order(session, new, deps.chance.reference(), at=at)
        if order is not None:
            return order


def write(
    session: Session,
    deps: Deps,
    order: Row[Any],
    new: Sequence[NewTransfer],
    *,
    confirm_by: datetime,
    at: datetime,
) -> None:
    """Write what an order asks for, pending; whoever is asked for money is told, if X allows it."""
    orders.insert_transfers(session, order.id, new, confirm_by=confirm_by, at=at)
    if OrderKind(order.kind).is_asked:
        asked.tell_asked(session, deps, order, new, at)


def confirm_by_of(deps: Deps, order: Row[Any]) -> datetime:
    """Return until when what is ordered can be confirmed: an answer that is out has set the end."""
    spans = {
        "confirm_within_h": deps.policy.confirm_within_h,
        "answer_within_h": deps.policy.answer_within_h,
    }
    if order.replied_at is not None:
        return order_rules.confirm_by_after_reply(order.replied_at, order.created_at, **spans)
    return order_rules.confirm_by_at_most(order.created_at, **spans)


def confirm_by_from_page(deps: Deps, at: datetime) -> datetime:
    """Return until when what was ordered by a tap can be confirmed: no answer is waited for."""
    return at + timedelta(hours=deps.policy.confirm_within_h)


def check(
    session: Session,
    deps: Deps,
    kind: OrderKind,
    me: str,
    others: Sequence[Named],
    amount_cents: int | None,
    at: datetime,
) -> None:
    """Check what can be known when a command is read; settlement checks it again.

    `amount_cents` None: it is not chosen yet, and what it may be is checked when it is.
    """
    limits.check_people(len(others), deps.policy)
    bot = bot_account(session)
    mine = asked.lock_parties(session, me, [x_user_id for _handle, x_user_id in others])
    persons = people.persons_by_account(session, [x_user_id for _handle, x_user_id in others])
    for handle, x_user_id in others:
        other = persons.get(x_user_id)
        if bot is not None and x_user_id == bot.id:
            raise Refusal(Reply.of("refusal.ask.bot" if kind.is_asked else "refusal.to_bot"))
        if x_user_id == me or (mine is not None and other is not None and other.id == mine.id):
            raise Refusal(Reply.of("refusal.ask.self" if kind.is_asked else "refusal.to_self"))
        is_organisation = other is not None and bool(other.is_organisation)
        if kind is OrderKind.DONATE and not is_organisation:
            raise Refusal(_pay_instead(handle, amount_cents, deps))
        # Of what is asked for, who asks is the payee.
        payee = mine if kind.is_asked else other
        to_organisation = payee is not None and bool(payee.is_organisation)
        if amount_cents is not None:
            limits.check_amount(amount_cents, to_organisation=to_organisation, policy=deps.policy)
    accounts = accounts_of(session, me, mine)
    if kind.is_asked:
        asked.check(session, me, others, at)
    else:
        blocks.check_welcome(session, [x_user_id for _handle, x_user_id in others], accounts)
    limits.check_pending(orders.open_orders_of(session, accounts), deps.policy)
    if mine is not None and not kind.is_asked and amount_cents is not None:
        window = at - timedelta(days=limits.ROLLING_DAYS)
        paid = orders.paid_since(session, [mine.id], since=window).get(mine.id, 0)
        limits.check_30_days(paid, amount_cents * len(others), deps.policy)


def _pay_instead(handle: str, amount_cents: int | None, deps: Deps) -> Reply:
    """Offer a plain payment in the place of a donation, as far as that may be so much."""
    amount_cents = amount_cents or EXAMPLE_CENTS
    most_cents = deps.policy.to_person_cents
    if amount_cents > most_cents:
        key = "refusal.not_organisation.above"
        return Reply.of(key, handle=handle, amount_cents=amount_cents, most_cents=most_cents)
    verb = Reply.of("verb.pay")
    example = Reply.of("example.pay", verb=verb, people=(handle,), typed_cents=amount_cents)
    return Reply.of("refusal.not_organisation", handle=handle, example=example)


def accounts_of(session: Session, me: str, mine: Row[Any] | None) -> list[str]:
    """Return the X accounts of a person: what is counted is counted by person."""
    return people.account_ids_of(session, mine.id) if mine is not None else [me]
