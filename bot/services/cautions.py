"""What protects a payer from the wrong person, said beside each payee before they confirm.

A payee is an X user id, a handle is only what it is called. So a first payment is said, and a name
that changed, that another account bears by now, or that looks like somebody else's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.lookalike import look_alike
from bot.domain.replies import Reply
from bot.services import lookup
from bot.services.deps import Deps
from bot.services.tell import News, shown, tell
from bot.store import orders, payees, people

NEW_FOR: Final = timedelta(days=30)
"""How long an account on X is new: impostors rarely wait."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What a payer should know about one payee."""

    is_first: bool
    """Whether this person pays this account for the first time."""
    since: datetime | None
    """At a first payment: when the account was made, as far as X has said."""
    is_new: bool
    former: str | None
    """The handle that it had before, and `former_until`."""
    former_until: datetime | None
    looks_like: str | None
    """The handle of somebody else, whom this person has paid before, that looks like this one."""
    same_name: bool
    """Whether this person has paid another account that was called the same."""
    moved: str | None
    """The handle that the message named, where another account bears it by now."""

    @property
    def warns(self) -> bool:
        """Whether this may well be another than whom the payer means."""
        return self.looks_like is not None or self.same_name or self.moved is not None


def learn_payees(deps: Deps, reference: str, x_user_id: str) -> None:
    """Ask X about whom a payer is about to pay by an order for the first time, once a day.

    One user read is what the age of an account costs, and its present name comes with it.
    """
    with deps.store.read() as session:
        order = orders.by_reference(session, reference)
        if order is None:
            return
        since = deps.clock.now() - lookup.KEPT
        person = people.person_of(session, x_user_id)
        person_id = person.id if person is not None else None
        unknown = payees.to_look_up(session, order.id, x_user_id, person_id, not_since=since)
    lookup.look_up(deps, unknown)


def of_each(
    session: Session, rows: Sequence[Row[Any]], payer: Row[Any] | None, at: datetime
) -> dict[int, Caution]:
    """Return what a payer should know of each transfer, by its number; None: they have no wallet.

    What they paid counts from whichever of their X accounts; a payee is an account, no more: that
    two of them are one person's is nobody else's business.
    """
    accounts = people.accounts_by_id(session, [row.payee_x_user_id for row in rows])
    former = people.last_handles(session, accounts)
    paid = _Paid(session, payer)
    moved = moved_handles(session, rows)
    return {
        row.number: _of(row, accounts.get(row.payee_x_user_id), former, paid, moved.get(row.id), at)
        for row in rows
    }


class _Paid:
    """Whom a person paid before: under which names, and since which transfer."""

    def __init__(self, session: Session, payer: Row[Any] | None) -> None:
        self.first: dict[str, int] = {}
        self.names: dict[str, set[str]] = {}
        for row in payees.paid(session, payer.id) if payer is not None else ():
            known = self.first.get(row.payee_x_user_id, row.first_id)
            self.first[row.payee_x_user_id] = min(known, row.first_id)
            if row.payee_handle:
                self.names.setdefault(row.payee_x_user_id, set()).add(row.payee_handle.lower())
        for one, account in people.accounts_by_id(session, self.first).items():
            if account.handle:
                self.names.setdefault(one, set()).add(account.handle)

    def before(self, x_user_id: str) -> Iterable[str]:
        """Yield the names of everybody else who was paid before this account first was."""
        first = self.first.get(x_user_id)
        for one, since in self.first.items():
            if one != x_user_id and (first is None or since < first):
                yield from sorted(self.names.get(one, ()))


def _of(
    row: Row[Any],
    account: Row[Any] | None,
    former: dict[str, Row[Any]],
    paid: _Paid,
    moved: str | None,
    at: datetime,
) -> Caution:
    name = shown(account, row.payee_handle).lower()
    is_first = row.payee_x_user_id not in paid.first
    since = account.x_created_at if account is not None and is_first else None
    was = former.get(row.payee_x_user_id)
    known = list(paid.before(row.payee_x_user_id))
    return Caution(
        is_first=is_first,
        since=since,
        is_new=since is not None and since > at - NEW_FOR,
        former=was.handle if was is not None and was.handle != name else None,
        former_until=was.until_at if was is not None else None,
        looks_like=next((one for one in known if look_alike(one, name)), None),
        same_name=name in known,
        moved=moved,
    )


def moved_handles(session: Session, rows: Sequence[Row[Any]]) -> dict[int, str]:
    """Return the handles, by transfer, that name another X account by now than when it was made."""
    named = {row.id: row.payee_handle.lower() for row in rows if row.payee_handle}
    bearers = people.bearers(session, named.values())
    payee = {row.id: row.payee_x_user_id for row in rows}
    return {
        transfer_id: handle
        for transfer_id, handle in named.items()
        if handle in bearers and bearers[handle] != payee[transfer_id]
    }


def is_named_only(session: Session, order: Row[Any], x_user_id: str, handle: str) -> bool:
    """Whether an order holds money for another account that it named by this one's handle."""
    held = payees.held_for_another(session, handle.lower(), x_user_id)
    return any(row.order_id == order.id for row in held)


def tell_of_move(
    session: Session, deps: Deps, x_user_id: str, handle: str, *, at: datetime
) -> bool:
    """Tell whose money waits for an account that bore this handle before: it stays where it is.

    Returns whether there is anybody to tell; each is told once.
    """
    rows = payees.held_for_another(session, handle, x_user_id)
    parents = orders.by_ids(session, {row.order_id for row in rows})
    news = []
    for row in rows:
        reference = parents[row.order_id].reference
        reply = Reply.of(
            "news.payer.moved",
            handle=handle,
            amount_cents=row.amount_cents,
            reference=reference,
            url=f"{deps.public_url}/t/{reference}",
        )
        key = f"transfer:{row.id}:moved:{x_user_id}:payer"
        news.append(News(key, row.payer_x_user_id, reply, row.order_id))
    return bool(news) and tell(session, news, at=at) > 0
