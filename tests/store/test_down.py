"""A database that does not answer is told from SQL of ours that it does not take."""

from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import exc, text
from structlog.testing import capture_logs

from bot.store import inbox
from bot.store.down import DISK_FULL, is_away, is_down, tell_database_down
from bot.store.engine import Store
from tests.builders import NOON
from tests.servers import PostgreSQL


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM nowhere",
        "SELECT nothing FROM person",
        "SELEC 1",
        "INSERT INTO person (phone) VALUES ('+33600000000')",
    ],
)
def test_our_own_mistakes_are_no_database_that_is_down(store: Store, statement: str) -> None:
    """They are shown as broken, with a traceback in the log."""
    with pytest.raises(exc.SQLAlchemyError) as mistake, store.write() as session:
        session.execute(text(statement))
    assert not is_down(mistake.value)


def test_connections_that_are_used_up_are_a_database_that_is_down() -> None:
    """The next visit may find one."""
    assert is_down(exc.TimeoutError())
    assert is_down(exc.OperationalError("SELECT", {}, psycopg.errors.AdminShutdown()))
    garbled = psycopg.InternalError("received 2 results from command 'COMMIT'")
    assert is_down(exc.InternalError("COMMIT", {}, garbled))
    assert is_down(exc.InterfaceError("SELECT", {}, psycopg.InterfaceError()))


def test_a_database_whose_machine_is_gone_is_noticed(postgresql: PostgreSQL) -> None:
    """Within seconds, and not when Linux gives the connection up."""
    store = Store(postgresql.url("postgres"))
    with store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        asked = driver.info.get_parameters()
    store.close()
    assert int(asked["keepalives_idle"]) + 3 * int(asked["keepalives_interval"]) < 15
    assert int(asked["tcp_user_timeout"]) == 10_000


def test_a_full_disk_is_said_as_such_and_recovered_from(store: Store) -> None:
    """On SQLite by a file that may not grow; what PostgreSQL says is given."""
    errors: list[exc.SQLAlchemyError] = [
        exc.OperationalError("INSERT", {}, psycopg.errors.DiskFull("no space left"))
    ]

    def fill() -> None:
        with store.write() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            for number in range(20):  # more than other tests may have left free in the file
                inbox.set_cursor(session, f"fact {number}", "x" * 1_000_000, at=NOON)

    if store.is_sqlite:
        with pytest.raises(exc.OperationalError) as full:
            fill()
        errors.append(full.value)
        store.close()  # the connection that lets nothing grow
    for error in errors:
        with capture_logs() as said:
            tell_database_down(error)
        assert is_away(error)
        assert said[0]["mend"] == DISK_FULL


def test_another_error_of_sqlalchemys_is_none() -> None:
    """It is about our own code."""
    assert not is_down(exc.InvalidRequestError())


def test_threads_that_write_on_sqlite_take_turns_as_they_came(sqlite_url: str) -> None:
    """Whoever writes one thing after another lets each who waits come first, in their order.

    A turn that does not come in time is a database that does not answer, and says so; nobody who
    comes later is kept by that.
    """
    store = Store(sqlite_url)
    assert store._turns is not None
    order: list[str] = []

    def write(name: str, until: Event | None = None) -> None:
        with store.write():
            order.append(name)
            if until is not None:
                assert until.wait(60)

    def write_on_and_on() -> None:
        write("first", goes_on)
        write("last")

    goes_on, holder = Event(), Thread(target=write_on_and_on)
    others = [Thread(target=write, args=(name,)) for name in ("second", "third")]
    holder.start()
    for place, one in enumerate(others):
        while not order or store._turns.waiting < place:
            goes_on.wait(0.001)
        one.start()
    while store._turns.waiting < len(others):
        goes_on.wait(0.001)
    patience_s, store._turns.within_s = store._turns.within_s, 0.001
    with pytest.raises(
        exc.OperationalError, match=r"no turn to write came within 0\.001 s"
    ) as late:
        write("late")
    assert is_down(late.value)
    store._turns.within_s = patience_s
    goes_on.set()
    for thread in (holder, *others):
        thread.join(60)
    assert order == ["first", "second", "third", "last"]
    store.close()
