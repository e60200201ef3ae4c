"""Restores from a backup, so that nothing is asked again that may have been answered meanwhile.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "restore_done",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("restored_at", sa.DateTime(), nullable=False),
        sa.Column("backup_of", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore_done")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("restore_done")
