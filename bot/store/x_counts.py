"""What was used of X on each UTC day, by every process together."""

from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlmodel import Session

from bot.domain.x_bill import Bill
from bot.store.engine import dialect_insert
from bot.store.tables import XCount, core

counts = core(XCount)


def add(session: Session, day: str, used: Mapping[str, int]) -> None:
    """Add to a day's counts, in one statement; rows in one order, so that no two writers cross."""
    rows = [{"day": day, "kind": str(one), "times": used[one]} for one in sorted(used)]
    if not rows:
        return
    insert = dialect_insert(session)(counts).values(rows)
    more = {"times": counts.c.times + insert.excluded.times}
    session.execute(insert.on_conflict_do_update(index_elements=["day", "kind"], set_=more))


def bill(session: Session, day: str) -> Bill:
    """Return what was used on a day."""
    rows = session.execute(select(counts.c.kind, counts.c.times).where(counts.c.day == day))
    return Bill({row.kind: row.times for row in rows})


def prune(session: Session, *, before_day: str) -> int:
    """Forget the days before one; return how many counts went."""
    return session.connection().execute(delete(counts).where(counts.c.day < before_day)).rowcount
