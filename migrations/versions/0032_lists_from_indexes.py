"""Indexes that hold all a report asks: what orders a period's sales, sales without a token, months by vending point.

Revision ID: 0032
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0035"
branch_labels = None
depends_on = None

INDEX = "ix_sale_day_figures"
BEFORE = [
    "business_date", "status", "kind", "currency", "meter_type", "reserved_at", "point_region_id", "amount",
    "currency_decimals",
]  # fmt: skip
FEW = [
    "business_date", "status", "kind", "currency", "meter_type", "vending_point_id", "point_region_id", "carried_units",
]  # fmt: skip
POINTS = [
    "vending_point_id", "meter_type", "currency", "month", "region_id",
    "sales", "reversals", "amount", "units", "energy", "fees", "taxes",
]  # fmt: skip


def upgrade() -> None:
    """Go forward."""
    op.drop_index(INDEX, table_name="sale")
    ordered_by = ["carried_units", "token_units", "consumer_region_id"]
    op.create_index(INDEX, "sale", [*BEFORE, *ordered_by], postgresql_include=["id"])
    few = sa.text("token_units = 0 OR kind = 'reversal'")
    op.create_index("ix_sale_apart", "sale", FEW, sqlite_where=few, postgresql_where=few)
    op.create_index("ix_sale_month_points", "sale_month", POINTS)
    op.drop_index("ix_sale_month_vending_point_id", table_name="sale_month")


def downgrade() -> None:
    """Go back."""
    op.create_index("ix_sale_month_vending_point_id", "sale_month", ["vending_point_id"])
    op.drop_index("ix_sale_month_points", table_name="sale_month")
    op.drop_index("ix_sale_apart", table_name="sale")
    op.drop_index(INDEX, table_name="sale")
    op.create_index(INDEX, "sale", BEFORE)
