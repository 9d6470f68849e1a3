"""Changes to how a person proves who they are: told to every old channel, and payouts wait.

A thief who gets so far as to change a phone, a code, a passkey or an X account has what it takes to
pay out; a day in which the owner reads of it on the channels that were there before does not.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.replies import Reply
from bot.services import tell as telling
from bot.services.tell import News, lang_of_person
from bot.services.texts import notify
from bot.store import lost, people

PAYOUTS_WAIT: Final = timedelta(hours=24)
"""After a change, until money may leave for a bank account."""


def tell(
    session: Session,
    person: Row[Any],
    reply: Reply,
    *,
    key: str,
    at: datetime,
    page: Lang | None = None,
) -> None:
    """Tell a person's phone and X accounts, as they were before, of a change; payouts wait.

    Who entered without X by what has changed now has to enter anew.

    To be called before the change, in its commit, with the person locked. `key` names the change,
    `page` the language of the page that it was made on.
    """
    accounts = people.account_ids_of(session, person.id)
    lang = lang_of_person(session, person, page=page)
    notify(
        session, person.phone, Reply.of("sms.changed", what=reply), lang, person_id=person.id, at=at
    )
    whole = Reply.of("news.changed", what=reply)
    name = f"changed:{person.id}:{key}:{at.timestamp():.0f}"
    news = [News(f"{name}:{number}", one, whole, None) for number, one in enumerate(accounts)]
    telling.tell(session, news, at=at)
    people.change_person(session, person.id, changed_at=at)
    lost.shut_out(session, person.id)


def payouts_wait_until(person: Row[Any], at: datetime) -> datetime | None:
    """Return until when a change stops payouts; None where none does."""
    if person.changed_at is None or person.changed_at + PAYOUTS_WAIT <= at:
        return None
    until: datetime = person.changed_at + PAYOUTS_WAIT
    return until
