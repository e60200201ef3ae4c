"""Places that were merged or switched off, found without accents; master data that is switched off; a user's version.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.domain.folding import fold
from app.models import triggers

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SWITCHED = ("region", "manufacturer", "product", "user_group", "currency", "consumer")
COUNTRY = sa.text("parent_id IS NULL AND merged_into_id IS NULL")
COUNTRY_BEFORE = sa.text("parent_id IS NULL")


def upgrade() -> None:
    """Go forward; plain columns, because a batch would copy the tables without their checks."""
    connection = op.get_bind()
    for table in SWITCHED:
        op.add_column(table, sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("ab_user", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("region", sa.Column("search_name", sa.String(640), nullable=False, server_default=""))
    # NB: the directive would give SQLite the constraint in a statement of its own, which it does not know.
    op.execute(
        "ALTER TABLE region ADD COLUMN merged_into_id INTEGER"
        " CONSTRAINT fk_region_merged_into_id_region REFERENCES region (id)"
    )
    op.create_index("ix_region_merged_into_id", "region", ["merged_into_id"])
    op.drop_index("uq_region_country_name", "region")
    _country_index(COUNTRY)
    for key, name in connection.execute(sa.text("SELECT id, full_name FROM region")).all():
        connection.execute(
            sa.text("UPDATE region SET search_name = :folded WHERE id = :id"), {"id": key, "folded": fold(name)[:640]}
        )
    triggers.install(connection)


def downgrade() -> None:
    """Go back.  Places that were merged become places of their own again, without a parent."""
    connection = op.get_bind()
    triggers.remove_places(connection)
    op.drop_index("uq_region_country_name", "region")
    connection.execute(
        sa.text(
            "UPDATE region SET name = substr(name, 1, 80) || ' (' || id || ')', level = 0, path = '/' || id || '/'"
            " WHERE merged_into_id IS NOT NULL"
        )
    )
    op.drop_index("ix_region_merged_into_id", "region")
    op.drop_column("region", "merged_into_id")
    op.drop_column("region", "search_name")
    op.drop_column("ab_user", "version")
    for table in reversed(SWITCHED):
        op.drop_column(table, "active")
    _country_index(COUNTRY_BEFORE)


def _country_index(where: sa.TextClause) -> None:
    op.create_index(
        "uq_region_country_name", "region", ["name"], unique=True, sqlite_where=where, postgresql_where=where
    )
