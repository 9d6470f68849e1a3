"""Who wrote what came in; and no text message in the outbox, which never held one.

Messages that were read before are not looked through: their texts go within 30 days, and an erasure
finds them by what they hold.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

READ = sa.text("author_x_user_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("inbox", sa.Column("author_x_user_id", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_inbox_author",
        "inbox",
        ["author_x_user_id"],
        sqlite_where=READ,
        postgresql_where=READ,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("to_phone")
    _channels("'reply', 'dm'")


def downgrade() -> None:
    _channels("'reply', 'dm', 'sms'")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("to_phone", sa.String(length=20), nullable=True))
    op.drop_index("ix_inbox_author", table_name="inbox")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("author_x_user_id")


def _channels(words: str) -> None:
    for table in ("outbox", "x_budget"):
        name = f"ck_{table}_channel"
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(name, type_="check")
            batch_op.create_check_constraint(name, f"channel IN ({words})")
