"""A queue that is longer than X's window is relieved of what matters least, and that is counted.

Whoever erred reads of it a quarter of an hour later as little as of help: these give way to the
links by which people confirm. A link gives way to nothing, until it would only puzzle: its order
waits in the wallet, and whose it is hears so by direct message, where X allows one. Of direct
messages those that say how a transfer went, which its page says too, give way where more wait than
X takes in a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlmodel import Session

from bot.domain.pace import GRANTED, Budget
from bot.services import x_money
from bot.services.answers import HINT_PRIORITY, say_instead
from bot.services.deps import Deps
from bot.store import budgets, queue

log = structlog.get_logger(__name__)

AT_ONCE: Final = 1_000
"""Messages looked at in one go."""
COUNTED: Final = timedelta(hours=24)
"""The span in which an operator is shown what was dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """How the two queues stand: counts by channel, and by channel and word for why."""

    waiting: dict[str, int]
    dropped: dict[tuple[str, str], int]
    budgets: dict[str, Budget]


def relieve(deps: Deps) -> int:
    """Drop what there is no room for; return how many messages."""
    with deps.store.write() as session:
        # A leader's own clock may jump: what is late is late for everybody.
        at = deps.store.time_of_all(session, deps.clock.now())
        waiting = queue.waiting(session)
        if not waiting:
            return 0
        granted = _granted(session)
        dropped = {
            channel: _relieve(session, deps, channel, count, *_room(channel, granted), at)
            for channel, count in waiting.items()
        }
    for channel, count in dropped.items():
        if count:
            log.warning("queue_relieved", channel=channel, dropped=count, waited=waiting[channel])
    return sum(dropped.values())


def _relieve(
    session: Session, deps: Deps, channel: str, count: int, room: int, day: int, at: datetime
) -> int:
    gone = 0
    if channel == "reply":
        before = at - timedelta(hours=deps.policy.answer_within_h)
        late = queue.drop_late(session, channel, before=before, most=AT_ONCE)
        say_instead(session, deps, late, at=at)
        gone += len(late)
    if count - gone > room:
        gone += queue.drop_repeated(session, channel, hint=HINT_PRIORITY)
    if count - gone > room:
        gone += queue.drop_crowded(session, channel, room=room, hint=HINT_PRIORITY)
    if channel == "dm" and count - gone > day:
        behind = queue.beyond(session, channel, room=day, most=AT_ONCE)
        gone += queue.drop(
            session, [one.id for one in behind if x_money.is_optional(one)], why=queue.CROWDED
        )
    return gone


def _granted(session: Session) -> dict[str, Budget]:
    return {row.channel: budgets.read(row) for row in budgets.every(session)}


def _room(channel: str, granted: dict[str, Budget]) -> tuple[int, int]:
    """Return how many calls X grants in a window and in a day, as far as it has said so."""
    budget = granted.get(channel, Budget())
    quarter, day = GRANTED[channel]
    return (
        budget.quarter.most if budget.quarter is not None else quarter,
        budget.day.most if budget.day is not None else day,
    )


def queues(session: Session, at: datetime) -> Queues:
    """Return how the queues stand, for operators and machines."""
    rows = queue.dropped(session, since=at - COUNTED)
    return Queues(
        waiting=queue.waiting(session),
        dropped={(row.channel, row.reason): row.messages for row in rows},
        budgets=_granted(session),
    )
