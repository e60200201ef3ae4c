"""Roles and permissions: the one list is complete, and what was taken away stays away."""

from __future__ import annotations

import pytest
from flask_appbuilder.security.sqla.models import PermissionView, Role
from sqlalchemy import func, select

from app.access import permissions, roles
from app.access.permissions import Permission
from app.domain.states import RowScope
from app.extensions import db
from app.models import SeededPermission


def held(name: str) -> set[Permission]:
    role = db.session.scalars(select(Role).where(Role.name == name)).one()
    return {Permission(row.permission.name, row.view_menu.name) for row in role.permissions}


@pytest.mark.one_database
def test_the_list_and_the_pages_have_the_same_permissions(app):
    with app.app_context():
        asked = roles.registered(app.appbuilder.sm)
    listed = set(permissions.every().values())
    assert asked - listed == set(), "pages ask for permissions that no line names"
    assert listed - asked == set(), "lines name permissions that no page asks for"


@pytest.mark.one_database
def test_who_may_only_read_can_post_nothing_but_a_look(app):
    """An auditor reads everything: whatever acts needs a permission of its own."""
    looks = {
        "TokenDeskView.ask",  # digits come by POST, so that they stand in no address
        "BookCheckView.ledger", "BookCheckView.audit", "BookCheckView.match",  # they find, and change nothing
        "ExportView.workbook", "ReportView.prepare",  # a file of what one may read
        "TariffPlanView.preview",  # a sum; asks for adding or changing tariffs itself, and stores nothing
    }  # fmt: skip
    views = {view.endpoint: view for view in app.appbuilder.baseviews}
    found = set()
    for rule in app.url_map.iter_rules():
        page, _dot, method = rule.endpoint.partition(".")
        # Doors and one's own account ask for no permission.
        if "POST" in rule.methods and hasattr(getattr(views.get(page), method, None), "_permission_name"):
            found.add((rule.endpoint, views[page].get_method_permission(method)))
    assert len(found) > len(looks)
    assert {endpoint for endpoint, permission in found if permission == "read"} == looks


@pytest.mark.one_database
def test_each_role_is_made_of_listed_permissions():
    listed = set(permissions.every().values())
    for name, given in roles.ROLES.items():
        assert set(given) <= listed, name
        assert len(set(given)) == len(given), name
    assert {name for name, _words, _scope in roles.GROUPS} == roles.ROLES.keys()
    assert {permission.action for permission in roles.AUDITOR} == {"can_read"}


def test_set_up_gives_every_role_what_its_list_says(app):
    with app.app_context():
        for name, given in roles.ROLES.items():
            assert held(name) == set(given), name


def test_what_was_taken_away_stays_away_and_what_is_new_is_given(app):
    sell, read = permissions.SELL, permissions.READ_METERS
    with app.app_context():
        sm = app.appbuilder.sm
        assert roles.seed(sm) == 0
        role = db.session.scalars(select(Role).where(Role.name == "Operator")).one()
        role.permissions = [row for row in role.permissions if row.permission.name != sell.action]
        db.session.commit()
        assert roles.seed(sm) == 0
        assert sell not in held("Operator")
        # As if reading meters were new in this release.
        role.permissions = [row for row in role.permissions if row.view_menu.name != read.page]
        db.session.delete(db.session.get_one(SeededPermission, ("Operator", str(read))))
        db.session.commit()
        assert roles.seed(sm) == 1
        assert held("Operator") == set(roles.OPERATOR) - {sell}


def test_permissions_of_pages_that_are_gone_go_too(app):
    with app.app_context():
        sm = app.appbuilder.sm
        count = db.session.scalar(select(func.count(PermissionView.id)))
        gone = sm.add_permission_view_menu("can_fly", "GoneView")
        role = db.session.scalars(select(Role).where(Role.name == "Manager")).one()
        role.permissions.append(gone)
        db.session.commit()
        assert roles.seed(sm) == 0
        assert db.session.scalar(select(func.count(PermissionView.id))) == count
        assert held("Manager") == set(roles.MANAGER)
        assert sm.find_view_menu("GoneView") is None


def test_nobody_gives_wider_rows_than_their_own():
    narrow, wide, all_ = RowScope.VENDING_POINT, RowScope.REGION, RowScope.ALL
    allowed = {(own, wanted) for own in RowScope for wanted in RowScope if roles.may_give(own, wanted)}
    assert allowed == {
        (narrow, narrow), (wide, narrow), (wide, wide), (all_, narrow), (all_, wide), (all_, all_),
    }  # fmt: skip
    assert not roles.may_give(None, narrow)
