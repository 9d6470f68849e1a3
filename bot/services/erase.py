"""The right to be forgotten, by an operator's hand (GDPR art. 17), and what the law keeps from it.

The account is closed first: who has a wallet is a customer. What somebody wrote goes at once; who
they were and what was booked stays while the law wants it (art. 17 (3) (b)).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from sqlalchemy import Row

from bot.domain.commands import Start, Stop
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import closing, hear, nameless, persons
from bot.services.answers import hush
from bot.services.deps import Deps
from bot.services.prune import BOOKS_KEPT_YEARS, IDENTITY_KEPT_YEARS, years_later
from bot.services.whoami import bot_account
from bot.store import erasing, former, inbox

log = structlog.get_logger(__name__)

FORGOTTEN: Final = "its writer closed their account and wished it forgotten"
"""Why a message is not read any more."""


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
    unread, silent = _unread(deps, person.id)
    at = deps.clock.now()
    with deps.store.write() as session:
        person = persons.find(session, f"person:{person.id}", or_closed=True)
        who = replace(former.who(session, person), unread=unread)
        dropped = erasing.forget_messages(session, who, at=at, reason=FORGOTTEN)
        for x_user_id in sorted(silent):
            hush(session, x_user_id, at)
        erased = {"messages_received": dropped} | erasing.erase(session, who)
    log.info("person_erased", person=person.id, **erased)
    return Erased(person.id, erased, _kept(person))


def _unread(deps: Deps, person_id: int) -> tuple[list[int], list[str]]:
    """Return a closed person's inbox rows that name no writer, and which X accounts say `stop`.

    All else that waits there is not done any more: an account that is closed orders nothing. But
    whoever asked to be left alone is, though what they wrote is gone; their last word counts.
    """
    with deps.store.read() as session:
        who = former.who(session, persons.find(session, f"person:{person_id}", or_closed=True))
        bot = bot_account(session)
    unread: list[int] = []
    last: dict[str, Stop | Start] = {}
    for row, said in nameless.written_by(deps, who):
        unread.append(row.id)
        if bot is None or row.status not in inbox.UNREAD:
            continue
        word = hear.about_silence(deps, said, bot)
        if word is not None:
            last[nameless.writer(said)] = word
    return unread, [one for one, word in last.items() if isinstance(word, Stop)]


def _kept(person: Row[Any]) -> tuple[Kept, ...]:
    ended: datetime = person.closed_at
    identity = Kept("identity", years_later(ended, IDENTITY_KEPT_YEARS))
    # From the end of the accounting year, here the calendar's.
    books = Kept("books", datetime(ended.year + BOOKS_KEPT_YEARS + 1, 1, 1, tzinfo=UTC))
    return (identity, books) if person.phone else (books,)
