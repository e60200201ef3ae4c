"""Saved questions as people keep them: a name, the filters as they were, their own only."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.models import SavedQuestion
from app.services import saved_questions
from tests.views.test_imports_pages import page, post, text

pytestmark = pytest.mark.one_database
ASKED = "period=last_month&group=week&type=electricity"


def saves(client, name: str, query: str = ASKED, report: str = "sales-statistics"):
    return post(client, f"/questions/add/{report}?{query}", name=name)


def kept(look, name: str) -> SavedQuestion:
    return look(select(SavedQuestion).where(SavedQuestion.name == name))


def test_a_question_is_saved_under_a_name_and_opened_from_both_pages(chidi, look):
    answer = saves(chidi, "Light, by week", ASKED + "&page=1&saved=7&to=&region-text=")
    assert answer.status_code == 303
    row = kept(look, "Light, by week")
    assert (row.report, row.query) == ("sales-statistics", "group=week&period=last_month&show=money&type=electricity")
    for where in ("/reports/", "/reports/sales-statistics"):
        assert "Light, by week" in text(page(chidi, where))
    opened = page(chidi, answer.headers["Location"])
    assert 'aria-current="true"><bdi>Light, by week' in opened
    assert '<option value="last_month" selected>' in opened and '<option value="electricity" selected>' in opened
    assert "(changed)" not in opened and "Overwrite" not in opened


def test_a_period_by_its_name_stays_by_its_name_and_days_stay_those_days(chidi, look):
    saves(chidi, "Relative", "period=last_month&from=2026-01-01")
    saves(chidi, "Fixed", "from=2026-03-01&to=2026-03-31")
    assert "from" not in kept(look, "Relative").query
    assert "from=2026-03-01" in kept(look, "Fixed").query and "period=days" in kept(look, "Fixed").query


def test_a_name_is_kept_once_and_the_other_question_can_be_overwritten(chidi, look):
    saves(chidi, "Mine")
    twice = saves(chidi, " Mine ", "period=today")
    shown = twice.get_data(as_text=True)
    assert twice.status_code == 422
    assert "Choose another name, or overwrite that one." in shown and 'value="Mine"' in shown
    assert kept(look, "Mine").query.count("last_month") == 1
    overwrite = re.search(r'action="(/questions/\d+/overwrite\?[^"]+)"', shown)[1].replace("&amp;", "&")
    assert post(chidi, overwrite).status_code == 303
    assert "period=today" in kept(look, "Mine").query
    # Under another report the same name is free.
    assert saves(chidi, "Mine", "period=today", "sales-records").status_code == 303


def test_a_question_that_was_changed_says_so_until_it_is_overwritten(chidi, look):
    saves(chidi, "Mine")
    number = kept(look, "Mine").id
    changed = page(chidi, f"/reports/sales-statistics?period=today&saved={number}")
    assert "(changed)" in changed and "Overwrite" in changed and f'name="saved" value="{number}"' in changed


def test_it_is_renamed_and_deleted(chidi, look):
    saves(chidi, "Mine")
    saves(chidi, "Other", "period=today")
    number = kept(look, "Mine").id
    assert post(chidi, f"/questions/{number}/rename", name="Other").status_code == 422
    assert post(chidi, f"/questions/{number}/rename", name="").status_code == 422
    assert post(chidi, f"/questions/{number}/rename", name="Ours <b>").status_code == 303
    assert "Ours &lt;b&gt;" in page(chidi, "/reports/")
    assert post(chidi, f"/questions/{number}/delete").status_code == 303
    assert look(select(func.count()).select_from(SavedQuestion)) == 1


def test_nobody_sees_or_touches_what_another_has_saved(chidi, efua, look):
    saves(chidi, "Chidi's own")
    number = kept(look, "Chidi's own").id
    assert "Chidi&#39;s own" not in page(efua, "/reports/") + page(efua, f"/reports/sales-statistics?saved={number}")
    for act in ("overwrite?period=today", "rename", "delete"):
        assert post(efua, f"/questions/{number}/{act}", name="Taken").status_code == 404
    assert "Chidi" in kept(look, "Chidi's own").name


def test_what_makes_no_sense_is_not_saved_but_told(chidi, amara, look):
    answer = saves(chidi, "Wrong", "from=2026-05-02&to=2026-05-01")
    assert answer.status_code == 303 and "/reports/sales-statistics?from" in answer.headers["Location"]
    assert saves(chidi, "x" * 81).status_code == 422
    assert saves(amara, "Not hers", "period=today", "reconciliation").status_code == 403
    assert saves(chidi, "Nothing", "", "nothing").status_code == 404
    assert look(select(func.count()).select_from(SavedQuestion)) == 0


def test_there_is_an_end_to_how_many_are_kept(app, chidi, cast, monkeypatch):
    monkeypatch.setattr(saved_questions, "KEPT_MAX", 1)
    with app.app_context(), transaction() as session:
        session.add(SavedQuestion(owner_id=cast.users["chidi"], report="sales-records", name="One", query="period=today"))
    assert "Delete one first." in saves(chidi, "Two").get_data(as_text=True)
