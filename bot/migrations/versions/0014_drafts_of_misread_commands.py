"""Drafts of commands whose amount was misread, and paths to come back to that hold a note."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.add_column(sa.Column("misread", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("amount_text", sa.String(length=40), nullable=True))
        batch_op.alter_column("amount_cents", existing_type=sa.BigInteger(), nullable=True)
        batch_op.create_check_constraint(
            batch_op.f("ck_draft_misread"), "amount_cents IS NOT NULL OR misread IS NOT NULL"
        )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.alter_column(
            "next_path", existing_type=sa.String(length=300), type_=sa.String(length=2000)
        )


def downgrade() -> None:
    op.execute("DELETE FROM sign_in_attempt")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.alter_column(
            "next_path", existing_type=sa.String(length=2000), type_=sa.String(length=300)
        )

    # A draft without an amount cannot stand in the older schema: its owner writes again.
    op.execute(
        "DELETE FROM draft_person WHERE order_id IN"
        " (SELECT order_id FROM draft WHERE misread IS NOT NULL)"
    )
    op.execute("DELETE FROM draft WHERE misread IS NOT NULL")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_draft_misread"), type_="check")
        batch_op.alter_column("amount_cents", existing_type=sa.BigInteger(), nullable=False)
        batch_op.drop_column("amount_text")
        batch_op.drop_column("misread")
