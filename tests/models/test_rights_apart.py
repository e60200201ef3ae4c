"""Migrations on a database with roles of its own: nobody loses a right or wins one but what is said, and what was taken away stays away."""

from __future__ import annotations

from flask import current_app
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from app.access import roles
from app.access.permissions import every
from app.extensions import db

HELD = """
SELECT role.name, act.name, page.name FROM ab_permission_view_role held JOIN ab_role role ON role.id = held.role_id
JOIN ab_permission_view pair ON pair.id = held.permission_view_id
JOIN ab_permission act ON act.id = pair.permission_id JOIN ab_view_menu page ON page.id = pair.view_menu_id
"""
PAIR = """
SELECT pair.id FROM ab_permission_view pair JOIN ab_permission act ON act.id = pair.permission_id
JOIN ab_view_menu page ON page.id = pair.view_menu_id
"""
# Roles as administrators made them: one that writes, one that decides, one that does a part of it, one that only looks.
OWN = {
    "Registrars": {("can_read", "ConsumerView"), ("can_write", "ConsumerView"), ("can_write", "SettingsView")},
    "Elders": {("can_read", "DecisionView"), ("can_decide", "DecisionView")},
    "Askers": {("can_propose", "ReversalView"), ("can_read", "ReversalView"), ("can_decline", "EngineeringView")},
    "Lookers": {("can_read", "MeterView"), ("can_read", "AppUserView")},
    "Nobody": set(),
}
PARTS = {"can_write": ("can_add", "can_edit"), "can_decide": ("can_propose", "can_approve")}


def run(statement: str, **values: object) -> None:
    db.session.execute(text(statement), values)


def held() -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {name: set() for name in db.session.scalars(text("SELECT name FROM ab_role"))}
    for role, act, page in db.session.execute(text(HELD)):
        found[role].add((act, page))
    db.session.rollback()
    return found


def drop_pairs(where: str) -> None:
    """Take permissions out that the release before had not."""
    pairs = f"{PAIR} WHERE {where}"
    run(f"DELETE FROM ab_permission_view_role WHERE permission_view_id IN ({pairs})")  # noqa: S608
    run(f"DELETE FROM ab_permission_view WHERE id IN ({pairs})")  # noqa: S608


def as_it_was() -> None:
    """The tables of permissions as release 0028 had them, with roles of somebody's own."""
    drop_pairs("act.name IN ('can_add', 'can_edit')")
    drop_pairs("act.name IN ('can_propose', 'can_approve') AND page.name = 'DecisionView'")
    drop_pairs("act.name = 'can_decide' AND page.name <> 'DecisionView'")
    run("DELETE FROM seeded_permission WHERE permission LIKE 'can_add on %' OR permission LIKE 'can_edit on %'")
    run("DELETE FROM seeded_permission WHERE permission IN ('can_propose on DecisionView', 'can_approve on DecisionView')")
    for name, rights in OWN.items():
        run("INSERT INTO ab_role (name) VALUES (:name)", name=name)
        for act, page in rights:
            run(
                f"INSERT INTO ab_permission_view_role (permission_view_id, role_id) SELECT pair.id, role.id FROM ({PAIR}"  # noqa: S608
                " WHERE act.name = :act AND page.name = :page) pair, ab_role role WHERE role.name = :name",
                act=act, page=page, name=name,
            )  # fmt: skip
    # An administrator took this away from the managers, who were given it once.
    run(
        f"DELETE FROM ab_permission_view_role WHERE permission_view_id IN ({PAIR} WHERE act.name = 'can_write' AND page.name = 'MeterView')"  # noqa: S608
        " AND role_id = (SELECT id FROM ab_role WHERE name = 'Manager')"
    )
    db.session.commit()


def test_every_role_keeps_what_it_had_and_wins_nothing(context):
    db.session.remove()
    downgrade(revision="0028")
    as_it_was()
    before = held()
    assert {name: before[name] for name in OWN} == OWN, "the roles are not as they were made"
    assert ("can_write", "TariffView") in before["Administrator"]
    upgrade()
    roles.seed(current_app.appbuilder.sm)
    after = held()
    there = {(permission.action, permission.page) for permission in every().values()}
    kept = {
        name: {(part, page) for act, page in rights for part in PARTS.get(act, (act,))} & there for name, rights in before.items()
    }
    for rights in kept.values():  # migration 0038: who sees users sees failed sign-ins
        if ("can_read", "AppUserView") in rights:
            rights.add(("can_read", "FailedSignInView"))
    assert {name: after[name] for name in OWN} == {name: kept[name] for name in OWN}
    assert after["Registrars"] == {("can_read", "ConsumerView"), ("can_add", "ConsumerView"), ("can_edit", "ConsumerView"), ("can_edit", "SettingsView")}
    assert {name: after[name] ^ kept[name] for name in ("Administrator", "Manager", "Operator", "Auditor")} == {
        "Administrator": set(), "Manager": set(), "Operator": set(), "Auditor": set(),
    }  # fmt: skip
    assert not {("can_add", "MeterView"), ("can_edit", "MeterView")} & after["Manager"]
