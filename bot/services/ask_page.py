"""Asking others for money from a page: a request to each, or a total that is shared.

Whom it names is looked up on X, as on the pay page; a form that is sent twice makes one order.
"""

import re
from hashlib import sha256
from typing import Final

from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind, typed_note
from bot.domain.replies import Reply
from bot.domain.split import share
from bot.services import ask, pay_page
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.steps import Step
from bot.services.understand import HANDLE
from bot.store import drafts, orders, people
from bot.store.drafts import NewDraft
from bot.store.orders import NewOrder, NewTransfer

_HANDLES: Final = re.compile(r"[\s,;]+")


def read_handles(text: str) -> tuple[str, ...]:
    """Return whom a text names, each once, in lower case. Raises `Refusal`."""
    words = [one for one in _HANDLES.split(text.strip()) if one]
    named = [HANDLE.fullmatch(one) for one in words]
    if not words:
        raise Refusal(Reply.of("refusal.ask.nobody"))
    if None in named:
        raise Refusal(Reply.of("refusal.handle_not_read"))
    return tuple(dict.fromkeys(one[1].lower() for one in named if one is not None))


def check_count(deps: Deps, visitor: Visitor, handles: tuple[str, ...], kind: OrderKind) -> None:
    """Refuse more people than one order asks, before any is looked up. Raises `Refusal`."""
    try:
        ask.check_count(deps, kind, visitor.account, handles)
    except Refusal as refusal:
        most = deps.policy.max_people
        raise Refusal(Reply.of("refusal.ask.too_many_people", most=most)) from refusal


def order(
    deps: Deps,
    visitor: Visitor,
    *,
    handles: tuple[str, ...],
    amount_cents: int,
    kind: OrderKind,
    note_text: str,
    form: str,
    lang: Lang,
) -> str:
    """Ask each for an amount, or share a total with them; return the order's reference.

    A split waits for its asker's tap, as any other. Raises `Refusal`, `Unavailable`, `Rejected`.
    """
    assert kind in (OrderKind.REQUEST, OrderKind.SPLIT), "others are asked"
    is_total = kind is OrderKind.SPLIT
    me, note = visitor.account, typed_note(note_text)
    found = [pay_page.payee_of(deps, handle, visitor) for handle in handles]
    named = [(one.handle, one.x_user_id) for one in found]
    at = deps.clock.now()
    said = (me, form, kind.value, str(amount_cents), note or "", *(one for _, one in named))
    source_id = sha256("\n".join(said).encode()).hexdigest()
    with deps.store.write() as session:
        people.lock_accounts(session, [me, *(one for _handle, one in named)])
        made = orders.by_source(session, "page", source_id)
        if made is not None:
            return str(made.reference)
        others = ask.others_among(session, kind, me, named)
        each_cents = amount_cents
        if is_total:
            each_cents = share(amount_cents, len(others), with_own=True).each_cents
        ask.check(session, deps, kind, me, others, each_cents, at)
        new = NewOrder(
            kind=kind,
            source="page",
            source_id=source_id,
            conversation_id=None,
            owner_x_user_id=me,
            lang=lang,
        )
        row = ask.insert(session, deps, new, at)
        confirm_by = ask.confirm_by_from_page(deps, at)
        if is_total:
            sharing = [(x_user_id, handle) for handle, x_user_id in others]
            draft = NewDraft(amount_cents=amount_cents, note=note, people=sharing)
            drafts.put(session, row.id, draft, confirm_by=confirm_by)
        else:
            transfers = [
                NewTransfer(
                    payer_x_user_id=x_user_id,
                    payee_x_user_id=me,
                    payee_handle=None,
                    amount_cents=amount_cents,
                    note=note,
                )
                for _handle, x_user_id in others
            ]
            ask.write(session, deps, row, transfers, confirm_by=confirm_by, at=at)
    deps.step(Step.PAGE_ORDERED)
    return str(row.reference)
