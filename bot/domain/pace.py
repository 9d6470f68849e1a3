"""How far what the bot says is spread over what X grants it: windows of calls, and their pace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

QUARTER: Final = timedelta(minutes=15)
DAY: Final = timedelta(hours=24)
SPARED: Final = 4
"""The last quarter of a window is spread over the time that is left of it, so that a confirmation
link never waits for its end because help has used it up."""
GRANTED: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"reply": (100, 10_000), "dm": (15, 1_440)}
)
"""Calls that X grants in `QUARTER` and in `DAY` with self-serve access (X_PLATFORM.md, "Limits"):
what counts until X's own headers say otherwise."""


@dataclass(frozen=True, slots=True)
class Window:
    """So many calls at most until a moment, and so many of them are left."""

    most: int
    left: int
    resets_at: datetime

    def taken(self, at: datetime, span: timedelta) -> "Window":
        """Return it with one call less; where it is over, the next one."""
        if self.resets_at <= at:
            return Window(self.most, max(0, self.most - 1), at + span)
        return replace(self, left=self.left - 1)

    def next_at(self, at: datetime) -> datetime:
        """Return when the next call should be made that can wait."""
        if self.left * SPARED >= self.most:
            return at
        return at + (self.resets_at - at) / (self.left + 1)


@dataclass(frozen=True, slots=True)
class Budget:
    """X's two windows for one kind of call; None where nothing is known of one."""

    quarter: Window | None = None
    day: Window | None = None

    def taken(self, at: datetime) -> "Budget":
        """Return it with one call less in each window."""
        return Budget(
            self.quarter and self.quarter.taken(at, QUARTER), self.day and self.day.taken(at, DAY)
        )

    def closed_until(self) -> datetime | None:
        """Return when the last of the windows ends in which no call is left; None: none is so."""
        spent = [one.resets_at for one in (self.quarter, self.day) if one and one.left == 0]
        return max(spent, default=None)

    def paced_until(self, at: datetime) -> datetime:
        """Return until when whatever can wait leaves the calls to what cannot."""
        return max((one.next_at(at) for one in (self.quarter, self.day) if one), default=at)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that X took: its id there, and what X grants after it."""

    id: str
    budget: Budget = Budget()


def first_budget(channel: str, at: datetime, *, by_contract: bool) -> Budget:
    """Return what X grants before it has said so; `by_contract`: only its headers know."""
    if by_contract:
        return Budget()
    quarter, day = GRANTED[channel]
    return Budget(Window(quarter, quarter, at + QUARTER), Window(day, day, at + DAY))
