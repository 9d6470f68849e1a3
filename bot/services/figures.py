"""What a wallet holds, asked by message: figures go out by direct message alone."""

from datetime import datetime

from sqlmodel import Session

from bot.domain import books
from bot.domain.replies import Reply
from bot.services.answers import HINT_PRIORITY, Incoming, answer
from bot.services.deps import Deps
from bot.store import ledger, people


def point_to_wallet(
    session: Session, deps: Deps, incoming: Incoming, what: str, at: datetime
) -> None:
    """Answer with the way to the wallet."""
    reply = Reply.of(f"wallet.{what}", url=incoming.own(f"{deps.public_url}/wallet"))
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def balance(session: Session, deps: Deps, incoming: Incoming, at: datetime) -> None:
    """Say the balance by DM alone, and only to who switched that on; else point to the wallet."""
    person = people.person_of(session, incoming.author_x_user_id)
    if incoming.is_public or person is None or not person.confirms_by_dm:
        point_to_wallet(session, deps, incoming, "balance", at)
        return
    cents = ledger.balance(session, books.wallet(person.id))
    reply = Reply.of("balance", balance_cents=cents, url=f"{deps.public_url}/wallet")
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)
