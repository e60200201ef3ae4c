"""Nobody climbs by the people and groups they look after: not an administrator of a region, not one of a vending point."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import select

from app.access import permissions, presets, roles
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, AuditEntry, UserGroup
from app.models.base import now
from app.services import switching
from tests.cast import make_cast, password_hash

RIGHTS = ["READ_USERS", "ADD_USERS", "CHANGE_USERS", "READ_GROUPS", "ADD_GROUPS", "CHANGE_GROUPS", "LOOK_UP", "READ_AUDIT_LOG", "SEE_CHANGES"]


@pytest.fixture
def cast(app):
    """With Rada, an administrator of the coast, and Zola, one over everything who has a vending point on the coast."""
    with app.app_context():
        made = make_cast()
        group = db.session.scalars(select(AppUser.group_id).where(AppUser.username == "efua")).one()
        known = {"active": True, "password": password_hash(), "last_name": "Test", "group_id": group, "language": "en"}
        db.session.add_all([
            AppUser(username="rada", first_name="Rada", email="rada@example.org", region_id=made.regions["coast"], **known),
            AppUser(username="zola", first_name="Zola", email="zola@example.org", vending_point_id=made.points["market"], **known),
        ])
        db.session.scalars(select(AppUser).where(AppUser.username == "admin")).one().active = False
        db.session.commit()
        for name in ("rada", "zola"):
            made.users[name] = db.session.scalars(select(AppUser.id).where(AppUser.username == name)).one()
        db.session.remove()
        return made


def group_of(app, name):
    with app.app_context():
        return db.session.scalars(select(UserGroup).where(UserGroup.name == name)).one()


def post(client, path, **data):
    return client.post(path, data=data | {"csrf_token": client.token("/users/add")})


@pytest.mark.one_database
def test_whoever_sees_everything_is_nobodys_of_a_region_whatever_vending_point_they_have(client, app, cast, login):
    login(client, "rada")
    zola = cast.users["zola"]
    for act in ("link", "unlock", "drop_factor", "sign_out", "switch"):
        assert post(client, f"/users/{act}/{zola}", on="0").status_code == 404, act
    assert client.get(f"/users/show/{zola}").status_code == client.get(f"/users/edit/{zola}").status_code == 404
    told = client.get("/users/list/").get_data(as_text=True)
    assert "amara" in told and "zola" not in told
    chief = app.test_client()
    login(chief, "zola")
    assert post(chief, "/groups/add", name="Of everybody", row_scope="all", rights=["READ_METERS"]).status_code == 302
    assert "Of everybody" not in client.get("/audit/list/").get_data(as_text=True), "nor is what she does"
    assert "Of everybody" in chief.get("/audit/list/").get_data(as_text=True)


def test_who_comes_from_elsewhere_brings_no_records_of_there_into_the_log(client, app, cast, login):
    """Chidi looked after the harbour and comes to the coast; what he changed there before is not Rada's to read."""
    with app.app_context():
        chidi = {"user_id": cast.users["chidi"], "actor": "chidi", "action": "change", "before": "{}", "at": now()}
        pier, palm = cast.meters["pier"], cast.meters["palm_street"]
        for key, words in ((pier, "Foreign lane"), (palm, "Own street"), (987_654_321, "Gone by now")):
            db.session.add(AuditEntry(table_name="meter", row_id=str(key), after=f'{{"address": "{words}"}}', **chidi))
        db.session.add(AuditEntry(table_name="settings", row_id="no number", after='{"address": "Of the house"}', **chidi))
        db.session.commit()
    login(client, "rada")
    told = client.get("/audit/file/csv").get_data(as_text=True)
    assert not [words for words in ("Own street", "Gone by now", "Of the house") if words not in told]
    assert "Foreign lane" not in told
    login(chief := app.test_client(), "efua")
    assert "Foreign lane" in chief.get("/audit/file/csv").get_data(as_text=True)


