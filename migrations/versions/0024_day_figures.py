"""One index that holds all the home page asks of today: it replaces the one of the business date alone.

Revision ID: 0024
Revises: 0021
"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0021"
branch_labels = None
depends_on = None

INDEX = "ix_sale_day_figures"
COLUMNS = [
    "business_date", "status", "kind", "currency", "meter_type", "reserved_at", "point_region_id", "amount",
    "currency_decimals",
]  # fmt: skip


def upgrade() -> None:
    """Go forward."""
    op.create_index(INDEX, "sale", COLUMNS)
    op.drop_index("ix_sale_business_date", table_name="sale")


def downgrade() -> None:
    """Go back."""
    op.create_index("ix_sale_business_date", "sale", ["business_date"])
    op.drop_index(INDEX, table_name="sale")
