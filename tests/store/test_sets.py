"""Statements over whole sets say the same on both databases, whatever is in the sets."""

from contextlib import suppress

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bot.store.engine import Store
from bot.store.questions import Question, ask
from bot.store.sets import Change, Statement, write

SEEN = Statement("SELECT id, text FROM GIVEN said(id bigint, text text) ORDER BY id")
ACCOUNTS = Statement(
    "INSERT INTO account (name, balance_cents) SELECT name, cents"
    " FROM GIVEN accounts(name text, cents bigint)",
    returning="id, name",
)
OTHERS_OF_THAT_NAME = [
    Statement("SELECT id FROM GIVEN said(id bigint)"),
    Statement("SELECT text, id FROM GIVEN said(text text, id bigint)"),
    Statement("SELECT id_text AS id FROM GIVEN said(id_text bigint)"),
]
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


class Undone(Exception):
    """What a transaction decided on came to nothing."""


def said(*texts: str) -> dict[str, list[object]]:
    """Return a set of numbered texts."""
    return {"id": list(range(len(texts))), "text": list(texts)}


def heard(session: Session, *texts: str) -> list[str]:
    """Hand in texts; return those that the statement sees."""
    return [row.text for row in SEEN.run(session, said=said(*texts))]


@pytest.mark.parametrize("done_before", [False, True])
def test_a_set_outlives_no_transaction_that_is_rolled_back(
    store: Store, *, done_before: bool
) -> None:
    """SQLite forgets its table, or its rows alone: it is made again, or filled anew."""
    if done_before:
        with store.write() as session:
            assert heard(session, "kept") == ["kept"]
    with suppress(Undone), store.write() as session:
        assert heard(session, "a", "b") == ["a", "b"]
        raise Undone
    with store.write() as session:
        assert heard(session, "c") == ["c"]
    with store.read() as session:  # it ends with a rollback as well
        assert heard(session, "d") == ["d"]
    with store.read() as session:
        assert heard(session) == []


def test_a_savepoint_that_is_rolled_back_leaves_the_set_to_those_after_it(store: Store) -> None:
    """A table that was made within it is gone in the middle of a transaction."""
    with store.write() as session:
        savepoint = session.begin_nested()
        assert heard(session, "a") == ["a"]
        savepoint.rollback()
        assert heard(session, "b", "c") == ["b", "c"]


def test_sets_of_one_name_with_other_columns_are_other_sets(store: Store) -> None:
    """Also where the names of the columns say the same when they are put together."""
    with store.read() as session:
        assert heard(session, "first") == ["first"]
        for other in OTHERS_OF_THAT_NAME:
            (row,) = other.run(session, said={"id": [7], "text": ["seven"], "id_text": [7]})
            assert row.id == 7
        assert heard(session, "last") == ["last"]


def test_a_statement_twice_in_a_transaction_sees_its_own_rows_each_time(store: Store) -> None:
    """More of them, fewer, none: nothing is left of those before, and they stay as they were."""
    with store.write() as session:
        first = SEEN.run(session, said=said("a", "b"))
        assert heard(session, "c", "d", "e") == ["c", "d", "e"]
        assert heard(session) == []
        assert heard(session, "f") == ["f"]
        assert [row.text for row in first] == ["a", "b"]
        for names in (["own:1", "own:2"], ["own:3"]):
            accounts = {"name": names, "cents": [0] * len(names)}
            assert ACCOUNTS.touch(session, accounts=accounts) == len(names)


def test_a_given_set_is_not_streamed(store: Store) -> None:
    """Whoever ran the statement again meanwhile would take its rows from under the reader."""
    with store.read() as session, pytest.raises(AssertionError, match="not streamed"):
        next(SEEN.stream(session, said=said("a")))


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


BALANCES = Statement(
    "SELECT balance_cents AS cents, name FROM account WHERE name = ANY(:names text) ORDER BY name",
    columns="name cents",
)
NAMED = Statement("SELECT name FROM account WHERE name = SOME(:wanted text)", columns="name")


def test_questions_are_answered_together_as_each_alone(store: Store) -> None:
    """By their names on both databases, in their order, and no row is no row."""
    with suppress(Undone), store.write() as session:
        accounts = {"name": ["own:1", "own:2"], "cents": [-7, 7]}
        write(session, [Change("account", ACCOUNTS, {"accounts": accounts}, 2)])
        balances, named, none = ask(
            session,
            Question(BALANCES, {"names": accounts["name"]}, list),
            Question(NAMED, {"wanted": ["own:2", "own:3"]}, list),
            Question(Statement("SELECT name FROM account WHERE 1 = 0", columns="name"), {}, list),
        )
        assert [(row.name, row.cents) for row in balances] == [("own:1", -7), ("own:2", 7)]
        assert [row.name for row in named] == ["own:2"]
        assert none == []
        alone = Question(BALANCES, {"names": ["own:1"]}, list).ask(session)
        assert [(row.name, row.cents) for row in alone] == [("own:1", -7)]
        raise Undone


def test_a_question_says_what_it_answers() -> None:
    """Else PostgreSQL would answer nothing."""
    with pytest.raises(AssertionError, match="names its columns"):
        Question(Statement("SELECT name FROM account"), {}, list)


@pytest.mark.parametrize("rows", [1, 200])
def test_a_cursor_is_kept_with_a_short_answer_alone(postgresql_url: str, rows: int) -> None:
    """With it psycopg keeps the answer and what was handed in."""
    store = Store(postgresql_url)
    with store.read() as session:
        kept = session.connection().connection.info
        before = set(kept)
        assert len(heard(session, *("a" * rows))) == rows
        assert len(set(kept) - before) == (1 if rows == 1 else 0)
        cursors = [kept[text] for text in set(kept) - before]
        heard(session, "b")
        assert all(kept[cursor._last_query] is cursor for cursor in cursors)
        before = set(kept)
        assert heard(session, "long" * 10_000) == ["long" * 10_000]
        assert set(kept) <= before
    store.close()
