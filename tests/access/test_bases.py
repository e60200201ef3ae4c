"""The hardened bases under the pages: nonsense, second savers, strangers' rows, other threads."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, select

from app.extensions import db
from app.models import AuditEntry, Manufacturer, Product, VendingPoint

NONSENSE = (
    "page_ProductView=abc", "page_ProductView=-1", "page_ProductView=" + "9" * 40, "psize_ProductView=0",
    "psize_ProductView=99999999", "psize_ProductView=x", "_oc_ProductView=password&_od_ProductView=asc",
    "_oc_ProductView=model&_od_ProductView=;drop", "_oc_ProductView=__class__&_od_ProductView=desc",
    "_flt_9_model=x", "_flt_0_nothing=x", "_flt_0_model=%00", "_flt_0_model=" + "x" * 5000,
    "_flt_0_meter_type=nonsense", "_flt_0_manufacturer=1e309", "_flt_0_id=1", "_flt_x_model=1",
)  # fmt: skip


@pytest.fixture
def efua(client, cast, login):
    login(client, "efua")
    return client


def hidden(client, path, name):
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', client.get(path).get_data(as_text=True))
    assert found, name
    return found[1]


def maker(app):
    with app.app_context():
        row = db.session.scalars(select(Manufacturer)).first()
        return row.id, row.name, row.version


def test_nonsense_in_an_address_is_passed_over(efua):
    for arguments in NONSENSE:
        assert efua.get(f"/products/list/?{arguments}").status_code == 200, arguments
    for arguments in ("_flt_0_manufacturer=abc", "_flt_0_manufacturer=" + "9" * 40, "_flt_0_model=x"):
        assert efua.get(f"/products/add?{arguments}").status_code == 200, arguments
    for key in ("0", "-1", "abc", "9" * 40, "1e3", "%00", "1;2"):
        for path in ("/products/show/", "/products/edit/"):
            assert efua.get(path + key).status_code == 404, key


@pytest.mark.one_database
def test_a_page_behind_the_end_of_a_list_is_its_last_one(efua, app, cast):
    for path in ("/manufacturers/list/?page_ManufacturerView={}", "/users/list/?page_AppUserView={}", "/sales/list/?page_SaleView={}"):
        for page in (7, 99_999_999):
            answer = efua.get(path.format(page))
            assert answer.status_code == 200, answer.request.path
    with app.app_context():
        db.session.add_all(Manufacturer(name=f"Maker {n:03d}") for n in range(30))
        db.session.commit()
    ask = "/manufacturers/list/?psize_ManufacturerView=10&page_ManufacturerView={}&_oc_ManufacturerView=name&_od_ManufacturerView=asc"
    last, behind = (re.findall(r"Maker [0-9]{3}", efua.get(ask.format(page)).get_data(as_text=True)) for page in (3, 9))
    assert last and behind == last


@pytest.mark.one_database
def test_a_page_is_never_longer_than_a_hundred_rows(efua, app):
    with app.app_context():
        db.session.add_all(Manufacturer(name=f"Maker {n:03d}") for n in range(150))
        db.session.commit()
    page = efua.get("/manufacturers/list/?psize_ManufacturerView=5000").get_data(as_text=True)
    assert len(set(re.findall(r"Maker [0-9]{3}", page))) in (99, 100)


def test_the_second_saver_is_told_and_loses_nothing_typed(efua, app):
    key, name, _version = maker(app)
    path = f"/manufacturers/edit/{key}"
    shown = hidden(efua, path, "row_version")
    form = {"name": name, "code": "07", "csrf_token": efua.token(path), "row_version": shown}
    assert efua.post(path, data=form).status_code == 302
    answer = efua.post(path, data=form | {"name": "Late but typed"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "changed this record meanwhile" in page
    assert "Late but typed" in page
    assert maker(app)[1] == name
    again = form | {"name": "In time", "row_version": hidden(efua, path, "row_version")}
    assert efua.post(path, data=again).status_code == 302


def test_a_refused_save_leaves_nothing_behind(efua, app, monkeypatch):
    """FAB keeps a refused row in the session, where the next commit would save it."""
    from app.domain.errors import PlanFrozen
    from app.views.products import ManufacturerView

    key, name, version = maker(app)
    path = f"/manufacturers/edit/{key}"
    form = {"name": "Refused", "code": "", "csrf_token": efua.token(path)}

    def refuse(self, item):
        raise PlanFrozen(count=1)

    monkeypatch.setattr(ManufacturerView, "pre_update", refuse)
    answer = efua.post(path, data=form)
    assert answer.status_code == 422
    assert maker(app) == (key, name, version)
    with app.app_context():
        entries = db.session.scalars(select(AuditEntry.after).where(AuditEntry.table_name == "manufacturer")).all()
    assert not [entry for entry in entries if "Refused" in entry]


def test_a_value_that_somebody_took_meanwhile_is_a_sentence(efua, app, monkeypatch):
    """The form's own check sees nothing; the database keeps the rule."""
    from app.views.fields import Unused

    monkeypatch.setattr(Unused, "__call__", lambda self, form, field: None)
    form = {"name": maker(app)[1], "code": "", "csrf_token": efua.token("/manufacturers/add")}
    answer = efua.post("/manufacturers/add", data=form)
    assert answer.status_code == 422
    assert "already" in answer.get_data(as_text=True)


