"""What an order's page shows to whom: each visitor sees what is theirs, and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import Permission
from bot.domain.commands import Lang
from bot.domain.order import OrderKind
from bot.domain.replies import Reply
from bot.domain.transfer import TransferStatus
from bot.services import cautions, choices, drafted, locks, mandates, parties, wrong
from bot.services.cautions import Caution
from bot.services.choices import Choice, SavedChoice
from bot.services.confirm import terms_of
from bot.services.deps import Deps
from bot.services.drafted import DraftView, SplitView
from bot.services.gathered import Gathered, gathered
from bot.services.posting import PAID
from bot.services.sessions import Visitor
from bot.services.tell import shown
from bot.services.transfer_views import MOVED, TransferView, transfer_views
from bot.store import confirmations, drafts, ledger, orders, people


@dataclass(frozen=True, slots=True)
class Unknown:
    """No order has this reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class SignInFirst:
    """An order exists; who signs in may see what is theirs in it. Names no amount and nobody."""

    reference: str


@dataclass(frozen=True, slots=True)
class NotYours:
    """The visitor has no part in the order, and sees nothing of it."""

    reference: str


@dataclass(frozen=True, slots=True)
class HandleMoved:
    """The visitor bears a handle that an order named another account by: it holds money for that.

    Names nobody but the visitor, and no amount.
    """

    reference: str
    handle: str


@dataclass(frozen=True, slots=True)
class ToConfirm:
    """What waits for the visitor's confirmation: these transfers, at these terms."""

    transfers: tuple[TransferView, ...]
    cautions: Mapping[int, Caution]
    """What to know of each payee before, by the transfer's number."""
    ticked: frozenset[int]
    """Numbers of those that are ticked; `total_cents` is theirs."""
    total_cents: int
    terms_hash: str
    confirm_by: datetime
    balance_cents: int
    wallet: Choice
    card: Choice
    card_first: bool
    """Whether the issuer of a saved card wants to see the payer: the card's page comes first."""
    saved: tuple[SavedChoice, ...]
    """Saved cards whose mandate permits the whole, where the law asks for no check of the payer."""
    keep: Permission
    """What the box asks for that keeps the card of a payment by card."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as one of its parties sees it.

    Exactly what they can do now is not empty: `to_confirm` (after the first time, where
    `needs_wallet`), `card_url` (go on at the acquirer), `may_cancel`, `may_decline`,
    `may_block`, `may_claim`, `may_take_back`, `payer_handle`.
    """

    reference: str
    kind: Literal["pay", "donate", "request", "split"]
    lang: Lang
    owner_handle: str
    is_owner: bool
    needs_wallet: bool
    locked: Reply | None
    """That the visitor's wallet is locked, as they read it: it pays nothing and takes nothing."""
    pays: tuple[TransferView, ...]
    gets: tuple[TransferView, ...]
    asked: tuple[TransferView, ...]
    """What an asker waits for: the transfers of their own request, others pay them."""
    gathered: Gathered
    """How far that has come."""
    own_cents: int | None
    """What is left to the asker of a split."""
    to_confirm: ToConfirm | None
    card_url: str | None
    last_refusal: str | None
    """The key of the sentence that says why the payer's last confirmation came to nothing."""
    may_cancel: bool
    may_decline: bool
    may_block: bool
    has_blocked: bool
    """Whether the visitor wants no more requests of who asks here."""
    may_claim: bool
    claim_cents: int
    """What waits for the visitor in this order."""
    may_take_back: bool
    payer_handle: str | None
    """Who sends the visitor money by their own order: whom they may refuse for good."""
    has_blocked_payer: bool
    says_not_me: bool
    """Whether the visitor said that they did not pay this."""


OrderPage = Unknown | SignInFirst | NotYours | HandleMoved | OrderView | SplitView | DraftView


