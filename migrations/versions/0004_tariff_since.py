"""Since when a meter is on its tariff, so that fees of before are not asked for.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a plain ADD COLUMN leaves checks, indexes and AUTOINCREMENT as they are."""
    op.add_column("meter", sa.Column("tariff_since", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("meter", "tariff_since")
