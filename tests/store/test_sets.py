"""Statements over whole sets say the same on both databases, whatever is in the sets."""

import pytest
from sqlalchemy.exc import IntegrityError

from bot.store.engine import Store
from bot.store.sets import Change, Statement, write

SEEN = Statement("SELECT id, text FROM GIVEN said(id bigint, text text) ORDER BY id")
ACCOUNTS = Statement(
    "INSERT INTO account (name, balance_cents) SELECT name, cents"
    " FROM GIVEN accounts(name text, cents bigint)",
    returning="id, name",
)
HOSTILE = [
    '"',
    "\\",
    "{a,b}",
    "NULL",
    "'; DROP TABLE person; --",
    "é\u00a0€ 🎉\n\t",
    "",
    ":id %s %%",
]


def test_what_is_handed_in_comes_back(store: Store) -> None:
    """Quotes, braces, line ends, the word NULL and nothing at all are texts like any other."""
    texts = [*HOSTILE, None]
    with store.read() as session:
        rows = SEEN.run(session, said={"id": range(len(texts)), "text": texts})
    assert [row.text for row in rows] == texts


def test_a_change_that_touches_fewer_rows_undoes_them_all(store: Store) -> None:
    """What was decided on rows that are no longer there must not be written in part."""
    accounts = {"name": ["own:1", "own:2"], "cents": [0, 0]}
    with pytest.raises(AssertionError, match="account: 2 rows of 3"), store.write() as session:
        write(session, [Change("account", ACCOUNTS, {"accounts": accounts}, 3)])
    with store.read() as session:
        names = Statement("SELECT name FROM account WHERE name = ANY(:names text)")
        assert names.run(session, names=accounts["name"]) == []


def test_a_rule_of_the_database_is_the_error_that_callers_know(store: Store) -> None:
    """A wallet below zero is refused as SQLAlchemy says it, with no value in its text."""
    accounts = {"name": ["wallet:77"], "cents": [-1]}
    with pytest.raises(IntegrityError) as refused, store.write() as session:
        write(session, [Change("account", ACCOUNTS, {"accounts": accounts}, 1)])
    assert "wallet:77" not in str(refused.value.params)
