"""In which browsers a wallet was opened by two factors: it is shown nowhere else.

Nothing says in which of them it was until now, so that everybody is asked once more.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "opened_browser",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("token_hash", "person_id"),
    )
    op.create_index(op.f("ix_opened_browser_person_id"), "opened_browser", ["person_id"])


def downgrade() -> None:
    op.drop_table("opened_browser")
