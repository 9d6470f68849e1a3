"""Orders, their drafts and transfers, the payers' confirmations, and the top-ups behind them."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Computed, Index, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from bot.domain.order import OrderKind
from bot.domain.topup import TopupStatus
from bot.domain.transfer import TransferStatus
from bot.store.types import REWRITTEN, BigId, UtcDateTime, check, reference

ORDER_SOURCES = ("post", "dm", "page")
FUNDINGS = ("wallet", "card")
METHODS = ("page", "dm")
WISHES = ("cancel", "decline")
DECISIONS = ("capture", "void")
DRAFT_OUTCOMES = ("asked", "cancelled", "edited", "expired")
_DUE_AT = (
    "CASE WHEN status = 'pending' AND confirmation_id IS NULL THEN confirm_by"
    " WHEN status = 'held' THEN claim_by END"
)
_IS_DUE = sql("due_at IS NOT NULL")
_WAITS = sql("settled_at IS NULL AND funding = 'wallet'")


class Order(SQLModel, table=True):
    """What one message asks for: a reference and one link."""

    __tablename__: ClassVar[str] = "orders"
    __table_args__ = (
        UniqueConstraint("source", "source_id", name="uq_orders_source_id"),
        check("ck_orders_source", "source", ORDER_SOURCES),
        check("ck_orders_kind", "kind", OrderKind),
        CheckConstraint("length(reference) = 6", name="ck_orders_reference"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(max_length=6, unique=True)
    kind: str = Field(max_length=8)
    source: str = Field(max_length=8)
    source_id: str = Field(max_length=64)
    """The post's or the direct message's id; of a page, a hash of its form and what it said."""
    conversation_id: str | None = Field(default=None, max_length=64, index=True)
    owner_x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    lang: str = Field(max_length=2)
    created_at: datetime = Field(sa_type=UtcDateTime)
    replied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reply_id: str | None = Field(default=None, max_length=32)
    edited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When an edit of its post last changed what it asks for."""
    post_read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was last looked up whether its post still stands, and it did."""
    post_gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    """Since when we know that its post is deleted."""
    reply_gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When our own reply to that post was deleted, or X refused for good to delete it."""


class Draft(SQLModel, table=True):
    """What an order of no transfer keeps of its message, until its owner's tap makes the transfers.

    Open until `ended_at`, `asked` once they are made; an edit of the message may open it again.
    """

    __tablename__: ClassVar[str] = "draft"
    __table_args__ = (
        check("ck_draft_outcome", "outcome", DRAFT_OUTCOMES),
        CheckConstraint("amount_cents > 0", name="ck_draft_amount"),
        CheckConstraint("amount_cents IS NOT NULL OR misread IS NOT NULL", name="ck_draft_misread"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ck_draft_ended"),
        Index("ix_draft_due", "ended_at", "confirm_by"),
    )

    order_id: int = Field(primary_key=True, foreign_key="orders.id", sa_type=BigId)
    amount_cents: int | None = Field(default=None, sa_type=BigInteger)
    """The total that is to be shared; of a misread command, the figure that is beyond doubt."""
    misread: str | None = Field(default=None, max_length=24)
    """What was wrong with the amount of the command, until its owner has chosen one."""
    amount_text: str | None = Field(default=None, max_length=40)
    """The amount as it was written, where it was misread."""
    note: str | None = Field(default=None, max_length=200)
    confirm_by: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=10)


class DraftPerson(SQLModel, table=True):
    """Somebody whom a draft names."""

    __tablename__: ClassVar[str] = "draft_person"
    __table_args__ = (UniqueConstraint("order_id", "x_user_id", name="uq_draft_person_account"),)

    order_id: int = Field(primary_key=True, foreign_key="draft.order_id", sa_type=BigId)
    number: int = Field(primary_key=True)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32)
    handle: str = Field(max_length=15)
    """As the command named them; only shown."""


class Transfer(SQLModel, table=True):
    """One amount from one payer to one payee. Its status changes only by `store.orders.advance`."""

    __tablename__: ClassVar[str] = "transfer"
    __table_args__ = (
        UniqueConstraint("order_id", "number", name="uq_transfer_number"),
        check("ck_transfer_status", "status", TransferStatus),
        check("ck_transfer_funding", "funding", FUNDINGS),
        CheckConstraint("amount_cents > 0", name="ck_transfer_amount"),
        CheckConstraint("currency = 'EUR'", name="ck_transfer_currency"),
        CheckConstraint("payer_x_user_id <> payee_x_user_id", name="ck_transfer_two_parties"),
        Index("ix_transfer_due", "due_at", sqlite_where=_IS_DUE, postgresql_where=_IS_DUE),
        Index("ix_transfer_paid", "payer_person_id", "confirmed_at"),
        REWRITTEN,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    order_id: int = Field(foreign_key="orders.id", sa_type=BigId)
    number: int
    payer_x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    payee_x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    payee_handle: str | None = Field(default=None, max_length=15)
    """As the command named them; only shown."""
    payer_person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigId)
    """Whose wallet pays, from the confirmation on."""
    payee_person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigId)
    """Whose wallet has it, from the posting on."""
    amount_cents: int = Field(sa_type=BigInteger)
    currency: str = Field(default="EUR", max_length=3)
    note: str | None = Field(default=None, max_length=200)
    status: str = Field(default=TransferStatus.PENDING.value, max_length=10)
    sequence: int = 1
    """Number of the latest event row."""
    funding: str | None = Field(default=None, max_length=6)
    terms_hash: str = Field(max_length=64)
    confirmation_id: int | None = Field(
        default=None, foreign_key="confirmation.id", sa_type=BigId, index=True
    )
    """The confirmation that covers it: while that is unsettled, no other can."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    confirm_by: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claim_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime, sa_column_args=[Computed(_DUE_AT)]
    )
    """When a job ends it, if nobody confirms or claims it before; the database's own."""
    refund_of_id: int | None = Field(
        default=None, foreign_key="transfer.id", unique=True, sa_type=BigId
    )
    """The transfer that it gives back, by an operator's word: each at most once."""


