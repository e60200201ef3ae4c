"""Modules on the network, decisions about lost sales, backups, signs of life.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "backup_made",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_made")),
    )
    with op.batch_alter_table("backup_made", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_backup_made_made_at"), ["made_at"], unique=False)

    op.create_table(
        "sign_of_life",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sign_of_life")),
    )
    op.create_table(
        "module_health",
        sa.Column("module_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=False),
        sa.Column("round_trip_ms", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=60), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["module_id"],
            ["security_module.id"],
            name=op.f("fk_module_health_module_id_security_module"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("module_id", name=op.f("pk_module_health")),
    )
    op.create_table(
        "sale_decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_by IS NULL)",
            name=op.f("ck_sale_decision_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "kind IN ('release', 'ask_again')", name=op.f("ck_sale_decision_kind_known")
        ),
        sa.CheckConstraint(
            "status <> 'done' OR decided_by <> proposed_by", name=op.f("ck_sale_decision_four_eyes")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'done', 'declined')", name=op.f("ck_sale_decision_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["ab_user.id"], name=op.f("fk_sale_decision_decided_by_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["ab_user.id"], name=op.f("fk_sale_decision_proposed_by_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["sale_id"], ["sale.id"], name=op.f("fk_sale_decision_sale_id_sale")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_decision")),
    )
    with op.batch_alter_table("sale_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sale_decision_sale_id"), ["sale_id"], unique=False)
        batch_op.create_index(
            "uq_sale_decision_proposed",
            ["sale_id"],
            unique=True,
            sqlite_where=sa.text("status = 'proposed'"),
            postgresql_where=sa.text("status = 'proposed'"),
        )

    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.add_column(sa.Column("username", sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column("sealed_password", sa.String(length=400), nullable=True))
        batch_op.add_column(
            sa.Column("trust", sa.String(length=12), nullable=False, server_default="pinned")
        )
        batch_op.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("authority", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("memory_hours", sa.Integer(), nullable=True))
    # Rows of before have the default; new ones say it themselves.
    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.alter_column("trust", server_default=None, existing_type=sa.String(length=12))
        batch_op.create_check_constraint(
            op.f("ck_security_module_trust_known"), "trust IN ('pinned', 'authority', 'unchecked')"
        )
        batch_op.create_check_constraint(
            op.f("ck_security_module_network_has_place"),
            "kind = 'software' OR (address IS NOT NULL AND port IS NOT NULL)",
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_security_module_network_has_place"), type_="check")
        batch_op.drop_constraint(op.f("ck_security_module_trust_known"), type_="check")
    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.drop_column("memory_hours")
        batch_op.drop_column("authority")
        batch_op.drop_column("fingerprint")
        batch_op.drop_column("trust")
        batch_op.drop_column("sealed_password")
        batch_op.drop_column("username")

    with op.batch_alter_table("sale_decision", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_sale_decision_proposed",
            sqlite_where=sa.text("status = 'proposed'"),
            postgresql_where=sa.text("status = 'proposed'"),
        )
        batch_op.drop_index(batch_op.f("ix_sale_decision_sale_id"))

    op.drop_table("sale_decision")
    op.drop_table("module_health")
    op.drop_table("sign_of_life")
    with op.batch_alter_table("backup_made", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_backup_made_made_at"))

    op.drop_table("backup_made")
