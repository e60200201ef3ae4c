"""Who put a meter into its state, so that the counter can say by whom it was blocked.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a plain ADD COLUMN leaves checks, indexes and AUTOINCREMENT as they are."""
    op.add_column("meter", sa.Column("status_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("meter", "status_by")