def order_page(
    deps: Deps,
    reference: str,
    visitor: Visitor | None,
    *,
    with_own: bool = True,
    ticked: Collection[int] = (),
) -> OrderPage:
    """Return what an order's page shows to a visitor.

    `with_own`: whether a split's asker has a share of their own, where they are shown the shares.
    `ticked`: the numbers of the transfers that a payer ticked; none: all that wait for them.
    """
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        if order is None:
            return Unknown(reference)
        if visitor is None:
            return SignInFirst(order.reference)
        draft = drafts.of(session, order.id)
        me = parties.of(session, visitor.person_id, [visitor.account])
        if me.made(order) and draft is not None and _is_shown(session, order, draft):
            return drafted.page(session, deps, order, draft, with_own=with_own)
        rows = [
            row
            for row in orders.transfers_of(session, [order.id])
            if (row.payer_x_user_id == visitor.account and me.pays(row))
            or (row.payee_x_user_id == visitor.account and me.gets(row))
        ]
        rows = _without_edited_away(session, rows)
        if not rows:
            who = (visitor.account, visitor.handle)
            moved = cautions.is_named_only(session, order, *who)
            return (
                HandleMoved(order.reference, visitor.handle) if moved else NotYours(order.reference)
            )
        return _view(session, deps, order, rows, visitor, ticked)


def _is_shown(session: Session, order: Row[Any], draft: Row[Any]) -> bool:
    """Whether a draft is what an order has: it is open, or ended and nothing came of it."""
    if draft.outcome is None or draft.outcome == "asked":
        return draft.outcome is None
    ids = [row.id for row in orders.transfers_of(session, [order.id])]
    return len(orders.edited_away(session, ids)) == len(ids)


def _without_edited_away(session: Session, rows: list[Row[Any]]) -> list[Row[Any]]:
    """Leave out what an edit put others in the place of; where it put nothing, it is shown."""
    gone = orders.edited_away(session, [row.id for row in rows])
    return [row for row in rows if row.id not in gone] or rows


def _view(
    session: Session,
    deps: Deps,
    order: Row[Any],
    rows: Sequence[Row[Any]],
    visitor: Visitor,
    ticked: Collection[int],
) -> OrderView | NotYours:
    views = transfer_views(session, order, rows, visitor.account)
    pays = [row for row in rows if row.payer_x_user_id == visitor.account]
    gets = [row for row in rows if row.payee_x_user_id == visitor.account]
    is_owner = order.owner_x_user_id == visitor.account
    # A payee learns of money once it is on its way, not of an order that may come to nothing.
    seen = gets if is_owner else [row for row in gets if row.status in MOVED]
    if not pays and not seen:
        return NotYours(order.reference)
    # What an owner gets is what they asked for, save what an operator gave back to them.
    asked = [row for row in seen if is_owner and row.refund_of_id is None]
    owner = people.account(session, order.owner_x_user_id)
    topup = _last_topup(session, order, visitor)
    person = people.person_of(session, visitor.account)
    is_asked = bool(pays) and not is_owner
    has_blocked = is_asked and _has_blocked(session, visitor.account, order.owner_x_user_id)
    is_sent = not is_owner and any(_is_owners(row, order) for row in seen)
    payers = people.own_accounts(session, order.owner_x_user_id) if is_sent else []
    held = [row for row in gets if row.status == TransferStatus.HELD.value]
    return OrderView(
        reference=order.reference,
        kind=order.kind,
        lang=order.lang,
        owner_handle=shown(owner),
        is_owner=is_owner,
        needs_wallet=not visitor.is_ready,
        locked=locks.said(person),
        pays=tuple(views[row.id] for row in pays),
        gets=tuple(views[row.id] for row in seen if row not in asked),
        asked=tuple(views[row.id] for row in asked),
        gathered=gathered([views[row.id] for row in asked], deps.clock.now()),
        own_cents=_own_cents(session, order, asked) if is_owner else None,
        to_confirm=_to_confirm(session, deps, order, pays, views, visitor, ticked),
        card_url=topup.url if topup is not None and topup.status == "created" else None,
        last_refusal=_last_refusal(session, order, visitor),
        may_cancel=is_owner and any(row.status in _OPEN for row in rows),
        may_decline=not is_owner and any(row.status in _OPEN for row in pays),
        may_block=is_asked and not has_blocked,
        has_blocked=has_blocked,
        may_claim=bool(held),
        claim_cents=sum(row.amount_cents for row in held),
        may_take_back=any(row.status == TransferStatus.HELD.value for row in pays),
        payer_handle=shown(owner) if is_sent else None,
        has_blocked_payer=bool(people.who_turns_away(session, [visitor.account], payers)),
        says_not_me=person is not None and wrong.is_disowned(session, order.id, person.id),
    )


