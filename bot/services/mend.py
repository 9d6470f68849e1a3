"""Mending a command whose amount was misread: a draft of it waits for its owner to choose one.

What was understood is kept by X id, and nothing is guessed. The tap is bound to whom the draft
names; it makes the transfers, which are confirmed as any other's. Of a split it makes the shares.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import ErrorCode, Misread
from bot.domain.draft import TEXT_KEPT, is_mendable
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind, draft_hash, typed_note
from bot.domain.replies import Reply
from bot.domain.split import share
from bot.services import ask, split
from bot.services.answers import Incoming
from bot.services.ask import Named
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import confirmations, drafts, orders, people
from bot.store.drafts import NewDraft
from bot.store.orders import NewTransfer


def draft(
    session: Session, deps: Deps, incoming: Incoming, misread: Misread, at: datetime
) -> Row[Any] | None:
    """Write the draft of a misread command, and return its order; None where it cannot be mended.

    Raises `Refusal` where no amount would do.
    """
    if not is_mendable(misread) or not incoming.people:
        return None
    kind, me = ask.kind_of(misread), incoming.author_x_user_id
    others = ask.others_of(session, misread, me, incoming)
    ask.check(session, deps, kind, me, others, None, at)
    order = ask.order_for(session, deps, incoming, kind, misread.lang, at)
    new = NewDraft(
        amount_cents=misread.amount_cents,
        note=misread.note,
        people=[(x_user_id, handle) for handle, x_user_id in others],
        misread=_unsure_of(misread, len(others)).value,
        amount_text=(misread.amount_text or "")[:TEXT_KEPT] or None,
    )
    drafts.put(session, order.id, new, confirm_by=ask.confirm_by_of(deps, order))
    return order


def _unsure_of(misread: Misread, others: int) -> ErrorCode:
    """Say what is to be chosen: of several people also whether it is each one's or all of theirs.

    Of the errors of a text one alone is told, the first (LANGUAGE.md); the other is still there.
    """
    is_split = misread.verb == OrderKind.SPLIT.value
    is_open = misread.each if is_split else others > 1 and not misread.each
    if misread.error is ErrorCode.MISSING_CURRENCY and is_open:
        return ErrorCode.AMBIGUOUS_TOTAL
    return misread.error


def others_in(session: Session, order: Row[Any]) -> list[Named]:
    """Return whom an order's draft names."""
    return [(row.handle, row.x_user_id) for row in drafts.people_of(session, [order.id])]


def people_hash(order: Row[Any], others: Sequence[Named]) -> str:
    """Return the hash of whom a draft names, for a form to be bound to."""
    return draft_hash(order.reference, order.kind, [x_user_id for _handle, x_user_id in others])


def choose(
    deps: Deps,
    reference: str,
    x_user_id: str,
    *,
    amount_cents: int,
    note_text: str,
    shown_hash: str,
) -> None:
    """Choose the amount of a draft: for each whom it names; of a split, in all. Raises `Refusal`.

    A second tap does nothing more: the draft has made its transfers, or is a split by now.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        if order is None or order.owner_x_user_id != x_user_id:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        named = [one for _handle, one in others_in(session, order)]
        people.lock_accounts(session, [x_user_id, *named])  # before every other row
        order = confirmations.lock_order(session, order.id)
        row = drafts.of(session, order.id)
        if row is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        if row.outcome == "asked" or (row.misread is None and row.outcome is None):
            return
        split.check_open(row, at)
        is_split = order.kind == OrderKind.SPLIT.value
        others = split.others_in(session, order) if is_split else others_in(session, order)
        if people_hash(order, others) != shown_hash:
            edited = order.edited_at is not None
            raise Refusal(Reply.of("refusal.edited" if edited else "refusal.changed"))
        _fill(session, deps, order, others, amount_cents, typed_note(note_text), at)
    deps.step(Step.AMOUNT_CHOSEN)


def _fill(
    session: Session,
    deps: Deps,
    order: Row[Any],
    others: Sequence[Named],
    amount_cents: int,
    note: str | None,
    at: datetime,
) -> None:
    """Put an amount in: the shares of a split are shown next, all else waits for its payer."""
    kind, me = OrderKind(order.kind), order.owner_x_user_id
    if kind is OrderKind.SPLIT:
        if not others:
            raise Refusal(Reply.of("refusal.split_alone"))
        share(amount_cents, len(others), with_own=True)
        drafts.choose(session, order.id, amount_cents=amount_cents, note=note)
        return
    if not drafts.end(session, order.id, "asked", at=at):
        raise Refusal(Reply.of("refusal.too_late"))  # it expired at this very moment
    ask.check(session, deps, kind, me, others, amount_cents, at)
    new = [_transfer(kind, me, other, amount_cents, note) for other in others]
    # Payer and terms are known now: their time begins with the tap.
    confirm_by = ask.confirm_by_from_page(deps, at)
    ask.write(session, deps, order, new, confirm_by=confirm_by, at=at)


def _transfer(
    kind: OrderKind, me: str, other: Named, amount_cents: int, note: str | None
) -> NewTransfer:
    handle, x_user_id = other
    return NewTransfer(
        payer_x_user_id=x_user_id if kind.is_asked else me,
        payee_x_user_id=me if kind.is_asked else x_user_id,
        payee_handle=None if kind.is_asked else handle,
        amount_cents=amount_cents,
        note=note,
    )
