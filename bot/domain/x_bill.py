"""What X bills: every kind of read and write with its price, and what a day has come to.

The one table of prices. Source: X's list, https://docs.x.com/x-api/getting-started/pricing, with
the prices of owned reads, replies to a summons and events, as read in August 2026.
Figures are mills, thousandths of a US dollar: X bills no smaller unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """What a call is for: each is told apart, so that the price of an order can be seen."""

    ORDER = "order"  # from a post to the reply that bears its link
    CONFIRMATION = "confirmation"  # what a payer's yes reads and is told
    UPKEEP = "upkeep"  # the bot itself


class XUse(StrEnum):
    """A kind of read or write that X bills; `PRICES` says how."""

    POST_READ = "post_read"  # a mention, by the stream or as an event
    MENTION_READ = "mention_read"  # a mention, in the account's own timeline of them
    USER_READ = "user_read"  # whom a command or a pay page names, where X gave no id
    REPLY = "reply"  # an answer to a post that named the bot
    REPLY_FOUND = "reply_found"  # a post of ours, looked for after a lost answer
    MESSAGE_READ = "message_read"  # a direct message, polled or as an event
    MESSAGE_SENT = "message_sent"
    ACCOUNT_READ = "account_read"  # by its id, for a page that says whom one pays
    SIGN_IN = "sign_in"  # who came back from X
    POST_LOOKED_UP = "post_looked_up"  # whether an order's post still stands
    REPLY_DELETED = "reply_deleted"  # a reply of ours whose post is gone
    OWN_ACCOUNT = "own_account"  # who the bot is


@dataclass(frozen=True, slots=True)
class Price:
    """What one costs, in mills, and what it is for."""

    mills: int
    phase: Phase


PRICES: Final[Mapping[XUse, Price]] = {
    XUse.POST_READ: Price(5, Phase.ORDER),
    XUse.MENTION_READ: Price(1, Phase.ORDER),
    XUse.USER_READ: Price(10, Phase.ORDER),
    XUse.REPLY: Price(10, Phase.ORDER),
    XUse.REPLY_FOUND: Price(5, Phase.ORDER),
    XUse.MESSAGE_READ: Price(10, Phase.CONFIRMATION),
    XUse.MESSAGE_SENT: Price(15, Phase.CONFIRMATION),
    XUse.ACCOUNT_READ: Price(10, Phase.CONFIRMATION),
    XUse.SIGN_IN: Price(10, Phase.CONFIRMATION),
    # X lists only posts that carry content; of the two prices that may be meant it is the dearer.
    XUse.POST_LOOKED_UP: Price(5, Phase.CONFIRMATION),
    XUse.REPLY_DELETED: Price(10, Phase.CONFIRMATION),
    XUse.OWN_ACCOUNT: Price(10, Phase.UPKEEP),
}

ORDERS: Final = "orders"
"""What is counted beside X's kinds: orders that a post made."""
CONFIRMATIONS: Final = "confirmations"
"""And what payers confirmed."""
COUNTED: Final = (*XUse, ORDERS, CONFIRMATIONS)

SAVE_FROM_PERCENT: Final = 80
"""Of a day's budget: from here on what is optional stops, so that the rest pays for answers."""
OPTIONAL: Final = (
    "news of transfers by direct message",
    "answers to `help`",
    "looking for deleted posts",
    "reading the mentions beside a stream that stands",
    "reading direct messages again that a webhook may have lost",
    "looking up whom a message names by handle alone: it is led to the page",
)
"""What stops first: nobody's order waits for any of it, and the pages do the same."""


@dataclass(frozen=True, slots=True)
class Bill:
    """A UTC day's counts, by kind: X begins to count anew at midnight UTC."""

    counts: Mapping[str, int]

    @property
    def mills(self) -> int:
        """What the day has cost so far, in mills."""
        return sum(self.of_phase(phase) for phase in Phase)

    def of_phase(self, phase: Phase) -> int:
        """What the day has cost in one phase, in mills."""
        priced = ((use, price.mills) for use, price in PRICES.items() if price.phase is phase)
        return sum(self.counts.get(use, 0) * mills for use, mills in priced)

    def each(self, phase: Phase) -> float | None:
        """What one order, or one confirmation, has cost on average, in mills; None: there is none.

        Everything in the phase is shared out: also what came to no order.
        """
        among = self.counts.get(ORDERS if phase is Phase.ORDER else CONFIRMATIONS, 0)
        return self.of_phase(phase) / among if among else None


class Spending(StrEnum):
    """How a day's cost stands to its budget."""

    FREE = "free"
    SAVING = "saving"  # what is optional has stopped
    SPENT = "spent"  # nothing more is said on X today


def spending(mills: int, budget_mills: int | None) -> Spending:
    """Say how a cost stands to a day's budget, None: there is none.

    >>> [spending(mills, 1000).value for mills in (799, 800, 999, 1000)]
    ['free', 'saving', 'saving', 'spent']
    """
    if budget_mills is None or mills * 100 < budget_mills * SAVE_FROM_PERCENT:
        return Spending.FREE
    return Spending.SAVING if mills < budget_mills else Spending.SPENT


def day_of(at: datetime) -> str:
    """Return the UTC day of a moment, as `2026-08-31`."""
    return at.astimezone(UTC).date().isoformat()


def next_day(at: datetime) -> datetime:
    """Return when X begins to count anew."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
