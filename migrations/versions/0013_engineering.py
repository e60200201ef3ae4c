"""The engineering desk and reversals: requests and slips of acts, approvals, and what takes a second person.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers
from app.models.base import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FOUR_EYES = "clear_credit,clear_tamper_condition,reversal"


def upgrade() -> None:
    """Go forward."""
    op.add_column("engineering_record", sa.Column("request", sa.Text(), nullable=True))
    op.add_column("engineering_record", sa.Column("asked_at", UTCDateTime(), nullable=True))
    op.add_column("engineering_record", sa.Column("snapshot", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("engineering_record", sa.Column("failure", sa.String(60), nullable=True))
    op.add_column("engineering_record", sa.Column("decided_at", UTCDateTime(), nullable=True))
    op.add_column("settings", sa.Column("four_eyes", sa.String(400), nullable=False, server_default=FOUR_EYES))
    op.create_table(
        "reversal_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'done', 'declined')", name=op.f("ck_reversal_request_status_known")),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_by IS NULL)", name=op.f("ck_reversal_request_decided_by_somebody")
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_reversal_request_sale_id_sale")),
        sa.ForeignKeyConstraint(["proposed_by"], ["ab_user.id"], name=op.f("fk_reversal_request_proposed_by_ab_user")),
        sa.ForeignKeyConstraint(["decided_by"], ["ab_user.id"], name=op.f("fk_reversal_request_decided_by_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversal_request")),
    )
    op.create_index(op.f("ix_reversal_request_sale_id"), "reversal_request", ["sale_id"])
    op.create_index(
        "uq_reversal_request_open", "reversal_request", ["sale_id"], unique=True,
        sqlite_where=sa.text("status <> 'declined'"), postgresql_where=sa.text("status <> 'declined'"),
    )  # fmt: skip
    triggers.install(op.get_bind())


def downgrade() -> None:
    """Go back."""
    connection = op.get_bind()
    on = " ON engineering_record" if connection.dialect.name == "postgresql" else ""
    for name in ("guard_update", "no_delete", "no_truncate"):
        connection.execute(sa.text(f"DROP TRIGGER IF EXISTS engineering_record_{name}{on}"))
    op.drop_table("reversal_request")
    op.drop_column("settings", "four_eyes")
    for name in ("decided_at", "failure", "snapshot", "asked_at", "request"):
        op.drop_column("engineering_record", name)
