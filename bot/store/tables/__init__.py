"""The schema, in one import: every table, and `core` to write Core statements over one.

The database repeats the rules as named constraints. Tables that hold statuses get them from the
domain's enums, so that a status cannot be added in one place alone.
"""

from sqlalchemy import MetaData, Table
from sqlmodel import SQLModel

from bot.store.tables.cards import (
    CardCustomer,
    CardFailure,
    CardRefund,
    DisputeRow,
    Mandate,
    Recovery,
    SavedCardRow,
)
from bot.store.tables.ledger import Account, JournalEntry, PostingRow
from bot.store.tables.mail import Cursor, InboxRow, OutboxRow, PostVersion, XBudget, XCount
from bot.store.tables.orders import (
    Confirmation,
    Draft,
    DraftPerson,
    Order,
    Topup,
    TopupEvent,
    Transfer,
    TransferEvent,
    Wish,
)
from bot.store.tables.payouts import BankReportRow, Payout, PayoutEvent, PayoutFileRow
from bot.store.tables.people import (
    Block,
    Case,
    FormerAccount,
    FormerHandle,
    Heartbeat,
    Lease,
    Person,
    XAccount,
)
from bot.store.tables.proofs import (
    Challenge,
    Consent,
    FirstTime,
    LostDoor,
    LostEntry,
    OpenedBrowser,
    Passkey,
    PhoneCode,
    SignInAttempt,
    TextMessage,
    WebSession,
)
from bot.store.tables.reconcile import AcquirerLineRow, AcquirerPayoutRow, DifferenceRow

metadata: MetaData = SQLModel.metadata


def core(model: type[SQLModel]) -> Table:
    """Return a model's table, for statements of SQLAlchemy Core."""
    return metadata.tables[str(model.__tablename__)]


__all__ = [
    "Account",
    "AcquirerLineRow",
    "AcquirerPayoutRow",
    "BankReportRow",
    "Block",
    "CardCustomer",
    "CardFailure",
    "CardRefund",
    "Case",
    "Challenge",
    "Confirmation",
    "Consent",
    "Cursor",
    "DifferenceRow",
    "DisputeRow",
    "Draft",
    "DraftPerson",
    "FirstTime",
    "FormerAccount",
    "FormerHandle",
    "Heartbeat",
    "InboxRow",
    "JournalEntry",
    "Lease",
    "LostDoor",
    "LostEntry",
    "Mandate",
    "OpenedBrowser",
    "Order",
    "OutboxRow",
    "Passkey",
    "Payout",
    "PayoutEvent",
    "PayoutFileRow",
    "Person",
    "PhoneCode",
    "PostVersion",
    "PostingRow",
    "Recovery",
    "SavedCardRow",
    "SignInAttempt",
    "TextMessage",
    "Topup",
    "TopupEvent",
    "Transfer",
    "TransferEvent",
    "WebSession",
    "Wish",
    "XAccount",
    "XBudget",
    "XCount",
    "core",
    "metadata",
]
