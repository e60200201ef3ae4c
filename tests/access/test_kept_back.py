"""What somebody kept: a copied cookie, a secret that waits, a link, a file. None of it outlives what it was for."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update

from app.domain.states import TaskState
from app.extensions import db
from app.models import AppUser, BackgroundTask, PasswordLink, UserGroup
from app.services import password_links
from app.views.work_runs import folder
from tests.access.test_password_links import choose
from tests.access.test_people import cast, form, group_id  # noqa: F401  (with Rada, who keeps the coast)
from tests.access.test_people import link_in as link_on
from tests.access.test_second_factor import code_now, post, set_up

pytestmark = pytest.mark.one_database
NEW = "seven green bicycles"


def copied(app, client):
    """Another browser with the same cookie."""
    other = app.test_client()
    other.set_cookie("session", client.get_cookie("session").value)
    assert other.get("/account/").status_code == 200
    return other


@pytest.mark.parametrize("path", ["/account/password", "/account/sessions/end", "/account/factor/begin", "/account/"])
def test_a_copied_cookie_ends_when_its_owner_gives_the_password(client, app, cast, login, path):  # noqa: F811
    login(client, "amara")
    thief = copied(app, client)
    sent = {
        "old": "demo", "new": NEW, "again": NEW, "password": "demo", "browser": "others", "first_name": "Amara", "last_name": "Test",
        "email": "another@example.org", "phone": "", "language": "en", "page_size": "", "start_page": "",
    }  # fmt: skip
    assert post(client, path, "/account/", **sent).status_code == 303
    assert thief.get("/account/").status_code == 302, "the copy is dead"
    assert client.get("/account/").status_code == 200, "and the owner goes on"


def test_a_copied_cookie_ends_with_the_first_code_and_not_with_a_wrong_password(client, app, cast, login):  # noqa: F811
    login(client, "amara")
    thief = copied(app, client)
    assert post(client, "/account/factor/begin", password="not it").status_code == 422
    assert thief.get("/account/").status_code == 200
    set_up(client, app, "amara")
    assert thief.get("/account/").status_code == 302
    assert client.get("/account/factor/").status_code == 200


def test_a_secret_that_waits_is_shown_to_the_browser_that_gave_the_password(client, app, cast, login):  # noqa: F811
    login(client, "amara")
    assert post(client, "/account/factor/begin", password="demo").status_code == 303
    login(thief := app.test_client(), "amara")
    assert "data:image/svg+xml" not in thief.get("/account/factor/").get_data(as_text=True)
    assert post(thief, "/account/factor/confirm", code=code_now(app, "amara")).status_code == 303
    with app.app_context():
        assert db.session.get_one(AppUser, cast.users["amara"]).totp_since is None
    assert "data:image/svg+xml" in client.get("/account/factor/").get_data(as_text=True)


def test_a_link_that_its_maker_kept_ends_when_the_person_rises(client, app, cast, login):  # noqa: F811
    login(client, "rada")
    link = link_on(client.post("/users/add", data=form(client, app, cast)).get_data(as_text=True))
    login(chief := app.test_client(), "efua")
    with app.app_context():
        key = db.session.scalars(select(AppUser.id).where(AppUser.username == "faraja")).one()
    path = f"/users/edit/{key}"
    risen = form(chief, app, cast, path=path, group=group_id(app, "Administrator"), region="", vending_point="__None")
    page = chief.post(path, data=risen, follow_redirects=True).get_data(as_text=True)
    assert "does not work any more" in page
    stranger = app.test_client()
    assert stranger.get(link, follow_redirects=True).status_code == 410
    assert chief.post(path, data=form(chief, app, cast, path=path, phone="0700000009", group=risen["group"], region="", vending_point="__None")).status_code == 302


def test_a_stranger_who_knows_a_name_ends_no_invitation(client, app, cast, login):  # noqa: F811
    login(client, "efua")
    link = link_on(client.post("/users/add", data=form(client, app, cast)).get_data(as_text=True))
    with app.app_context():
        key = db.session.scalars(select(AppUser.id).where(AppUser.username == "faraja")).one()
        asked = f"/password/link/{password_links.make(db.session(), key, password_links.RESET, password_links.ASKED_FOR)}"
        db.session.commit()
    assert choose(app.test_client(), link).headers["Location"] == "/login/", "the invitation stands"
    assert choose(app.test_client(), asked) is None, "and what was asked for ended with it"
    with app.app_context():
        password_links.make(db.session(), key, password_links.RESET, password_links.ASKED_FOR)
        password_links.make(db.session(), key, password_links.RESET, password_links.GIVEN, cast.users["efua"])
        left = db.session.scalars(select(PasswordLink).where(PasswordLink.user_id == key, PasswordLink.used_at.is_(None))).all()
        assert [one.made_by_id for one in left] == [cast.users["efua"]], "an administrator's ends them all"


def prepared(app, cast, work: str, who: str = "chidi", place: str = "coast", **facts: object) -> str:  # noqa: F811
    """The address of a file that long work made for somebody of this place."""
    with app.app_context():
        files = folder()
        stored = files.new_name(".xlsx")
        with files.writing(stored) as file:
            file.write(b"secrets")
        path = f"/{cast.regions['country']}/{cast.regions[place]}/"
        task = BackgroundTask(
            kind=work, reference=stored, owner_id=cast.users[who], actor=who, region_path=path, language="en",
            parameters=json.dumps(facts), state=TaskState.DONE, stored=stored, file_name="some.xlsx",
        )  # fmt: skip
        db.session.add(task)
        db.session.commit()
        return f"/work/{task.id}/file"


@pytest.mark.parametrize(("kind", "facts"), [("export", {"kind": "meters"}), ("bulk", {"kind": "consumers"}), ("marked", {"batch": 1})])
def test_a_prepared_file_is_shut_to_whom_is_moved_or_loses_the_right(client, app, cast, login, kind, facts):  # noqa: F811
    address = prepared(app, cast, kind, **facts)
    login(client, "chidi")
    assert client.get(address).status_code == 200
    for change in ({"region_id": cast.regions["harbour"]}, {"group_id": group_id(app, "Operator")}):
        with app.app_context():
            before = {name: getattr(db.session.get_one(AppUser, cast.users["chidi"]), name) for name in change}
            db.session.execute(update(AppUser).where(AppUser.username == "chidi").values(**change))
            db.session.commit()
        assert client.get(address).status_code == 403, change
        with app.app_context():
            db.session.execute(update(AppUser).where(AppUser.username == "chidi").values(**before))
            db.session.commit()
    assert client.get(address).status_code == 200


def test_who_looks_at_others_work_gets_no_file_of_what_they_may_not_see(client, app, cast, login):  # noqa: F811
    """Somebody over a region's people and their work, and not its consumers."""
    login(chief := app.test_client(), "efua")
    sent = {"name": "Desk of work", "description": "", "row_scope": "all", "rights": ["READ_WORK", "READ_USERS"]}
    assert post(chief, "/groups/add", "/groups/add", **sent).status_code == 302
    with app.app_context():
        group = db.session.scalars(select(UserGroup.id).where(UserGroup.name == "Desk of work")).one()
        db.session.execute(update(AppUser).where(AppUser.username == "rada").values(group_id=group))
        db.session.commit()
    login(client, "rada")
    address = prepared(app, cast, "export", kind="consumers")
    assert client.get(address.removesuffix("/file")).status_code == 200
    assert client.get(address).status_code == 403
