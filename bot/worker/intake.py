"""Posts of the stream into the inbox: each at once where they come singly, many a commit in a rush.

X sends up to 250 posts a second, and a commit takes milliseconds: written one by one they would
pile up at X, which ends a stream that is read too slowly. So the callback hands a post to this
thread, which writes whatever has come since its last commit. What it cannot write ends the
connection, and so does nothing else: the backfill brings again whatever had not been committed.
"""

from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread
from typing import Final, Self

import structlog

from bot.ports import RawEvent
from bot.services import receive
from bot.services.deps import Deps
from bot.store.down import is_down, tell_database_down

log = structlog.get_logger(__name__)

AT_ONCE: Final = 250
"""Posts in one commit at most: what X sends in a second."""
WAITING_AT_MOST: Final = 2_500
"""Posts that may wait to be written: a stream that outruns the database for ten seconds waits."""


class CannotWrite(Exception):
    """A post could not be written to the inbox: the connection has to end."""


class Intake:
    """Writes the posts of one connection, in a thread that lives as long as its block.

    `written` is called after each commit, `failed` once, where one was impossible.
    """

    def __init__(self, deps: Deps, *, written: Callable[[], None], failed: Callable[[], None]):
        self.trouble: CannotWrite | None = None
        self._deps = deps
        self._written = written
        self._failed = failed
        self._posts: Queue[RawEvent | None] = Queue(WAITING_AT_MOST)
        self._thread = Thread(target=self._run, name="intake", daemon=True)

    def __enter__(self) -> Self:
        """Begin to write what is put."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what was put, then end."""
        self._posts.put(None)
        self._thread.join()

    def put(self, post: RawEvent) -> None:
        """Hand on a post. Raises `CannotWrite` where an earlier one could not be written."""
        if self.trouble is not None:
            raise self.trouble
        self._posts.put(post)

    def _run(self) -> None:
        is_open = True
        while is_open:
            posts = self._whatever_waits()
            is_open = posts[-1] is not None
            self._write([post for post in posts if post is not None])

    def _whatever_waits(self) -> list[RawEvent | None]:
        """Wait for a post, and take those that came with it; None is the last of all."""
        posts = [self._posts.get()]
        try:
            while posts[-1] is not None and len(posts) < AT_ONCE:
                posts.append(self._posts.get_nowait())
        except Empty:
            pass
        return posts

    def _write(self, posts: list[RawEvent]) -> None:
        if not posts or self.trouble is not None:
            return
        try:
            receive.take_in(self._deps, posts)
        except Exception as error:
            if is_down(error):
                tell_database_down(error, source_id=posts[0].id)
                self._give_up(f"the database is down at post {posts[0].id}")
                return
            log.exception("inbox_cannot_write", source=posts[0].source, source_id=posts[0].id)
            self._give_up(f"{type(error).__name__} at post {posts[0].id}")
        else:
            self._written()

    def _give_up(self, reason: str) -> None:
        self.trouble = CannotWrite(reason)
        self._failed()
