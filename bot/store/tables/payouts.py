"""Payouts to people's bank accounts: what was asked for, the files for the bank, its reports."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.domain.payout import PayoutStatus
from bot.store.types import BigId, UtcDateTime, check


class PayoutFileRow(SQLModel, table=True):
    """A file for the bank, kept as it was written: made again it is the same to the byte."""

    __tablename__: ClassVar[str] = "payout_file"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    message_id: str = Field(max_length=35, unique=True)
    content: str = Field(sa_type=Text)
    total_cents: int = Field(sa_type=BigInteger)
    made_at: datetime = Field(sa_type=UtcDateTime)
    written_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was whole on the disk; until then the next export writes it first."""


class Payout(SQLModel, table=True):
    """Money that leaves to its holder's IBAN."""

    __tablename__: ClassVar[str] = "payout"
    __table_args__ = (
        check("ck_payout_status", "status", PayoutStatus),
        CheckConstraint("amount_cents > 0", name="ck_payout_amount"),
        CheckConstraint(
            "file_id IS NOT NULL OR status IN ('requested', 'cancelled')", name="ck_payout_in_file"
        ),
        Index("ix_payout_status", "status", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=64, unique=True)
    """Of the authentication that asked for it: one pays out once."""
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    x_user_id: str | None = Field(default=None, foreign_key="x_account.x_user_id", max_length=32)
    """The account that asked, which is told; None: the person asked without one."""
    amount_cents: int = Field(sa_type=BigInteger)
    iban: str = Field(max_length=34)
    holder_name: str = Field(max_length=70)
    terms_hash: str = Field(max_length=64)
    sca_basis: str = Field(max_length=16)
    status: str = Field(default=PayoutStatus.REQUESTED.value, max_length=10)
    sequence: int = 1
    file_id: int | None = Field(
        default=None, foreign_key="payout_file.id", index=True, sa_type=BigId
    )
    requested_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the bank said that it left; stays when it comes back after."""


class PayoutEvent(SQLModel, table=True):
    """A change of a payout's status, with its reason."""

    __tablename__: ClassVar[str] = "payout_event"
    __table_args__ = (
        UniqueConstraint("payout_id", "sequence", name="uq_payout_event_sequence"),
        check("ck_payout_event_status", "status", PayoutStatus),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    payout_id: int = Field(foreign_key="payout.id", sa_type=BigId)
    sequence: int
    status: str = Field(max_length=10)
    reason: str = Field(max_length=60)
    at: datetime = Field(sa_type=UtcDateTime)


class BankReportRow(SQLModel, table=True):
    """A bank's report that was read: each is booked once."""

    __tablename__: ClassVar[str] = "bank_report"
    __table_args__ = (UniqueConstraint("iban", "report_id", name="uq_bank_report_iban_report_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    iban: str = Field(max_length=34)
    report_id: str = Field(max_length=80)
    """The message's kind and the bank's own name for the report."""
    content_hash: str = Field(max_length=64)
    closing_cents: int | None = Field(default=None, sa_type=BigInteger)
    """The account's balance at the end of `closing_on`, as a statement's last page says."""
    closing_on: date | None = Field(default=None, sa_type=Date)
    settled: int = 0
    returned: int = 0
    read_at: datetime = Field(sa_type=UtcDateTime)
