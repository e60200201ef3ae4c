"""How many consumers bought nothing, by region and day; and copies of slips by when they were printed.

Revision ID: 0029
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; the worker counts afterwards."""
    op.create_table(
        "inactive_day",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("consumers", sa.Integer(), nullable=False),
        sa.Column("inactive", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inactive_day")),
        sa.UniqueConstraint("day", "region_id", name="uq_inactive_day_key"),
    )
    op.create_index(op.f("ix_reprint_printed_at"), "reprint", ["printed_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_index(op.f("ix_reprint_printed_at"), table_name="reprint")
    op.drop_table("inactive_day")
