"""Polling: direct messages are read page by page, down to where an earlier reading began.

X has no `since_id` for them, only pages from the newest on. So one row of facts keeps down from
which message everything was read, and the gaps that X's limits left below it; it moves once what
was read is in the inbox. That a message is known says nothing of older ones: an event by webhook
may have brought it. A page costs one of X's 15 calls, and what is new in it is paid; no page is
read that lies wholly below what was read before.

The row also keeps when was last polled, and until when X takes no poll: a process that starts, or
takes over, begins where the one before was, and is no reason for a call that X refuses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import Rejected, Unavailable
from bot.domain.pace import QUARTER
from bot.ports import RawEvent
from bot.services import receive
from bot.services.deps import Deps
from bot.store import inbox

PAGES_A_POLL: Final = 8
"""Pages at most in one poll: X allows 15 in 15 minutes, and the rest goes on in the next."""
FOR_GAPS: Final = 2
"""Of these, for gaps where there are any: else what is new would keep them waiting in a rush."""
SHOWN_WITHIN: Final = timedelta(seconds=15)
"""How long X may take to show a message among the others: twice its own P99. What is younger does
not count as read down from; to wait longer would be a second page each minute in a rush."""
EARLY_S: Final = 5.0
"""How much before its time a poll may come (seconds), and half of a shorter period: a tick comes a
little sooner or later."""
CLOSED_AT_MOST: Final = QUARTER + timedelta(minutes=1)
"""X's window, and some: what is kept of a longer wait was written by another clock."""
PROGRESS: Final = "messages.read"
"""The fact that says how far messages were read: see `_Progress`."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is still to be read: from a page (None: the newest) down to a message that was read.

    Without one it goes down to the first start.
    """

    page: str | None
    down_to: str | None


@dataclass(frozen=True, slots=True)
class _Progress:
    """Down from `read_to` everything was read, save the gaps, the newest first."""

    read_to: str | None = None
    gaps: tuple[_Gap, ...] = ()
    polled_at: datetime | None = None
    """When the last poll began."""
    closed_until: datetime | None = None
    """When X takes the next one, where it has said so."""

    @classmethod
    def kept(cls, text: str | None) -> "_Progress":
        """Read it as it was written down; None: nothing was read yet."""
        if text is None:
            return cls()
        found = json.loads(text)
        gaps = tuple(_Gap(*gap) for gap in found["gaps"])
        return cls(found["read_to"], gaps, *(_moment(found.get(name)) for name in _MOMENTS))

    def text(self) -> str:
        """Write it down."""
        gaps = [[gap.page, gap.down_to] for gap in self.gaps]
        kept = {name: getattr(self, name) for name in _MOMENTS}
        moments = {name: at.isoformat() for name, at in kept.items() if at is not None}
        return json.dumps({"read_to": self.read_to, "gaps": gaps, **moments})

    def is_early(self, at: datetime, every_s: float) -> bool:
        """Whether a poll would come before its time, as far as clocks can be believed."""
        if self.closed_until is not None and at < self.closed_until <= at + CLOSED_AT_MOST:
            return True
        due_s = every_s - min(EARLY_S, every_s / 2)
        return self.polled_at is not None and 0 <= (at - self.polled_at).total_seconds() < due_s


