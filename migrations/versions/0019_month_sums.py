"""Which months are added up in sale_month and purchase_month.

Revision ID: 0019
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; months are closed by the worker afterwards."""
    op.create_table(
        "month_sums",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_month_sums")),
    )


def downgrade() -> None:
    """Go back; the sums of months are made again from those of the days."""
    op.drop_table("month_sums")
    op.execute("DELETE FROM sale_month")
    op.execute("DELETE FROM purchase_month")
