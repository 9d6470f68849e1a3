"""What X costs: counted by every process, written down with what is written anyway, and a budget.

The counts are in memory until then: a process that is killed loses two seconds of them at most, and
no call on the way of a reply waits for the database on their account. Where a day's budget runs
short, what is optional stops first; where it is spent, what is said on X waits for midnight UTC.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import x_bill
from bot.domain.x_bill import Bill, Spending
from bot.services.answers import ASKED_PRIORITY
from bot.services.deps import Deps
from bot.store import x_counts

_HOW_IT_WENT: Final = re.compile(r"dm:transfer:[0-9]+:(?!moved:|(?:posted|held):payer)")
"""The keys of news about a transfer, save the warning that its payee's handle moved, and what
answers a payer who confirmed by direct message."""


def write_down(session: Session, deps: Deps, used: Mapping[str, int], at: datetime) -> None:
    """Add what this process used to the day's counts, and learn what all have, in a transaction.

    Without a budget nobody needs to know the sum, so that an idle process reads nothing.
    """
    day = x_bill.day_of(at)
    deps.tally.begin(day)
    x_counts.add(session, day, used)
    if used or deps.x_budget_mills is not None:
        deps.tally.learn(x_counts.bill(session, day).mills)


def note(deps: Deps) -> None:
    """Write down what a process without a heartbeat used, and learn what all have.

    Where nothing was used and there is no budget, nobody is asked.
    """
    at = deps.clock.now()
    with deps.tally.handing_over() as used:
        if used:
            with deps.store.write() as session:
                write_down(session, deps, used, at)
            return
    deps.tally.begin(x_bill.day_of(at))
    if deps.x_budget_mills is not None:
        with deps.store.read() as session:
            deps.tally.learn(today(session, at).mills)


def today(session: Session, at: datetime) -> Bill:
    """Return what was used today, as far as it is written down."""
    return x_counts.bill(session, x_bill.day_of(at))


def spending(deps: Deps) -> Spending:
    """Say how today's cost stands to the budget, as far as this process knows: it asks nobody."""
    day = x_bill.day_of(deps.clock.now())
    return x_bill.spending(deps.tally.spent(day), deps.x_budget_mills)


def is_optional(row: Row[Any]) -> bool:
    """Whether nobody waits for a message: how a transfer went, who asks, which pages say, and help.

    What warns somebody (a handle that moved, a code that was changed, a dispute) is never optional,
    nor is an answer to an edit, which may bear the link.
    """
    return row.priority >= ASKED_PRIORITY or _HOW_IT_WENT.match(row.key) is not None


def is_saving(deps: Deps) -> bool:
    """Whether what is optional is not to be done: the budget of the day runs short."""
    return spending(deps) is not Spending.FREE


def may_speak(deps: Deps) -> bool:
    """Whether the day's budget has room for what is said on X."""
    return spending(deps) is not Spending.SPENT
