"""No two papers of one sale bear the same copy number; a consumer's terms have an index of their own.

Numbers that two printers drew in one moment are counted on from there, in the order of printing.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RENUMBER = """
    UPDATE reprint SET copy_number = (
        SELECT count(*) FROM reprint AS earlier WHERE earlier.sale_id = reprint.sale_id AND earlier.id <= reprint.id
    ) WHERE sale_id IN (SELECT sale_id FROM reprint GROUP BY sale_id HAVING count(*) > count(DISTINCT copy_number))
"""


def upgrade() -> None:
    """Go forward; the trigger that keeps the rows as they are steps aside for the renumbering."""
    connection = op.get_bind()
    where = " ON reprint" if connection.dialect.name == "postgresql" else ""
    connection.execute(sa.text(f"DROP TRIGGER IF EXISTS reprint_no_update{where}"))
    connection.execute(sa.text(RENUMBER))
    triggers.install(connection)
    op.create_index("ix_reprint_sale_id_copy_number", "reprint", ["sale_id", "copy_number"], unique=True)
    op.drop_index("ix_reprint_sale_id", "reprint")
    op.create_index("ix_consumer_term_consumer_id_term", "consumer_term", ["consumer_id", "term"])
    op.drop_index("ix_consumer_term_consumer_id", "consumer_term")


def downgrade() -> None:
    """Go back."""
    op.create_index("ix_reprint_sale_id", "reprint", ["sale_id"])
    op.drop_index("ix_reprint_sale_id_copy_number", "reprint")
    op.create_index("ix_consumer_term_consumer_id", "consumer_term", ["consumer_id"])
    op.drop_index("ix_consumer_term_consumer_id_term", "consumer_term")
