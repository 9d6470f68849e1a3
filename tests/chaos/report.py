"""What a run prints: what it did, what was injected, both sides' figures, and what is wrong."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.chaos.house import House
from tests.chaos.paying import PayingHouse
from tests.chaos.proof import Totals

WRONG_EVENTS: Final = frozenset(
    {
        "batch_failed",
        "books_do_not_balance",
        "confirmation_stuck",
        "database_conflict",
        "inbox_row_dead",
        "inbox_row_failed",
        "job_failed",
        "job_refused",
        "message_dead",
        "refund_stuck",
        "topup_stuck",
        "worker_failed",
    }
)
"""Lines of the log that no fault outside explains."""
OFTEN: Final = 12
"""Kinds of outcomes that are shown of what people did."""
_ERROR: Final = re.compile(r"\b(ERROR|PANIC):  (.*)")


def wrong_in_logs(house: House) -> Iterator[str]:
    """Yield what the processes' logs and the database's log say is wrong, each kind once."""
    found: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, line in _lines(house.place.folder, "*.log"):
        kind = _wrong(line)
        if kind is not None:
            found[kind] += 1
            first.setdefault(kind, f"{name}: {line.strip()[:1500]}")
    server = [] if house.database is None else list(_lines(house.database.folder, "log"))
    for _name, line in server:
        error = _ERROR.search(line)
        if error is not None and not error[2].startswith("canceling"):
            kind = f"PostgreSQL said: {error[2][:100]}"
            found[kind] += 1
            first.setdefault(kind, line.strip())
    for name, line in _lines(house.place.folder, "*.deeds"):
        deed = json.loads(line)
        if deed["outcome"] == "WRONG":
            kind = f"{deed['deed']}: {deed['why'].strip().splitlines()[-1][:200]}"
            found[kind] += 1
            first.setdefault(kind, f"{name}: {deed['why']}")
    for kind, count in found.most_common():
        yield f"{kind} ({count} times; first {first[kind]})"


def _wrong(line: str) -> str | None:
    """Say what is wrong with a line of a process's log; None where nothing is."""
    try:
        said = json.loads(line)
    except ValueError:
        return "a traceback outside the log" if line.startswith("Traceback") else None
    event = str(said.get("event"))
    if event in WRONG_EVENTS:
        return event
    return f"{event} with a traceback" if "exception" in said else None


def _lines(folder: Path, pattern: str) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob(pattern)):
        with path.open(errors="replace") as file:
            yield from ((path.name, line) for line in file)


def story(house: PayingHouse, both: Totals, seconds: float) -> Iterator[str]:
    """Yield what a run did, line by line."""
    seen, plan = house.seen, house.plan
    killed, died = seen.killed.total(), seen.died.total()
    orders, transfers = count(house, "orders"), count(house, "transfer")
    yield f"seed {plan.seed}: {orders} orders, {transfers} transfers, {plan.processes} processes"
    yield f"{seconds / 60:.1f} minutes"
    yield f"killed {killed} times at random and {died} times right after a step; PostgreSQL: " + (
        ", ".join(seen.restarts) or "left alone"
    )
    for counts in (seen.killed, seen.died):
        yield from columns(counts)
    weather = house.weather
    yield f"faults of the card network: {weather.asked.total() - weather.left} struck"
    yield from columns(weather.asked)
    for table, what in (("transfer", "transfers"), ("topup", "top-ups"), ("payout", "payouts")):
        rows = house.figures(
            f"SELECT status, count(*) FROM {table} GROUP BY status ORDER BY 2 DESC"
        )
        yield f"{what}: " + ", ".join(f"{count} {status}" for status, count in rows)
    yield "people and operators: " + ", ".join(
        f"{count} × {what}" for what, count in deeds(house).most_common(OFTEN)
    )
    yield (
        f"the network: captured {both.captured_cents}, refunded {both.refunded_cents}, disputed"
        f" {both.disputed_cents}: {both.network_cents} cents"
    )
    yield (
        f"our books: cards {both.cards_cents}, paid out {both.paid_out_cents}, fees"
        f" {both.fees_cents}: {both.ours_cents} cents"
    )


def deeds(house: House) -> Counter[str]:
    """Count what people and operators did, by how it ended."""
    done: Counter[str] = Counter()
    for _name, line in _lines(house.place.folder, "*.deeds"):
        deed = json.loads(line)
        done[f"{deed['deed']}: {deed['outcome']}"] += 1
    return done


def count(house: House, table: str) -> int:
    """Count the rows of a table."""
    return int(house.figures(f"SELECT count(*) FROM {table}")[0][0])


def columns(counts: Counter[str]) -> Iterator[str]:
    """Yield counts one below another, the largest first."""
    yield from (f"  {count:4} {what}" for what, count in counts.most_common())
