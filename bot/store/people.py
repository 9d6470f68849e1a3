"""People and their X accounts: who somebody is, and what they chose."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, select, update
from sqlmodel import Session

from bot.domain import books
from bot.domain.commands import Lang
from bot.domain.levels import Level
from bot.store import ledger
from bot.store.engine import dialect_insert
from bot.store.sets import Statement
from bot.store.tables import Block, FormerHandle, Person, XAccount, core

persons = core(Person)
x_accounts = core(XAccount)
blocks = core(Block)
former_handles = core(FormerHandle)

COMMANDS_COUNTED: Final = timedelta(hours=1)
"""The span of `Policy.commands_an_hour`, from an account's first command on."""

# What is asked for each message is built once: that takes longer than the answer.
_ACCOUNT: Final = select(x_accounts).where(x_accounts.c.x_user_id == bindparam("account"))
_PERSON_OF: Final = (
    select(persons)
    .join(x_accounts, x_accounts.c.person_id == persons.c.id)
    .where(x_accounts.c.x_user_id == bindparam("account"))
)
_LOCK_PERSON_OF: Final = (
    select(persons)
    .where(
        persons.c.id
        == select(x_accounts.c.person_id)
        .where(x_accounts.c.x_user_id == bindparam("account"))
        .scalar_subquery()
    )
    # `key_share`: rows that refer to a person may be written meanwhile, as of an X account that was
    # just met. It vanishes on SQLite, where a writer is alone anyway.
    .with_for_update(key_share=True)
)
_ACCOUNTS: Final = select(x_accounts).where(
    x_accounts.c.x_user_id.in_(bindparam("accounts", expanding=True))
)
_ACCOUNT_IDS_OF: Final = (
    select(x_accounts.c.x_user_id)
    .where(x_accounts.c.person_id == bindparam("person"))
    .order_by(x_accounts.c.x_user_id)
)
_LOCK_ACCOUNTS: Final = (
    select(x_accounts.c.x_user_id)
    .where(x_accounts.c.x_user_id.in_(bindparam("accounts", expanding=True)))
    .order_by(x_accounts.c.x_user_id)
    .with_for_update(key_share=True)  # as above
)
_PERSON: Final = select(persons).where(persons.c.id == bindparam("person"))
_LOCK_PERSONS: Final = (
    select(persons)
    .where(persons.c.id.in_(bindparam("persons", expanding=True)))
    .order_by(persons.c.id)
    .with_for_update(key_share=True)  # as above
)
_PERSONS_BY_ACCOUNT: Final = (
    select(x_accounts.c.x_user_id, persons)
    .join(persons, x_accounts.c.person_id == persons.c.id)
    .where(x_accounts.c.x_user_id.in_(bindparam("accounts", expanding=True)))
)
_CHANGE_PERSON: Final = update(persons).where(persons.c.id == bindparam("person"))
_CHANGE_ACCOUNT: Final = update(x_accounts).where(x_accounts.c.x_user_id == bindparam("account"))
_TURNS_AWAY: Final = Statement(
    """
    SELECT payee.x_user_id FROM x_account payee
    WHERE payee.x_user_id = ANY(:payees text) AND EXISTS (
        SELECT 1 FROM block JOIN x_account own ON own.x_user_id = block.x_user_id
        WHERE (own.x_user_id = payee.x_user_id OR own.person_id = payee.person_id)
            AND block.blocked_x_user_id = ANY(:payers text) AND block.turns_money_away)
    """
)
_NEW: Final = Statement(
    """
    INSERT INTO person (phone, level, is_organisation, confirms_by_dm, since_sca_cents,
        sca_failures, sca_locks, consented_at, terms_version, created_at)
    VALUES (:phone, :level, FALSE, FALSE, 0, 0, 0, :at, :terms_version, :at)
    ON CONFLICT (phone) WHERE closed_at IS NULL DO NOTHING
    RETURNING id
    """
)
_ENDED: Final = Statement(
    """
    SELECT x_user_id, handle FROM x_account
    WHERE (x_user_id = :x_user_id AND handle <> :handle)
        OR (x_user_id <> :x_user_id AND handle = :handle)
    """
)
_TAKE_HANDLE: Final = Statement(
    "UPDATE x_account SET handle = NULL WHERE handle = :handle AND x_user_id <> :x_user_id"
)
_SEE: Final = Statement(
    """
    INSERT INTO x_account (x_user_id, handle, name, lang, wrote_dm_at, seen_at, commands,
        commands_since)
    VALUES (:x_user_id, :handle, :name, :lang, :wrote_dm_at, :seen_at, :commands, :commands_since)
    ON CONFLICT (x_user_id) DO UPDATE SET
        seen_at = excluded.seen_at,
        commands = CASE
            WHEN excluded.commands IS NULL THEN x_account.commands
            WHEN x_account.commands_since > :hour_ago THEN x_account.commands + 1
            ELSE 1 END,
        commands_since = CASE
            WHEN excluded.commands IS NULL OR x_account.commands_since > :hour_ago
                THEN x_account.commands_since
            ELSE excluded.commands_since END,
        handle = COALESCE(excluded.handle, x_account.handle),
        lang = COALESCE(excluded.lang, x_account.lang),
        wrote_dm_at = COALESCE(excluded.wrote_dm_at, x_account.wrote_dm_at),
        name = CASE WHEN excluded.name = '' THEN x_account.name ELSE excluded.name END
    """
)


