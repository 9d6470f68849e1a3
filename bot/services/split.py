"""Splitting: the asker sees the shares on the order's page, and their tap asks the others.

Until then nobody is asked for anything: the order is a draft. What the tap asks for is bound to
what was shown: whoever is asked, and for how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.domain.order import OrderKind
from bot.domain.replies import Reply
from bot.domain.split import Shares, share
from bot.services import ask
from bot.services.ask import Named
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import confirmations, drafts, orders, people
from bot.store.orders import NewTransfer


@dataclass(frozen=True, slots=True)
class Proposed:
    """The shares of a split, as its asker is shown them."""

    total_cents: int
    note: str | None
    others: Sequence[tuple[str, str]]
    """X user id and handle of each who is to be asked."""
    parts: Shares
    terms_hash: str


def others_in(session: Session, order: Row[Any]) -> list[Named]:
    """Return whom an order's draft names, its asker left out under all their X accounts."""
    named = [(row.handle, row.x_user_id) for row in drafts.people_of(session, [order.id])]
    return ask.besides(session, order.owner_x_user_id, named)


def proposed(session: Session, order: Row[Any], *, with_own: bool = True) -> Proposed:
    """Return the shares of an order's draft. Raises `Refusal` where nobody is left to be asked."""
    draft = drafts.of(session, order.id)
    assert draft is not None, "a split that waits has a draft"
    others = others_in(session, order)
    if not others:
        raise Refusal(Reply.of("refusal.split_alone"))
    parts = share(draft.amount_cents, len(others), with_own=with_own)
    ids = [x_user_id for _handle, x_user_id in others]
    return Proposed(
        total_cents=draft.amount_cents,
        note=draft.note,
        others=[(x_user_id, handle) for handle, x_user_id in others],
        parts=parts,
        terms_hash=parts.hash(order.reference, ids),
    )


def ask_others(
    deps: Deps, reference: str, x_user_id: str, *, with_own: bool, terms_hash: str
) -> None:
    """Ask everybody for the share that the asker has seen. Raises `Refusal`.

    A second tap does nothing more: the draft has made its transfers.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        if order is None or order.owner_x_user_id != x_user_id:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        named = [row.x_user_id for row in drafts.people_of(session, [order.id])]
        people.lock_accounts(session, [x_user_id, *named])  # before every other row
        order = confirmations.lock_order(session, order.id)
        draft = drafts.of(session, order.id)
        if draft is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        if draft.outcome == "asked":
            return
        if draft.misread is not None:
            raise Refusal(Reply.of("refusal.changed"))  # its total is not chosen yet
        check_open(draft, at)
        shares = proposed(session, order, with_own=with_own)
        if shares.terms_hash != terms_hash:
            edited = order.edited_at is not None
            raise Refusal(Reply.of("refusal.edited" if edited else "refusal.changed"))
        _ask(session, deps, order, shares, at)
    deps.step(Step.SHARES_ASKED)


def check_open(draft: Row[Any], at: datetime) -> None:
    """Refuse a draft that has ended. Raises `Refusal`."""
    if draft.outcome == "expired" or draft.confirm_by <= at:
        raise Refusal(Reply.of("refusal.too_late"))
    if draft.ended_at is not None:
        edited = draft.outcome == "edited"
        raise Refusal(Reply.of("refusal.edited_away" if edited else "refusal.already_cancelled"))


def _ask(session: Session, deps: Deps, order: Row[Any], shares: Proposed, at: datetime) -> None:
    """End the draft, which no longer counts as an order that waits, and write its transfers."""
    me, each_cents = order.owner_x_user_id, shares.parts.each_cents
    if not drafts.end(session, order.id, "asked", at=at):
        raise Refusal(Reply.of("refusal.too_late"))  # it expired at this very moment
    others = [(handle, other) for other, handle in shares.others]
    ask.check(session, deps, OrderKind.SPLIT, me, others, each_cents, at)
    new = [
        NewTransfer(
            payer_x_user_id=other,
            payee_x_user_id=me,
            payee_handle=None,
            amount_cents=each_cents,
            note=shares.note,
        )
        for other, _handle in shares.others
    ]
    # They were asked now: their time begins with the tap.
    confirm_by = ask.confirm_by_from_page(deps, at)
    ask.write(session, deps, order, new, confirm_by=confirm_by, at=at)
