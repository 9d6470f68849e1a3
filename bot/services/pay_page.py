"""The pay page of an X account: anybody who signed in pays it without a post.

A handle is looked up on X for whoever signed in, and for nobody else. The order is bound to the X
account that was shown, whoever has the handle by then; a form that is sent twice makes one order.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind, typed_note
from bot.domain.replies import Reply
from bot.services import ask, x_money
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.steps import Step
from bot.store import orders, people
from bot.store.orders import NewOrder, NewTransfer

KNOWN_FOR: Final = timedelta(minutes=10)
"""How long a look-up of a handle is good: a reload costs nothing, and a handle changes hands."""


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom a handle names on X, as a visitor is shown them."""

    x_user_id: str
    handle: str
    name: str
    is_visitor: bool


def payee_of(deps: Deps, handle: str, visitor: Visitor) -> Payee:
    """Find out whom a handle names. Raises `Refusal`, `Unavailable` and `Rejected`."""
    at, handle = deps.clock.now(), handle.lower()
    with deps.store.read() as session:
        mine = people.own_accounts(session, visitor.account)
        known = people.account_named(session, handle)
    fresh = known is not None and known.looked_up_at is not None
    if known is not None and fresh and known.looked_up_at > at - KNOWN_FOR:
        return Payee(known.x_user_id, handle, known.name, known.x_user_id in mine)
    found = {one.handle.lower(): one for one in deps.directory.by_handle([handle]).values()}
    user = found.get(handle)
    if user is None:
        raise Refusal(Reply.of("refusal.unknown_handle", handle=handle))
    with deps.tally.handing_over() as used, deps.store.write() as session:
        x_money.write_down(session, deps, used, at)
        people.see(session, user.id, at=at, handle=handle, name=user.name)
        people.change_account(session, user.id, looked_up_at=at)
    return Payee(user.id, handle, user.name, user.id in mine)


def new_form(deps: Deps) -> str:
    """Return the name of a form, so that a second press of its button is known as such."""
    return deps.chance.token()


def order(
    deps: Deps,
    visitor: Visitor,
    *,
    payee_x_user_id: str,
    handle: str,
    amount_cents: int,
    note_text: str,
    form: str,
    lang: Lang,
) -> str:
    """Order a payment to the account that was shown; return the reference. Raises `Refusal`.

    It waits for its confirmation as any other. The same form that says the same again is known.
    """
    at, me, note = deps.clock.now(), visitor.account, typed_note(note_text)
    said = (me, form, payee_x_user_id, str(amount_cents), note or "")
    source_id = sha256("\n".join(said).encode()).hexdigest()
    with deps.store.write() as session:
        people.lock_accounts(session, [me, payee_x_user_id])
        made = orders.by_source(session, "page", source_id)
        if made is not None:
            return str(made.reference)
        account = people.account(session, payee_x_user_id)
        if account is None or account.handle != handle.lower():
            # Somebody else may have the handle by now: who is shown now is looked at first.
            raise Refusal(Reply.of("refusal.payee_changed", handle=handle))
        other = (handle.lower(), payee_x_user_id)
        ask.check(session, deps, OrderKind.PAY, me, [other], amount_cents, at)
        new = NewOrder(
            kind=OrderKind.PAY,
            source="page",
            source_id=source_id,
            conversation_id=None,
            owner_x_user_id=me,
            lang=lang,
        )
        order = ask.insert(session, deps, new, at)
        transfer = NewTransfer(
            payer_x_user_id=me,
            payee_x_user_id=payee_x_user_id,
            payee_handle=handle.lower(),
            amount_cents=amount_cents,
            note=note,
        )
        confirm_by = ask.confirm_by_from_page(deps, at)
        ask.write(session, deps, order, [transfer], confirm_by=confirm_by, at=at)
    deps.step(Step.PAGE_ORDERED)
    return str(order.reference)
