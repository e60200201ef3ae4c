"""The engineering desk: the request and the slip of an act, its approval, and what takes a second person.

Revision ID: 0020
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers
from app.models.base import UTCDateTime

revision = "0020"
down_revision = "0008"
branch_labels = None
depends_on = None

FOUR_EYES = "clear_credit,clear_tamper_condition,reversal"


def upgrade() -> None:
    """Go forward."""
    op.add_column("engineering_record", sa.Column("request", sa.Text(), nullable=True))
    op.add_column("engineering_record", sa.Column("asked_at", UTCDateTime(), nullable=True))
    op.add_column("engineering_record", sa.Column("snapshot", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("engineering_record", sa.Column("failure", sa.String(60), nullable=True))
    op.add_column("engineering_record", sa.Column("decided_at", UTCDateTime(), nullable=True))
    op.add_column("settings", sa.Column("four_eyes", sa.String(400), nullable=False, server_default=FOUR_EYES))
    triggers.install(op.get_bind())


def downgrade() -> None:
    """Go back."""
    connection = op.get_bind()
    on = " ON engineering_record" if connection.dialect.name == "postgresql" else ""
    for name in ("guard_update", "no_delete", "no_truncate"):
        connection.execute(sa.text(f"DROP TRIGGER IF EXISTS engineering_record_{name}{on}"))
    op.drop_column("settings", "four_eyes")
    for name in ("decided_at", "failure", "snapshot", "asked_at", "request"):
        op.drop_column("engineering_record", name)
