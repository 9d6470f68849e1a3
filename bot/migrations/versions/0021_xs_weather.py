"""How far messages were read; tries apart from leases; indexes by which long queues are read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A poll stopped at the first message that was known: without a row it would read, and pay, every
# one since the first start again.
READ_SO_FAR = """
    INSERT INTO cursor (name, value, updated_at)
    SELECT 'messages.read', '{"read_to": "' || source_id || '", "gaps": []}', received_at
    FROM inbox WHERE source = 'dm' ORDER BY length(source_id) DESC, source_id DESC LIMIT 1
"""


def upgrade() -> None:
    op.execute(sa.text(READ_SO_FAR.replace(":", r"\:")))
    for table in ("inbox", "outbox"):
        tries = sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column(table, tries)
    op.drop_index("ix_inbox_waiting", table_name="inbox")
    op.create_index("ix_inbox_queue", "inbox", ["status", "source", "id"])
    op.create_index("ix_outbox_queue", "outbox", ["status", "channel", "priority", "id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_queue", table_name="outbox")
    op.drop_index("ix_inbox_queue", table_name="inbox")
    op.create_index("ix_inbox_waiting", "inbox", ["status", "next_attempt_at"])
    for table in ("outbox", "inbox"):
        op.drop_column(table, "tries")
    op.execute("DELETE FROM cursor WHERE name = 'messages.read'")
