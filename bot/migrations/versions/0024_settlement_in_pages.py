"""What a settlement costs the database: references checked by the set, rows rewritten in place.

On PostgreSQL the books' references are kept by triggers that look once at all rows of a statement,
and a row whose figures change with each payment has room in its page (ADR 46). On both databases
the indexes of what waits, for its settlement or for its end, hold nothing else.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFERENCES = {
    "posting": {"entry_id": "journal_entry", "account_id": "account"},
    "transfer_event": {"transfer_id": "transfer"},
    "outbox": {"order_id": "orders"},
}
"""The columns that refer to another table's id."""
_REWRITTEN = {"account": 50, "person": 50, "transfer": 50}
"""How full pages are filled (percent): with room for each row once more."""
_DUE_AT = (
    "CASE WHEN status = 'pending' AND confirmation_id IS NULL THEN confirm_by"
    " WHEN status = 'held' THEN claim_by END"
)
"""On one line, or SQLAlchemy reads it back as nothing. Whoever rebuilds `transfer` on SQLite after
this (`batch_alter_table`) drops the index and the column first, and adds them again afterwards."""
_IS_DUE = sa.text("due_at IS NOT NULL")
_WAITING = sa.text("settled_at IS NULL AND funding = 'wallet'")


def upgrade() -> None:
    with op.batch_alter_table("confirmation") as batch_op:
        batch_op.drop_index("ix_confirmation_waiting")
        batch_op.create_index(
            "ix_confirmation_waiting", ["id"], sqlite_where=_WAITING, postgresql_where=_WAITING
        )
    op.drop_index("ix_transfer_due", "transfer")
    op.execute(f"ALTER TABLE transfer ADD COLUMN due_at {_generated()}")
    op.create_index(
        "ix_transfer_due", "transfer", ["due_at"], sqlite_where=_IS_DUE, postgresql_where=_IS_DUE
    )
    if op.get_context().dialect.name == "sqlite":
        return
    for table, fill in _REWRITTEN.items():
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {fill})")
    for table, columns in _REFERENCES.items():
        for column in columns:
            op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
        _check_in_sets(table, columns)
        for column, to in columns.items():
            _keep_referred(table, column, to)


def downgrade() -> None:
    with op.batch_alter_table("confirmation") as batch_op:
        batch_op.drop_index("ix_confirmation_waiting")
        batch_op.create_index("ix_confirmation_waiting", ["settled_at", "funding", "id"])
    op.drop_index("ix_transfer_due", "transfer")
    op.execute("ALTER TABLE transfer DROP COLUMN due_at")
    op.create_index("ix_transfer_due", "transfer", ["status", "confirm_by"])
    if op.get_context().dialect.name == "sqlite":
        return
    for table in _REWRITTEN:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    for table, columns in _REFERENCES.items():
        op.execute(f"DROP FUNCTION {table}_refers() CASCADE")
        for column, to in columns.items():
            op.execute(f"DROP FUNCTION {to}_is_referred_to() CASCADE")
            op.create_foreign_key(f"fk_{table}_{column}", table, to, [column], ["id"])


def _generated() -> str:
    """Return the type of `due_at`: SQLite adds no stored column, PostgreSQL knows no other."""
    if op.get_context().dialect.name == "sqlite":
        return f"DATETIME GENERATED ALWAYS AS ({_DUE_AT}) VIRTUAL"
    return f"TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS ({_DUE_AT}) STORED"


def _there() -> str:
    """Return the schema of our tables, which a function has to name: it is called from anywhere."""
    name: str = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return name


def _check_in_sets(table: str, columns: dict[str, str]) -> None:
    """Refuse a statement that writes a row which refers to nothing.

    Asked as a value, a row's other end is found by its index, however many rows there are.
    """
    of_set, of_row = (_lacks(columns, row) for row in ("fresh", "NEW"))
    op.execute(
        f"""
        CREATE FUNCTION {table}_refers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_LEVEL = 'STATEMENT' THEN
                IF NOT EXISTS (SELECT FROM fresh WHERE {of_set}) THEN RETURN NULL; END IF;
            ELSIF ({of_row}) IS NOT TRUE THEN
                RETURN NULL;
            END IF;
            RAISE foreign_key_violation USING
                MESSAGE = 'foreign key: {table} refers to what is not there',
                TABLE = '{table}', CONSTRAINT = '{table}_refers';
        END $$
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER {table}_refers AFTER INSERT ON {table}
        REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION {table}_refers()
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER {table}_refers_still AFTER UPDATE OF {", ".join(columns)} ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_refers()
        """
    )


def _lacks(columns: dict[str, str], row: str) -> str:
    """Return the condition that a row's other end is not there."""
    there = _there()
    return " OR ".join(
        f"{row}.{column} IS NOT NULL"  # noqa: S608 (names of this file)
        f" AND (SELECT id FROM {there}.{to} WHERE id = {row}.{column}) IS NULL"
        for column, to in columns.items()
    )


def _keep_referred(table: str, column: str, to: str) -> None:
    """Refuse to delete or renumber a row that another refers to; nothing of ours does."""
    there = _there()
    op.execute(
        f"""
        CREATE FUNCTION {to}_is_referred_to() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                IF NOT EXISTS (SELECT FROM {there}.{table}) THEN RETURN NULL; END IF;
            ELSIF NOT EXISTS (SELECT FROM {there}.{table} WHERE {column} = OLD.id) THEN
                RETURN NULL;
            END IF;
            RAISE foreign_key_violation USING
                MESSAGE = 'foreign key: {table} refers to {to}',
                TABLE = '{to}', CONSTRAINT = '{to}_is_referred_to';
        END $$
        """  # noqa: S608 (as above)
    )
    op.execute(
        f"""
        CREATE TRIGGER {to}_is_referred_to AFTER DELETE OR UPDATE OF id ON {to}
        FOR EACH ROW EXECUTE FUNCTION {to}_is_referred_to()
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER {to}_is_not_emptied BEFORE TRUNCATE ON {to}
        FOR EACH STATEMENT EXECUTE FUNCTION {to}_is_referred_to()
        """
    )
