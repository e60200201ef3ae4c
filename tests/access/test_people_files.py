"""Users by file: a file does no more than its uploader could type, holds no password, and comes in whole or not."""

from __future__ import annotations

import csv
import io
import re

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import AppUser, PasswordLink, Region
from tests.cast import make_cast, password_hash
from tests.importing import csv_file

pytestmark = pytest.mark.one_database
HEADINGS = ("User name", "First name", "Last name", "E-mail", "Phone", "User group", "Region", "Vending point", "May sign in")


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


def exported(client, query: str = "") -> list[list[str]]:
    return list(csv.reader(io.StringIO(client.get(f"/users/file/csv{query}").get_data(as_text=True).lstrip("\ufeff"))))


def upload(client, *lines, headings=HEADINGS):
    sent = {"file": (io.BytesIO(csv_file(headings, *lines)), "users.csv"), "csrf_token": client.token("/users/file/import")}
    return client.post("/users/file/import", data=sent, content_type="multipart/form-data")


def count(app) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(AppUser))


def like(name: str, line: list[str]) -> list[str]:
    """A new person in the place of one who was exported."""
    return [name, name.title(), "New", f"{name}@example.org", *line[4:]]


def test_what_goes_out_comes_in_again_and_changes_nobody(client, app, cast, login):
    login(client, "efua")
    rows = exported(client)
    assert tuple(rows[0]) == HEADINGS
    assert not any("scrypt" in cell for line in rows for cell in line)
    before = count(app)
    assert upload(client, *rows[1:]).status_code == 303
    assert count(app) == before
    amara = next(line for line in rows if line[0] == "amara")
    answer = upload(client, *rows[1:], like("faraja", amara), like("hadiza", amara))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert len(set(re.findall(r"/password/link/[\w-]+", page))) == 2
    with app.app_context():
        made = db.session.scalars(select(AppUser).where(AppUser.username == "faraja")).one()
        old = db.session.scalars(select(AppUser).where(AppUser.username == "amara")).one()
        assert (made.group_id, made.vending_point_id, made.password) == (old.group_id, old.vending_point_id, None)
        assert db.session.scalar(select(func.count()).select_from(PasswordLink)) == 2


def test_one_wrong_row_keeps_everybody_out_and_is_told_with_its_line(client, app, cast, login):
    login(client, "efua")
    amara = next(line for line in exported(client) if line[0] == "amara")
    before = count(app)
    good = like("faraja", amara)
    for bad in (
        ["hadiza", "H", "N", "no address", *amara[4:]],
        ["hadiza", "H", "N", "faraja@example.org", *amara[4:]],
        ["hadiza", "H", "N", "h@example.org", "", "No such group", *amara[6:]],
        ["hadiza", "H", "N", "h@example.org", "", "Operator", "Atlantis", *amara[7:]],
        ["hadiza", "H", "N", "h@example.org", "", "Operator", amara[6], "", "Yes"],
        ["=1+1", "H", "N", "h@example.org", *amara[4:]],
    ):
        answer = upload(client, good, bad)
        assert answer.status_code == 422, bad
        assert "Nothing was stored" in answer.get_data(as_text=True), bad
        assert count(app) == before, bad
    assert upload(client, good, headings=HEADINGS[1:]).status_code == 422


def test_a_name_that_stands_twice_in_a_file_is_told_with_both_lines_and_known_ones_are_counted(client, app, cast, login):
    login(client, "efua")
    amara = next(line for line in exported(client) if line[0] == "amara")
    before, again = count(app), like("FARAJA", amara)
    again[3] = "second@example.org"
    answer = upload(client, like("faraja", amara), amara, again)
    page = " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())
    assert answer.status_code == 422 and count(app) == before
    assert "4 User name Line 2 has this user name already; big and small letters are the same." in page
    assert "1 thing to put right" in page, "who was there before is none"
    assert "2 users were there already" in upload(client, like("faraja", amara), amara, ["AMARA", *amara[1:]]).get_data(as_text=True)


def test_a_file_lifts_nobody(client, app, cast, login):
    chief = app.test_client()
    login(chief, "efua")
    rows = exported(chief)
    amara, bento = (next(line for line in rows if line[0] == name) for name in ("amara", "bento"))
    login(client, "rada")
    before = count(app)
    for bad in (
        ["faraja", "F", "M", "f@example.org", "", "Administrator", "", "", "Yes"],  # over everything
        like("faraja", bento),  # another region's
    ):
        assert upload(client, bad).status_code == 422, bad
    assert count(app) == before
    names = [line[0] for line in exported(client)]
    assert "amara" in names
    assert "bento" not in names
    assert upload(client, like("gloria", amara)).status_code == 200, "without a region, at a vending point of hers"
    with app.app_context():
        amara[6] = db.session.get(Region, cast.regions["market"]).full_name
    assert upload(client, like("faraja", amara)).status_code == 200
    manager = app.test_client()
    login(manager, "chidi")
    assert manager.get("/users/file/import").status_code == 403
    assert manager.get("/users/file/csv").status_code == 403
    assert client.get("/users/file/csv?_flt_0_password=x").status_code == 400
