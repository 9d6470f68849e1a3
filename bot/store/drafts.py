"""Drafts: what an order of no transfer keeps, until its owner's tap makes the transfers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from bot.store.orders import orders
from bot.store.tables import Draft, DraftPerson, core

drafts = core(Draft)
named = core(DraftPerson)

_DRAFT_OF: Final = select(drafts).where(drafts.c.order_id == bindparam("order"))
_OPEN_OF: Final = update(drafts).where(
    drafts.c.order_id == bindparam("order"), drafts.c.ended_at.is_(None)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """What was understood of a command, and the accounts that it names, each with its handle.

    A split's total, to be shared; or what was wrong with an amount, and how it was written.
    """

    amount_cents: int | None
    note: str | None
    people: Sequence[tuple[str, str]]
    """X user id and handle."""
    misread: str | None = None
    amount_text: str | None = None


def put(session: Session, order_id: int, new: NewDraft, *, confirm_by: datetime) -> None:
    """Write an order's draft, open, in the place of one that an edit ended."""
    discard(session, order_id)
    session.execute(
        drafts.insert().values(
            order_id=order_id,
            amount_cents=new.amount_cents,
            misread=new.misread,
            amount_text=new.amount_text,
            note=new.note,
            confirm_by=confirm_by,
        )
    )
    rows = [
        {"order_id": order_id, "number": number, "x_user_id": x_user_id, "handle": handle}
        for number, (x_user_id, handle) in enumerate(new.people, start=1)
    ]
    session.execute(named.insert(), rows)


def open_among(session: Session, order_ids: Collection[int]) -> set[int]:
    """Return which of these orders have a draft that still can be filled in."""
    is_open = drafts.c.order_id.in_(order_ids) & drafts.c.ended_at.is_(None)
    return set(session.execute(select(drafts.c.order_id).where(is_open)).scalars())


def discard(session: Session, order_id: int) -> None:
    """Forget an order's draft: an edit has put something else in its place."""
    session.execute(named.delete().where(named.c.order_id == order_id))
    session.execute(drafts.delete().where(drafts.c.order_id == order_id))


def of(session: Session, order_id: int) -> Row[Any] | None:
    """Return an order's draft. Who writes it has locked the order."""
    return session.execute(_DRAFT_OF, {"order": order_id}).one_or_none()


def people_of(session: Session, order_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Return whom drafts name, in the order in which their commands did."""
    return session.execute(
        select(named)
        .where(named.c.order_id.in_(order_ids))
        .order_by(named.c.order_id, named.c.number)
    ).all()


def end(session: Session, order_id: int, outcome: str, *, at: datetime) -> bool:
    """End a draft that is open; False where it has ended already."""
    values = {"ended_at": at, "outcome": outcome, "amount_text": None}
    return session.connection().execute(_OPEN_OF, {"order": order_id, **values}).rowcount == 1


def choose(session: Session, order_id: int, *, amount_cents: int, note: str | None) -> None:
    """Write the total that a misread split was meant to have: its shares can be shown now."""
    values = {"amount_cents": amount_cents, "note": note, "misread": None, "amount_text": None}
    session.execute(_OPEN_OF, {"order": order_id, **values})


def extend(session: Session, order_id: int, *, confirm_by: datetime) -> None:
    """Give the owner of an open draft their time from its answer on."""
    session.execute(_OPEN_OF, {"order": order_id, "confirm_by": confirm_by})


def expire(session: Session, *, at: datetime) -> int:
    """End the drafts whose time is over; return how many."""
    statement = (
        update(drafts)
        .where(drafts.c.ended_at.is_(None), drafts.c.confirm_by <= at)
        .values(ended_at=at, outcome="expired", amount_text=None)
    )
    return session.connection().execute(statement).rowcount


def open_of(session: Session, x_user_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the drafts of these accounts that still wait for their tap, the newest first."""
    return session.execute(
        select(drafts, orders.c.reference, orders.c.kind)
        .join(orders, orders.c.id == drafts.c.order_id)
        .where(orders.c.owner_x_user_id.in_(x_user_ids), drafts.c.ended_at.is_(None))
        .order_by(drafts.c.order_id.desc())
    ).all()
