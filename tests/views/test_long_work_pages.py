"""What goes wrong around long work, as people meet it in the browser: broken off, other rows, things that went."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.models import AppUser, BackgroundTask, Consumer, ImportBatch, Region, UserGroup
from app.services import bulk
from app.views import work_runs
from tests.importing import CONSUMER_HEADINGS, csv_file
from tests.views.test_imports_pages import bring, chosen, page, post, text, upload

pytestmark = pytest.mark.one_database


@pytest.fixture
def work(app):
    """`work()` does one piece of long work."""
    return lambda: work_runs.run_next(app)


def test_an_import_that_was_broken_off_goes_on_from_its_page(chidi, work, look, monkeypatch):
    def breaks(*_):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(work_runs.applying, "finish", breaks)
        address = bring(chidi, work, "consumers", csv_file(CONSUMER_HEADINGS, ("20001", "Moussa", "Market Town", "", "")))
    shown = page(chidi, address)
    assert "not all that follows from them" in text(shown) and "Go on" in shown
    post(chidi, f"{address}/run")
    work()
    assert "Added 1" in text(page(chidi, address)) and look(select(ImportBatch.state)) == "done"


def test_work_has_the_rights_of_its_owners_group_and_no_others(app, chidi, cast, work, look):
    """People who were added on the page have no role of FAB's, and whoever was moved may still have one."""
    file = csv_file(CONSUMER_HEADINGS, ("20001", "Moussa", "Market Town", "", ""))
    assert "not allowed" not in text(page(chidi, bring(chidi, work, "consumers", file)))
    assert look(select(ImportBatch.state)) == "done"
    upload(chidi, "consumers", csv_file(CONSUMER_HEADINGS, ("20002", "Awa", "Market Town", "", "")))
    with app.app_context(), transaction() as session:
        person = session.get_one(AppUser, cast.users["chidi"])
        person.roles = [person.group.role]
        person.group_id = session.scalars(select(UserGroup.id).where(UserGroup.name == "Auditor")).one()
    work()
    assert look(select(BackgroundTask.error).order_by(BackgroundTask.id.desc()).limit(1)) == '["not_allowed", {}]'


@pytest.mark.parametrize("query", ["?_flt_999_name=1", "?_flt_0_nosuch=1", "?_flt_8_name=juma", "?_flt_0_name=%00", "?_flt_0_name=juma&_flt_x=1"])
def test_a_filter_that_cannot_be_read_never_widens_what_is_done(efua, query):
    assert efua.get(f"/exports/csv/consumers{query}").status_code == 400
    assert post(efua, f"/exports/workbook/consumers{query}").status_code == 400
    for step in ("choose", "run"):
        assert post(efua, f"/bulk/{step}/consumers{query}", act="region", all="1").status_code in (400, 422)
    assert post(efua, f"/bulk/choose/consumers{query}", act="region", all="1").status_code == 400
    assert efua.get(f"/consumers/list/{query}").status_code == 200


def test_a_list_with_other_rows_than_were_shown_is_left_alone(app, chidi, cast, look):
    hidden = chosen(chidi, "consumers", act="region", all="1")
    hidden.pop("shown")
    given = {"region": cast.regions["coast"], "region-text": "Coast, Kenya"}
    with app.app_context(), transaction() as session:  # as many as before, but others
        session.get_one(Consumer, cast.consumers["achieng"]).region_id = cast.regions["harbour"]
        session.get_one(Consumer, cast.consumers["juma"]).region_id = cast.regions["market"]
    answer = post(chidi, "/bulk/run/consumers", **{**hidden, **given})
    assert answer.status_code == 409 and "other rows now" in answer.get_data(as_text=True)
    assert look(select(func.count()).select_from(BackgroundTask)) == 0


def test_what_was_chosen_goes_while_the_work_waits_or_runs(efua, cast, work, look, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK_ROWS", 1)
    hidden = chosen(efua, "meters", "?_flt_0_meter_type=electricity", act="region", all="1")
    hidden.pop("shown")
    place = {"region": cast.regions["harbour"], "region-text": ""}
    answer = post(efua, "/bulk/run/meters?_flt_0_meter_type=electricity", **{**hidden, **place})
    assert answer.status_code == 303, text(answer.get_data(as_text=True))
    real, chunks = bulk._chunk, []

    def merged_meanwhile(*given):
        done = real(*given)
        chunks.append(done)
        if len(chunks) == 1:
            with transaction() as session:
                session.execute(update(Region).where(Region.id == place["region"]).values(merged_into_id=cast.regions["market"]))
        return done

    monkeypatch.setattr(bulk, "_chunk", merged_meanwhile)
    work()
    outcome = text(page(efua, answer.headers["Location"]))
    assert "Changed 1" in outcome and "Refused 2" in outcome and "no longer there" in outcome
