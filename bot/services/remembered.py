"""A fact that an adapter learnt of the outside, kept as a row: it outlives the process."""

from bot.ports import Clock
from bot.store import inbox
from bot.store.engine import Store


class Remembered:
    """One fact, by its name among the rows of facts."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store = store
        self._clock = clock
        self._name = name

    def recall(self) -> str | None:
        """Return what was kept last; None: nothing was."""
        with self._store.read() as session:
            return inbox.read_cursor(session, self._name)

    def keep(self, fact: str) -> None:
        """Keep a fact in the place of the last."""
        with self._store.write() as session:
            inbox.set_cursor(session, self._name, fact, at=self._clock.now())
