"""What X grants, shared by the workers; in which conversation an answer is; commands of an hour."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "x_budget",
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("quarter_most", sa.Integer(), nullable=True),
        sa.Column("quarter_left", sa.Integer(), nullable=True),
        sa.Column("quarter_resets_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_most", sa.Integer(), nullable=True),
        sa.Column("day_left", sa.Integer(), nullable=True),
        sa.Column("day_resets_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paced_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('reply', 'dm', 'sms')", name="ck_x_budget_channel"),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_x_budget")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("conversation_id", sa.String(length=32), nullable=True))
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("commands", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("commands_since", sa.DateTime(timezone=True), nullable=True))
    # The limits that X named stand in `x_budget` now.
    op.execute("DELETE FROM cursor WHERE name LIKE 'closed_until.%'")


def downgrade() -> None:
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.drop_column("commands_since")
        batch_op.drop_column("commands")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("conversation_id")
    op.drop_table("x_budget")
