"""What the acquirer paid out, what that was made of, and what does not agree with our books."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field, SQLModel

from bot.store.types import BigId, UtcDateTime, check

ACCOUNTS = ("cards", "bank")
OWN = ("funds", "fees", "costs", "losses")


class AcquirerPayoutRow(SQLModel, table=True):
    """A payout of the acquirer to the safeguarding account, booked once."""

    __tablename__: ClassVar[str] = "acquirer_payout"
    __table_args__ = (
        CheckConstraint(
            "amount_cents <> 0 AND topup_cents >= 0", name="ck_acquirer_payout_amounts"
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    acquirer_id: str = Field(max_length=128, unique=True)
    amount_cents: int = Field(sa_type=BigInteger)
    fee_cents: int = Field(sa_type=BigInteger)
    """The fees of its charges: a dispute's are booked with the dispute."""
    topup_cents: int = Field(sa_type=BigInteger)
    """What the operator's own funds add, so that all that is owed is safeguarded."""
    arrives_at: datetime = Field(sa_type=UtcDateTime)
    booked_at: datetime = Field(sa_type=UtcDateTime)


class AcquirerLineRow(SQLModel, table=True):
    """A movement at the acquirer that a payout took in."""

    __tablename__: ClassVar[str] = "acquirer_line"

    id: str = Field(primary_key=True, max_length=128)
    """The acquirer's."""
    acquirer_payout_id: int = Field(foreign_key="acquirer_payout.id", index=True, sa_type=BigId)
    kind: str = Field(max_length=16)
    about: str = Field(max_length=128, index=True)
    amount_cents: int = Field(sa_type=BigInteger)
    fee_cents: int = Field(sa_type=BigInteger)


class DifferenceRow(SQLModel, table=True):
    """What does not agree, listed until it agrees or an operator books it."""

    __tablename__: ClassVar[str] = "difference"
    __table_args__ = (
        check("ck_difference_account", "account", ACCOUNTS),
        check("ck_difference_booked_to", "booked_to", OWN),
        CheckConstraint("amount_cents <> 0", name="ck_difference_amount"),
        CheckConstraint(
            "(booked_at IS NULL) = (booked_to IS NULL)", name="ck_difference_booked_whole"
        ),
        CheckConstraint("booked_at IS NULL OR gone_at IS NULL", name="ck_difference_one_end"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=140, unique=True)
    """What it is about, so that it is listed once."""
    account: str = Field(max_length=8)
    amount_cents: int = Field(sa_type=BigInteger)
    """What the other side has more than our account as it is shown."""
    detail: str = Field(sa_type=Text)
    listed_at: datetime = Field(sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it agreed again, or a newer statement took its place."""
    booked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    booked_to: str | None = Field(default=None, max_length=8)