@pytest.mark.one_database
def test_a_group_with_people_of_other_places_is_changed_by_somebody_who_sees_everything(client, app, cast, login):
    login(client, "rada")
    operator = group_of(app, "Operator")
    change = {"name": "Operator", "description": "", "row_scope": "all", "rights": RIGHTS}
    assert post(client, f"/groups/edit/{operator.id}", **change).status_code == 422
    assert "not yours to look after" in client.get(f"/groups/edit/{operator.id}").get_data(as_text=True)
    assert post(client, f"/groups/edit/{operator.id}", **change | {"row_scope": "vending_point"}).status_code == 422
    post(client, f"/groups/switch/{operator.id}", on="0")
    stands = group_of(app, "Operator")
    assert (stands.row_scope, stands.active) == (RowScope.VENDING_POINT, True)
    manager = group_of(app, "Manager")  # everybody of it is hers
    assert post(client, f"/groups/edit/{manager.id}", name="Manager", description="", row_scope="all", rights=RIGHTS).status_code == 422
    assert post(client, f"/groups/edit/{manager.id}", name="Manager", description="", row_scope="region", rights=RIGHTS).status_code == 302


@pytest.mark.one_database
def test_a_group_over_everything_is_not_filled_beforehand_by_an_administrator_of_a_region(client, app, cast, login):
    """Nobody is in it yet; whoever comes into it later would have what she put there, over everything."""
    login(chief := app.test_client(), "efua")
    assert post(chief, "/groups/add", name="Readers", row_scope="all", rights=["READ_METERS"]).status_code == 302
    login(client, "rada")
    readers = group_of(app, "Readers")
    assert post(client, f"/groups/edit/{readers.id}", name="Readers", description="", row_scope="all", rights=RIGHTS).status_code == 422
    post(client, f"/groups/switch/{readers.id}", on="0")
    post(client, f"/groups/delete/{readers.id}")
    assert group_of(app, "Readers").active
    assert "This group may do more than you." in client.get(f"/groups/edit/{readers.id}").get_data(as_text=True)


@pytest.mark.one_database
def test_an_administrator_of_a_region_gives_a_group_the_rows_of_a_region_at_most(client, app, cast, login):
    login(client, "rada")
    assert post(client, "/groups/add", name="Wide", row_scope="all", rights=["READ_METERS"]).status_code == 422
    assert post(client, "/groups/add", name="Fine", row_scope="region", rights=["READ_METERS", "OPEN_OUTBOX"]).status_code == 302
    with app.app_context():
        fine = db.session.scalars(select(UserGroup).where(UserGroup.name == "Fine")).one()
        assert [row.view_menu.name for row in fine.role.permissions] == ["MeterView"], "the outbox is not hers to give"


@pytest.mark.one_database
def test_what_holds_for_everybody_is_read_and_not_changed_by_an_administrator_of_a_region(client, app, cast, login):
    login(client, "rada")
    login(chief := app.test_client(), "efua")
    pages = ("settings", "slips", "tariffs", "products", "manufacturers", "currencies", "modules", "licence")
    for page in pages:
        told = {who: browser.get(f"/{page}/", follow_redirects=True) for who, browser in (("rada", client), ("efua", chief))}
        told |= {who: browser.get(f"/{page}/list/") for who, browser in (("rada", client), ("efua", chief)) if told[who].status_code == 404}
        assert {who: answer.status_code for who, answer in told.items()} == {"rada": 200, "efua": 200}, page
        offered = {who: re.findall(rf'(?:href|action)="/{page}/(?:add|edit|change|load|delete)', answer.get_data(as_text=True)) for who, answer in told.items()}
        assert offered["efua"] and not offered["rada"], page
    for door in ("settings/edit/1", "tariffs/add", f"tariffs/edit/{cast.tariffs['home']}", "products/add", "modules/add", "currencies/add"):
        assert client.get(f"/{door}").status_code == post(client, f"/{door}", four_eyes="").status_code == 403, door
        assert chief.get(f"/{door}").status_code == 200, door


