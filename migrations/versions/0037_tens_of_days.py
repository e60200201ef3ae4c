"""Sums of closed tens of days by vending point, for statistics of parts of months; copies of slips by time.

Revision ID: 0037
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0032"
branch_labels = None
depends_on = None

KEY = ("first", "vending_point_id", "region_id", "meter_type", "currency")
SUMS = ("amount", "units", "energy", "fees", "taxes")


def upgrade() -> None:
    """Go forward: tens of days are added up by the worker afterwards."""
    kinds = sa.Enum(
        "electricity", "water", "gas", "time", name="metertype", native_enum=False, create_constraint=True, length=24
    )
    op.create_table(
        "sale_ten",
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meter_type", kinds, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        *(sa.Column(one, sa.BigInteger(), nullable=False) for one in SUMS),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_sale_ten_region_id_region")),
        sa.ForeignKeyConstraint(
            ["vending_point_id"], ["vending_point.id"], name=op.f("fk_sale_ten_vending_point_id_vending_point")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_ten")),
        sa.UniqueConstraint(*KEY, name="uq_sale_ten_key"),
    )
    for column in ("vending_point_id", "region_id"):
        op.create_index(op.f(f"ix_sale_ten_{column}"), "sale_ten", [column])
    op.create_table(
        "ten_sums",
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("first", name=op.f("pk_ten_sums")),
    )
    again = sa.text("copy_number > 1")
    op.drop_index("ix_reprint_printed_at", table_name="reprint")
    for table in ("reprint", "act_reprint"):
        op.create_index(f"ix_{table}_copies_printed_at", table, ["printed_at"], sqlite_where=again, postgresql_where=again)


def downgrade() -> None:
    """Go back; these sums are made again from those of the days."""
    for table in ("act_reprint", "reprint"):
        op.drop_index(f"ix_{table}_copies_printed_at", table_name=table)
    op.create_index("ix_reprint_printed_at", "reprint", ["printed_at"])
    op.drop_table("ten_sums")
    op.drop_table("sale_ten")
