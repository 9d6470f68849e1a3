r"""Statements over whole sets: one text for both databases, one trip however many rows.

SQLAlchemy writes a list as a parameter for each of its values, builds the statement anew at each
call and sends many rows one by one. What is hot says what it means in SQL instead, where

- `= ANY(:ids bigint)` takes a list, `= SOME(:ids bigint)` one that is looked up value by value
  however long it is, so that PostgreSQL plans it once and not each time for as many, and
- `GIVEN moves(id bigint, status text)` is a table made of the columns that are handed in,
- `\:` is a colon that begins no parameter, and
- `UNINDEXED(status)` keeps SQLite from finding rows by a guard instead of by what is asked for, and
- `LOCKED(…)` says which rows are locked, where SQLite would look up for nothing what it joins.

`_SPELLED` has what else the two say differently.

A set is one parameter on PostgreSQL, so that a text stays the same and its plan can be kept;
SQLite, which is in our process, is given a temporary table.
"""

import json
import re
from collections import namedtuple
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

Columns = Mapping[str, Sequence[object]]
"""A set: its columns by name, all of one length."""

STREAMED: Final = 10_000
"""Rows that are in memory at a time."""
KEPT_ROWS: Final = 100
"""Rows of an answer that may stay in memory until the same is asked again."""
KEPT_CHARACTERS: Final = 10_000
"""Of each value or set that was handed in with it."""

_LIST: Final = re.compile(r"= (?:ANY|SOME)\(:(\w+) (\w+)\)")
_ANY: Final = re.compile(r"= ANY\(:(\w+) (\w+)\)")
_SOME: Final = re.compile(r"= SOME\(:(\w+) (\w+)\)")
_GIVEN: Final = re.compile(r"GIVEN (\w+)\(([^)]*)\)")
_LOCK: Final = re.compile(r"\s+FOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?")
_VALUE: Final = re.compile(r"(?<![:\w\\]):(\w+)")
_SPELLED: Final = {
    re.compile(r"UNINDEXED\((\S+)\)"): (r"\1", r"+\1"),
    re.compile(r"LOCKED\((.+?\))\)"): (r"\1", "TRUE"),
    re.compile(r"WIDE JOIN"): ("FULL JOIN", "LEFT JOIN"),
    re.compile(r"NEWLINE"): ("chr(10)", "char(10)"),
    re.compile(r"BYTES <"): ('COLLATE "C" <', "<"),
    re.compile(r"SHA256\((\w+)\)"): (
        r"encode(sha256(convert_to(\1, 'UTF8')), 'hex')",
        r"sha256_hex(\1)",
    ),
}
_CHAINED: Final = re.compile(r"\{(\w+)\}")