class TransferEvent(SQLModel, table=True):
    """A change of a transfer's status, with its reason."""

    __tablename__: ClassVar[str] = "transfer_event"
    __table_args__ = (
        UniqueConstraint("transfer_id", "sequence", name="uq_transfer_event_sequence"),
        check("ck_transfer_event_status", "status", TransferStatus),
        reference("transfer_id", "transfer"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transfer_id: int = Field(sa_type=BigId)
    sequence: int
    status: str = Field(max_length=10)
    reason: str = Field(max_length=40)
    at: datetime = Field(sa_type=UtcDateTime)


class Confirmation(SQLModel, table=True):
    """A payer's proof of will for what they pay in an order; bound to its terms, settled once."""

    __tablename__: ClassVar[str] = "confirmation"
    __table_args__ = (
        check("ck_confirmation_funding", "funding", FUNDINGS),
        check("ck_confirmation_method", "method", METHODS),
        CheckConstraint("total_cents > 0", name="ck_confirmation_total"),
        Index("ix_confirmation_waiting", "id", sqlite_where=_WAITS, postgresql_where=_WAITS),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    order_id: int = Field(foreign_key="orders.id", index=True, sa_type=BigId)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    payer_x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32)
    funding: str = Field(max_length=6)
    method: str = Field(max_length=4)
    terms_hash: str = Field(max_length=64)
    total_cents: int = Field(sa_type=BigInteger)
    sca_basis: str | None = Field(default=None, max_length=16)
    """Why it was allowed without, or with, strong authentication."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=60)
    """`paid`, or the key of the sentence that says why not."""


class Topup(SQLModel, table=True):
    """A card payment into the payer's own wallet, with keys of its own at the acquirer."""

    __tablename__: ClassVar[str] = "topup"
    __table_args__ = (
        check("ck_topup_status", "status", TopupStatus),
        check("ck_topup_decision", "decision", DECISIONS),
        CheckConstraint("amount_cents > 0", name="ck_topup_amount"),
        CheckConstraint(
            "refunded_cents >= 0 AND refunded_cents <= amount_cents", name="ck_topup_refunded"
        ),
        Index("ix_topup_due", "status", "next_attempt_at"),
    )

    id: str = Field(primary_key=True, max_length=32)
    """Random, since it is in the acquirer's keys: `topup-<id>-capture`."""
    confirmation_id: int | None = Field(
        default=None, foreign_key="confirmation.id", unique=True, sa_type=BigId
    )
    order_id: int | None = Field(default=None, foreign_key="orders.id", index=True, sa_type=BigId)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    saved_card_id: int | None = Field(default=None, foreign_key="saved_card.id", sa_type=BigId)
    amount_cents: int = Field(sa_type=BigInteger)
    refunded_cents: int = Field(default=0, sa_type=BigInteger)
    status: str = Field(default=TopupStatus.CREATED.value, max_length=10)
    sequence: int = 1
    session_id: str | None = Field(default=None, max_length=128, index=True)
    url: str | None = Field(default=None, sa_type=Text)
    payment_id: str | None = Field(default=None, max_length=128, index=True)
    decision: str | None = Field(default=None, max_length=8)
    """What is to become of an authorization, written before the acquirer is told."""
    refusal: str | None = Field(default=None, max_length=60)
    """The key of the sentence that says why it was voided, declined or ended."""
    failed_attempts: int = 0
    abandoned: bool = False
    """The person came back without paying: the page is to be closed."""
    lang: str | None = Field(default=None, max_length=2)
    """The language of the hosted page. Fixed: the same key with another is refused (Stripe)."""
    card_country: str | None = Field(default=None, max_length=2)
    card_fingerprint: str | None = Field(default=None, max_length=64, index=True)
    card_last4: str | None = Field(default=None, max_length=4)
    three_d_secure: bool = False
    address_hash: str | None = Field(default=None, max_length=64)
    """Keyed hash of where the payer's browser was; forgotten with the card's failures."""
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    next_attempt_at: datetime = Field(sa_type=UtcDateTime)
    captured_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TopupEvent(SQLModel, table=True):
    """A change of a top-up's status, with its reason."""

    __tablename__: ClassVar[str] = "topup_event"
    __table_args__ = (
        UniqueConstraint("topup_id", "sequence", name="uq_topup_event_sequence"),
        check("ck_topup_event_status", "status", TopupStatus),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    topup_id: str = Field(foreign_key="topup.id", max_length=32)
    sequence: int
    status: str = Field(max_length=10)
    reason: str = Field(max_length=60)
    at: datetime = Field(sa_type=UtcDateTime)


class Wish(SQLModel, table=True):
    """A wish for a transfer in `funding`: the driver applies it, or it came too late."""

    __tablename__: ClassVar[str] = "wish"
    __table_args__ = (check("ck_wish_kind", "kind", WISHES),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transfer_id: int = Field(foreign_key="transfer.id", index=True, sa_type=BigId)
    kind: str = Field(max_length=8)
    by_x_user_id: str | None = Field(default=None, max_length=32)
    reason: str = Field(max_length=40)
    at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    applied: bool | None = None
    """False: it came too late."""
