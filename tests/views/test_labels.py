"""FAB makes up labels from column and class names, and translates none: every page says its own."""

from __future__ import annotations

import pytest
from flask_babel.speaklater import LazyString

from app.access.fab import SafeModelView
from app.access.permissions import every
from app.views.menu import CATEGORIES, LINES

# A title by the route that shows it, and the columns of that page.
PAGES = {
    "list": ("list_title", "list_columns"),
    "show": ("show_title", "show_columns"),
    "add": ("add_title", "add_columns"),
    "edit": ("edit_title", "edit_columns"),
}
MESSAGES = {"add": "add_row_message", "edit": "edit_row_message", "delete": "delete_row_message"}


def lazy(word: object) -> bool:
    return isinstance(word, LazyString)


def routes(app, view) -> set[str]:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    return {name for name in (*PAGES, "delete") if f"{view.endpoint}.{name}" in endpoints}


@pytest.mark.one_database
def test_every_label_of_a_page_is_translated(app):
    made_up = []
    views = [view for view in app.appbuilder.baseviews if isinstance(view, SafeModelView)]
    assert len(views) > 10
    for view in views:
        name, shown = type(view).__name__, routes(app, view)
        for route in shown & PAGES.keys():
            title, columns = PAGES[route]
            if not lazy(getattr(view, title)):
                made_up.append(f"{name}.{title}: {getattr(view, title)}")
            form = {"add": view.add_form, "edit": view.edit_form}.get(route)
            for column in getattr(view, columns):
                label = view.label_columns.get(column)
                field = getattr(form, column, None)
                if field is not None:
                    label = field.args[0] if field.args else field.kwargs.get("label")
                if not lazy(label):
                    made_up.append(f"{name}.{columns}.{column}: {label}")
        messages = [MESSAGES[route] for route in shown & MESSAGES.keys()]
        made_up += [f"{name}.{message}" for message in messages if not lazy(getattr(view, message))]
        made_up += [f"{name}.actions.{action.name}" for action in view.actions.values() if not lazy(action.text)]
        if "list" in shown:
            for column in view.search_columns:
                field = getattr(view.search_form, column)
                label = field.args[0] if field.args else field.kwargs.get("label")
                if not lazy(label):
                    made_up.append(f"{name}.search.{column}: {label}")
    assert made_up == []


@pytest.mark.one_database
def test_every_line_of_the_menu_is_translated(app):
    words = [category.label for category in CATEGORIES]
    words += [line.label for line in LINES if line.category is not None]
    assert [word for word in words if not lazy(word)] == []
    assert {line.category for line in LINES} - {None} == {category.name for category in CATEGORIES}


@pytest.mark.one_database
def test_every_permission_has_its_words(app):
    from app.views.rights_words import ACTS, page_label

    for permission in every().values():
        assert lazy(ACTS[permission.action]), permission
        assert lazy(page_label(permission.page)), permission


@pytest.mark.one_database
def test_the_menu_shows_what_may_be_opened_and_nothing_else(app, login):
    import re

    from app.extensions import db
    from tests.cast import make_cast

    with app.app_context():
        make_cast()
        db.session.remove()
    seen = {}
    for name in ("amara", "chidi", "dalia", "efua"):
        client = app.test_client()
        login(client, name)
        links = re.findall(r'class="side-link" href="([^"]+)"', client.get("/account/").get_data(as_text=True))
        seen[name] = set(links)
        for link in links:
            assert client.get(link, follow_redirects=True).status_code == 200, (name, link)
    assert "/users/list/" in seen["efua"]
    assert "/users/list/" not in seen["amara"] | seen["chidi"]
    assert "/counter/" not in seen["dalia"]
    assert seen["amara"] < seen["chidi"] < seen["efua"]
