"""The books: accounts with their cached balances, immutable entries, signed postings."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from bot.store.types import REWRITTEN, BigId, UtcDateTime, reference


class Account(SQLModel, table=True):
    """An account and its balance in cents, the sum of its postings; credits are positive."""

    __tablename__: ClassVar[str] = "account"
    __table_args__ = (
        CheckConstraint(
            "balance_cents >= 0 OR NOT (name LIKE 'wallet:%' OR name LIKE 'held:%')",
            name="ck_account_never_below_zero",
        ),
        REWRITTEN,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=64, unique=True)
    balance_cents: int = Field(default=0, sa_type=BigInteger)


class JournalEntry(SQLModel, table=True):
    """An entry: written once, never changed; `hash` is that of its postings."""

    __tablename__: ClassVar[str] = "journal_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=96, unique=True)
    hash: str = Field(max_length=64)
    written_at: datetime = Field(sa_type=UtcDateTime)


class PostingRow(SQLModel, table=True):
    """One signed leg of an entry, in cents."""

    __tablename__: ClassVar[str] = "posting"
    __table_args__ = (
        CheckConstraint("amount_cents <> 0", name="ck_posting_not_zero"),
        Index("ix_posting_account_entry", "account_id", "entry_id"),
        reference("entry_id", "journal_entry"),
        reference("account_id", "account"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    entry_id: int = Field(index=True, sa_type=BigId)
    account_id: int = Field(sa_type=BigId)
    amount_cents: int = Field(sa_type=BigInteger)
