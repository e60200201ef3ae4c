"""Adding and changing, proposing and approving are permissions of their own; every role keeps what it had.

Revision ID: 0030
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None

# What a permission became, on every page that had it; set-up removes afterwards what no page asks for.
APART = {"can_write": ("can_add", "can_edit"), "can_decide": ("can_propose", "can_approve")}

NEW_ACTION = """
INSERT INTO ab_permission (name) SELECT CAST(:new AS varchar(100))
WHERE NOT EXISTS (SELECT 1 FROM ab_permission WHERE name = :new)
AND EXISTS (SELECT 1 FROM ab_permission WHERE name = :old)
"""
NEW_PAIRS = """
INSERT INTO ab_permission_view (permission_id, view_menu_id)
SELECT new.id, pair.view_menu_id FROM ab_permission_view pair
JOIN ab_permission old ON old.id = pair.permission_id AND old.name = :old
JOIN ab_permission new ON new.name = :new
WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view other
                  WHERE other.permission_id = new.id AND other.view_menu_id = pair.view_menu_id)
"""
GIVEN = """
INSERT INTO ab_permission_view_role (permission_view_id, role_id)
SELECT wanted.id, held.role_id FROM ab_permission_view_role held
JOIN ab_permission_view pair ON pair.id = held.permission_view_id
JOIN ab_permission old ON old.id = pair.permission_id AND old.name = :old
JOIN ab_permission new ON new.name = :new
JOIN ab_permission_view wanted ON wanted.permission_id = new.id AND wanted.view_menu_id = pair.view_menu_id
WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view_role other
                  WHERE other.permission_view_id = wanted.id AND other.role_id = held.role_id)
"""
# What was given once is not given again, even where an administrator had taken it away.
SEEDED = """
INSERT INTO seeded_permission (role_name, permission)
SELECT old.role_name, REPLACE(old.permission, :old_words, :new_words) FROM seeded_permission old
WHERE old.permission LIKE :pattern
AND NOT EXISTS (SELECT 1 FROM seeded_permission other WHERE other.role_name = old.role_name
                AND other.permission = REPLACE(old.permission, :old_words, :new_words))
"""


def upgrade() -> None:
    """Go forward: who had the whole gets both parts."""
    for old, parts in APART.items():
        for new in parts:
            _give(old, new)


def downgrade() -> None:
    """Go back: who had a part gets the whole, as there was no less."""
    for old, parts in APART.items():
        for new in parts:
            _give(new, old)


def _give(old: str, new: str) -> None:
    """Give `new` to every role that has `old`, page by page."""
    bind = op.get_bind()
    for statement in (NEW_ACTION, NEW_PAIRS, GIVEN):
        bind.execute(sa.text(statement), {"old": old, "new": new})
    words = {"old_words": f"{old} on ", "new_words": f"{new} on ", "pattern": f"{old} on %"}
    bind.execute(sa.text(SEEDED), words)
