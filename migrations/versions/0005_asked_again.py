"""When a sale's request was last sent again, so that only one process sends it.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; no batch: a plain column leaves the triggers of the table alone."""
    op.add_column("sale", sa.Column("asked_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("sale", "asked_at")
