"""Questions that do not depend on each other's answers, asked on PostgreSQL all in one trip."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlmodel import Session

from bot.store.sets import Statement, executed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A statement that reads, with what is handed to it, and what its rows say."""

    statement: Statement
    values: Mapping[str, Any]
    read: Callable[[list[Any]], T]

    def __post_init__(self) -> None:
        """Refuse a statement that does not say what it answers."""
        assert self.statement.columns, "a question's statement names its columns"

    def ask(self, session: Session) -> T:
        """Ask it alone."""
        return self.read(self.statement.run(session, **self.values))


def ask(session: Session, *questions: Question[Any]) -> list[Any]:
    """Ask what does not depend on each other's answers, on PostgreSQL all in one trip.

    Returns what each one's rows say. A value or set of one name is the same in all of them.
    """
    if session.connection().dialect.name == "sqlite":
        return [one.ask(session) for one in questions]
    statements = tuple(one.statement for one in questions)
    bound: dict[str, Any] = {}
    for one in questions:
        bound |= one.statement.bound(one.values, is_sqlite=False, known=bound)
    with executed(session.connection(), _asked(statements), bound) as cursor:
        columns = iter(cursor.fetchone())
    return [
        one.read(one.statement.rows(islice(columns, len(one.statement.columns))))
        for one in questions
    ]


@cache
def _asked(statements: tuple[Statement, ...]) -> str:
    """Put questions into one text, which answers each of their columns as an array."""
    parts = ", ".join(f"q{n} AS ({one.on_postgresql})" for n, one in enumerate(statements))
    answers = ", ".join(
        f"(SELECT {', '.join(f'array_agg({name})' for name in one.columns)} FROM q{n}) AS a{n}"
        for n, one in enumerate(statements)
    )
    return f"WITH {parts} SELECT * FROM {answers}"
