"""What is granted of each kind of call, one row for all workers; every call is taken from it.

By guarded statements alone, never by a session's lock, so that PgBouncer in transaction mode
serves: whoever takes a call names the count of changes that it has read, which everybody raises.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, func, not_, or_, select, update
from sqlmodel import Session

from bot.domain.pace import Budget, Window, first_budget
from bot.store.sets import Change, Statement
from bot.store.tables import XBudget, core

x_budget = core(XBudget)

COLUMNS: Final = tuple(column for column in x_budget.c if column.name != "channel")
"""What a message is read with, so that a call can be taken for it."""
_TAKE: Final = Statement(
    """
    UPDATE x_budget SET taken = taken + 1, paced_until = :paced_until,
        quarter_most = :quarter_most, quarter_left = :quarter_left,
        quarter_resets_at = :quarter_resets_at,
        day_most = :day_most, day_left = :day_left, day_resets_at = :day_resets_at
    WHERE channel = :channel AND taken = :taken
    """
)
_FIRST: Final = Statement(
    "INSERT INTO x_budget (channel, taken) VALUES (:channel, 0) ON CONFLICT DO NOTHING"
)


_CLOSED: Final = -1
_ANY: Final = 999
"""Below and above every priority that a message may have."""


def open_to(channel: str, *, urgent: int) -> ColumnElement[int]:
    """Say for messages of which priority at most a call of a kind may be made at `:at`.

    `urgent`: those are sent now or never, while others spread what little is left. Where nothing
    is known of the kind, any may.
    """

    def over(name: str) -> ColumnElement[bool]:
        return or_(x_budget.c[name].is_(None), x_budget.c[name] <= bindparam("at"))

    def left(window: str) -> ColumnElement[bool]:
        return or_(over(f"{window}_resets_at"), x_budget.c[f"{window}_left"] > 0)

    is_open = and_(left("quarter"), left("day"), over("closed_until"))
    most = case((not_(is_open), _CLOSED), (over("paced_until"), _ANY), else_=urgent)
    known = select(most).where(x_budget.c.channel == channel)
    return func.coalesce(known.scalar_subquery(), _ANY)


def taking(session: Session, row: Row[Any], *, at: datetime, by_contract: bool) -> Change:
    """Return what takes the call that a message needs; it changes nothing where one was quicker."""
    budget = read(row)
    if row.taken is None:  # the first of its kind
        budget = first_budget(row.channel, at, by_contract=by_contract)
        _FIRST.touch(session, channel=row.channel)
    after = budget.taken(at)
    known = {"channel": row.channel, "taken": row.taken or 0, "paced_until": after.paced_until(at)}
    return Change("x_budget", _TAKE, known | _values(after))


def read(row: Any) -> Budget:
    """Read a budget from the columns of its row."""
    return Budget(
        _window(row.quarter_most, row.quarter_left, row.quarter_resets_at),
        _window(row.day_most, row.day_left, row.day_resets_at),
    )


def _window(most: int | None, left: int | None, resets_at: datetime | None) -> Window | None:
    if most is None or left is None or resets_at is None:
        return None
    return Window(most, left, resets_at)


def _values(budget: Budget) -> dict[str, Any]:
    return {
        f"{name}_{field}": getattr(window, field, None)
        for name, window in (("quarter", budget.quarter), ("day", budget.day))
        for field in ("most", "left", "resets_at")
    }


def hearing(row: Row[Any], said: Budget, *, at: datetime) -> list[Change]:
    """Return what writes down the budget that an answer named; one that is over says nothing.

    Of one window the lower count is right: the other does not know of calls that are under way.
    """
    fresh = {
        name: window
        for name, window in (("quarter", said.quarter), ("day", said.day))
        if window is not None and window.resets_at > at
    }
    if not fresh:
        return []
    known = read(row).taken(at)
    now = Budget(fresh.get("quarter", known.quarter), fresh.get("day", known.day))
    values = _values(now) | {"channel": row.channel, "paced_until": now.paced_until(at)}
    return [Change("x_budget", _heard(tuple(fresh)), values)]


@cache
def _heard(names: tuple[str, ...]) -> Statement:
    windows = ", ".join(
        f"""
        {one}_left = CASE
            WHEN {one}_most = :{one}_most AND {one}_resets_at = :{one}_resets_at
                AND {one}_left < :{one}_left THEN {one}_left
            ELSE :{one}_left END,
        {one}_most = :{one}_most, {one}_resets_at = :{one}_resets_at
        """
        for one in names
    )
    return Statement(
        f"""
        UPDATE x_budget SET taken = taken + 1, paced_until = :paced_until, {windows}
        WHERE channel = :channel
        """
    )


def give_back(session: Session, channel: str) -> None:
    """Give a call back that was not made after all."""
    session.execute(
        update(x_budget)
        .where(x_budget.c.channel == channel)
        .values(
            taken=x_budget.c.taken + 1,
            quarter_left=x_budget.c.quarter_left + 1,
            day_left=x_budget.c.day_left + 1,
        )
    )


def close(session: Session, channel: str, *, until: datetime) -> None:
    """Make no call of a kind before X takes one again: it has said when."""
    session.execute(
        update(x_budget).where(x_budget.c.channel == channel).values(closed_until=until)
    )


def every(session: Session) -> Sequence[Row[Any]]:
    """Return the row of each kind of call that was ever made."""
    return session.execute(select(x_budget).order_by(x_budget.c.channel)).all()
