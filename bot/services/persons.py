"""What operators see and do about people: who they are, what was verified, and locked wallets."""

import re
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Row, select
from sqlmodel import Session

from bot.domain import books, sca
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import changes, disputes
from bot.services.deps import Deps
from bot.store import browsers, former, ledger, lost, people

Level = Literal["declared", "verified"]
Shown = dict[str, Any]
"""An object as it is printed."""
_NUMBER: Final = re.compile("person:([1-9][0-9]{0,17})")


def list_persons(deps: Deps) -> list[Shown]:
    """Return everybody with a wallet, and who closed theirs, the first to come first."""
    statement = select(people.persons).order_by(people.persons.c.id)
    with deps.store.read() as session:
        return [_shown(session, row) for row in session.execute(statement).all()]


def show_person(deps: Deps, handle_or_id: str) -> Shown:
    """Return a person by a handle or an X user id of theirs. Raises `Refusal`."""
    with deps.store.read() as session:
        return _shown(session, find(session, handle_or_id, or_closed=True))


def verify(
    deps: Deps, handle_or_id: str, *, level: Level, is_organisation: bool | None = None
) -> Shown:
    """Record what an operator verified; None leaves it as it was. Raises `Refusal`.

    It also decides over a date of birth under age, which stands only while somebody is unverified.
    """
    values: dict[str, object] = {"level": level}
    if is_organisation is not None:
        values["is_organisation"] = is_organisation
    with deps.store.write() as session:
        person = find(session, handle_or_id)
        people.change_person(session, person.id, **values)
        return _shown(session, find(session, handle_or_id))


def lock(deps: Deps, handle_or_id: str, reason: str) -> Shown:
    """Lock a wallet for review; one that is locked keeps its reason. Raises `Refusal`."""
    with deps.store.write() as session:
        person = find(session, handle_or_id)
        people.lock_persons(session, [person.id])
        people.lock_wallet(session, person.id, reason, at=deps.clock.now())
        browsers.shut_wallet(session, person.id)
        return _shown(session, find(session, handle_or_id))


def unlock(deps: Deps, handle_or_id: str) -> Shown:
    """Let a wallet pay and take again, and its owner's codes count. Raises `Refusal`."""
    with deps.store.write() as session:
        person = find(session, handle_or_id)
        people.lock_persons(session, [person.id])
        people.change_person(
            session,
            person.id,
            locked_at=None,
            locked_reason=None,
            sca_failures=0,
            sca_locks=0,
            sca_locked_until=None,
        )
        lost.open_door(session, person.id)
        browsers.shut_wallet(session, person.id)
        return _shown(session, find(session, handle_or_id))


def forget_code(deps: Deps, handle_or_id: str) -> Shown:
    """Let somebody who was recognised choose another wallet code, by their phone. Raises `Refusal`.

    Their codes count again, the old channels are told, and payouts wait for a day.
    """
    unlock(deps, handle_or_id)
    at = deps.clock.now()
    with deps.store.write() as session:
        known = find(session, handle_or_id)
        person = people.lock_persons(session, [known.id])[known.id]
        changes.tell(session, person, Reply.of("changed.code_forgotten"), key="forgot", at=at)
        people.change_person(session, person.id, code_hash=None)
        return _shown(session, find(session, handle_or_id))


def recover(deps: Deps, handle_or_id: str) -> Shown:
    """Take from a wallet what its disputes cost, as far as it holds it. Raises `Refusal`."""
    with deps.store.read() as session:
        person = find(session, handle_or_id, or_closed=True)
    recovered_cents = disputes.recover(deps, person.id)
    return show_person(deps, handle_or_id) | {"recovered_cents": recovered_cents}


def is_number(handle_or_id: str) -> bool:
    """Whether somebody is named by the number that lists have, which is never another's."""
    return _NUMBER.fullmatch(handle_or_id) is not None


def find(session: Session, handle_or_id: str, *, or_closed: bool = False) -> Row[Any]:
    """Return a person as `@handle`, by an X user id, or as `person:7`, by the number of lists.

    A word is a handle; bare figures are an X user id or a handle, and are refused where these are
    two people's. `or_closed`: also who closed their account; by their number alone where somebody
    else has their X account by now. Raises `Refusal`.
    """
    number = _NUMBER.fullmatch(handle_or_id)
    if number is not None:
        row = people.person_by_id(session, int(number[1]))
        if row is None or (row.closed_at is not None and not or_closed):
            raise Refusal(Reply.of("refusal.unknown_handle", handle=handle_or_id))
        return row
    wanted, accounts = handle_or_id.removeprefix("@").lower(), people.x_accounts.c
    ways = [accounts.handle == wanted]
    if re.fullmatch("[0-9]+", handle_or_id) is not None:
        ways.append(accounts.x_user_id == wanted)
    found = {row.id: row for way in ways for row in _behind(session, way, or_closed=or_closed)}
    if not found:
        raise Refusal(Reply.of("refusal.unknown_handle", handle=wanted))
    if len(found) > 1:
        raise Refusal(Reply.of("refusal.two_people", handle=handle_or_id))
    return next(iter(found.values()))


def _behind(session: Session, way: ColumnElement[bool], *, or_closed: bool) -> list[Row[Any]]:
    """Return whose wallet an X account names; who closed theirs, while it is nobody else's."""
    accounts = people.x_accounts
    found = session.execute(
        select(people.persons)
        .join(accounts, accounts.c.person_id == people.persons.c.id)
        .where(way)
    ).all()
    if found or not or_closed:
        return list(found)
    before = former.person_before(session, way)
    closed = people.person_by_id(session, before) if before is not None else None
    return [closed] if closed is not None else []


def _shown(session: Session, person: Row[Any]) -> Shown:
    is_closed = person.closed_at is not None
    ids = (former.accounts_of if is_closed else people.account_ids_of)(session, person.id)
    accounts = people.accounts_by_id(session, ids)
    door = lost.door(session, person.id)
    return {
        "person": person.id,
        "accounts": [{"x_user_id": one, "handle": accounts[one].handle} for one in ids],
        "phone": f"…{person.phone[-2:]}",
        "level": person.level,
        "first_names": person.first_names,
        "last_name": person.last_name,
        "born_on": person.born_on.isoformat() if person.born_on is not None else None,
        "under_age_at": _at(person.under_age_at),
        "under_age_born_on": (
            person.under_age_born_on.isoformat() if person.under_age_born_on is not None else None
        ),
        "organisation": person.is_organisation,
        "confirms_by_dm": person.confirms_by_dm,
        "balance_cents": ledger.balance(session, books.wallet(person.id)),
        "created_at": _at(person.created_at),
        "closed_at": _at(person.closed_at),
        "locked_at": _at(person.locked_at),
        "locked_reason": person.locked_reason,
        "codes_locked_until": _at(person.sca_locked_until),
        "codes_shut": sca.is_shut(person.sca_locks),
        "lost_door_locked_until": _at(door.locked_until) if door is not None else None,
        "lost_door_shut": door is not None and sca.is_shut(door.locks),
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
