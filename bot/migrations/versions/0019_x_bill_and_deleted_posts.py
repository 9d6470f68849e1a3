"""What is used of X on a day; whether an order's post still stands."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = (
    "post_read",
    "mention_read",
    "user_read",
    "reply",
    "reply_found",
    "message_read",
    "message_sent",
    "account_read",
    "sign_in",
    "post_looked_up",
    "reply_deleted",
    "own_account",
    "orders",
    "confirmations",
)
NEW = ("post_read_at", "post_gone_at", "reply_gone_at")


def upgrade() -> None:
    words = ", ".join(f"'{one}'" for one in KINDS)
    op.create_table(
        "x_count",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"kind IN ({words})", name=op.f("ck_x_count_kind")),
        sa.CheckConstraint("times > 0", name=op.f("ck_x_count_times")),
        sa.PrimaryKeyConstraint("day", "kind", name=op.f("pk_x_count")),
    )
    for name in NEW:
        op.add_column("orders", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_orders_post_gone_at", "orders", ["post_gone_at"])


def downgrade() -> None:
    op.drop_index("ix_orders_post_gone_at", table_name="orders")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        for name in reversed(NEW):
            batch_op.drop_column(name)
    op.drop_table("x_count")
