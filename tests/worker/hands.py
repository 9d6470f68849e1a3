"""A worker's surroundings in tests: a stream that plays a script, mentions that can be read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Final

import psycopg
from sqlalchemy.exc import InternalError

from bot.app import open_books_and_figures
from bot.config import Needs, load
from bot.ports import RawEvent
from bot.services.deps import Deps

OnEvent = Callable[[RawEvent], None]
OnByte = Callable[[], None]
Act = Callable[[OnEvent, OnByte], None]

WITHIN_S = 20
"""How long a test waits for what is sure to come (seconds); it comes at once."""

GARBLED: Final = InternalError("COMMIT", {}, psycopg.InternalError("received 2 results"))
"""A pooler died in a commit: the driver cannot read what is left of the answer."""
OPENED: list[Deps] = []
"""What `conftest.py` closes."""


def post(post_id: int) -> RawEvent:
    """Make a post that is nobody's command."""
    return RawEvent("post", str(post_id), '{"data": {}}', datetime.now(UTC))


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    for _ in range(WITHIN_S * 50):
        if condition():
            return
        Event().wait(0.02)
    raise AssertionError("it never came")


class ScriptedStream:
    """A stream whose connections play a script, one act each; the last one stays until `close`."""

    def __init__(self, *acts: Act) -> None:
        self._acts = iter(acts)
        self._closed = Event()
        self.was_closed = Event()
        """Somebody has closed a connection, this one or an earlier one."""
        self.connections = 0
        self.rests = Event()
        """The script is over and the last connection stands."""

    def listen(self, on_event: OnEvent, on_byte: OnByte) -> None:
        """Play the next act."""
        self._closed.clear()
        self.connections += 1
        act = next(self._acts, None)
        if act is not None:
            on_byte()
            act(on_event, on_byte)
            return
        on_byte()
        self.rests.set()
        self._closed.wait(WITHIN_S)

    def close(self) -> None:
        """End the connection."""
        self.was_closed.set()
        self._closed.set()


class Timeline:
    """The mentions timeline: posts that the stream may have missed."""

    def __init__(self, *posts: RawEvent) -> None:
        self.posts = list(posts)
        self.reads = 0
        self.trouble: list[Exception] = []
        self.was_read = Event()

    def mentions(self, *, since_id: str | None, since: datetime) -> Iterator[RawEvent]:
        """Return what is newer than the id."""
        _ = since
        self.reads += 1
        if self.trouble:
            raise self.trouble.pop(0)
        newer = [one for one in self.posts if since_id is None or int(one.id) > int(since_id)]
        self.was_read.set()
        return iter(newer)

    def deleted(self, post_ids: Iterable[str]) -> set[str]:
        """Know of no post that is gone."""
        _ = post_ids
        return set()


def deps_on(url: str, timeline: Timeline | None = None) -> Deps:
    """Return a worker's Deps on a database, with nothing of the outside but a timeline."""
    settings = load(Needs.FIGURES, {"ENVIRONMENT": "sandbox", "DATABASE_URL": url})
    deps = replace(open_books_and_figures(settings), mentions=timeline or Timeline())
    OPENED.append(deps)
    return deps
