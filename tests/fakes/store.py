"""A store on PostgreSQL whose server has another time."""

from datetime import datetime

from sqlmodel import Session

from bot.ports import Clock
from bot.store.engine import Store


class StoreOfFakeTime(Store):
    """The connections of another store; leases are measured by a clock that tests give it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.__dict__.update(store.__dict__)
        self._clock = clock

    def time_of_all(self, session: Session, at: datetime) -> datetime:
        """Return the time of the server, as it was given; on SQLite a worker's own."""
        return at if self.is_sqlite else self._clock.now()
