"""Whether any meter has a key, and whom somebody served last, are found in an index: the first page asks for both.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# Table, the index that goes and its column, the wider one that takes its place.
WIDER = (
    ("meter", "ix_meter_sgc", "sgc", "ix_meter_sgc_krn_status", ["sgc", "krn", "status"]),
    ("sale", "ix_sale_operator_id", "operator_id", "ix_sale_operator_id_id", ["operator_id", "id"]),
)


def upgrade() -> None:
    """Go forward."""
    for table, old, _column, new, columns in WIDER:
        op.create_index(new, table, columns)
        op.drop_index(old, table_name=table)


def downgrade() -> None:
    """Go back."""
    for table, old, column, new, _columns in WIDER:
        op.create_index(old, table, [column])
        op.drop_index(new, table_name=table)