def see(
    session: Session,
    x_user_id: str,
    *,
    at: datetime,
    handle: str | None = None,
    name: str = "",
    lang: Lang | None = None,
    wrote_dm_at: datetime | None = None,
    gave_command: bool = False,
) -> None:
    """Remember an X account; a handle that another account bore is taken from it.

    What each was called before is kept: whoever pays it reads of it. `gave_command`: it counts.
    """
    if handle is not None:
        _end_handles(session, x_user_id, handle, at)
    _SEE.touch(
        session,
        x_user_id=x_user_id,
        handle=handle,
        name=name,
        lang=lang,
        wrote_dm_at=wrote_dm_at,
        seen_at=at,
        commands=1 if gave_command else None,
        commands_since=at if gave_command else None,
        hour_ago=at - COMMANDS_COUNTED,
    )


def _end_handles(session: Session, x_user_id: str, handle: str, at: datetime) -> None:
    """Write down which handles end where this account bears this one: its own, and another's."""
    ended = _ENDED.run(session, x_user_id=x_user_id, handle=handle)
    if not ended:
        return
    rows = [{"x_user_id": row.x_user_id, "handle": row.handle, "until_at": at} for row in ended]
    session.execute(former_handles.insert(), rows)
    _TAKE_HANDLE.touch(session, x_user_id=x_user_id, handle=handle)


