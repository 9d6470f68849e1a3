"""Handles that accounts bore before, the age of accounts, and blocks that turn money away."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "former_handle",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("x_user_id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.String(length=15), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["x_user_id"],
            ["x_account.x_user_id"],
            name=op.f("fk_former_handle_x_user_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_handle")),
    )
    op.create_index(op.f("ix_former_handle_x_user_id"), "former_handle", ["x_user_id"])
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("x_created_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("turns_money_away", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.alter_column("turns_money_away", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.drop_column("turns_money_away")
    with op.batch_alter_table("x_account", schema=None) as batch_op:
        batch_op.drop_column("x_created_at")
    op.drop_index(op.f("ix_former_handle_x_user_id"), table_name="former_handle")
    op.drop_table("former_handle")
