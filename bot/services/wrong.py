"""When money went wrong: to the wrong person, or by somebody else than its payer.

What is held goes back at once. What was posted is its payee's: the payer asks for it politely and
an operator looks. Whoever says that it was not them locks their wallet in the same moment.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, TransferStatus
from bot.services import cancel, claim, locks, parties
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.services.tell import News, lang_of_person, shown, tell
from bot.services.texts import notify
from bot.store import browsers, cases, orders, people

log = structlog.get_logger(__name__)

NOT_ME_LOOKED_AT_WITHIN: Final = timedelta(hours=24)
"""A case's clock: somebody else may hold an account, and its owner's wallet is closed meanwhile."""
WRONG_LOOKED_AT_WITHIN: Final = timedelta(days=7)
"""A case's clock: the payee is given some days to answer."""
NOT_ME: Final = "not_me"
WRONG: Final = "wrong_person"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A payment of the visitor's that may have gone to the wrong person."""

    reference: str
    number: int
    status: str
    """`held` or `posted`: nothing else can have gone wrong."""
    amount_cents: int
    payee_x_user_id: str
    payee_handle: str
    case_id: int | None
    """The case, where the payer has said so already."""


def mistake(deps: Deps, reference: str, number: int, x_user_id: str) -> Mistake | None:
    """Return a payment of an account's that it may take for a mistake; None for anything else."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        rows = orders.transfers_of(session, [order.id]) if order is not None else []
        row = _paid(session, rows, number, x_user_id)
        if row is None or order is None:
            return None
        return Mistake(
            reference=order.reference,
            number=row.number,
            status=row.status,
            amount_cents=row.amount_cents,
            payee_x_user_id=row.payee_x_user_id,
            payee_handle=shown(people.account(session, row.payee_x_user_id), row.payee_handle),
            case_id=open_cases(session, [row.id]).get(row.id),
        )


def say_wrong(deps: Deps, reference: str, number: int, x_user_id: str) -> None:
    """Take back what is held for the wrong person; else ask for it, and let an operator look.

    Said twice is once. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        rows = cancel.lock(session, order) if order is not None else []
        row = _paid(session, rows, number, x_user_id)
        if row is None or order is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        is_held = row.status == TransferStatus.HELD.value
        if is_held:
            claim.give_back(session, deps, [row], Reason.TAKEN_BACK, at)
        elif _open_wrong(session, order, row, at=at):
            _ask_back(session, deps, order, row, at=at)
            log.info("wrong_person", transfer=row.id, x_user_id=x_user_id)
    if is_held:
        deps.step(Step.GIVEN_BACK)
    deps.bells.outbox.set()


def _paid(
    session: Session, rows: Collection[Row[Any]], number: int, x_user_id: str
) -> Row[Any] | None:
    left = (TransferStatus.HELD.value, TransferStatus.POSTED.value)
    person = people.person_of(session, x_user_id)
    for row in rows:
        if row.number == number and row.payer_x_user_id == x_user_id and row.status in left:
            if person is None or row.payer_person_id != person.id:
                return None  # another person paid it, whose account this was
            return None if row.refund_of_id is not None else row
    return None


def _open_wrong(session: Session, order: Row[Any], row: Row[Any], *, at: datetime) -> bool:
    return cases.open_case(
        session,
        kind=WRONG,
        key=_wrong_key(row.id),
        person_id=row.payer_person_id,
        order_id=order.id,
        detail=f"The payer of {order.reference}-{row.number} ({row.amount_cents} cents) says that "
        "it went to the wrong person, and asks for it back: it is the payee's, so nothing was "
        f"taken. With the payee's consent `smoney transfer refund {order.reference}-{row.number}` "
        "gives it back: look first whether they paid it back by themselves since.",
        opened_at=at,
        due_at=at + WRONG_LOOKED_AT_WITHIN,
    ) or cases.reopen(session, _wrong_key(row.id), at=at, due_at=at + WRONG_LOOKED_AT_WITHIN)


