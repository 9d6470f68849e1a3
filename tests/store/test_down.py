"""A database that does not answer is told from SQL of ours that it does not take."""

from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import exc, text

from bot.store.down import is_down
from bot.store.engine import Store


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
    assert is_down(exc.InterfaceError("SELECT", {}, psycopg.InterfaceError()))


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
