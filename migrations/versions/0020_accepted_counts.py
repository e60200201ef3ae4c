"""Who accepted a count that does not match, and why.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("module_match", sa.Column("accepted_by", sa.String(64), nullable=True))
    op.add_column("module_match", sa.Column("reason", sa.String(200), nullable=True))


def downgrade() -> None:
    """Go back; what was accepted warns again."""
    op.drop_column("module_match", "reason")
    op.drop_column("module_match", "accepted_by")
