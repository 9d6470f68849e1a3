"""Cards that are kept, with their mandates, and what cards do to us besides paying."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.domain.topup import DisputeStatus, RefundStatus
from bot.store.types import BigId, UtcDateTime, check

_IN_A_WALLET = text("removed_at IS NULL")


class CardCustomer(SQLModel, table=True):
    """A person as the acquirer knows them, so that it can keep cards for them."""

    __tablename__: ClassVar[str] = "card_customer"

    person_id: int = Field(foreign_key="person.id", primary_key=True, sa_type=BigId)
    key: str = Field(max_length=32)
    """Random, since it is in the acquirer's key: `customer-<key>`. One that came to nothing gives
    way to the next attempt's: the acquirer repeats a server error for as long as it knows a key."""
    customer_id: str | None = Field(default=None, max_length=128)
    """The acquirer's, once it has answered."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class SavedCardRow(SQLModel, table=True):
    """A card kept at the acquirer; a person has the same one once."""

    __tablename__: ClassVar[str] = "saved_card"
    __table_args__ = (
        Index(
            "uq_saved_card_fingerprint",
            "person_id",
            "fingerprint",
            unique=True,
            sqlite_where=_IN_A_WALLET,
            postgresql_where=_IN_A_WALLET,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    customer_id: str = Field(max_length=128)
    payment_method_id: str = Field(max_length=128, unique=True)
    brand: str = Field(max_length=32)
    last4: str = Field(max_length=4)
    country: str | None = Field(default=None, max_length=2)
    fingerprint: str | None = Field(default=None, max_length=64)
    exp_month: int
    exp_year: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When its owner took it out of the wallet, or where it never came into it: not charged."""
    forgotten_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the acquirer had removed it too."""


class Mandate(SQLModel, table=True):
    """The permission to charge a saved card off-session, with its limit and its end.

    It is given with the payment that is to bring the card, and permits nothing before it has one.
    """

    __tablename__: ClassVar[str] = "mandate"
    __table_args__ = (
        CheckConstraint("limit_cents > 0", name="ck_mandate_limit"),
        CheckConstraint("saved_card_id IS NOT NULL OR topup_id IS NOT NULL", name="ck_mandate_of"),
        CheckConstraint(
            "topup_id IS NULL OR revoked_at IS NOT NULL"
            " OR (sca_basis IS NOT NULL AND sca_basis IN ('code', 'passkey'))",
            name="ck_mandate_sca",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    saved_card_id: int | None = Field(
        default=None, foreign_key="saved_card.id", index=True, sa_type=BigId
    )
    topup_id: str | None = Field(default=None, foreign_key="topup.id", unique=True, max_length=32)
    """The payment with which it was given on the page."""
    version: str = Field(max_length=16)
    """Of the words that its giver read."""
    limit_cents: int = Field(sa_type=BigInteger)
    """The most that one charge may be."""
    sca_basis: str | None = Field(default=None, max_length=16)
    """By which two factors it was given on the page; without them it permits nothing."""
    consented_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CardFailure(SQLModel, table=True):
    """A card's no: counted by person, card and address, then forgotten after two days."""

    __tablename__: ClassVar[str] = "card_failure"
    __table_args__ = (
        UniqueConstraint("topup_id", "key", name="uq_card_failure_key"),
        Index("ix_card_failure_person", "person_id", "at"),
        Index("ix_card_failure_fingerprint", "fingerprint", "at"),
        Index("ix_card_failure_address", "address_hash", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    topup_id: str = Field(foreign_key="topup.id", max_length=32)
    key: str = Field(max_length=128)
    """The acquirer's id of the attempt: what is read twice is one."""
    person_id: int = Field(foreign_key="person.id", sa_type=BigId)
    fingerprint: str | None = Field(default=None, max_length=64)
    address_hash: str | None = Field(default=None, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)


class DisputeRow(SQLModel, table=True):
    """A dispute: the acquirer took a captured top-up back, whole or in part, with a fee."""

    __tablename__: ClassVar[str] = "dispute"
    __table_args__ = (
        check("ck_dispute_status", "status", DisputeStatus),
        CheckConstraint("amount_cents > 0 AND fee_cents >= 0", name="ck_dispute_amounts"),
        CheckConstraint(
            "restored_cents >= 0 AND restored_cents <= amount_cents", name="ck_dispute_restored"
        ),
    )

    id: str = Field(primary_key=True, max_length=64)
    """The acquirer's."""
    topup_id: str = Field(foreign_key="topup.id", index=True, max_length=32)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    amount_cents: int = Field(sa_type=BigInteger)
    fee_cents: int = Field(sa_type=BigInteger)
    restored_cents: int = Field(default=0, sa_type=BigInteger)
    """What had been recovered from the wallet and went back to it when the dispute was won."""
    status: str = Field(max_length=8)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Recovery(SQLModel, table=True):
    """Money that an operator took from a locked wallet for what a dispute cost."""

    __tablename__: ClassVar[str] = "recovery"
    __table_args__ = (CheckConstraint("amount_cents > 0", name="ck_recovery_amount"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    dispute_id: str = Field(foreign_key="dispute.id", index=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", sa_type=BigId)
    amount_cents: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)


class CardRefund(SQLModel, table=True):
    """Money on its way from a wallet back to the card that brought it, with keys of its own."""

    __tablename__: ClassVar[str] = "card_refund"
    __table_args__ = (
        check("ck_card_refund_status", "status", RefundStatus),
        CheckConstraint("amount_cents > 0", name="ck_card_refund_amount"),
        Index("ix_card_refund_due", "status", "next_attempt_at"),
    )

    id: str = Field(primary_key=True, max_length=32)
    """Random, since it is in the acquirer's key: `refund-<id>`."""
    transfer_id: int = Field(foreign_key="transfer.id", unique=True, sa_type=BigId)
    """The refund whose money goes on to the card: each at most once."""
    topup_id: str = Field(foreign_key="topup.id", index=True, max_length=32)
    person_id: int = Field(foreign_key="person.id", sa_type=BigId)
    amount_cents: int = Field(sa_type=BigInteger)
    status: str = Field(max_length=10)
    refund_id: str | None = Field(default=None, max_length=128, index=True)
    reason: str | None = Field(default=None, max_length=60)
    """The acquirer's word where it failed."""
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    next_attempt_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
