"""Printings of engineering slips are counted; who could print them until now goes on.

Revision ID: 0035
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers
from app.models.base import BigKey, UTCDateTime

revision = "0035"
down_revision = "0030"
branch_labels = None
depends_on = None

# Roles of groups of one's own, which set-up gives nothing: whoever sees the desk and may print receipts.
PAIR = """
INSERT INTO ab_permission_view (permission_id, view_menu_id)
SELECT print.id, desk.id FROM ab_permission print, ab_view_menu desk
WHERE print.name = 'can_print' AND desk.name = 'EngineeringView'
AND NOT EXISTS (SELECT 1 FROM ab_permission_view pair WHERE pair.permission_id = print.id AND pair.view_menu_id = desk.id)
"""
GIVEN = """
INSERT INTO ab_permission_view_role (permission_view_id, role_id)
SELECT wanted.id, held.role_id FROM ab_permission_view wanted
JOIN ab_permission print ON print.id = wanted.permission_id AND print.name = 'can_print'
JOIN ab_view_menu desk ON desk.id = wanted.view_menu_id AND desk.name = 'EngineeringView'
JOIN ab_permission look ON look.name = 'can_read'
JOIN ab_view_menu receipts ON receipts.name = 'ReceiptView'
JOIN ab_permission_view seen ON seen.permission_id = look.id AND seen.view_menu_id = desk.id
JOIN ab_permission_view printed ON printed.permission_id = print.id AND printed.view_menu_id = receipts.id
JOIN ab_permission_view_role held ON held.permission_view_id = seen.id
JOIN ab_permission_view_role also ON also.permission_view_id = printed.id AND also.role_id = held.role_id
WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view_role given
                  WHERE given.permission_view_id = wanted.id AND given.role_id = held.role_id)
"""


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "act_reprint",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("record_id", BigKey, nullable=False),
        sa.Column("copy_number", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("printed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["engineering_record.id"], name=op.f("fk_act_reprint_record_id_engineering_record")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_act_reprint_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act_reprint")),
    )
    op.create_index("ix_act_reprint_record_id_copy_number", "act_reprint", ["record_id", "copy_number"], unique=True)
    triggers.install(op.get_bind())
    op.get_bind().execute(sa.text(PAIR))
    op.get_bind().execute(sa.text(GIVEN))


def downgrade() -> None:
    """Go back; set-up takes away the permission that no page asks for."""
    op.drop_table("act_reprint")
