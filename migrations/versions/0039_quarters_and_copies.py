"""Sums of closed quarters by vending point, for statistics of years; copies of slips say whose they are; lists by figures.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

KEY = ("first", "vending_point_id", "region_id", "meter_type", "currency")
SUMS = ("amount", "units", "energy", "fees", "taxes")
POINTS = ["vending_point_id", "meter_type", "currency", "first", "region_id", "sales", "reversals", *SUMS]
SLIPS = {"reprint": ("sale_id", "sale"), "act_reprint": ("record_id", "engineering_record")}
PLACE = ("vending_point_id", "point_region_id")
AGAIN = sa.text("copy_number > 1")
SIGNED = "(\nCASE\n    WHEN reverses_id IS NULL THEN {0}\n    ELSE - {0}\nEND)"
ORDERS = {
    "amount": sa.text(SIGNED.format("amount")),
    "units": sa.text(SIGNED.format("COALESCE(carried_units, token_units)")),
    "type": "meter_type",
}


def upgrade() -> None:
    """Go forward: quarters are added up by the worker afterwards."""
    kinds = sa.Enum(
        "electricity", "water", "gas", "time", name="metertype", native_enum=False, create_constraint=True, length=24
    )
    op.create_table(
        "sale_quarter",
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meter_type", kinds, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        *(sa.Column(one, sa.BigInteger(), nullable=False) for one in SUMS),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_sale_quarter_region_id_region")),
        sa.ForeignKeyConstraint(
            ["vending_point_id"], ["vending_point.id"], name=op.f("fk_sale_quarter_vending_point_id_vending_point")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_quarter")),
        sa.UniqueConstraint(*KEY, name="uq_sale_quarter_key"),
    )
    op.create_index(op.f("ix_sale_quarter_region_id"), "sale_quarter", ["region_id"])
    op.create_index("ix_sale_quarter_points", "sale_quarter", POINTS)
    op.create_table(
        "quarter_sums",
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("first", name=op.f("pk_quarter_sums")),
    )
    _place_copies()
    for name, what in ORDERS.items():
        op.create_index(f"ix_sale_by_{name}", "sale", [what, "id", "business_date"])


def _place_copies() -> None:
    """Only copies are read by place; first printings of before, which are as many as sales, stay as they are."""
    connection = op.get_bind()
    for table, (slip_id, slip) in SLIPS.items():
        for column in PLACE:
            op.add_column(table, sa.Column(column, sa.Integer()))
        where = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_update{where}")
        op.execute(
            f"UPDATE {table} SET (vending_point_id, point_region_id) = ("  # noqa: S608  (names of our own)
            f"SELECT slip.vending_point_id, slip.point_region_id FROM {slip} slip WHERE slip.id = {table}.{slip_id})"
            " WHERE copy_number > 1"
        )
        op.drop_index(f"ix_{table}_copies_printed_at", table_name=table)
        for name, order in (("printed_at", ["printed_at"]), ("number", ["copy_number", "id", "printed_at"])):
            op.create_index(
                f"ix_{table}_copies_{name}", table, [*order, *PLACE, "user_id"],
                sqlite_where=AGAIN, postgresql_where=AGAIN,
            )  # fmt: skip
    triggers.install(connection)


def downgrade() -> None:
    """Go back; these sums are made again from those of the days, and whose a copy is from its slip."""
    for name in ORDERS:
        op.drop_index(f"ix_sale_by_{name}", table_name="sale")
    for table in SLIPS:
        for name in ("printed_at", "number"):
            op.drop_index(f"ix_{table}_copies_{name}", table_name=table)
        for column in PLACE:
            op.drop_column(table, column)
        op.create_index(
            f"ix_{table}_copies_printed_at", table, ["printed_at"], sqlite_where=AGAIN, postgresql_where=AGAIN
        )
    op.drop_table("quarter_sums")
    op.drop_table("sale_quarter")
