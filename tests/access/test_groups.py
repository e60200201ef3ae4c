"""Groups: the grid in the menu's order, presets that store nothing, what needs what, two groups, nobody locked out."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.access import needs, permissions, presets, roles
from app.domain.errors import LastKeepers
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, UserGroup
from app.services import keepers
from app.views.menu import CATEGORIES
from app.views.rights_words import COLUMNS, parts, system_pages

pytestmark = pytest.mark.one_database


@pytest.fixture
def efua(client, cast, login):
    login(client, "efua")
    return client


def group_id(app, name):
    with app.app_context():
        return db.session.scalars(select(UserGroup.id).where(UserGroup.name == name)).one()


def given(app, name):
    with app.app_context():
        group = db.session.scalars(select(UserGroup).where(UserGroup.name == name)).one()
        return {permissions.Permission(row.permission.name, row.view_menu.name) for row in group.role.permissions}


def post(client, path, **data):
    return client.post(path, data=data | {"csrf_token": client.token("/groups/add")})


def ticked(page):
    boxes = re.findall(r'<input type="checkbox" name="rights" value="(\w+)"([^>]*)>', page)
    return {name for name, more in boxes if " checked" in more}


def test_every_permission_stands_once_in_the_grid_in_the_order_of_the_menu(app):
    with app.app_context():
        whole = parts()
        assert [part.name for part in whole] == [category.name for category in CATEGORIES]
        names = [name for part in whole for row in part.rows for name in row.names]
        assert sorted(names) == sorted(permissions.every())
        for part in whole:
            for row in part.rows:
                cells = [name for column in COLUMNS for name in row.of(column)] + list(row.special)
                assert sorted(cells) == sorted(row.names)
        approving = {name for part in whole for row in part.rows for name in row.of("approve")}
        assert approving == {"APPROVE_REVERSALS", "APPROVE_DECISIONS", "APPROVE_ACTS"}
        assert len(whole[-1].rows) > 10
        assert all(str(row.label) != row.page for part in whole for row in part.rows)


def test_what_a_preset_and_a_seeded_role_give_is_all_they_need():
    for preset in presets.PRESETS:
        assert needs.with_needs(preset.rights) == preset.rights, preset.name
    for name, listed in roles.ROLES.items():
        assert needs.with_needs(listed) == set(listed), name
    assert permissions.READ_METERS in needs.with_needs({permissions.CHANGE_METERS})
    assert permissions.LOOK_UP in needs.with_needs({permissions.CHANGE_METERS})
    assert not system_pages(roles.OPERATOR)
    assert system_pages([permissions.READ_TARIFFS])


def test_a_preset_fills_the_form_and_stores_nothing(efua, app, cast):
    path = f"/groups/edit/{group_id(app, 'Operator')}"
    before = given(app, "Operator")
    answer = post(efua, path, name="Operator", row_scope="vending_point", preset="manager", rights=["OPEN_COUNTER", "WRITE"])
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert {permissions.every()[name] for name in ticked(page)} == set(roles.MANAGER)
    assert "Nothing is stored until you save." in page
    assert re.search(r'class="check gained"><input[^>]+value="CLEAR_CREDIT"', page)
    assert re.search(r'value="region" selected|selected value="region"', page)
    assert given(app, "Operator") == before
    more = post(efua, path, name="Operator", row_scope="region", rights=["SELL", "READ_METERS"], preset="auditor").get_data(as_text=True)
    assert "Went out of the form" in more
    assert "SELL" not in ticked(more)


def test_a_preset_gives_no_more_than_one_has(efua, app, cast, login):
    some = ["READ_GROUPS", "ADD_GROUPS", "CHANGE_GROUPS", "READ_METERS"]
    assert post(efua, "/groups/add", name="Office", row_scope="region", rights=some).status_code == 302
    with app.app_context():
        db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one().group_id = group_id(app, "Office")
        db.session.commit()
    clerk = app.test_client()
    login(clerk, "chidi")
    page = post(clerk, "/groups/add", name="More", row_scope="vending_point", preset="administrator").get_data(as_text=True)
    assert ticked(page) == set(some)
    assert "Left out, because you do not have it yourself" in page
    assert re.search(r'value="vending_point" selected|selected value="vending_point"', page), "nor wider rows"
    needed = post(clerk, "/groups/add", name="More", row_scope="region", rights=["CHANGE_METERS"])
    assert needed.status_code == 302, "a shut box counts for nothing"
    assert given(app, "More") == set()


def test_what_is_needed_is_given_too_and_said(efua, app, cast):
    assert post(efua, "/groups/add", name="Fitters", row_scope="region", rights=["CHANGE_METERS"]).status_code == 302
    assert given(app, "Fitters") == {permissions.CHANGE_METERS, permissions.READ_METERS, permissions.LOOK_UP}
    assert "Given too, because what you ticked needs it" in efua.get("/groups/list/").get_data(as_text=True)


def test_who_cannot_give_what_is_needed_is_told_what(efua, app, cast, login):
    # Somebody of an earlier release may change meters and not look anything up.
    some = ["READ_GROUPS", "ADD_GROUPS", "READ_METERS"]
    post(efua, "/groups/add", name="Office", row_scope="region", rights=some)
    with app.app_context():
        office = db.session.scalars(select(UserGroup).where(UserGroup.name == "Office")).one()
        office.role.permissions.append(app.appbuilder.sm.find_permission_view_menu("can_edit", "MeterView"))
        db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one().group_id = office.id
        db.session.commit()
    clerk = app.test_client()
    login(clerk, "chidi")
    answer = post(clerk, "/groups/add", name="More", row_scope="region", rights=["CHANGE_METERS"])
    assert answer.status_code == 422
    assert "What you ticked needs more than you may give: Regions and consumers: Look up in forms." in answer.get_data(as_text=True)


def test_system_given_to_people_of_one_vending_point_warns_and_is_saved(efua, app, cast):
    answer = post(efua, "/groups/add", name="Kiosk", row_scope="vending_point", rights=["READ_TARIFFS"])
    assert answer.status_code == 302
    page = efua.get("/groups/list/").get_data(as_text=True)
    assert "now see parts of System: Tariffs" in page
    shown = efua.get(f"/groups/show/{group_id(app, 'Kiosk')}").get_data(as_text=True)
    assert "People of one vending point see parts of System: Tariffs." in shown


def test_what_would_this_person_see(efua, app, cast):
    key = group_id(app, "Operator")
    page = efua.get(f"/groups/show/{key}?as={cast.users['amara']}").get_data(as_text=True)
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "sells at Market shop" in text
    assert re.search(r"Vending points 1 ", text)
    assert re.search(r"Meters 3 ", text), "those of her region"
    seen = page[page.index('class="seen-menu"') :]
    assert "Purchase" in seen
    assert "Tariffs" not in seen[: seen.index("</section>\n</div>") if "</section>\n</div>" in seen else 4000]
    before = given(app, "Operator")
    look = post(efua, f"/groups/edit/{key}", name="Operator", row_scope="region", rights=["READ_TARIFFS"], look="1")
    assert look.status_code == 200
    assert "Everything of their own region" in look.get_data(as_text=True)
    assert given(app, "Operator") == before
    with app.app_context():
        assert db.session.get_one(UserGroup, key).row_scope is RowScope.VENDING_POINT


def test_two_groups_side_by_side(efua, app, cast):
    a, b = group_id(app, "Manager"), group_id(app, "Operator")
    differing = efua.get(f"/groups/compare?a={a}&b={b}").get_data(as_text=True)
    assert "Clear the balance" in differing
    assert "Resolve waiting sales" not in differing
    assert "Resolve waiting sales" in efua.get(f"/groups/compare?a={a}&b={b}&all=1").get_data(as_text=True)
    assert "one and the same group" in efua.get(f"/groups/compare?a={a}&b={a}").get_data(as_text=True)
    assert efua.get("/groups/compare?a=x&b=99999999999").status_code == 200


def test_ones_own_group_is_shut_and_says_so(efua, app, cast):
    path = f"/groups/edit/{group_id(app, 'Administrator')}"
    assert "The rights of your own group are changed by somebody else." in efua.get(path).get_data(as_text=True)
    before = given(app, "Administrator")
    answer = post(efua, path, name="Administrator", row_scope="all", rights=["READ_METERS"])
    assert answer.status_code == 422
    assert given(app, "Administrator") == before


def test_the_last_who_can_look_after_people_keep_that(app, cast, monkeypatch):
    from app.views import groups

    # As somebody who lost their own group's rights at this very moment.
    monkeypatch.setattr(groups, "_own_rights", lambda: set(roles.ADMINISTRATOR))
    with app.app_context():
        chief = db.session.scalars(select(UserGroup).where(UserGroup.name == "Administrator")).one()
        assert keepers.keeps(chief.row_scope, roles.ADMINISTRATOR)
        assert not keepers.keeps(RowScope.REGION, roles.ADMINISTRATOR)
        assert not keepers.others_keep(db.session(), chief.id)
        chief.wanted = set()
        with pytest.raises(LastKeepers):
            groups.UserGroupView._give(chief)
        db.session.rollback()
        second = UserGroup(name="Second", row_scope=RowScope.ALL, role=app.appbuilder.sm.add_role("Second"))
        second.role.permissions = list(chief.role.permissions)
        db.session.add(second)
        db.session.commit()
        assert not keepers.others_keep(db.session(), chief.id), "nobody is in it"
        db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one().group_id = second.id
        db.session.commit()
        assert not keepers.others_keep(db.session(), chief.id), "who has a region is kept to it"
        chidi = db.session.scalars(select(AppUser).where(AppUser.username == "chidi")).one()
        chidi.region_id = None
        db.session.commit()
        assert keepers.others_keep(db.session(), chief.id)


def test_the_page_of_settings_names_everything_that_can_take_two_people(efua):
    from app.domain.engineering import FUNCTIONS, KEY_CHANGE
    from app.services.reversals import FUNCTION
    from app.views.four_eyes import WORDS

    assert set(WORDS) == {*FUNCTIONS, KEY_CHANGE, FUNCTION}
    page = efua.get("/settings/edit/1").get_data(as_text=True)
    for name in WORDS:
        assert f'name="four_eyes" id="four_eyes-{name}"' in page
    assert "Decisions on lost sales (always)" in page
    assert "Accepting the difference of a module takes" in page