_MOMENTS: Final = ("polled_at", "closed_until")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(slots=True)
class _Poll:
    """One poll: what it read, and what it has still to read; its top first, then the oldest gap."""

    deps: Deps
    first_start: datetime
    top: _Gap | None
    gaps: list[_Gap]
    read: dict[str, RawEvent] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    """What the top's pages showed that has been shown for long enough."""
    lowest: str | None = None
    """The oldest message that the top's pages showed."""
    closed_until: datetime | None = None

    def run(self) -> None:
        """Read `PAGES_A_POLL` pages at most, and none once X grants no more.

        Raises what X answers; what came before is kept.
        """
        settled = self.deps.clock.now() - SHOWN_WITHIN
        for left in range(PAGES_A_POLL, 0, -1):
            if self.closed_until is not None:
                return
            if self.top is not None and not (self.gaps and left <= FOR_GAPS):
                events, self.top = self._page(self.top)
                self.settled += [one.id for one in events if _is_before(one, settled)]
                self.lowest = min((one.id for one in events), key=int, default=self.lowest)
            elif self.gaps:
                _events, rest = self._page(self.gaps[-1])
                self.gaps[-1:] = [] if rest is None else [rest]

    def _page(self, gap: _Gap) -> tuple[Sequence[RawEvent], _Gap | None]:
        """Read the first page of a gap; return its events, and what is left of the gap."""
        try:
            page = self.deps.messages.page(gap.page)
        except Unavailable as error:
            self.closed_until = error.retry_at
            raise
        except Rejected as error:
            if gap.page is None or error.code != "bad_request":
                raise
            return [], _Gap(None, gap.down_to)  # X has forgotten the page: from the newest again
        self.closed_until = page.closed_until
        self.read |= {one.id: one for one in page.events}
        ends = page.older is None or any(self._is_below(one, gap) for one in page.events)
        return page.events, None if ends else _Gap(page.older, gap.down_to)

    def _is_below(self, event: RawEvent, gap: _Gap) -> bool:
        """Whether a message was read before, or is from before the first start."""
        if gap.down_to is not None and int(event.id) <= int(gap.down_to):
            return True
        began = self.first_start - receive.OVERLAP
        return event.happened_at is not None and event.happened_at < began

    def progress(self, before: _Progress) -> _Progress:
        """Return how far messages are read after this poll."""
        # What is left of the top is a gap below its oldest: the next poll need not come so far down
        # for it, else each of a rush's would leave the same gap again.
        cut_at = self.lowest if self.top is not None else None
        reached = (before.read_to, cut_at, *self.settled)
        newest = max(filter(None, reached), key=int, default=None)
        # With the newest page down to there the next poll begins anyway.
        left = [self.top] if self.top not in (None, _Gap(None, newest)) else []
        return _Progress(newest, (*left, *self.gaps), before.polled_at, self.closed_until)


def poll_messages(deps: Deps, *, every_s: float = 0) -> int:
    """Read the direct messages that are new; return how many. Raises `Unavailable`, `Rejected`.

    None before `every_s` seconds after whoever polled last, nor while X takes no poll. What X cut
    short goes on in the next poll, whichever worker does it. Of two polls at once one remembers how
    far it came: what is read twice is known by its id.
    """
    began = receive.first_start(deps)
    before = _begin(deps, every_s)
    if before is None:
        return 0
    poll = _Poll(deps, began, _Gap(None, before.read_to), list(before.gaps))
    try:
        poll.run()
    finally:
        new = receive.take_in(deps, receive.unknown(deps, list(poll.read.values())))
        after = poll.progress(before)
        if after != before:
            _move(deps, before.text(), after)
    return new


def _begin(deps: Deps, every_s: float) -> _Progress | None:
    """Write down that a poll begins, before it costs a call; None where it is not to be."""
    with deps.store.read() as session:
        kept = inbox.read_cursor(session, PROGRESS)
    before, at = _Progress.kept(kept), deps.clock.now()
    if before.is_early(at, every_s):
        return None
    now = replace(before, polled_at=at)
    return now if _move(deps, kept, now) else None


def _move(deps: Deps, seen: str | None, progress: _Progress) -> bool:
    """Keep a progress in the place of what was `seen`; False where another was quicker."""
    at = deps.clock.now()
    with deps.store.write() as session:
        return inbox.move_cursor(session, PROGRESS, progress.text(), seen=seen, at=at)


def _is_before(event: RawEvent, moment: datetime) -> bool:
    return event.happened_at is None or event.happened_at < moment