def _ask_back(
    session: Session, deps: Deps, order: Row[Any], row: Row[Any], *, at: datetime
) -> None:
    """Tell the payee that they are asked, once; only they decide."""
    reply = Reply.of(
        "news.payee.wrong",
        handle=shown(people.account(session, row.payer_x_user_id)),
        amount_cents=row.amount_cents,
        reference=order.reference,
        url=f"{deps.public_url}/t/{order.reference}",
    )
    key = f"{_wrong_key(row.id)}:payee"
    news = News(key, row.payee_x_user_id, reply, order.id, row.payee_person_id)
    tell(session, [news], at=at)


def _wrong_key(transfer_id: int) -> str:
    return f"wrong:{transfer_id}"


def open_cases(session: Session, transfer_ids: Collection[int]) -> dict[int, int]:
    """Return the open cases of payments to the wrong person, by transfer."""
    keys = {_wrong_key(one): one for one in transfer_ids}
    found = cases.by_keys(session, list(keys))
    return {keys[row.key]: row.id for row in found if row.closed_at is None}


# --- it was not me -----------------------------------------------------------------------------


def may_disown(deps: Deps, reference: str, x_user_id: str) -> bool:
    """Whether an account pays in an order, and has a wallet that can be locked."""
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        rows = orders.transfers_of(session, [order.id]) if order is not None else []
        return _payer_behind(session, rows, x_user_id) is not None


def disown(deps: Deps, reference: str, x_user_id: str, *, page: Lang | None = None) -> None:
    """Lock the wallet of whoever says that they did not pay this, and stop what can be stopped.

    What waits is cancelled, what is held goes back, payouts wait while the wallet is locked. An
    operator looks within a day; the phone is told, should it be somebody else who says so,
    in the language of the `page` that it is said on. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        order = orders.by_reference(session, reference)
        rows = cancel.lock(session, order) if order is not None else []
        person_id = _payer_behind(session, rows, x_user_id)
        if order is None or person_id is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        person = people.lock_persons(session, [person_id])[person_id]
        people.lock_wallet(session, person.id, f"{locks.NOT_ME}{order.reference}", at=at)
        browsers.shut_wallet(session, person.id)
        with suppress(Refusal):  # where nothing waits and nothing is held, there is the lock alone
            cancel.cancel_in(session, deps, order, rows, x_user_id, at)
        if _open_not_me(session, order, person, at=at):
            lang = lang_of_person(session, person, page=page)
            notify(
                session,
                person.phone,
                Reply.of("sms.locked_by_owner"),
                lang,
                person_id=person.id,
                at=at,
            )
            log.warning("not_me", order=order.reference, person=person.id, x_user_id=x_user_id)
    deps.step(Step.STOPPED)
    cancel.drive_wishes(deps, rows)
    deps.bells.outbox.set()


def _payer_behind(session: Session, rows: Collection[Row[Any]], x_user_id: str) -> int | None:
    """Return the person behind an X account, where one of these is theirs to pay, or was."""
    me = parties.behind(session, x_user_id)
    return me.person_id if any(me.pays(row) for row in rows) else None


def _open_not_me(session: Session, order: Row[Any], person: Row[Any], *, at: datetime) -> bool:
    return cases.open_case(
        session,
        kind=NOT_ME,
        key=_not_me_key(order.id, person.id),
        person_id=person.id,
        order_id=order.id,
        detail=f"The payer of {order.reference} says that it was not them. The wallet is locked, "
        "what waited in it is cancelled and what was held is back. See that it is them by another "
        f"way than X; `smoney transfer show {order.reference}` says where the money went, `smoney "
        "transfer refund` gives back what its payee still has, `smoney person unlock` opens the "
        "wallet again.",
        opened_at=at,
        due_at=at + NOT_ME_LOOKED_AT_WITHIN,
    ) or cases.reopen(
        session,
        _not_me_key(order.id, person.id),
        at=at,
        due_at=at + NOT_ME_LOOKED_AT_WITHIN,
    )


def _not_me_key(order_id: int, person_id: int) -> str:
    return f"not-me:{order_id}:{person_id}"


def is_disowned(session: Session, order_id: int, person_id: int) -> bool:
    """Whether a person said that they did not pay this, and nobody has closed the case."""
    found = cases.by_keys(session, [_not_me_key(order_id, person_id)])
    return any(row.closed_at is None for row in found)
