"""Column types that behave alike on SQLite and PostgreSQL."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Integer,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "%(constraint_name)s",
}
# Every constraint has a name, so that a migration can change it and an error names the rule.

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A row's own number: 64 bits on PostgreSQL, SQLite's rowid there."""
FILL = "fill"
REWRITTEN = {"info": {FILL: 50}}
"""Of a table whose rows' figures change with each payment, in no index: PostgreSQL fills its pages
to so many percent, so that each row has room in its page once more, is rewritten in place and
touches no index. https://www.postgresql.org/docs/current/storage-hot.html"""
IN_SETS = "in sets"
"""Mark of a foreign key that is none on PostgreSQL."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC: SQLite forgets time zones, so they are put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes; hand SQLite the UTC time without a zone."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a naive datetime reached the database"
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (the base class asks for it)
        """Return the datetime in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def check(name: str, column: str, values: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """Return the named constraint that a column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=name)


def reference(column: str, to: str) -> ForeignKeyConstraint:
    """Return the reference of a column of the books to another table's `id`.

    A foreign key on SQLite. PostgreSQL would look for each row's other end by a query of its own:
    there a trigger looks once for all rows of a statement (ADR 46).
    """
    key = ForeignKeyConstraint([column], [f"{to}.id"], info={IN_SETS: True})
    key.ddl_if(dialect="sqlite")
    return key