class Statement:
    """A text of SQL, understood by both databases. `FOR UPDATE` is for the one that needs it.

    `returning`: what the change that it makes shows to those chained to it. `is_counted`: whether
    the number of its rows says anything; not where it writes what it is given or fails, nor where
    what is there already is left.
    `columns`: what it answers, where it is asked together with others.
    """

    def __init__(
        self, text: str, *, returning: str = "1", is_counted: bool = True, columns: str = ""
    ) -> None:
        self.returning, self.is_counted = returning, is_counted
        self.columns = tuple(columns.split())
        self._row: Any = None
        self._answer: Any = _row(self.columns)
        text = " ".join(text.split())
        self.lists: dict[str, str] = dict(_LIST.findall(text))
        self.tables = {name: _kinds(columns) for name, columns in _GIVEN.findall(text)}
        on_postgresql, on_sqlite = text, _LOCK.sub("", text)
        for word, (one, other) in _SPELLED.items():
            on_postgresql, on_sqlite = word.sub(one, on_postgresql), word.sub(other, on_sqlite)
        on_postgresql = _ANY.sub(r"= ANY(CAST(:\1 AS \2[]))", on_postgresql)
        on_postgresql = _SOME.sub(r"= ANY(CAST((SELECT CAST(:\1 AS \2[])) AS \2[]))", on_postgresql)
        on_postgresql = _GIVEN.sub(_unnest, on_postgresql)
        on_postgresql = _VALUE.sub(r"%(\1)s", on_postgresql.replace("%", "%%"))
        self.on_postgresql = on_postgresql.replace("\\:", ":")
        on_sqlite = _LIST.sub(r"IN (SELECT value FROM json_each(:\1))", on_sqlite)
        on_sqlite = _GIVEN.sub(_temporary, on_sqlite)
        self.values = frozenset(_VALUE.findall(on_sqlite)) - {*self.lists}
        self.on_sqlite = on_sqlite.replace("\\:", ":")
        self._alone_on_postgresql = _CHAINED.sub(r"\1", self.on_postgresql)
        self._alone_on_sqlite = _CHAINED.sub(r"\1", self.on_sqlite)

    def run(self, session: Session, **values: Any) -> list[Any]:
        """Run it in the caller's transaction; return its rows, by their columns' names.

        A list or set is handed in by its name.
        """
        with self._execute(session, values, set()) as cursor:
            if self._row is None:
                self._row = _row([column[0] for column in cursor.description])
            return list(map(self._row, cursor.fetchall()))

    def rows(self, columns: Iterable[Sequence[Any] | None]) -> list[Any]:
        """Return its rows, of the columns that it answers; None is one of no row."""
        return list(map(self._answer, zip(*(one or () for one in columns), strict=True)))

    def stream(
        self, session: Session, *, at_a_time: int = STREAMED, **values: Any
    ) -> Iterator[Any]:
        """Run it as `run` does, for more rows than are wanted in memory; of no given set.

        SQLite would read it while it is streamed, and lose it to whoever runs a statement over a
        set of that name and columns meanwhile.
        """
        assert not self.tables, "a given set is not streamed"
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        text = self.on_sqlite if is_sqlite else self.on_postgresql
        yield from connection.execution_options(yield_per=at_a_time).exec_driver_sql(
            text, self.bound(values, is_sqlite=is_sqlite)
        )

    def touch(self, session: Session, **values: Any) -> int:
        """Run one that changes rows; return how many."""
        return self.touch_beside(session, values, set())

    def touch_beside(self, session: Session, values: Mapping[str, Any], given: set[str]) -> int:
        """Run it as `touch` does, after others of the same values: what was `given` still is."""
        with self._execute(session, values, given) as cursor:
            count: int = cursor.rowcount
            return count

    def touch_each(self, session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
        """Run one that changes rows, of no set, for each of these values; return how many."""
        assert not self.tables
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        text = self.on_sqlite if is_sqlite else self.on_postgresql
        with closing(connection.connection.cursor()) as cursor, _driving(connection, text):
            cursor.executemany(text, [self.bound(one, is_sqlite=is_sqlite) for one in rows])
            count: int = cursor.rowcount
            return count

    def _execute(
        self, session: Session, values: Mapping[str, Any], given: set[str]
    ) -> AbstractContextManager[Any]:
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        text = self._alone_on_sqlite if is_sqlite else self._alone_on_postgresql
        if is_sqlite:
            _give(connection, self.tables, values, given)
        return executed(connection, text, self.bound(values, is_sqlite=is_sqlite))

    def bound(
        self, values: Mapping[str, Any], *, is_sqlite: bool, known: Container[str] = ()
    ) -> dict[str, Any]:
        """Return its parameters as the driver takes them; of sets, those that are not `known`."""
        bound: dict[str, Any] = {name: _value(values[name], is_sqlite) for name in self.values}
        for name, kind in self.lists.items():
            bound[name] = _listed(values[name], kind, is_sqlite=is_sqlite)
        for name, columns in self.tables.items() if not is_sqlite else ():
            for column, kind in columns.items():
                parameter = f"{name}_{column}"
                if parameter not in known:
                    bound[parameter] = _listed(values[name][column], kind, is_sqlite=False)
        return bound


def _give(
    connection: Connection,
    tables: Mapping[str, Mapping[str, str]],
    values: Mapping[str, Any],
    given: set[str],
) -> None:
    """Put given sets into temporary tables, where SQLite finds them faster than in JSON.

    A table stays with its connection, unless what made it is rolled back; its rows are those of
    the last statement that was given a set of that name and columns.
    """
    for name, columns in tables.items():
        table = _table_of(name, columns)
        if table in given:
            continue
        given.add(table)
        rows = list(zip(*(values[name][column] for column in columns), strict=True))
        places = ", ".join("?" * len(columns))
        with closing(connection.connection.cursor()) as cursor, _driving(connection, table):
            cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} ({', '.join(columns)})")
            cursor.execute(f"DELETE FROM {table}")
            cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def _row(names: Sequence[str]) -> Any:
    """Return what makes a row; as `_make` does, which is Python's and asks each one's length."""
    return partial(tuple.__new__, namedtuple("Row", names, rename=True))


