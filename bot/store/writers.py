"""Who writes to the bot: how much they have asked for of late, and how often they were answered.

Counted by person, whichever of their X accounts they write from.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, func, or_, select
from sqlmodel import Session

from bot.store.outbox import outbox
from bot.store.people import COMMANDS_COUNTED, persons, x_accounts

ANSWERS_COUNTED: Final = timedelta(hours=1)
"""The span in which the answers to one person in one conversation are counted."""

_OWN: Final = x_accounts.alias()
_IS_OWN: Final = or_(
    _OWN.c.x_user_id == x_accounts.c.x_user_id, _OWN.c.person_id == x_accounts.c.person_id
)
# What is asked for each message is built once: that takes longer than the answer.
_WRITER: Final = select(
    x_accounts,
    select(func.coalesce(func.sum(_OWN.c.commands), 0))
    .where(_IS_OWN, _OWN.c.commands_since > bindparam("since"))
    .scalar_subquery()
    .label("commands_of_person"),
).where(x_accounts.c.x_user_id == bindparam("account"))
_ANSWERED: Final = (
    select(
        persons.c.id.label("person_id"),
        persons.c.lang,
        select(outbox.c.id)
        .where(
            outbox.c.to_x_user_id == x_accounts.c.x_user_id,
            outbox.c.order_id.is_not(None),
            outbox.c.key != bindparam("key"),
        )
        .exists()
        .label("had_link"),
        select(func.count())
        .select_from(outbox.join(_OWN, _OWN.c.x_user_id == outbox.c.to_x_user_id))
        .where(
            _IS_OWN,
            outbox.c.conversation_id == bindparam("conversation"),
            outbox.c.created_at > bindparam("since"),
            outbox.c.key != bindparam("key"),
            outbox.c.status.in_(("waiting", "sent")),
        )
        .scalar_subquery()
        .label("answers"),
    )
    .join_from(x_accounts, persons, and_(persons.c.id == x_accounts.c.person_id), isouter=True)
    .where(x_accounts.c.x_user_id == bindparam("account"))
)


def writer(session: Session, x_user_id: str, *, at: datetime) -> Row[Any]:
    """Return the row of an account that was met, with the `commands_of_person` of an hour."""
    values = {"account": x_user_id, "since": at - COMMANDS_COUNTED}
    return session.execute(_WRITER, values).one()


def commands_of(session: Session, x_user_id: str, *, at: datetime) -> int:
    """Return how many commands of an hour a person gave; 0 for an account that is new to us."""
    values = {"account": x_user_id, "since": at - COMMANDS_COUNTED}
    row = session.execute(_WRITER, values).one_or_none()
    return 0 if row is None else int(row.commands_of_person)


def answered(
    session: Session, x_user_id: str, *, key: str, conversation_id: str | None, at: datetime
) -> Row[Any]:
    """Say how an account was answered, the message `key` aside.

    `person_id` and `lang` are those of its person, or None; `had_link`: whether it was ever sent
    the link of an order; `answers`: to its person in a conversation in `ANSWERS_COUNTED`.
    """
    values = {
        "account": x_user_id,
        "key": key,
        "conversation": conversation_id,
        "since": at - ANSWERS_COUNTED,
    }
    return session.execute(_ANSWERED, values).one()
