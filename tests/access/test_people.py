"""Users and groups: nobody gives what they do not have."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, UserGroup, UserSession
from tests.cast import make_cast, password_hash

FIRST = "a first one, to change"


@pytest.fixture
def cast(app):
    with app.app_context():
        made = make_cast()
        efua = db.session.scalars(select(AppUser).where(AppUser.username == "efua")).one()
        db.session.add(
            AppUser(
                username="rada", first_name="Rada", last_name="Test", email="rada@example.org", active=True,
                password=password_hash(), group_id=efua.group_id, region_id=made.regions["coast"],
            )
        )  # fmt: skip
        db.session.commit()
        db.session.remove()
        return made


def group_id(app, name):
    with app.app_context():
        return db.session.scalars(select(UserGroup.id).where(UserGroup.name == name)).one()


def user(app, name):
    with app.app_context():
        found = db.session.scalars(select(AppUser).where(AppUser.username == name)).one_or_none()
        if found is not None:
            db.session.expunge(found)
        return found


def form(client, app, cast, *, path="/users/add", **changes):
    return {
        "username": "faraja", "first_name": "Faraja", "last_name": "Mwangi", "email": "f@example.org",
        "group": group_id(app, "Operator"), "region": cast.regions["market"], "region-text": "",
        "vending_point": cast.points["market"], "active": "y", "password": FIRST,
        "csrf_token": client.token(path),
    } | changes  # fmt: skip


def test_a_new_user_signs_in_and_must_change_the_password(client, app, cast, login):
    login(client, "efua")
    assert client.post("/users/add", data=form(client, app, cast)).status_code == 302
    made = user(app, "faraja")
    assert made.must_change_password
    assert FIRST not in (made.password or "")
    browser = app.test_client()
    login(browser, "faraja", FIRST)
    assert browser.get("/").headers["Location"] == "/account/password"


@pytest.mark.one_database
def test_a_regional_administrator_stays_within_the_region(client, app, cast, login):
    login(client, "rada")
    refused = [
        {"region": cast.regions["harbour"]},
        {"region": "", "region-text": ""},
        {"vending_point": cast.points["harbour"]},
        {"region": "999999"},
    ]
    for changes in refused:
        answer = client.post("/users/add", data=form(client, app, cast, **changes))
        assert answer.status_code == 422, changes
    assert user(app, "faraja") is None
    assert client.get(f"/users/edit/{cast.users['bento']}").status_code == 404
    page = client.get("/users/list/").get_data(as_text=True)
    assert "amara" in page
    assert "bento" not in page
    assert client.post("/users/add", data=form(client, app, cast)).status_code == 302


@pytest.mark.one_database
def test_nobody_raises_anybody_above_themselves(client, app, cast, login):
    """A group that may write users, but not sell and not see everything."""
    login(client, "efua")
    token = client.token("/groups/add")
    office = {
        "name": "Office", "description": "", "row_scope": "region",
        "rights": ["READ_USERS", "WRITE_USERS", "READ_GROUPS", "WRITE_GROUPS", "LOOK_UP"], "csrf_token": token,
    }  # fmt: skip
    assert client.post("/groups/add", data=office).status_code == 302
    with app.app_context():
        chidi = db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one()
        chidi.group_id = group_id(app, "Office")
        db.session.commit()
    clerk = app.test_client()
    login(clerk, "chidi")
    assert clerk.post("/users/add", data=form(clerk, app, cast)).status_code == 422, "an operator may sell"
    administrator = form(clerk, app, cast, group=group_id(app, "Administrator"))
    assert clerk.post("/users/add", data=administrator).status_code == 422
    amara = cast.users["amara"]
    assert clerk.post(f"/users/edit/{amara}", data=form(clerk, app, cast, username="amara")).status_code == 422
    wide = office | {"name": "Wide", "row_scope": "all", "csrf_token": clerk.token("/groups/add")}
    assert clerk.post("/groups/add", data=wide).status_code == 422
    more = wide | {"row_scope": "region", "rights": ["READ_USERS", "SELL"]}
    assert clerk.post("/groups/add", data=more).status_code == 302
    with app.app_context():
        made = db.session.scalars(select(UserGroup).where(UserGroup.name == "Wide")).one()
        given = {(row.permission.name, row.view_menu.name) for row in made.role.permissions}
        assert made.row_scope is RowScope.REGION
    assert given == {("can_read", "AppUserView")}


@pytest.mark.one_database
def test_one_does_not_change_ones_own_rights(client, app, cast, login):
    login(client, "efua")
    path = f"/users/edit/{cast.users['efua']}"
    own = form(client, app, cast, path=path, username="efua", email="efua@example.org", password="")
    own |= {"region": "", "vending_point": "__None", "group": group_id(app, "Administrator")}
    assert client.post(path, data=own | {"group": group_id(app, "Operator")}).status_code == 422
    assert client.post(path, data={k: v for k, v in own.items() if k != "active"}).status_code == 422
    assert client.post(path, data=own).status_code == 302
    group = f"/groups/edit/{group_id(app, 'Administrator')}"
    narrow = {"name": "Administrator", "row_scope": "region", "csrf_token": client.token(group)}
    assert client.post(group, data=narrow).status_code == 422
    assert client.post(group, data=narrow | {"row_scope": "all"}).status_code == 302
    assert client.get("/users/list/").status_code == 200, "the boxes of one's own group change nothing"


def test_switching_off_and_a_new_password_end_the_sessions(client, app, cast, login):
    login(client, "efua")
    amara = app.test_client()
    login(amara, "amara")
    path = f"/users/edit/{cast.users['amara']}"
    same = form(client, app, cast, path=path, username="amara", email="amara@example.org")
    assert client.post(path, data=same).status_code == 302
    assert amara.get("/account/").status_code == 302
    with app.app_context():
        ended = db.session.scalars(select(UserSession.ended).where(UserSession.user_id == cast.users["amara"])).all()
    assert None not in ended
    login(app.test_client(), "amara", FIRST)


@pytest.mark.one_database
def test_a_changed_group_works_at_the_next_request(client, app, cast, login):
    login(client, "efua")
    amara = app.test_client()
    login(amara, "amara")
    assert amara.get("/meters/list/").status_code == 200
    path = f"/groups/edit/{group_id(app, 'Operator')}"
    less = {"name": "Operator", "row_scope": "vending_point", "rights": ["OPEN_COUNTER"], "csrf_token": client.token(path)}
    assert client.post(path, data=less).status_code == 302
    assert amara.get("/meters/list/").status_code == 403
    assert amara.get("/counter/").status_code == 200


@pytest.mark.one_database
def test_a_group_with_people_stays_and_an_empty_one_takes_its_role_along(client, app, cast, login):
    login(client, "efua")
    token = client.token("/groups/add")
    client.post(f"/groups/delete/{group_id(app, 'Operator')}", data={"csrf_token": token})
    assert group_id(app, "Operator")
    new = {"name": "Guests", "row_scope": "vending_point", "rights": ["READ_METERS"], "csrf_token": token}
    client.post("/groups/add", data=new)
    answer = client.post(f"/groups/delete/{group_id(app, 'Guests')}", data={"csrf_token": token})
    assert answer.status_code == 303
    with app.app_context():
        assert app.appbuilder.sm.find_role("Guests") is None
        assert db.session.scalars(select(UserGroup).where(UserGroup.name == "Guests")).first() is None
