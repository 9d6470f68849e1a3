"""Letters about a fact, for the outbox: in the reader's language, and only where X's rules allow.

A direct message goes only to somebody who wrote one first and has not written `stop` since; who
cannot be told reads it in the wallet.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.replies import Reply
from bot.i18n.texts import say
from bot.store import people
from bot.store.outbox import Letter, put

NEWS_PRIORITY: Final = 4
"""Of a message that nobody waits for; what somebody waits for goes first."""


class News(NamedTuple):
    """A fact for one person: `key` names it once and for all."""

    key: str
    x_user_id: str
    reply: Reply
    order_id: int | None
    person_id: int | None = None
    """Whose wallet it is about: told while the account names it, not to who has the account next.
    """
    priority: int = NEWS_PRIORITY


def may_message(account: Row[Any] | None) -> bool:
    """Whether X's rules allow a direct message to an account."""
    return account is not None and account.wrote_dm_at is not None and account.opted_out_at is None


def tell(session: Session, news: list[News], *, at: datetime) -> int:
    """Put direct messages about facts into the outbox, for those who may be written to."""
    ids = {one.x_user_id for one in news}
    persons = people.persons_by_account(session, ids)
    readers = {
        x_user_id: _lang(persons.get(x_user_id), account)
        for x_user_id, account in people.accounts_by_id(session, ids).items()
        if may_message(account)
    }
    return put(session, letters((one for one in news if _is_theirs(one, persons)), readers), at=at)


def _is_theirs(news: News, persons: Mapping[str, Row[Any]]) -> bool:
    person = persons.get(news.x_user_id)
    return news.person_id is None or (person is not None and person.id == news.person_id)


def tell_declined(
    session: Session, order: Row[Any], transfer_id: int, *, public_url: str, at: datetime
) -> None:
    """Tell who asked that a payer said no: once for what was declined, by its newest transfer."""
    url = f"{public_url}/t/{order.reference}"
    reply = Reply.of("news.asker.declined", reference=order.reference, url=url)
    key = f"transfer:{transfer_id}:declined:asker"
    tell(session, [News(key, order.owner_x_user_id, reply, order.id)], at=at)


def letters(news: Iterable[News], readers: Mapping[str, Lang]) -> Iterator[Letter]:
    """Write direct messages about facts, for those who may be written to, in their language."""
    for one in news:
        lang = readers.get(one.x_user_id)
        if lang is not None:
            yield Letter(
                key=f"dm:{one.key}",
                channel="dm",
                text=say(one.reply, lang, public=False),
                priority=one.priority,
                to_x_user_id=one.x_user_id,
                order_id=one.order_id,
            )


def lang_of(session: Session, x_user_id: str) -> Lang:
    """Return the language in which to speak to an account about what it did not just write."""
    return _lang(people.person_of(session, x_user_id), people.account(session, x_user_id))


def lang_of_person(session: Session, person: Row[Any], *, page: Lang | None = None) -> Lang:
    """Return the language in which to speak to a person, whichever X accounts are left to them.

    What they caused on a page is told in that page's, if they chose none: it is what they read now.
    """
    if page is not None:
        return lang_for(person.lang, page)
    accounts = people.account_ids_of(session, person.id)
    return _lang(person, people.account(session, accounts[0]) if accounts else None)


def _lang(person: Row[Any] | None, account: Row[Any] | None) -> Lang:
    return lang_for(
        person.lang if person is not None else None, account.lang if account is not None else None
    )


def lang_for(chosen: Lang | None, spoken: Lang | None) -> Lang:
    """Return the person's choice, else the language that they used last, else French.

    Never the other party's: an order's own language is that of whoever ordered it.
    """
    return chosen or spoken or "fr"


def shown(account: Row[Any] | None, handle: str | None = None) -> str:
    """Name an account: its handle as last seen, else as the command named it, else its id."""
    if account is not None and account.handle:
        return str(account.handle)
    return handle or (str(account.x_user_id) if account is not None else "?")
