"""What X costs: counted by every process, written down with what is written anyway, and a budget.

The counts are in memory until then: a process that is killed loses two seconds of them at most, and
no call on the way of a reply waits for the database on their account. Where a day's budget runs
short, what is optional stops first; where it is spent, what is said on X waits for midnight UTC.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from bot.domain import x_bill
from bot.domain.errors import Unavailable
from bot.domain.x_bill import Bill, Spending
from bot.services.answers import HELP_PRIORITY
from bot.services.deps import Deps
from bot.services.tell import NEWS_PRIORITY
from bot.store import x_counts

LOOK_AGAIN: Final = timedelta(minutes=5)
"""How long a message waits for a budget before it is looked at again: an operator may raise it."""
OVER_BUDGET: Final = "over_x_daily_budget_usd"
"""Why a message waits, or was dropped."""


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
    """Write down what a process without a heartbeat used: the web's, after a call of its own."""
    at = deps.clock.now()
    with deps.tally.handing_over() as used:
        if not used:
            return
        with deps.store.write() as session:
            write_down(session, deps, used, at)


def today(session: Session, at: datetime) -> Bill:
    """Return what was used today, as far as it is written down."""
    return x_counts.bill(session, x_bill.day_of(at))


def spending(deps: Deps) -> Spending:
    """Say how today's cost stands to the budget, as far as this process knows: it asks nobody."""
    day = x_bill.day_of(deps.clock.now())
    return x_bill.spending(deps.tally.spent(day), deps.x_budget_mills)


def is_optional(priority: int) -> bool:
    """Whether nobody's order waits for a message: news that the wallet shows as well, and help."""
    return priority in (NEWS_PRIORITY, HELP_PRIORITY)


def is_saving(deps: Deps) -> bool:
    """Whether what is optional is not to be done: the budget of the day runs short."""
    return spending(deps) is not Spending.FREE


def check_may_speak(deps: Deps) -> None:
    """Let a message go out where the day's budget has room. Raises `Unavailable`."""
    if spending(deps) is Spending.SPENT:
        at = deps.clock.now()
        raise Unavailable(OVER_BUDGET, min(x_bill.next_day(at), at + LOOK_AGAIN))
