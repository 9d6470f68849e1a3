"""Blocks: somebody wants no more requests of a person, under any X account of either.

Whoever was blocked for asking may still pay the one who blocked them: money that comes in harms
nobody, and to turn it away would tell of the block. For the same reason they read of their requests
that these were declined, and nothing else. Whoever was blocked for money that they sent (unwanted
gifts are a way to harass) can send none any more: what waits goes back, and what they order is
refused by a sentence that names no reason (ADR 29).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.transfer import Reason
from bot.services import cancel, claim, parties
from bot.services.cancel import Done
from bot.services.deps import Deps
from bot.services.parties import Party
from bot.services.steps import Step
from bot.services.tell import shown
from bot.services.transfer_views import MOVED
from bot.store import asked, confirmations, orders, payees, people


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks a visitor for money by an order."""

    x_user_id: str
    handle: str
    is_blocked: bool
    waits: bool
    """Whether something that they ask for still waits for the visitor."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Whose requests a person does not want, by the X account that they saw."""

    x_user_id: str
    handle: str
    turns_money_away: bool


@dataclass(frozen=True, slots=True)
class Payer:
    """Who sent a visitor money by an order of their own."""

    x_user_id: str
    handle: str
    is_blocked: bool
    waits: bool
    """Whether money of theirs still waits for the visitor: it would go back."""


def asker_of(deps: Deps, reference: str, x_user_id: str) -> Asker | None:
    """Return who asks an account for money by this order; None where nobody does."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        me = parties.behind(session, x_user_id)
        if order is None or not _is_asked(session, order, me):
            return None
        account = people.account(session, order.owner_x_user_id)
        theirs = people.own_accounts(session, order.owner_x_user_id)
        return Asker(
            x_user_id=order.owner_x_user_id,
            handle=shown(account),
            is_blocked=bool(people.who_blocked(session, me.accounts, theirs)),
            waits=bool(asked.orders_between(session, theirs, me.accounts)),
        )


def decline_and_block(deps: Deps, reference: str, x_user_id: str) -> Done:
    """Decline what an asker's order asks, and all else of theirs that waits, and block them.

    A request that is over can still be the reason to block. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        me = parties.behind(session, x_user_id)
        # Before anything else: a request that is being read now names one of these accounts, and is
        # either there already, or finds the block.
        people.lock_accounts(session, me.accounts)
        if order is None or not _is_asked(session, order, me):
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        theirs = people.own_accounts(session, order.owner_x_user_id)
        people.block(session, x_user_id, order.owner_x_user_id, at=at)
        waiting = asked.orders_between(session, theirs, me.accounts)
        for order_id in waiting:
            confirmations.lock_order(session, order_id)
        for order_id in waiting:
            confirmations.lock_topups(session, order_id)
        rows = asked.lock_between(session, theirs, me.accounts)
        parents = orders.by_ids(session, waiting)
        done = Done(0)
        for order_id in waiting:
            some = [row for row in rows if row.order_id == order_id]
            done += cancel.decline_asked(session, deps, parents[order_id], some, x_user_id, at)
    deps.step(Step.STOPPED)
    cancel.drive_wishes(deps, rows)
    deps.bells.outbox.set()
    return done


def payer_of(deps: Deps, reference: str, x_user_id: str) -> Payer | None:
    """Return who sent an account money by this order; None where nobody did, unasked."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        me = parties.behind(session, x_user_id)
        if order is None or not _is_paid(session, order, me):
            return None
        theirs = people.own_accounts(session, order.owner_x_user_id)
        return Payer(
            x_user_id=order.owner_x_user_id,
            handle=shown(people.account(session, order.owner_x_user_id)),
            is_blocked=bool(people.who_turns_away(session, me.accounts, theirs)),
            waits=bool(payees.orders_held_between(session, theirs, me.accounts)),
        )


def refuse_and_block(deps: Deps, reference: str, x_user_id: str) -> int:
    """Send back all that waits from the payer of an order, and take neither money nor requests.

    Returns how many transfers went back. Money that arrived stays; it can still be the reason to
    block. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        me = parties.behind(session, x_user_id)
        # Before anything else: an order that is being read now names one of these accounts, and is
        # either there already, or finds the block.
        people.lock_accounts(session, me.accounts)
        if order is None or not _is_paid(session, order, me):
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        theirs = people.own_accounts(session, order.owner_x_user_id)
        people.block(session, x_user_id, order.owner_x_user_id, at=at, turns_money_away=True)
        waiting = payees.orders_held_between(session, theirs, me.accounts)
        held = payees.lock_held_between(session, waiting, theirs, me.accounts)
        claim.give_back(session, deps, held, Reason.REFUSED_BY_PAYEE, at)
    if held:
        deps.step(Step.GIVEN_BACK)
    deps.bells.outbox.set()
    return len(held)


def _is_paid(session: Session, order: Row[Any], me: Party) -> bool:
    """Whether who made an order sends somebody else money by it, and it has left them."""
    rows = orders.transfers_of(session, [order.id])
    return order.owner_x_user_id not in me.accounts and any(
        me.gets(row) and row.payer_x_user_id == order.owner_x_user_id and row.status in MOVED
        for row in rows
    )


def unblock_payer(deps: Deps, reference: str, x_user_id: str) -> None:
    """Let whoever sent money by an order do so again. Raises `Refusal`."""
    payer = payer_of(deps, reference, x_user_id)
    if payer is None:
        raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
    unblock(deps, x_user_id, payer.x_user_id)


def check_welcome(session: Session, wanted: Collection[str], payers: Collection[str]) -> None:
    """Check that none of these payees turns a person's money away. Raises `Refusal`."""
    if people.who_turns_away(session, wanted, payers):
        # It names nobody and no reason: the payer may read this in public.
        raise Refusal(Reply.of("refusal.cannot_pay"))


def _is_asked(session: Session, order: Row[Any], me: Party) -> bool:
    """Whether an order of somebody else's asks this one for money."""
    rows = orders.transfers_of(session, [order.id])
    return order.owner_x_user_id not in me.accounts and any(me.pays(row) for row in rows)


def unblock(deps: Deps, x_user_id: str, blocked_x_user_id: str) -> None:
    """Let a person ask again, under all their X accounts; nothing where they were not blocked."""
    with deps.store.write() as session:
        mine = people.own_accounts(session, x_user_id)
        theirs = people.own_accounts(session, blocked_x_user_id)
        people.unblock(session, mine, theirs)


def unblock_asker(deps: Deps, reference: str, x_user_id: str) -> None:
    """Let whoever asked by an order ask again. Raises `Refusal`."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        if order is None or not _is_asked(session, order, parties.behind(session, x_user_id)):
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
    unblock(deps, x_user_id, order.owner_x_user_id)


def blocked_by(session: Session, mine: list[str]) -> tuple[Blocked, ...]:
    """Return whom a person blocked, the newest first: the X accounts that they saw, no others."""
    found = people.blocked_by(session, mine)
    accounts = people.accounts_by_id(session, found)
    return tuple(
        Blocked(one, shown(accounts.get(one)), turns_away) for one, turns_away in found.items()
    )
