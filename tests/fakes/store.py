"""A store on PostgreSQL whose server has the time that a test sets."""

from datetime import datetime

from sqlmodel import Session

from bot.store.engine import Store
from tests.fakes.clock import FakeClock


class StoreOfFakeTime(Store):
    """The connections of another store; leases are measured by a clock that tests set."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.__dict__.update(store.__dict__)
        self._clock = clock

    def time_of_all(self, session: Session, at: datetime) -> datetime:
        """Return the time of the server, as it was set; on SQLite a worker's own."""
        return at if self.is_sqlite else self._clock.now()