def test_a_row_that_is_referred_to_is_kept(efua, app, monkeypatch):
    from app.views.products import ManufacturerView

    monkeypatch.setattr(ManufacturerView, "why_kept", lambda self, item: None)
    key, name, _version = maker(app)
    answer = efua.post(f"/manufacturers/delete/{key}", data={"csrf_token": efua.token("/manufacturers/add")})
    assert answer.status_code == 303
    assert "Other records refer to this one" in efua.get("/manufacturers/list/").get_data(as_text=True)
    assert maker(app)[1] == name


def test_a_manager_keeps_a_consumer_within_the_region(app, client, cast, login):
    login(client, "chidi")
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    form = {
        "user_number": "10482", "name": "Achieng Wanjiru", "region": cast.regions["harbour"], "region-text": "",
        "csrf_token": client.token(path),
    }  # fmt: skip
    assert client.post(path, data=form).status_code == 422
    new = form | {"user_number": "20000", "name": "Somebody New"}
    assert client.post("/consumers/add", data=new).status_code == 422
    pages = client.get("/pick/regions?q=Harbour").get_data(as_text=True)
    assert "Harbour" not in pages
    assert client.post("/consumers/add", data=new | {"region": cast.regions["market"]}).status_code in (302, 303)


def test_related_lists_ask_for_their_own_permission(app, cast):
    """FAB shows a related list to whoever sees the parent."""
    from app.access.current import scope_of
    from app.models import AppUser

    with app.app_context():
        users = {
            name: db.session.scalars(select(AppUser).where(AppUser.username == name)).one()
            for name in ("efua", "amara")
        }
        scopes = {name: scope_of(user) for name, user in users.items()}
        db.session.remove()
    views = {type(view).__name__: view for view in app.appbuilder.baseviews}
    parent, child = views["ManufacturerView"], views["ProductView"]
    old = parent.related_views, parent._related_views
    parent.related_views, parent._related_views = [type(child)], [child]
    try:
        found = {}
        for name in users:
            with app.test_request_context("/"):
                from flask import g
                from flask_login import login_user

                g._scope = scopes[name]
                user = db.session.scalars(select(AppUser).where(AppUser.username == name)).one()
                login_user(user)
                found[name] = parent.allowed_related()
                db.session.remove()
        assert found == {"efua": [child], "amara": []}
    finally:
        parent.related_views, parent._related_views = old


@pytest.mark.one_database
def test_search_filters_of_one_reader_never_reach_another(app, cast, login):
    """FAB keeps them on the view, which all threads share."""
    browsers = []
    for _ in range(4):
        browser = app.test_client()
        login(browser, "efua")
        browsers.append(browser)

    def look(turn):
        word = f"word{turn % 4}x"
        page = browsers[turn % 4].get(f"/products/list/?_flt_0_model={word}").get_data(as_text=True)
        return set(re.findall("word[0-9]x", page)) - {word}

    with ThreadPoolExecutor(4) as pool:
        foreign = list(pool.map(look, range(40)))
    assert foreign == [set()] * 40


@pytest.mark.one_database
def test_a_list_asks_few_questions(efua, app):
    with app.app_context():
        first = db.session.scalars(select(Product)).first()
        db.session.add_all(
            Product(model=f"M{n}", name="X", meter_type=first.meter_type, manufacturer_id=first.manufacturer_id)
            for n in range(40)
        )
        db.session.add_all(
            VendingPoint(name=f"Shop {n}", code=f"S{n}", region_id=db.session.scalars(select(VendingPoint)).first().region_id)
            for n in range(40)
        )
        db.session.commit()
        engine = db.engine
    for path in ("/products/list/", "/vending-points/list/", "/consumers/list/", "/meters/list/"):
        efua.get(path)
        asked = []

        def note(_connection, _cursor, statement, *_rest, asked=asked):
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            assert efua.get(path).status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert len(asked) <= 15, (path, len(asked))


@pytest.mark.one_database
def test_an_exposed_method_must_say_who_may():
    from flask_appbuilder import expose

    from app.access.fab import Interface, SafeBaseView, ScopedModelView

    class Careless(SafeBaseView):
        @expose("/")
        def page(self):
            return ""

    class Nobodys(ScopedModelView):
        datamodel = Interface(Product)

    with pytest.raises(TypeError, match="without @has_access"):
        Careless()
    with pytest.raises(TypeError, match="has no scope"):
        Nobodys()


@pytest.mark.one_database
def test_a_price_keeps_every_place_it_has():
    """WTForms would show two places, and Save would store them."""
    from decimal import Decimal

    from wtforms import Form

    from app.access.fab import ExactDecimalField

    class Priced(Form):
        price = ExactDecimalField()

    assert Priced(data={"price": Decimal("0.12345678")}).price._value() == "0.12345678"
