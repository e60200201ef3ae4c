"""A name is one name in big and small letters: unique indexes say so, also when two save at one moment.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.names import NamesTwice

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_PLACE = "parent_id IS NOT NULL AND merged_into_id IS NULL"
_COUNTRY = "parent_id IS NULL AND merged_into_id IS NULL"
# Index, table, what its names lie in, the name, which rows (frozen here; `models/names.py` says what is so today).
NAMES = (
    ("uq_ab_user_username_alike", "ab_user", (), "username", ""),
    ("uq_ab_user_email_alike", "ab_user", (), "email", ""),
    ("uq_user_group_name_alike", "user_group", (), "name", ""),
    ("uq_vending_point_name_alike", "vending_point", (), "name", ""),
    ("uq_vending_point_code_alike", "vending_point", (), "code", ""),
    ("uq_manufacturer_name_alike", "manufacturer", (), "name", ""),
    ("uq_product_model_alike", "product", (), "model", ""),
    ("uq_tariff_name_alike", "tariff", (), "name", ""),
    ("uq_security_module_name_alike", "security_module", (), "name", ""),
    ("uq_saved_question_name_alike", "saved_question", ("owner_id", "report"), "name", ""),
    ("uq_region_place_alike", "region", ("parent_id",), "name", _PLACE),
    ("uq_region_country_alike", "region", (), "name", _COUNTRY),
)
# Roles of groups of one's own, which set-up gives nothing: whoever changes all users and sees failed sign-ins
# ends the lock of an address, too.
ACTION = """
INSERT INTO ab_permission (name) SELECT CAST('can_unlock' AS varchar(100))
WHERE NOT EXISTS (SELECT 1 FROM ab_permission WHERE name = 'can_unlock')
AND EXISTS (SELECT 1 FROM ab_view_menu WHERE name = 'FailedSignInView')
"""
PAIR = """
INSERT INTO ab_permission_view (permission_id, view_menu_id)
SELECT act.id, page.id FROM ab_permission act, ab_view_menu page
WHERE act.name = 'can_unlock' AND page.name = 'FailedSignInView'
AND NOT EXISTS (SELECT 1 FROM ab_permission_view pair WHERE pair.permission_id = act.id AND pair.view_menu_id = page.id)
"""
GIVEN = """
INSERT INTO ab_permission_view_role (permission_view_id, role_id)
SELECT wanted.id, held.role_id FROM ab_permission_view wanted
JOIN ab_permission act ON act.id = wanted.permission_id AND act.name = 'can_unlock'
JOIN ab_view_menu page ON page.id = wanted.view_menu_id AND page.name = 'FailedSignInView'
JOIN ab_permission edit ON edit.name = 'can_edit'
JOIN ab_view_menu users ON users.name = 'AppUserView'
JOIN ab_permission_view changed ON changed.permission_id = edit.id AND changed.view_menu_id = users.id
JOIN ab_permission_view_role held ON held.permission_view_id = changed.id
JOIN user_group ON user_group.role_id = held.role_id AND user_group.row_scope = 'all'
JOIN ab_permission look ON look.name = 'can_read'
JOIN ab_permission_view seen ON seen.permission_id = look.id AND seen.view_menu_id = page.id
JOIN ab_permission_view_role sees ON sees.permission_view_id = seen.id AND sees.role_id = held.role_id
WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view_role given
                  WHERE given.permission_view_id = wanted.id AND given.role_id = held.role_id)
"""


def upgrade() -> None:
    """Go forward, unless names stand twice: then nothing is changed, and they are named.  Raises NamesTwice."""
    bind = op.get_bind()
    twice = [line for _index, *name in NAMES for line in _twice(bind, *name)]
    if twice:
        raise NamesTwice(twice)
    for index, table, within, column, which in NAMES:
        where = f" WHERE {which}" if which else ""
        op.execute(f"CREATE UNIQUE INDEX {index} ON {table} ({', '.join([*within, f'lower({column})'])}){where}")
    for statement in (ACTION, PAIR, GIVEN):
        bind.execute(sa.text(statement))


def _twice(bind: sa.Connection, table: str, within: tuple[str, ...], column: str, which: str) -> list[str]:
    """A line for each name that stands twice: its table, and how it is written with the numbers of its rows."""
    rows = f"(SELECT * FROM {table} WHERE {which or '1 = 1'})"
    alike = " AND ".join([f"lower(other.{column}) = lower(one.{column})", *(f"other.{beside} = one.{beside}" for beside in within)])
    kept = ", ".join([f"lower(one.{column})", *(f"one.{beside}" for beside in within)])
    pairs = bind.execute(sa.text(
        f"SELECT DISTINCT one.{column}, one.id, {kept} FROM {rows} one JOIN {rows} other ON other.id <> one.id AND {alike} ORDER BY one.id"
    ))
    found: dict[tuple[object, ...], list[str]] = {}
    for name, key, *group in pairs:
        found.setdefault(tuple(group), []).append(f"“{name}” ({key})")
    return [f"{table}: {', '.join(names)}" for names in found.values()]


def downgrade() -> None:
    """Go back; `roles.sync` takes the permission that is gone."""
    for index, *_name in NAMES:
        op.drop_index(index)
