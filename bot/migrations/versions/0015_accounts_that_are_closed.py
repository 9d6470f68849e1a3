"""Accounts that their owners closed, whose number and X accounts may begin anew."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PURPOSES = "purpose IN ('pay', 'payout', 'open', 'phone', 'code', 'dm', 'passkey', 'mandate'"
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_person_phone"), type_="unique")
    op.create_index(
        op.f("uq_person_phone"),
        "person",
        ["phone"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "former_account",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("x_user_id", sa.String(length=32), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_former_account_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["x_user_id"], ["x_account.x_user_id"], name=op.f("fk_former_account_x_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_account")),
    )
    op.create_index(op.f("ix_former_account_person_id"), "former_account", ["person_id"])
    op.create_index(op.f("ix_former_account_x_user_id"), "former_account", ["x_user_id"])
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_challenge_purpose"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_challenge_purpose"), f"{PURPOSES}, 'data', 'close')"
        )


def downgrade() -> None:
    op.execute("DELETE FROM challenge WHERE purpose IN ('data', 'close')")
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_challenge_purpose"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_challenge_purpose"), f"{PURPOSES})")
    op.drop_index(op.f("ix_former_account_person_id"), table_name="former_account")
    op.drop_index(op.f("ix_former_account_x_user_id"), table_name="former_account")
    op.drop_table("former_account")
    op.drop_index(op.f("uq_person_phone"), table_name="person")
    # Two may have had one number, one after the other: the older schema gives it to the last.
    op.execute("UPDATE person SET phone = 'closed-' || id WHERE closed_at IS NOT NULL")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_person_phone"), ["phone"])
        batch_op.drop_column("closed_at")
