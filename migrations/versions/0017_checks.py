"""Checks of the books and counts of the modules, as rows that stay; what is said of a token that goes back.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers
from app.models.base import UTCDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "book_check",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('ledger', 'audit', 'match')", name=op.f("ck_book_check_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_check")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_book_check_kind_id"), "book_check", ["kind", "id"])
    op.create_table(
        "module_match",
        sa.Column("id", BIG, nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("begins_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("checked_at", UTCDateTime(), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("made", sa.Integer(), nullable=True),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.Column("difference", sa.Integer(), nullable=True),
        sa.Column("explained", sa.Text(), nullable=False),
        sa.Column("total", BIG, nullable=True),
        sa.CheckConstraint(
            "source IN ('day', 'journal', 'total', 'none', 'silent')", name=op.f("ck_module_match_source_known")
        ),
        sa.CheckConstraint(
            "(made IS NULL) = (difference IS NULL)", name=op.f("ck_module_match_difference_of_a_count")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_module_match")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_module_match_module_id_day_id"), "module_match", ["module_id", "day", "id"])
    op.create_index(op.f("ix_module_match_day"), "module_match", ["day"])
    op.create_table(
        "set_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("after_token_id", BIG, nullable=False),
        sa.Column("through_token_id", BIG, nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_clock")),
    )
    op.add_column(
        "reversal_request", sa.Column("not_handed_over", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    triggers.install(op.get_bind())


def downgrade() -> None:
    """Go back."""
    op.drop_column("reversal_request", "not_handed_over")
    for table in ("set_clock", "module_match", "book_check"):
        op.drop_table(table)
