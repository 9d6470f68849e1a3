"""Entering a wallet without X: sessions, challenges and payouts of a person who has no account."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_ACCOUNTS = ("web_session", "challenge", "payout")
"""Tables whose rows were an account's until now."""


def upgrade() -> None:
    op.create_table(
        "lost_entry",
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", BIG_ID, nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lost_entry_person_id")),
        sa.PrimaryKeyConstraint("browser_hash", name=op.f("pk_lost_entry")),
    )
    op.create_table(
        "lost_door",
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locks", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lost_door_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_lost_door")),
    )
    for table in OF_ACCOUNTS:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("x_user_id", existing_type=sa.String(length=32), nullable=True)
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", BIG_ID, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_web_session_person_id"), "person", ["person_id"], ["id"]
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_web_session_whose"), "(x_user_id IS NULL) <> (person_id IS NULL)"
        )
    with op.batch_alter_table("text_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", BIG_ID, nullable=True))
        batch_op.create_index(batch_op.f("ix_text_message_person_id"), ["person_id"])


def downgrade() -> None:
    with op.batch_alter_table("text_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_text_message_person_id"))
        batch_op.drop_column("person_id")
    # The older schema knows nobody without an account: they enter again, by X.
    op.execute("DELETE FROM web_session WHERE x_user_id IS NULL")
    op.execute("DELETE FROM challenge WHERE x_user_id IS NULL")
    # A payout stays, and is told to any account of its person's, present or former.
    op.execute(
        "UPDATE payout SET x_user_id = COALESCE("
        "(SELECT MIN(a.x_user_id) FROM x_account a WHERE a.person_id = payout.person_id), "
        "(SELECT MIN(f.x_user_id) FROM former_account f WHERE f.person_id = payout.person_id)) "
        "WHERE x_user_id IS NULL"
    )
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_web_session_whose"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_web_session_person_id"), type_="foreignkey")
        batch_op.drop_column("person_id")
    for table in OF_ACCOUNTS:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("x_user_id", existing_type=sa.String(length=32), nullable=False)
    op.drop_table("lost_door")
    op.drop_table("lost_entry")
