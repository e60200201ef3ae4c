"""Licences are kept as they were loaded, and an installation has a name that one may be bound to.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers
from app.models.settings import new_installation

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MARKS = ("after_sale_id", "after_token_id", "after_audit_id")


def upgrade() -> None:
    """Go forward; the triggers that keep licences as they are come last."""
    connection = op.get_bind()
    op.add_column("licence", sa.Column("issued_at", sa.DateTime(), nullable=True))
    for mark in MARKS:
        op.add_column("licence", sa.Column(mark, KEY, nullable=False, server_default="0"))
    op.add_column("settings", sa.Column("installation", sa.String(14), nullable=True))
    connection.execute(sa.text("UPDATE settings SET installation = :name"), {"name": new_installation()})
    triggers.install(connection)


def downgrade() -> None:
    """Go back."""
    connection = op.get_bind()
    where = " ON licence" if connection.dialect.name == "postgresql" else ""
    for verb in ("update", "delete"):
        connection.execute(sa.text(f"DROP TRIGGER IF EXISTS licence_no_{verb}{where}"))
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("DROP TRIGGER IF EXISTS licence_no_truncate ON licence"))
    op.drop_column("settings", "installation")
    for mark in MARKS:
        op.drop_column("licence", mark)
    op.drop_column("licence", "issued_at")
