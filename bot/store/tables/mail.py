"""What came in and what is to go out: inbox, outbox, and how far each source was read."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from bot.domain.x_bill import COUNTED
from bot.store.types import BigId, UtcDateTime, check, reference

INBOX_SOURCES = ("post", "dm", "stripe")
INBOX_STATUSES = ("waiting", "done", "ignored", "dead")
OUTBOX_CHANNELS = ("reply", "dm")
_READ = sql("author_x_user_id IS NOT NULL")
OUTBOX_STATUSES = ("waiting", "sent", "dead", "dropped")


class InboxRow(SQLModel, table=True):
    """Something that came in. Unique by source and that source's id: what comes twice is one."""

    __tablename__: ClassVar[str] = "inbox"
    __table_args__ = (
        UniqueConstraint("source", "source_id", name="uq_inbox_source_id"),
        check("ck_inbox_source", "source", INBOX_SOURCES),
        check("ck_inbox_status", "status", INBOX_STATUSES),
        Index("ix_inbox_queue", "status", "source", "id"),
        # Of what was not read yet, and of what was pruned, nobody's is looked for.
        Index("ix_inbox_author", "author_x_user_id", sqlite_where=_READ, postgresql_where=_READ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str = Field(max_length=8)
    source_id: str = Field(max_length=64)
    body: str | None = Field(default=None, sa_type=Text)
    """As it came; pruned after 30 days, the row stays."""
    author_x_user_id: str | None = Field(default=None, max_length=32)
    """Who wrote it, from its reading on and as long as its body is kept."""
    happened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    status: str = Field(default="waiting", max_length=8)
    attempts: int = 0
    """Leases, by which a reader that was too slow is told from the one that has the row now."""
    tries: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """How often it failed by a mistake of ours; many make it dead."""
    next_attempt_at: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = Field(default=None, max_length=300)
    """Why it was ignored, or died."""


class PostVersion(SQLModel, table=True):
    """An edited post that was read: another id than the first version's, of the same post."""

    __tablename__: ClassVar[str] = "post_version"

    version_id: str = Field(primary_key=True, max_length=32)
    post_id: str = Field(max_length=32, index=True)
    """The first version's: by it the post's order and its one reply are known."""
    read_at: datetime = Field(sa_type=UtcDateTime)


class OutboxRow(SQLModel, table=True):
    """Something to say, written in the same commit as the fact that it reports."""

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        check("ck_outbox_channel", "channel", OUTBOX_CHANNELS),
        check("ck_outbox_status", "status", OUTBOX_STATUSES),
        reference("order_id", "orders"),
        Index("ix_outbox_waiting", "status", "next_attempt_at"),
        Index("ix_outbox_queue", "status", "channel", "priority", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=96, unique=True)
    """`reply:<first version of the post>`, `dm:<what>:<id>`: one effect, whatever happens."""
    channel: str = Field(max_length=8)
    to_post_id: str | None = Field(default=None, max_length=32)
    to_x_user_id: str | None = Field(default=None, max_length=32, index=True)
    exclude_x_user_ids: str = ""
    """Whom a reply must not notify, separated by commas."""
    text: str = Field(sa_type=Text)
    priority: int = 5
    """0 goes first."""
    order_id: int | None = Field(default=None, index=True, sa_type=BigId)
    conversation_id: str | None = Field(default=None, max_length=32)
    """The public conversation that it is said in: nobody gets many answers in one."""
    states_hash: str | None = Field(default=None, max_length=64)
    """A direct message that states these terms to its reader: they may confirm by DM once sent."""
    status: str = Field(default="waiting", max_length=8)
    attempts: int = 0
    """Leases, by which a deliverer that was too slow is told from the one that has it now."""
    tries: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    """Calls of X whose outcome was not known; many make it dead."""
    in_doubt: bool = False
    """A call went out and its outcome is not known: look it up before anything else."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    next_attempt_at: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_id: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=300)
    """Why it waits, died or was dropped; a word of `store.queue` where there was no room for it."""


class XBudget(SQLModel, table=True):
    """What is granted of one kind of call, shared by all workers; a null is not known."""

    __tablename__: ClassVar[str] = "x_budget"
    __table_args__ = (check("ck_x_budget_channel", "channel", OUTBOX_CHANNELS),)

    channel: str = Field(primary_key=True, max_length=8)
    taken: int = Field(default=0, sa_type=BigInteger)
    """Changes so far (calls taken, given back, heard of), by which whoever takes a call sees that
    another was quicker."""
    quarter_most: int | None = None
    quarter_left: int | None = None
    quarter_resets_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    day_most: int | None = None
    day_left: int | None = None
    day_resets_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paced_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when only what cannot wait goes out."""
    closed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when X takes nothing: it said so."""


class Cursor(SQLModel, table=True):
    """A fact that a reader of the outside must remember: how far it read, who the bot is."""

    __tablename__: ClassVar[str] = "cursor"

    name: str = Field(primary_key=True, max_length=64)
    value: str = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class XCount(SQLModel, table=True):
    """How often something that X bills was used on a UTC day, by every process together."""

    __tablename__: ClassVar[str] = "x_count"
    __table_args__ = (
        check("ck_x_count_kind", "kind", COUNTED),
        CheckConstraint("times > 0", name="ck_x_count_times"),
    )

    day: str = Field(primary_key=True, max_length=10)
    """As `2026-08-31`."""
    kind: str = Field(primary_key=True, max_length=16)
    times: int = Field(sa_type=BigInteger)
