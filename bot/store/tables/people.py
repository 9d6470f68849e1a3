"""People with their X accounts, and the workers' own rows."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.domain.levels import Level
from bot.store.types import REWRITTEN, BigId, UtcDateTime, check

_OPEN = text("closed_at IS NULL")


class Person(SQLModel, table=True):
    """Somebody with a wallet: one phone number, one or more X accounts."""

    __tablename__: ClassVar[str] = "person"
    __table_args__ = (
        check("ck_person_level", "level", Level),
        CheckConstraint("since_sca_cents >= 0", name="ck_person_since_sca"),
        Index("uq_person_phone", "phone", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        REWRITTEN,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    phone: str = Field(max_length=20)
    """E.164, checked by a code. Somebody new may have the number of who closed their account; it is
    empty once the law no longer wants it kept."""
    lang: str | None = Field(default=None, max_length=2)
    """The language they chose; None: that of their last command, which their X account keeps."""
    level: str = Field(default=Level.UNVERIFIED.value, max_length=10)
    first_names: str | None = Field(default=None, max_length=70)
    last_name: str | None = Field(default=None, max_length=70)
    born_on: date | None = None
    """As they declared it; with the names, what makes them `declared`."""
    under_age_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When they last declared a date of birth under age: while `unverified`, it stands."""
    under_age_born_on: date | None = None
    """The date that they declared then."""
    is_organisation: bool = False
    confirms_by_dm: bool = False
    since_sca_cents: int = Field(default=0, sa_type=BigInteger)
    """Paid without strong authentication since the last one (RTS 2018/389 art. 16 (b))."""
    sca_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When strong authentication last opened the wallet to its owner's eyes (art. 10): what may be
    said by message goes by it. A browser shows the wallet by what was opened there."""
    code_hash: str | None = Field(default=None, max_length=200)
    """Of the wallet code: slow and salted, over a keyed hash."""
    sca_failures: int = 0
    """Wrong tries since the last right one, of whichever factor (art. 4 (3) (b))."""
    sca_locks: int = 0
    """How often in a row `sca_failures` was full."""
    sca_locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a phone, a code, a passkey or an X account last changed: payouts wait."""
    consented_at: datetime = Field(sa_type=UtcDateTime)
    terms_version: str = Field(max_length=16)
    created_at: datetime = Field(sa_type=UtcDateTime)
    locked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    locked_reason: str | None = Field(default=None, max_length=200)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When they closed their account. It is locked as well from then on, for good: whatever looks
    at a lock looks at this."""


class XAccount(SQLModel, table=True):
    """An account on X that wrote to the bot, was named, or signed in."""

    __tablename__: ClassVar[str] = "x_account"

    x_user_id: str = Field(primary_key=True, max_length=32)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True, sa_type=BigId)
    handle: str | None = Field(default=None, max_length=15, index=True)
    """As last seen; only shown, never a key."""
    name: str = Field(default="", max_length=200)
    lang: str | None = Field(default=None, max_length=2)
    """The language of the last command that it gave, for who has not chosen one."""
    opted_out_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """They wrote `stop`: no reply and no DM until `start`."""
    looked_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When X was last asked about it, or whose handle it is: each such answer is paid for."""
    x_created_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was made on X, as X said then."""
    wrote_dm_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """They wrote a DM first: the bot may write to them."""
    joined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    commands: int | None = None
    """Commands of an hour, from `commands_since` on."""
    commands_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class FormerAccount(SQLModel, table=True):
    """An X account that was a person's until they closed their account."""

    __tablename__: ClassVar[str] = "former_account"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    joined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime = Field(sa_type=UtcDateTime)


class FormerHandle(SQLModel, table=True):
    """A handle that an X account bore until it was seen under another, or another under it."""

    __tablename__: ClassVar[str] = "former_handle"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    handle: str = Field(max_length=15)
    until_at: datetime = Field(sa_type=UtcDateTime)
    """When the change was seen; X tells of none."""


class Block(SQLModel, table=True):
    """A person who wants no requests from an X account, and maybe no money either."""

    __tablename__: ClassVar[str] = "block"
    __table_args__ = (UniqueConstraint("x_user_id", "blocked_x_user_id", name="uq_block_pair"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32)
    blocked_x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32)
    turns_money_away: bool = False
    """Whether their payments are refused as well: they had sent money that was not wanted."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class Case(SQLModel, table=True):
    """Something that an operator has to look at, with its clock."""

    __tablename__: ClassVar[str] = "case_file"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str = Field(max_length=40)
    key: str = Field(max_length=96, unique=True)
    """What it is about, so that it is opened once."""
    person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigId)
    order_id: int | None = Field(default=None, foreign_key="orders.id", sa_type=BigId)
    detail: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Heartbeat(SQLModel, table=True):
    """A worker's sign of life and the state of its stream."""

    __tablename__: ClassVar[str] = "heartbeat"

    worker: str = Field(primary_key=True, max_length=64)
    started_at: datetime = Field(sa_type=UtcDateTime)
    beat_at: datetime = Field(sa_type=UtcDateTime)
    stream_connected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stream_byte_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stream_post_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reconnects: int = 0


class Lease(SQLModel, table=True):
    """Who leads; the fence grows with each change of holder."""

    __tablename__: ClassVar[str] = "lease"

    name: str = Field(primary_key=True, max_length=32)
    holder: str = Field(max_length=64)
    fence: int = Field(default=1, sa_type=BigInteger)
    until_at: datetime = Field(sa_type=UtcDateTime)
