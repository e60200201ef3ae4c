"""What a person may do is read with who they are, at every request: nothing of it is remembered."""

from __future__ import annotations

import pytest
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import select

from app.access import permissions as p
from app.access.held import held_by, pairs_of
from app.extensions import db
from tests.services.test_statements import counted

COUNTER = "/counter/search?q=zzz"


def role_of(name):
    return db.session.scalars(select(Role).where(Role.name == name)).one()


def test_a_role_read_as_a_text_is_the_role(context, cast):
    for name in ("Administrator", "Manager", "Operator", "Auditor"):
        role = role_of(name)
        text = db.session.execute(select(held_by(role.id))).scalar_one()
        rows = {(row.permission.name, row.view_menu.name) for row in role.permissions}
        assert rows
        assert pairs_of(text, whole=True) == rows, name
        assert pairs_of(text, whole=False) == rows - p.WHOLE, name
    assert db.session.execute(select(held_by(-1))).scalar_one() is None
    assert pairs_of(None, whole=True) == frozenset()


@pytest.mark.one_database
def test_person_session_and_rights_are_one_statement(app, client, cast, login):
    login(client, "amara")
    with app.app_context(), counted() as seen:
        assert client.get(COUNTER).status_code == 200
    rights = [text for text in seen if "ab_permission_view_role" in text]
    assert len(rights) == 1
    assert "user_session" in rights[0]


@pytest.mark.one_database
def test_a_right_that_is_taken_is_gone_at_the_next_request_and_back_when_given(app, client, cast, login):
    login(client, "amara")
    assert client.get(COUNTER).status_code == 200
    with app.app_context():
        role = role_of("Operator")
        action, page = p.OPEN_COUNTER
        pair = db.session.scalars(
            select(PermissionView)
            .join(Permission, Permission.id == PermissionView.permission_id)
            .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
            .where(Permission.name == action, ViewMenu.name == page)
        ).one()
        pair_id = pair.id
        role.permissions.remove(pair)
        db.session.commit()
    assert client.get(COUNTER).status_code == 403
    with app.app_context():
        role = role_of("Operator")
        role.permissions.append(db.session.get_one(PermissionView, pair_id))
        db.session.commit()
    assert client.get(COUNTER).status_code == 200