def _is_owners(row: Row[Any], order: Row[Any]) -> bool:
    """Whether who ordered pays: an unasked payment, not what the visitor asked for."""
    return bool(row.payer_x_user_id == order.owner_x_user_id)


def _own_cents(session: Session, order: Row[Any], asked: Sequence[Row[Any]]) -> int | None:
    draft = drafts.of(session, order.id) if order.kind == OrderKind.SPLIT.value else None
    if draft is None or draft.amount_cents is None:  # none was asked for yet
        return None
    return int(draft.amount_cents - sum(row.amount_cents for row in asked))


def _has_blocked(session: Session, x_user_id: str, other: str) -> bool:
    mine, theirs = people.own_accounts(session, x_user_id), people.own_accounts(session, other)
    return bool(people.who_blocked(session, mine, theirs))


_OPEN = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)


def _last_topup(session: Session, order: Row[Any], visitor: Visitor) -> Row[Any] | None:
    if visitor.person_id is None:
        return None
    rows = confirmations.topups_of_order(session, order.id, visitor.person_id)
    return rows[-1] if rows else None


def _last_refusal(session: Session, order: Row[Any], visitor: Visitor) -> str | None:
    """Return why a payer's newest confirmation came to nothing; None where it did not."""
    if visitor.person_id is None:
        return None
    outcome = confirmations.last_outcome(session, order.id, visitor.person_id)
    return None if outcome == PAID else outcome


def _to_confirm(
    session: Session,
    deps: Deps,
    order: Row[Any],
    pays: Sequence[Row[Any]],
    views: dict[int, TransferView],
    visitor: Visitor,
    ticked: Collection[int],
) -> ToConfirm | None:
    at = deps.clock.now()
    if any(row.status == TransferStatus.FUNDING.value for row in pays):
        return None  # one part is at the card: the other waits until that has ended
    waiting = [
        row
        for row in pays
        if row.status == TransferStatus.PENDING.value
        and row.confirmation_id is None
        and row.confirm_by > at
    ]
    if not waiting:
        return None
    chosen = [row for row in waiting if row.number in ticked] or waiting
    total = sum(row.amount_cents for row in chosen)
    person = people.person_of(session, visitor.account)
    balance = ledger.balance(session, books.wallet(person.id)) if person is not None else 0
    since_sca = person.since_sca_cents if person is not None else 0
    return ToConfirm(
        transfers=tuple(views[row.id] for row in waiting),
        cautions=cautions.of_each(session, waiting, person, at),
        ticked=frozenset(row.number for row in chosen),
        total_cents=total,
        terms_hash=terms_of(order.reference, waiting),
        confirm_by=min(row.confirm_by for row in waiting),
        balance_cents=balance,
        wallet=choices.wallet(deps, total, balance, since_sca),
        card=choices.card(session, deps, order.id, person, total),
        card_first=bool(choices.wanting_their_person(session, order.id, person)),
        saved=choices.saved(session, deps, order.id, person, total),
        keep=mandates.offered(deps.policy, at),
    )
