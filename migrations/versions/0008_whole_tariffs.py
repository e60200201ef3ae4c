"""What tariffs of real utilities need of a plan, the unit of a meter's capacity, and reasons of debts.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ONCE = "100000000"  # 1 as a price, in units of 10**-8


def _columns() -> tuple[tuple[str, sa.Column], ...]:
    """Table and column, made anew because a column belongs to one table once."""
    return (
        ("tariff_plan", sa.Column("fee_cap_unit", sa.BigInteger(), nullable=True)),
        ("tariff_plan", sa.Column("lifeline_adds_up", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("tariff_plan", sa.Column("money_rounding", sa.String(length=8), nullable=True)),
        ("tariff_plan", sa.Column("money_quantum", sa.BigInteger(), nullable=True)),
        ("tariff_step", sa.Column("taxes", sa.String(length=200), nullable=True)),
        ("tariff_fee", sa.Column("times", sa.BigInteger(), nullable=False, server_default=ONCE)),
        ("tariff_fee", sa.Column("capacity_unit", sa.String(length=8), nullable=True)),
        ("meter", sa.Column("capacity_unit", sa.String(length=8), nullable=True)),
    )


def upgrade() -> None:
    """Go forward; plain ADD COLUMNs leave checks, indexes, triggers and AUTOINCREMENT as they are."""
    for table, column in _columns():
        op.add_column(table, column)
    op.create_table(
        "debt_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("consumer_id", KEY, nullable=False),
        sa.Column("posting_id", KEY, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_debt_entry_amount_not_zero")),
        sa.ForeignKeyConstraint(["consumer_id"], ["consumer.id"], name=op.f("fk_debt_entry_consumer_id_consumer")),
        sa.ForeignKeyConstraint(["posting_id"], ["posting.id"], name=op.f("fk_debt_entry_posting_id_posting")),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_debt_entry_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt_entry")),
        sa.UniqueConstraint("posting_id", name=op.f("uq_debt_entry_posting_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_debt_entry_reference")),
    )
    op.create_index("ix_debt_entry_consumer_id", "debt_entry", ["consumer_id"])
    op.create_index("ix_debt_entry_user_id", "debt_entry", ["user_id"])
    triggers.install(op.get_bind())


def downgrade() -> None:
    """Go back; the triggers of the table go with it."""
    op.drop_table("debt_entry")
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)
