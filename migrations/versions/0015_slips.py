"""Slips: papers, messages, the words on a copy, and the logo.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MESSAGES = ("slip_message", "slip_message_electricity", "slip_message_water", "slip_message_gas")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "slip_logo",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_slip_logo")),
    )
    for name in MESSAGES:
        op.add_column("settings", sa.Column(name, sa.String(200), nullable=True))
    op.add_column("settings", sa.Column("slip_copy_text", sa.String(100), nullable=True))
    op.add_column("settings", sa.Column("slip_logo", sa.String(64), nullable=True))
    op.add_column("settings", sa.Column("slip_paper", sa.String(8), nullable=False, server_default="80mm"))
    op.add_column("vending_point", sa.Column("slip_paper", sa.String(8), nullable=True))
    op.add_column("ab_user", sa.Column("slip_paper", sa.String(8), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("ab_user", "slip_paper")
    op.drop_column("vending_point", "slip_paper")
    for name in ("slip_paper", "slip_logo", "slip_copy_text", *reversed(MESSAGES)):
        op.drop_column("settings", name)
    op.drop_table("slip_logo")
