"""Asking others for money: how many strangers a person may ask, who wants no requests, who asks.

Both are counted by person and decided when the command is read, under the locks of `lock_parties`.
A request takes nothing from whoever is asked: no counter and no limit of theirs knows of it before
they confirm. They are told by direct message where X allows one, once a day by each asker (ADR 45).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import lookup
from bot.services.answers import ASKED_PRIORITY
from bot.services.deps import Deps
from bot.services.tell import News, tell
from bot.store import asked, people
from bot.store.orders import NewTransfer

_ASKED: Final = "asked:"
"""How the key of that message begins."""
A_DAY: Final = timedelta(days=1)
"""The window of `limits.REQUESTS_TO_STRANGERS_A_DAY`."""


def learn_askers(deps: Deps, x_user_id: str) -> None:
    """Look up who asks a visitor for money, once a day for each, when the visitor comes to read it.

    Whoever pays must read whom they pay, and X names no writer of a post. No user is read on the
    way to the reply: most who ask are known by then, or what they ask for is never opened.
    """
    with deps.store.read() as session:
        since = deps.clock.now() - lookup.KEPT
        unknown = asked.nameless_askers(session, x_user_id, not_since=since)
    lookup.look_up(deps, unknown)


def lock_parties(session: Session, me: str, others: Sequence[str]) -> Row[Any] | None:
    """Let nobody else count what a person asks for, or block them, meanwhile; return the person.

    X accounts come before every other row that is locked (top-ups, confirmations, transfers), in
    the order of their ids, then the person: a message has locked its accounts by meeting them.
    """
    people.lock_accounts(session, [me, *others])
    return people.lock_person_of(session, me)


def check(session: Session, me: str, others: Sequence[tuple[str, str]], at: datetime) -> None:
    """Check whether a person may ask these others, each a handle and an X id, for money.

    For a request, and for a split when its asker taps. The caller holds the locks of
    `lock_parties`. Raises `Refusal`.
    """
    mine = people.own_accounts(session, me)
    groups = people.groups(session, [x_user_id for _handle, x_user_id in others])
    unwilling = people.who_blocked(session, {one for some in groups.values() for one in some}, mine)
    if any(groups[x_user_id] & unwilling for _handle, x_user_id in others):
        # In public above all: it names nobody, and does not tell of the block.
        raise Refusal(Reply.of("refusal.cannot_ask"))
    waiting = asked.asked_since(session, mine, since=at - A_DAY)
    groups |= people.groups(session, [x_user_id for _order, x_user_id in waiting])
    paid = asked.who_paid(session, {one for some in groups.values() for one in some}, mine)
    strangers = {x_user_id for x_user_id, some in groups.items() if not some & paid}
    if any(x_user_id in strangers for _handle, x_user_id in others):
        limits.check_strangers(len({order for order, one in waiting if one in strangers}))


def tell_asked(
    session: Session, deps: Deps, order: Row[Any], new: Sequence[NewTransfer], at: datetime
) -> None:
    """Tell everybody whom an order asks for money who asks, how much, and where to answer.

    One message a UTC day from one person to one account, whatever they ask for, cancel or edit: the
    next request stands in the wallet. An asker whose handle was never seen is named on the page.
    """
    me = order.owner_x_user_id
    asker = people.account(session, me)
    url = f"{deps.public_url}/t/{order.reference}"
    named = asker.handle if asker is not None else None
    who = {"handle": named} if named else {}
    key = "news.asked" if named else "news.asked.nameless"
    day = f"{_ASKED}{min(people.own_accounts(session, me))}:{at:%Y-%m-%d}"
    news = [
        News(
            f"{day}:{one.payer_x_user_id}",
            one.payer_x_user_id,
            Reply(key, {"amount_cents": one.amount_cents, "url": url, **who}),
            order.id,
            priority=ASKED_PRIORITY,
        )
        for one in new
    ]
    tell(session, news, at=at)


def is_moot(deps: Deps, letter: Row[Any]) -> bool:
    """Whether a message tells somebody that they are asked for what has ended, or changed since."""
    if not letter.key.startswith(f"dm:{_ASKED}"):
        return False
    with deps.store.read() as session:
        return not asked.still_waits(
            session, letter.order_id, letter.to_x_user_id, at=letter.created_at
        )
