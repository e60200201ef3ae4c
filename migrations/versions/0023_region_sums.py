"""Sums of closed days and months by region, without the vending point, for statistics over many points.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KEY = ("region_id", "meter_type", "currency")
SUMS = ("sales", "reversals", "amount", "units", "energy", "fees", "taxes")


def _table(name: str, day: str) -> None:
    kinds = sa.Enum(
        "electricity", "water", "gas", "time", name="metertype", native_enum=False, create_constraint=True, length=24
    )
    op.create_table(
        name,
        sa.Column(day, sa.Date(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meter_type", kinds, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        *(sa.Column(one, sa.BigInteger(), nullable=False) for one in SUMS[2:]),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f(f"fk_{name}_region_id_region")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint(day, *KEY, name=f"uq_{name}_key"),
    )
    op.create_index(op.f(f"ix_{name}_region_id"), name, ["region_id"])


def upgrade() -> None:
    """Go forward: months are added up from their vending points now, days are closed by the worker afterwards."""
    _table("region_day", "business_date")
    _table("region_month", "month")
    op.create_table(
        "day_sums",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("business_date", name=op.f("pk_day_sums")),
    )
    key, sums = ", ".join(("month", *KEY)), ", ".join(SUMS)
    added = ", ".join(f"sum({one})" for one in SUMS)
    op.execute(
        f"INSERT INTO region_month ({key}, {sums}) SELECT {key}, {added} FROM sale_month GROUP BY {key}"  # noqa: S608
    )


def downgrade() -> None:
    """Go back; these sums are made again from those of the vending points."""
    op.drop_table("day_sums")
    op.drop_table("region_month")
    op.drop_table("region_day")
