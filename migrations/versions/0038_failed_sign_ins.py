"""Failed sign-ins stand on a page; who may look at users may look at it.

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import BigKey, UTCDateTime

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ANSWER = sa.Enum(
    "unknown", "password", "off", "code", "locked", name="signinanswer", native_enum=False, create_constraint=True, length=24,
)  # fmt: skip
# Roles of groups of one's own, which set-up gives nothing: whoever sees the list of users.
PAGE = """
INSERT INTO ab_view_menu (name) SELECT CAST('FailedSignInView' AS varchar(250))
WHERE NOT EXISTS (SELECT 1 FROM ab_view_menu WHERE name = 'FailedSignInView')
AND EXISTS (SELECT 1 FROM ab_view_menu WHERE name = 'AppUserView')
"""
PAIR = """
INSERT INTO ab_permission_view (permission_id, view_menu_id)
SELECT look.id, page.id FROM ab_permission look, ab_view_menu page
WHERE look.name = 'can_read' AND page.name = 'FailedSignInView'
AND NOT EXISTS (SELECT 1 FROM ab_permission_view pair WHERE pair.permission_id = look.id AND pair.view_menu_id = page.id)
"""
GIVEN = """
INSERT INTO ab_permission_view_role (permission_view_id, role_id)
SELECT wanted.id, held.role_id FROM ab_permission_view wanted
JOIN ab_permission look ON look.id = wanted.permission_id AND look.name = 'can_read'
JOIN ab_view_menu page ON page.id = wanted.view_menu_id AND page.name = 'FailedSignInView'
JOIN ab_view_menu users ON users.name = 'AppUserView'
JOIN ab_permission_view seen ON seen.permission_id = look.id AND seen.view_menu_id = users.id
JOIN ab_permission_view_role held ON held.permission_view_id = seen.id
WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view_role given
                  WHERE given.permission_view_id = wanted.id AND given.role_id = held.role_id)
"""


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "failed_sign_in",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("hour", UTCDateTime(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("answer", ANSWER, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", UTCDateTime(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_failed_sign_in_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_in")),
    )
    for column in ("hour", "user_id", "last_at"):
        op.create_index(f"ix_failed_sign_in_{column}", "failed_sign_in", [column])
    for statement in (PAGE, PAIR, GIVEN):
        op.get_bind().execute(sa.text(statement))


def downgrade() -> None:
    """Go back; `roles.sync` takes permissions of pages that are gone."""
    op.drop_table("failed_sign_in")