def last_handles(session: Session, x_user_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the handle that each account bore last before its present one, where it is kept."""
    rows = session.execute(
        select(former_handles)
        .where(former_handles.c.x_user_id.in_(set(x_user_ids)))
        .order_by(former_handles.c.id)
    )
    return {row.x_user_id: row for row in rows}


def bearers(
    session: Session, handles: Iterable[str], *, looked_up_since: datetime | None = None
) -> dict[str, str]:
    """Return who bears handles (lower case) now, as far as it was seen: X user ids by handle.

    `looked_up_since`: of those alone of whom X said so since then.
    """
    statement = select(x_accounts.c.handle, x_accounts.c.x_user_id).where(
        x_accounts.c.handle.in_(set(handles))
    )
    if looked_up_since is not None:
        statement = statement.where(x_accounts.c.looked_up_at > looked_up_since)
    return {row.handle: row.x_user_id for row in session.execute(statement)}


def prune_handles(session: Session, *, before: datetime) -> int:
    """Forget former handles that ended before; return how many."""
    statement = delete(former_handles).where(former_handles.c.until_at < before)
    return session.connection().execute(statement).rowcount


def account(session: Session, x_user_id: str) -> Row[Any] | None:
    """Return an X account's row."""
    return session.execute(_ACCOUNT, {"account": x_user_id}).one_or_none()


def account_named(session: Session, handle: str) -> Row[Any] | None:
    """Return the row of the account that was last seen with a handle (lower case)."""
    return session.execute(select(x_accounts).where(x_accounts.c.handle == handle)).first()


def accounts_by_id(session: Session, x_user_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the rows of X accounts, by id."""
    rows = session.execute(_ACCOUNTS, {"accounts": list(set(x_user_ids))})
    return {row.x_user_id: row for row in rows}


def account_ids_of(session: Session, person_id: int) -> list[str]:
    """Return the X user ids of a person's accounts."""
    return list(session.execute(_ACCOUNT_IDS_OF, {"person": person_id}).scalars())


def own_accounts(session: Session, x_user_id: str) -> list[str]:
    """Return all X accounts of the person behind one; itself alone where there is no wallet."""
    person = person_of(session, x_user_id)
    return account_ids_of(session, person.id) if person is not None else [x_user_id]


def person_of(session: Session, x_user_id: str) -> Row[Any] | None:
    """Return the person behind an X account, or None where there is no wallet."""
    return session.execute(_PERSON_OF, {"account": x_user_id}).one_or_none()


def person_by_id(session: Session, person_id: int) -> Row[Any] | None:
    """Return a person by their row's id."""
    return session.execute(_PERSON, {"person": person_id}).one_or_none()


def is_ready(person: Row[Any]) -> bool:
    """Whether the first time is behind a person: they said who they are, and have a wallet code."""
    return person.level != Level.UNVERIFIED.value and person.code_hash is not None


def is_under_age(person: Row[Any]) -> bool:
    """Whether a person said that they are under age, and no operator has decided since."""
    return person.under_age_at is not None and person.level == Level.UNVERIFIED.value


def person_by_phone(session: Session, phone: str) -> Row[Any] | None:
    """Return the person with a phone number (E.164), whose account is not closed."""
    return session.execute(
        select(persons).where(persons.c.phone == phone, persons.c.closed_at.is_(None))
    ).one_or_none()


def make_person(
    session: Session,
    *,
    phone: str,
    x_user_id: str,
    terms_version: str,
    at: datetime,
) -> int | None:
    """Make a person with a wallet behind an X account that is known; return the person's id.

    None where the phone is somebody's already: one phone is one person, and whoever wants to join
    them has more to prove.
    """
    # Of two accounts that prove one new phone at once, one waits here for the other's commit.
    made = _NEW.run(
        session, phone=phone, level=Level.UNVERIFIED.value, terms_version=terms_version, at=at
    )
    if not made:
        return None
    person_id: int = made[0].id
    ledger.open_accounts(session, [books.wallet(person_id)])
    link_account(session, x_user_id, person_id, at=at)
    return person_id


def link_account(session: Session, x_user_id: str, person_id: int, *, at: datetime) -> None:
    """Let an X account that is known name a person's wallet."""
    change_account(session, x_user_id, person_id=person_id, joined_at=at)


def change_person(session: Session, person_id: int, **values: object) -> None:
    """Set columns of a person."""
    session.execute(_CHANGE_PERSON, {"person": person_id, **values})


def lock_wallet(session: Session, person_id: int, reason: str, *, at: datetime) -> None:
    """Lock a wallet for review; one that is locked keeps its reason."""
    session.execute(
        update(persons)
        .where(persons.c.id == person_id, persons.c.locked_at.is_(None))
        .values(locked_at=at, locked_reason=reason)
    )


def change_account(session: Session, x_user_id: str, **values: object) -> None:
    """Set columns of an X account."""
    session.execute(_CHANGE_ACCOUNT, {"account": x_user_id, **values})


def lock_person_of(session: Session, x_user_id: str) -> Row[Any] | None:
    """Lock the person behind an X account and return their row; None where there is no wallet."""
    return session.execute(_LOCK_PERSON_OF, {"account": x_user_id}).one_or_none()


def lock_persons(session: Session, person_ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Lock persons, in the order of their ids, and return their rows."""
    rows = session.execute(_LOCK_PERSONS, {"persons": list(set(person_ids))})
    return {row.id: row for row in rows}


def persons_by_account(session: Session, x_user_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the persons behind X accounts, by X user id; those without a wallet are absent."""
    rows = session.execute(_PERSONS_BY_ACCOUNT, {"accounts": list(set(x_user_ids))})
    return {row.x_user_id: row for row in rows}


_OTHERS: Final = x_accounts.alias()
_GROUPS: Final = (
    select(x_accounts.c.x_user_id, _OTHERS.c.x_user_id.label("other"))
    .join(_OTHERS, _OTHERS.c.person_id == x_accounts.c.person_id)
    .where(x_accounts.c.x_user_id.in_(bindparam("accounts", expanding=True)))
)


def groups(session: Session, x_user_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return for each X account all accounts of its person, itself among them."""
    of_each = {one: {one} for one in x_user_ids}
    for row in session.execute(_GROUPS, {"accounts": list(of_each)}):
        of_each[row.x_user_id].add(row.other)
    return of_each


def lock_accounts(session: Session, x_user_ids: Iterable[str]) -> None:
    """Lock X accounts, in the order of their ids, as meeting them does; keys may point at them."""
    session.execute(_LOCK_ACCOUNTS, {"accounts": list(set(x_user_ids))}).all()


def block(
    session: Session,
    x_user_id: str,
    blocked_x_user_id: str,
    *,
    at: datetime,
    turns_money_away: bool = False,
) -> None:
    """Write down that the first wants no requests of the second; twice is once.

    `turns_money_away`: nor their money. A block that did so before goes on doing so.
    """
    insert = dialect_insert(session)(blocks).values(
        x_user_id=x_user_id,
        blocked_x_user_id=blocked_x_user_id,
        turns_money_away=turns_money_away,
        created_at=at,
    )
    pair = ["x_user_id", "blocked_x_user_id"]
    session.execute(
        insert.on_conflict_do_update(index_elements=pair, set_={"turns_money_away": True})
        if turns_money_away
        else insert.on_conflict_do_nothing(index_elements=pair)
    )


def unblock(session: Session, x_user_ids: Collection[str], blocked: Collection[str]) -> None:
    """Take back every block of the first accounts against the second."""
    session.execute(
        blocks.delete().where(
            blocks.c.x_user_id.in_(x_user_ids), blocks.c.blocked_x_user_id.in_(blocked)
        )
    )


def who_blocked(session: Session, x_user_ids: Collection[str], others: Collection[str]) -> set[str]:
    """Return which of the first accounts want no requests of one of the second."""
    return set(
        session.execute(
            select(blocks.c.x_user_id).where(
                blocks.c.x_user_id.in_(x_user_ids), blocks.c.blocked_x_user_id.in_(others)
            )
        ).scalars()
    )


def blocked_by(session: Session, x_user_ids: Collection[str]) -> dict[str, bool]:
    """Return whom some accounts blocked, the newest first, and whether their money as well."""
    found: dict[str, bool] = {}
    for row in session.execute(
        select(blocks).where(blocks.c.x_user_id.in_(x_user_ids)).order_by(blocks.c.id.desc())
    ):
        known = found.get(row.blocked_x_user_id, False)
        found[row.blocked_x_user_id] = known or row.turns_money_away
    return found


def who_turns_away(session: Session, payees: Collection[str], payers: Collection[str]) -> set[str]:
    """Return which of some accounts take no money from a person, who has blocked them for it.

    A block by any account of the payee's person counts.
    """
    return {row.x_user_id for row in _TURNS_AWAY.run(session, payees=payees, payers=payers)}
