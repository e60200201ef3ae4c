"""The audit log as a file: the list's filters hold, values are in words, nobody else's entries come along."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from app.extensions import db
from app.models import AuditEntry
from tests.fixtures.application import let_in
from tests.world import make_world

pytestmark = pytest.mark.one_database


@pytest.fixture
def world(app):
    return make_world(app)


def exported(app, name: str, query: str = "") -> list[list[str]]:
    client = app.test_client()
    let_in(app, client, name)
    answer = client.get(f"/audit/file/csv{query}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


def test_what_the_list_shows_goes_out_with_each_value_before_and_after(app, world):
    rows = exported(app, "efua")
    assert rows[0] == ["Number of the record", "Time", "Who", "Did", "Record", "What", "Before", "After", "Sealed"]
    assert {row[2] for row in rows[1:]} >= {"amara", "bento"}
    one = next(row for row in rows if row[2] == "bento")
    assert (one[3], one[4], one[5:8]) == ("changed", "Vending point Harbour shop", ["Telephone", "", "'+254 700 000 000"])


def test_the_filters_of_the_list_hold(app, world):
    assert {row[2] for row in exported(app, "efua", "?_flt_0_actor=bento")[1:]} == {"bento"}
    client = app.test_client()
    let_in(app, client, "efua")
    assert client.get("/audit/file/csv?_flt_99_actor=x").status_code == 400


@pytest.mark.parametrize("typed", ["system", "The pro"])
def test_what_the_program_did_is_said_so_and_found_by_either_name(app, world, typed):
    with app.app_context():
        db.session.add(AuditEntry(at=datetime(2026, 5, 1, 9, tzinfo=UTC), action="add", table_name="region", row_id="900"))
        db.session.commit()
    rows = exported(app, "efua", f"?_flt_0_actor={typed}")[1:]
    assert {row[2] for row in rows} == {"the program"} and "900" in {row[0] for row in rows}
    client = app.test_client()
    let_in(app, client, "efua")
    page = client.get(f"/audit/list/?_flt_0_actor={typed}").get_data(as_text=True)
    assert {re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r'data-label="Who"[^>]*>(.*?)</td>', page, re.DOTALL)} == {"the program"}


def test_a_reader_of_a_region_gets_their_own_people_only(app, world):
    names = {row[2] for row in exported(app, "dalia")[1:]}
    assert "bento" not in names
    assert "amara" in names
