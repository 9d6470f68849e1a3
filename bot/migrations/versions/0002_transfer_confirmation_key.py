"""A transfer points at a confirmation that is there."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.create_foreign_key(
            batch_op.f("fk_transfer_confirmation_id"), "confirmation", ["confirmation_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("transfer", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_transfer_confirmation_id"), type_="foreignkey")
