"""An index of the few tokens that are no credit, by time, for the reports of engineering tokens and key changes.

Revision ID: 0028
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    acts = sa.text("kind <> 'credit'")
    op.create_index("ix_token_acts_issued_at", "token", ["issued_at"], sqlite_where=acts, postgresql_where=acts)


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_token_acts_issued_at", "token")
