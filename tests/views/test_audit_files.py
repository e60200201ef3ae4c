"""The audit log as a file: the list's filters hold, values are in words, nobody else's entries come along."""

from __future__ import annotations

import csv
import io

import pytest

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


def test_a_reader_of_a_region_gets_their_own_people_only(app, world):
    names = {row[2] for row in exported(app, "dalia")[1:]}
    assert "bento" not in names
    assert "amara" in names
