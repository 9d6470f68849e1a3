"""How `smoney doctor` tells of what waits to be said on X, and of what there was no room for."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from bot.services.deps import Deps
    from bot.services.relieve import Queues

NAMES: Final = {"reply": ("reply", "replies"), "dm": ("message", "messages")}
"""What X's channels are called: one, and several."""


def told(deps: "Deps") -> tuple[Literal["ok", "note"], str]:
    """Say how the two queues stand; worth a note where something was dropped in 24 hours."""
    from bot.services import relieve

    at = deps.clock.now()
    with deps.store.read() as session:
        queues = relieve.queues(session, at)
    waiting = " and ".join(_count(queues.waiting.get(one, 0), one) for one in NAMES)
    sentences = [f"{waiting} wait.", *_granted(queues, at), *_dropped(queues)]
    return "note" if queues.dropped else "ok", " ".join(sentences)


def _count(count: int, channel: str) -> str:
    one, several = NAMES[channel]
    return f"{count} {one if count == 1 else several}"


def _granted(queues: "Queues", at: datetime) -> Iterator[str]:
    for channel, budget in queues.budgets.items():
        for window in (budget.quarter, budget.day):
            if window is not None and window.resets_at > at and channel in NAMES:
                until = f"{window.resets_at:%H:%M} UTC"
                named = NAMES[channel][1]
                yield f"Of {window.most} {named} until {until} X grants {window.left} more."


def _dropped(queues: "Queues") -> Iterator[str]:
    from bot.store.queue import WHY

    for (channel, why), count in queues.dropped.items():
        yield f"Dropped in 24 hours: {_count(count, channel)} ({WHY[why]})."