def executed(
    connection: Connection, text: str, values: Mapping[str, Any]
) -> AbstractContextManager[Any]:
    """Run a text on the driver's own cursor, within the connection's transaction.

    What SQLAlchemy does around each statement costs more than many of them do; what it does with a
    driver's error is done here, since that is what the callers know.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    cursor = connection.connection.cursor() if is_sqlite else _kept(connection, text)
    try:
        cursor.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        if is_sqlite:
            cursor.close()
        raise _as_known(connection, text, error) from error
    if is_sqlite:
        return closing(cursor)
    is_large = any(isinstance(one, str) and len(one) > KEPT_CHARACTERS for one in values.values())
    if is_large or cursor.rowcount > KEPT_ROWS:  # it would all be kept with the cursor
        return closing(connection.connection.info.pop(text))
    return nullcontext(cursor)


def _kept(connection: Connection, text: str) -> Any:
    """Return the cursor that ran this text before on a connection, which lives as long as that.

    psycopg keeps with it how to read what comes, where the text is the very same
    (`BaseCursor._start_query`), and works it out anew for each new one.
    """
    kept: dict[Any, Any] = connection.connection.info
    if text not in kept:
        kept[text] = connection.connection.cursor()
    return kept[text]


@contextmanager
def _driving(connection: Connection, text: str) -> Iterator[None]:
    """Raise a driver's error as SQLAlchemy does."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_known(connection, text, error) from error


def _as_known(connection: Connection, text: str, error: Exception) -> Exception:
    """Return a driver's error as SQLAlchemy raises it."""
    return DBAPIError.instance(
        text,
        None,
        error,
        connection.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        dialect=connection.dialect,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that writes, with what is handed to it, and how many rows it has to touch."""

    name: str
    statement: Statement
    values: Mapping[str, Any]
    rows: int | None = None
    """None: whatever is left to do."""


def write(session: Session, changes: Iterable[Change]) -> list[int | None]:
    """Make changes, on PostgreSQL all in one trip; fails where one touches more or fewer rows.

    Returns how many rows each touched that had anything to do and is counted.

    Each is named by its table; a value or set of one name is the same in all of them. A text that
    says `{journal_entry}` reads what the change of that name has just written.
    """
    due = [change for change in changes if change.rows != 0]
    if not due:
        return []
    values: dict[str, Any] = {}
    for change in due:
        values |= change.values
    touched: list[int | None]
    if session.connection().dialect.name == "sqlite":
        given: set[str] = set()
        touched = [one.statement.touch_beside(session, values, given) for one in due]
    else:
        text = _together(tuple((change.name, change.statement) for change in due))
        bound: dict[str, Any] = {}
        for change in due:
            bound |= change.statement.bound(values, is_sqlite=False, known=bound)
        with executed(session.connection(), text, bound) as cursor:
            counts = iter(cursor.fetchone())
        touched = [next(counts) if one.statement.is_counted else one.rows for one in due]
    for change, count in zip(due, touched, strict=True):
        assert change.rows in (None, count), f"{change.name}: {count} rows of {change.rows}"
    return touched


@cache
def _together(changes: tuple[tuple[str, Statement], ...]) -> str:
    """Put changes into one text, which answers how many rows each touched that may miss some."""
    chained = {name for _name, one in changes for name in _CHAINED.findall(one.on_postgresql)}
    parts = ", ".join(
        f"{name}_ AS ({one.on_postgresql}"
        + (f" RETURNING {one.returning})" if name in chained or one.is_counted else ")")
        for name, one in changes
    )
    counts = ", ".join(f"(SELECT count(*) FROM {name}_)" for name, one in changes if one.is_counted)
    return _CHAINED.sub(r"\1_", f"WITH {parts} SELECT {counts}")


def _kinds(columns: str) -> dict[str, str]:
    """Read what stands in the brackets of `GIVEN`: the kind of each column by its name."""
    return dict(column.split() for column in columns.split(","))


def _unnest(match: re.Match[str]) -> str:
    table, columns = match.groups()
    arrays = ", ".join(
        f"CAST(:{table}_{name} AS {kind}[])" for name, kind in _kinds(columns).items()
    )
    return f"unnest({arrays}) AS {table}({', '.join(_kinds(columns))})"


def _temporary(match: re.Match[str]) -> str:
    table, columns = match.groups()
    return f"{_table_of(table, _kinds(columns))} AS {table}"


def _table_of(name: str, columns: Iterable[str]) -> str:
    return "__".join(["temp.given", name, *columns])  # no name of ours holds two


def _value(value: object, is_sqlite: bool) -> object:  # noqa: FBT001 (a switch of this file)
    if is_sqlite and isinstance(value, datetime):  # as `UtcDateTime` writes it
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def _listed(values: Iterable[object], kind: str, *, is_sqlite: bool) -> str:
    """Write a list as the database reads one: texts of ours, so no driver has to learn types."""
    listed = list(values)
    if is_sqlite:
        return json.dumps(listed, ensure_ascii=False)
    if kind == "bigint":
        return "{" + str(listed)[1:-1].replace("None", "NULL") + "}"
    return "{" + ",".join(map(_quoted, listed)) + "}"


def _quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
