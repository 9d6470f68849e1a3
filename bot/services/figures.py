"""What a wallet holds and what happened there, asked by message.

Figures go out by direct message alone, to who switched that on: the switch of "confirmation by
direct message", which lets whoever holds the X account do more than read. Its page says both.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books, sca
from bot.domain.replies import Reply
from bot.domain.transfer import TransferStatus
from bot.services.answers import HINT_PRIORITY, Incoming, answer
from bot.services.deps import Deps
from bot.services.wallet import Line, lines_of
from bot.store import activity, ledger, people

LINES: Final = 5
"""Lines of history in a direct message: it is read on a phone, and the wallet has them all."""
_MOVED: Final = (TransferStatus.POSTED.value, TransferStatus.HELD.value)


def point_to_wallet(
    session: Session, deps: Deps, incoming: Incoming, what: str, at: datetime
) -> None:
    """Answer with the way to the wallet."""
    reply = Reply.of(f"wallet.{what}", url=incoming.own(f"{deps.public_url}/wallet"))
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def balance(session: Session, deps: Deps, incoming: Incoming, at: datetime) -> None:
    """Say the balance by DM alone, and only to who switched that on; else point to the wallet."""
    person = _may_read(session, deps, incoming, "balance", at)
    if person is not None:
        cents = ledger.balance(session, books.wallet(person.id))
        reply = Reply.of("balance", balance_cents=cents, url=f"{deps.public_url}/wallet")
        answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def history(session: Session, deps: Deps, incoming: Incoming, at: datetime) -> None:
    """Say what happened last, under the same conditions."""
    person = _may_read(session, deps, incoming, "history", at)
    if person is None:
        return
    mine = people.account_ids_of(session, person.id)
    rows = activity.ended(session, mine, person_id=person.id, limit=LINES, with_held=True)
    accounts = people.accounts_by_id(
        session, {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}
    )
    lines = tuple(_said(one) for one in lines_of(session, rows, accounts, person.id, mine))
    url = f"{deps.public_url}/wallet"
    reply = (
        Reply.of("history", lines=lines, url=url) if lines else Reply.of("history.none", url=url)
    )
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _may_read(
    session: Session, deps: Deps, incoming: Incoming, what: str, at: datetime
) -> Row[Any] | None:
    """Return whose figures may be said here; else answer with where they are."""
    person = people.person_of(session, incoming.author_x_user_id)
    if incoming.is_public or person is None:
        point_to_wallet(session, deps, incoming, what, at)
        return None
    if not person.confirms_by_dm:
        point_to_wallet(session, deps, incoming, f"{what}.off", at)
        return None
    if not sca.may_look(person.opened_at, at):
        point_to_wallet(session, deps, incoming, what, at)
        return None
    return person


def _said(line: Line) -> Reply:
    """Put a line into a sentence: with its sign where money moved, else with the bare amount."""
    moved = line.status in _MOVED
    return Reply.of(
        "history.line.moved" if moved else "history.line",
        ended_on=line.at,
        signed_cents=line.amount_cents,
        amount_cents=abs(line.amount_cents),
        handle=line.other_handle,
        status=Reply.of(line.said),
    )
