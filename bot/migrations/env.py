"""What Alembic runs: the migrations, on the connection that `bot.migrations` hands over.

Promises to leave alone what the models do not know: a table or an index that an operator added
is never dropped by a revision that autogenerate wrote.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.schema import SchemaItem
from sqlmodel.sql.sqltypes import AutoString

from bot.store.tables import metadata
from bot.store.types import UtcDateTime


def include_object(
    _item: SchemaItem,
    _name: str | None,
    _kind: str,
    reflected: bool,  # noqa: FBT001 (Alembic passes it by position)
    compare_to: Any,
) -> bool:
    """Whether autogenerate looks at an object: not where only the database has it."""
    return not (reflected and compare_to is None)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own types as SQLAlchemy's plain ones: a revision must not change when ours do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()" if item.length is None else f"sa.String(length={item.length})"
    return False


def _run() -> None:
    connection: Connection | None = context.config.attributes.get("connection")
    assert connection is not None, "migrations run through bot.migrations.upgrade"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=include_object,
        render_item=render_item,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
        compare_server_default=True,
    )
    # The transaction is begun and committed by bot.migrations, after its last check.
    context.run_migrations()


_run()
