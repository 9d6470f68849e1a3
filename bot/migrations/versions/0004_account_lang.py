"""An X account keeps the language of its last command, and when X was asked for its handle."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lang", sa.String(length=2), nullable=True))
        batch_op.add_column(sa.Column("looked_up_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE x_account SET lang = (SELECT orders.lang FROM orders"
        " WHERE orders.owner_x_user_id = x_account.x_user_id ORDER BY orders.id DESC LIMIT 1)"
    )


def downgrade() -> None:
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.drop_column("looked_up_at")
        batch_op.drop_column("lang")
