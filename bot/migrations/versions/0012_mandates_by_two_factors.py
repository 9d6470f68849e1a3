"""A mandate is given by two factors; one that was given on the page without them ends.

The card stays in its wallet and is asked for on the acquirer's page again; of a payment that is
under way the acquirer is told to remove the card.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PURPOSES = "purpose IN ('pay', 'payout', 'open', 'phone', 'code', 'dm', 'passkey'"


def upgrade() -> None:
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_challenge_purpose"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_challenge_purpose"), f"{PURPOSES}, 'mandate')"
        )
    with op.batch_alter_table("mandate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sca_basis", sa.String(length=16), nullable=True))
    op.execute(
        "UPDATE mandate SET revoked_at = CURRENT_TIMESTAMP"
        " WHERE topup_id IS NOT NULL AND revoked_at IS NULL"
    )
    with op.batch_alter_table("mandate", schema=None) as batch_op:
        batch_op.create_check_constraint(
            batch_op.f("ck_mandate_sca"),
            "topup_id IS NULL OR revoked_at IS NOT NULL"
            " OR (sca_basis IS NOT NULL AND sca_basis IN ('code', 'passkey'))",
        )


def downgrade() -> None:
    with op.batch_alter_table("mandate", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_mandate_sca"), type_="check")
        batch_op.drop_column("sca_basis")
    op.execute("DELETE FROM challenge WHERE purpose = 'mandate'")
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_challenge_purpose"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_challenge_purpose"), f"{PURPOSES})")
