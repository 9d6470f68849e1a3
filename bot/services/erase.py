"""The right to be forgotten, by an operator's hand (GDPR art. 17), and what the law keeps from it.

The account is closed first: who has a wallet is a customer. What somebody wrote goes at once; who
they were and what was booked stays while the law wants it (art. 17 (3) (b)).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from sqlalchemy import Row

from bot.domain.errors import Refusal, Rejected
from bot.domain.replies import Reply
from bot.services import closing, persons
from bot.services.deps import Deps
from bot.services.prune import BOOKS_KEPT_YEARS, IDENTITY_KEPT_YEARS, years_later
from bot.store import erasing, former, inbox
from bot.store.former import Who

log = structlog.get_logger(__name__)

FORGOTTEN: Final = "its writer closed their account and wished it forgotten"
"""Why a message is not read any more."""
READ_AT_ONCE: Final = 500
"""Inbox rows that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept though its owner asked for its end, and until when."""

    what: Literal["identity", "books"]
    """Who they are (Code monétaire et financier, L.561-12), or what was booked (Code de commerce,
    L.123-22)."""
    until: datetime


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did."""

    person: int
    erased: dict[str, int]
    """How many rows lost their words, by what they were."""
    kept: tuple[Kept, ...]


def erase(deps: Deps, handle_or_id: str, *, close: bool = False) -> Erased:
    """Forget what of a closed person's no law keeps; `close`: close the account first.

    Who is to be closed is named by their number: a handle may be somebody else's by now. Twice
    changes nothing. Raises `Refusal` where the account is open, or cannot be closed.
    """
    if close and not persons.is_number(handle_or_id):
        raise Refusal(Reply.of("refusal.erase_by_number"))
    with deps.store.read() as session:
        person = persons.find(session, handle_or_id, or_closed=True)
    if person.closed_at is None:
        if not close:
            raise Refusal(Reply.of("refusal.not_closed"))
        closing.close_by_operator(deps, person.id)
    unread = _unread(deps, person.id)
    with deps.store.write() as session:
        person = persons.find(session, f"person:{person.id}", or_closed=True)
        dropped = inbox.forget(session, unread, at=deps.clock.now(), reason=FORGOTTEN)
        erased = erasing.erase(session, former.who(session, person))
        erased["messages_received"] += dropped
    log.info("person_erased", person=person.id, **erased)
    return Erased(person.id, erased, _kept(person))


def _unread(deps: Deps, person_id: int) -> list[int]:
    """Return the inbox rows of a closed person's that say nothing of who wrote them yet.

    Nothing that waits there is done any more: an account that is closed orders nothing.
    """
    found: list[int] = []
    after = 0
    with deps.store.read() as session:
        who = former.who(session, persons.find(session, f"person:{person_id}", or_closed=True))
    while True:
        with deps.store.read() as session:
            rows = inbox.of_nobody_yet(session, after=after, limit=READ_AT_ONCE)
        found += [row.id for row in rows if _wrote(deps, who, row)]
        if len(rows) < READ_AT_ONCE:
            return found
        after = rows[-1].id


def _wrote(deps: Deps, who: Who, row: Row[Any]) -> bool:
    """Whether somebody wrote what an inbox row holds; nobody, where it cannot be read."""
    try:
        author = (
            deps.decoder.post(row.body).author_id
            if row.source == "post"
            else deps.decoder.message(row.body).sender_id
        )
    except Rejected:
        return False
    return who.had(author, row.happened_at or row.received_at)


def _kept(person: Row[Any]) -> tuple[Kept, ...]:
    ended: datetime = person.closed_at
    identity = Kept("identity", years_later(ended, IDENTITY_KEPT_YEARS))
    # From the end of the accounting year, here the calendar's.
    books = Kept("books", datetime(ended.year + BOOKS_KEPT_YEARS + 1, 1, 1, tzinfo=UTC))
    return (identity, books) if person.phone else (books,)
