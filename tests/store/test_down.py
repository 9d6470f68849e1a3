"""A database that does not answer is told from SQL of ours that it does not take."""

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
