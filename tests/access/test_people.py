"""Users and groups: nobody gives what they do not have."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, AuditEntry, MailRequest, PasswordLink, UserGroup
from app.models.base import now
from app.services import mail
from tests.cast import make_cast, password_hash
from tests.fixtures.application import csrf_token

CHOSEN = "a first one, of my own"


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
        "vending_point": cast.points["market"], "active": "y",
        "csrf_token": client.token(path),
    } | changes  # fmt: skip


def link_in(page: str) -> str:
    return re.search(r"http://[^<\s\"]+(/password/link/[\w-]+)", page).group(1)


def choose(app, link: str, new: str = CHOSEN):
    browser = app.test_client()
    page = browser.get(link, follow_redirects=True).get_data(as_text=True)
    return browser.post("/password/choose", data={"new": new, "again": new, "csrf_token": csrf_token(page)})


def act(client, cast, name: str, whom: str):
    key = cast.users[whom]
    return client.post(f"/users/{name}/{key}", data={"csrf_token": client.token("/users/add")})


def test_a_new_user_gets_a_link_and_chooses_a_password(client, app, cast, login):
    login(client, "efua")
    answer = client.post("/users/add", data=form(client, app, cast))
    assert answer.status_code == 200, "no mail leaves, so the link is shown, once"
    link = link_in(answer.get_data(as_text=True))
    assert user(app, "faraja").password is None
    assert "Invited" in client.get("/users/list/").get_data(as_text=True)
    sign_in = {"username": "faraja", "password": "", "csrf_token": app.test_client().token("/login/")}
    assert app.test_client().post("/login/", data=sign_in).status_code in (400, 401, 422)
    assert choose(app, link).headers["Location"] == "/login/"
    login(app.test_client(), "faraja", CHOSEN)
    page = client.get(f"/users/show/{user(app, 'faraja').id}").get_data(as_text=True)
    assert link not in page
    with app.app_context():
        told = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "invite")).one()
        assert (told.actor, told.after) == ("efua", "{}")


@pytest.mark.one_database
def test_nobody_types_a_password_for_somebody_else(client, app, cast, login):
    login(client, "efua")
    sent = {"password": CHOSEN, "must_change_password": "", "totp_since": "2026-01-01", "login_count": "9"}
    assert client.post("/users/add", data=form(client, app, cast) | sent).status_code == 200
    made = user(app, "faraja")
    assert (made.password, made.totp_since, made.login_count) == (None, None, None)
    before = user(app, "amara").password
    path = f"/users/edit/{cast.users['amara']}"
    same = form(client, app, cast, path=path, username="amara", email="amara@example.org") | sent
    assert client.post(path, data=same).status_code == 302
    assert user(app, "amara").password == before


@pytest.mark.one_database
def test_with_a_mail_server_the_link_goes_by_mail_and_nobody_else_sees_it(client, app, cast, login):
    login(client, "efua")
    with app.app_context():
        before = mail.way()
        mail.deliver_by(db.engine, replace(before, server="mail.example.org"))
    try:
        answer = client.post("/users/add", data=form(client, app, cast))
        assert answer.status_code == 303
        shown = client.get(answer.headers["Location"]).get_data(as_text=True)
        assert "/password/link/" not in shown and "After one that this person asks for" not in shown
        assert "until three days after this person first chooses a password by a link." in shown, "an invitation lives longer than they do"
        assert "For a new account these days begin with its first password." in client.get("/users/add").get_data(as_text=True)
        with app.app_context():
            db.session.add(PasswordLink(user_id=cast.users["amara"], purpose="reset", secret_hash="x", expires_at=now(), used_at=now()))
            db.session.commit()
        page = client.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True)
        assert "For three days after a link from you, you two cannot approve each other’s steps. After one that this person asks for" in page
        assert act(client, cast, "link", "amara").status_code == 303
    finally:
        with app.app_context():
            mail.deliver_by(db.engine, before)
    with app.app_context():
        facts = [json.loads(row) for row in db.session.scalars(select(MailRequest.facts).order_by(MailRequest.id))]
        assert db.session.scalar(select(func.count()).where(PasswordLink.used_at.is_(None))) == 0, "drawn when it is written"
    assert [fact["purpose"] for fact in facts] == ["invitation", "reset"]


@pytest.mark.one_database
def test_a_regional_administrator_stays_within_the_region(client, app, cast, login):
    login(client, "rada")
    refused = [
        {"region": cast.regions["harbour"]},
        {"region": "", "group": group_id(app, "Administrator")},
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
    assert client.post("/users/add", data=form(client, app, cast)).status_code == 200
    placed = form(client, app, cast, username="gloria", email="g@example.org", region="")
    assert client.post("/users/add", data=placed).status_code == 200, "she belongs where the vending point lies"
    gloria = user(app, "gloria")
    assert (gloria.region_id, gloria.vending_point_id) == (None, cast.points["market"])
    path = f"/users/edit/{gloria.id}"
    assert client.post(path, data=placed | {"first_name": "Gloria", "csrf_token": client.token(path)}).status_code == 302
    assert user(app, "gloria").first_name == "Gloria"


@pytest.mark.one_database
def test_nobody_raises_anybody_above_themselves(client, app, cast, login):
    """A group that may write users, but not sell and not see everything."""
    login(client, "efua")
    token = client.token("/groups/add")
    office = {
        "name": "Office", "description": "", "row_scope": "region",
        "rights": ["READ_USERS", "ADD_USERS", "CHANGE_USERS", "READ_GROUPS", "ADD_GROUPS", "CHANGE_GROUPS", "LOOK_UP"], "csrf_token": token,
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
    own = form(client, app, cast, path=path, username="efua", email="efua@example.org")
    own |= {"region": "", "vending_point": "__None", "group": group_id(app, "Administrator")}
    assert client.post(path, data=own | {"group": group_id(app, "Operator")}).status_code == 422
    assert client.post(path, data={k: v for k, v in own.items() if k != "active"}).status_code == 422
    assert client.post(path, data=own | {"region": cast.regions["coast"]}).status_code == 422
    moved = client.post(path, data=own | {"email": "thief@example.org"})
    assert (moved.status_code, user(app, "efua").email) == (422, "efua@example.org")
    assert "Your own address takes your password." in moved.get_data(as_text=True)
    assert client.post(path, data=own).status_code == 302
    group = f"/groups/edit/{group_id(app, 'Administrator')}"
    narrow = {"name": "Administrator", "row_scope": "region", "csrf_token": client.token(group)}
    assert client.post(group, data=narrow).status_code == 422
    assert client.post(group, data=narrow | {"row_scope": "all"}).status_code == 302
    assert client.get("/users/list/").status_code == 200, "the boxes of one's own group change nothing"


def test_a_reset_ends_password_and_sessions_at_once(client, app, cast, login):
    login(client, "efua")
    amara = app.test_client()
    login(amara, "amara")
    copy = app.test_client()
    copy.set_cookie("session", amara.get_cookie("session").value)
    assert copy.get("/account/").status_code == 200
    link = link_in(act(client, cast, "link", "amara").get_data(as_text=True))
    assert amara.get("/account/").status_code == copy.get("/account/").status_code == 302
    assert user(app, "amara").password is None
    newer = link_in(act(client, cast, "link", "amara").get_data(as_text=True))
    assert app.test_client().get(link, follow_redirects=True).status_code == 410
    assert choose(app, newer).status_code == 303
    login(app.test_client(), "amara", CHOSEN)


@pytest.mark.one_database
def test_switching_off_ends_sessions_and_links(client, app, cast, login):
    login(client, "efua")
    amara = app.test_client()
    login(amara, "amara")
    path = f"/users/edit/{cast.users['amara']}"
    same = form(client, app, cast, path=path, username="amara", email="amara@example.org")
    assert client.post(path, data=same).status_code == 302
    assert amara.get("/account/").status_code == 200, "a page that changes nothing ends nothing"
    link = link_in(act(client, cast, "link", "amara").get_data(as_text=True))
    off = {"on": "0", "csrf_token": same["csrf_token"]}
    assert client.post(f"/users/switch/{cast.users['amara']}", data=off).status_code == 303
    assert app.test_client().get(link, follow_redirects=True).status_code == 410
    assert client.post(f"/users/switch/{cast.users['amara']}", data=off | {"on": "1"}).status_code == 303
    assert app.test_client().get(link, follow_redirects=True).status_code == 410, "nor when they are back"


@pytest.mark.one_database
def test_signing_somebody_out_ends_every_session(client, app, cast, login):
    login(client, "efua")
    browsers = [app.test_client() for _ in range(2)]
    for browser in browsers:
        login(browser, "amara")
    assert act(client, cast, "sign_out", "amara").status_code == 303
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 302]


@pytest.mark.one_database
def test_another_address_is_told_to_the_old_one(client, app, cast, login):
    login(client, "efua")
    path = f"/users/edit/{cast.users['amara']}"
    moved = form(client, app, cast, path=path, username="amara", email="thief@example.org")
    assert client.post(path, data=moved).status_code == 302
    with app.app_context():
        facts = json.loads(db.session.scalars(select(MailRequest.facts)).one())
    assert (facts["what"], facts["to"]) == ("email", "amara@example.org")


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["link", "unlock", "drop_factor", "sign_out"])
def test_nobody_acts_on_themselves_nor_on_who_may_do_more(client, app, cast, login, name):
    login(client, "efua")
    assert act(client, cast, name, "efua").status_code == 403
    rada = app.test_client()
    login(rada, "rada")
    assert act(rada, cast, name, "efua").status_code == 404, "not of her region"
    assert act(rada, cast, name, "bento").status_code == 404
    office = {"name": "Office", "description": "", "row_scope": "region", "rights": ["READ_USERS", "ADD_USERS", "CHANGE_USERS"]}
    client.post("/groups/add", data=office | {"csrf_token": client.token("/groups/add")})
    with app.app_context():
        db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one().group_id = group_id(app, "Office")
        db.session.commit()
    clerk = app.test_client()
    login(clerk, "chidi")
    assert act(clerk, cast, name, "amara").status_code == 403, "an operator may sell, the clerk may not"
    amara = clerk.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True)
    assert f"/users/{name}/" not in amara


@pytest.mark.one_database
def test_a_lock_is_shown_and_opened(make_app, app, cast, login):
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    for typed in ("amara", "amara", "amara", "Amara@example.org"):
        visitor = door.test_client()
        visitor.post("/login/", data={"username": typed, "password": "no", "csrf_token": visitor.token("/login/")})
    chief = door.test_client()
    login(chief, "efua")
    assert "Locked" in chief.get("/users/list/").get_data(as_text=True)
    page = chief.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True)
    assert "Locked until" in page
    assert act(chief, cast, "unlock", "amara").status_code == 303
    assert "Locked" not in chief.get("/users/list/").get_data(as_text=True)
    login(door.test_client(), "amara")
    with app.app_context():
        assert db.session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "unlock")).all() == ["efua"]


@pytest.mark.one_database
def test_what_people_may_see_is_said_in_words(client, app, cast, login):
    login(client, "efua")
    page = client.get("/users/list/").get_data(as_text=True)
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "sells at Market" in told
    assert "sees everything" in told
    assert "sees region" in told


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
