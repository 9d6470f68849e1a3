"""What `smoney doctor` says of X beyond its credentials: what it costs, and whether DMs come."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.cli.hearing import Finding, State

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.domain.x_bill import Bill
    from bot.services.deps import Deps

SILENT_FOR: Final = timedelta(days=3)
"""How long no direct message may come before it is worth knowing: a weekend is shorter."""


def costs(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Say what X costs today, what an order and a confirmation cost, and what the budget stops."""
    from sqlalchemy.exc import DBAPIError

    from bot.cli.common import No, check_sqlite_is_there
    from bot.services import x_money

    try:
        check_sqlite_is_there(settings.database_url)
        with deps.store.read() as session:
            bill = x_money.today(session, deps.clock.now())
    except (DBAPIError, No):
        return  # said already
    yield Finding("x_cost", "ok", _said_of(bill))
    if deps.x_budget_mills is not None:
        yield _budget(bill.mills, deps.x_budget_mills)


def _said_of(bill: "Bill") -> str:
    from bot.domain.x_bill import PRICES, Phase

    used = [f"{bill.counts[use]} {use.value}" for use in PRICES if bill.counts.get(use)]
    each = [
        f"{what} cost {usd(mills)}"
        for what, mills in (
            ("an order, from post to reply,", bill.each(Phase.ORDER)),
            ("a confirmation", bill.each(Phase.CONFIRMATION)),
        )
        if mills is not None
    ]
    parts = [f"X cost {usd(bill.mills)} today (UTC)", *each]
    return "; ".join(parts) + (f": {', '.join(used)}." if used else ".")


def _budget(mills: int, budget_mills: int) -> Finding:
    from bot.domain.x_bill import OPTIONAL, SAVE_FROM_PERCENT, Spending, spending

    said = f"{usd(mills)} of {usd(budget_mills)} (X_DAILY_BUDGET_USD)"
    stopped = f"stopped: {', '.join(OPTIONAL)}"
    match spending(mills, budget_mills):
        case Spending.FREE:
            state: State = "ok"
            said += f" spent today; from {SAVE_FROM_PERCENT} % on what is optional stops."
        case Spending.SAVING:
            state, said = "note", f"{said} spent today; {stopped}."
        case Spending.SPENT:
            state = "mend"
            said += f" spent today: replies wait for midnight UTC, or raise it; {stopped}."
    return Finding("x_budget", state, said)


def usd(mills: float) -> str:
    """Write an amount of mills in US dollars.

    >>> usd(15), usd(15.27), usd(12_300)
    ('$0.015', '$0.0153', '$12.300')
    """
    return f"${mills / 1000:.3f}" if mills == int(mills) else f"${mills / 1000:.4f}"


def messages(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Say when the last direct message came: X's encrypted ones never do."""
    from sqlalchemy.exc import DBAPIError

    from bot.cli.common import No, check_sqlite_is_there
    from bot.services import operate
    from bot.services.receive import FIRST_START
    from bot.store import inbox

    try:
        check_sqlite_is_there(settings.database_url)
        newest = operate.newest_event_at(deps, "dm")
        with deps.store.read() as session:
            began = inbox.read_cursor(session, FIRST_START)
    except (DBAPIError, No):
        return  # said already
    since = newest or (datetime.fromisoformat(began) if began is not None else None)
    if since is None or deps.clock.now() - since < SILENT_FOR:
        last = f"The last direct message came at {newest:%Y-%m-%d %H:%M} UTC." if newest else ""
        yield Finding("messages", "ok", last or "No direct message came yet.")
        return
    yield Finding(
        "messages",
        "note",
        f"No direct message came for {(deps.clock.now() - since).days} days "
        f"(X_DM_SOURCE={settings.x_dm_source}): write one to the bot to see whether it arrives. "
        "X's encrypted messages do not come this way; what they ask for, the pages do as well.",
    )


def events(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """See whether X brings its events to our webhook, where that is how they come."""
    from bot.app import open_x_hooks
    from bot.domain.errors import Rejected, Unavailable
    from bot.services.x_events import ADDRESS

    hooks = open_x_hooks(settings)
    if hooks is None:
        return
    url = f"{deps.public_url}{ADDRESS}"
    try:
        lacks = hooks.lacks(url)
    except (Rejected, Unavailable) as error:
        yield Finding("x_events", "mend", f"X does not say whether it brings events: {error}.")
        return
    if lacks is None:
        yield Finding("x_events", "ok", f"X brings its events to {url}.")
        return
    said = f"{url} {lacks}: the worker sees to it within a minute, while `smoney web` answers there"
    yield Finding("x_events", "mend", f"{said}; see the worker's log where it stays so.")
