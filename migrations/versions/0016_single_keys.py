"""Whether keys without a modifier act outside fields, as each person likes it (WCAG 2.1.4).

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; a plain ADD COLUMN leaves checks, indexes and AUTOINCREMENT as they are."""
    op.add_column("ab_user", sa.Column("single_keys", sa.Boolean(), server_default="1", nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column("ab_user", "single_keys")