@pytest.mark.one_database
def test_what_gives_nothing_to_people_of_a_place_is_said_where_it_is_given(app, cast, login):
    login(chief := app.test_client(), "efua")
    rights = ["READ_TARIFFS", "CHANGE_TARIFFS", "READ_METERS"]
    page = chief.post(
        "/groups/add", data={"name": "Prices", "row_scope": "region", "rights": rights, "csrf_token": chief.token("/users/add")}, follow_redirects=True
    ).get_data(as_text=True)  # fmt: skip
    assert "These give nothing to people who see the rows of a place only: Tariffs: Change." in page
    shown = chief.get(f"/groups/show/{group_of(app, 'Prices').id}").get_data(as_text=True)
    assert "Gives nothing to people who see the rows of a place only: Tariffs: Change." in shown
    assert "Gives nothing" not in chief.get(f"/groups/show/{group_of(app, 'Manager').id}").get_data(as_text=True)
    assert "changed over everything only" in chief.get("/groups/add").get_data(as_text=True)


def test_a_page_that_is_new_is_everybodys_until_somebody_says_whose_rows_it_shows():
    every = set(permissions.every().values())
    assert {right.page for right in every} >= permissions.PLACED
    acts = {right for right in every if right.action != "can_read"}
    placed = {right for right in acts if right.page in permissions.PLACED}
    assert acts - placed == set(permissions.WHOLE)
    seeded = {name: set(rights) & permissions.WHOLE for name, rights in roles.ROLES.items()}
    assert {name for name, rights in seeded.items() if rights} == {"Administrator"}, "a manager has a region"
    assert not [preset.name for preset in presets.PRESETS if preset.row_scope is not RowScope.ALL and preset.rights & permissions.WHOLE]


@pytest.mark.one_database
def test_who_looks_after_people_of_one_vending_point_has_those_only(client, app, cast, login):
    chief = app.test_client()
    login(chief, "efua")
    path = f"/groups/edit/{group_of(app, 'Operator').id}"
    assert post(chief, path, name="Operator", description="", row_scope="vending_point", rights=RIGHTS).status_code == 302
    login(client, "amara")
    told = client.get("/users/list/").get_data(as_text=True)
    assert "amara" in told and "corin" not in told and "zola" not in told
    for name in ("corin", "chidi", "zola", "bento"):
        assert post(client, f"/users/link/{cast.users[name]}").status_code == 404, name


WAYS = {
    "switched off": ("/users/switch/{}", {"on": "0"}),
    "given another group": ("/users/edit/{}", {"group": "Operator"}),
    "kept to a region": ("/users/edit/{}", {"region": "coast"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_two_administrators_who_remove_each_other_at_one_moment_leave_one(app, cast, login, monkeypatch, way):
    path, changes = WAYS[way]
    view = next(type(one) for one in app.appbuilder.baseviews if type(one).__name__ == "AppUserView")
    owner, name = (switching, "switch") if "on" in changes else (view, "_may_change")
    pair, real, meet = ("efua", "zola"), getattr(owner, name), threading.Barrier(2, timeout=20)

    def together(*given, **named):
        meet.wait()
        return real(*given, **named)

    browsers, answers = {who: app.test_client() for who in pair}, {}
    forms = {}
    for who in pair:
        login(browsers[who], who)
        whom = pair[pair[0] == who]
        forms[who] = {
            "username": whom, "first_name": whom.title(), "last_name": "Test", "email": f"{whom}@example.org", "active": "y",
            "group": str(group_of(app, changes.get("group", "Administrator")).id), "region": cast.regions[changes["region"]] if "region" in changes else "",
            "vending_point": str(cast.points["market"]) if whom == "zola" or "group" in changes else "__None", **({"on": "0"} if "on" in changes else {}),
            "csrf_token": browsers[who].token("/users/add"),
        }  # fmt: skip
    monkeypatch.setattr(owner, name, staticmethod(together) if owner is view else together)

    def remove(who):
        whom = pair[pair[0] == who]
        answers[who] = browsers[who].post(path.format(cast.users[whom]), data=forms[who]).status_code

    threads = [threading.Thread(target=remove, args=(who,)) for who in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        left = [
            one.username for one in db.session.scalars(select(AppUser).where(AppUser.username.in_(pair)))
            if one.active and one.region_id is None and one.group.name == "Administrator"
        ]  # fmt: skip
    assert len(left) == 1, answers
