"""The audit log speaks the reader's language: names, labels and values, not tables and keys."""

from __future__ import annotations

import re

import pytest
from flask_appbuilder import Model
from sqlalchemy import select

from app.extensions import db
from app.models import AppUser, AuditEntry, Manufacturer, UserGroup
from app.models.audit import AUDITED, SILENT
from app.views import audit_words
from app.views.audit import TABLES
from tests.views.forms import act, fields, send


def told(client, look, table, action="change"):
    """The newest entry's page, and what it says: column, before, after."""
    newest = select(AuditEntry.id).where(AuditEntry.table_name == table, AuditEntry.action == action)
    page = client.get(f"/audit/show/{look(newest.order_by(AuditEntry.id.desc()))}").get_data(as_text=True)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>', page, re.S)
    return page, {name: (_bare(before), _bare(after)) for name, before, after in rows}


def _bare(html):
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


@pytest.mark.one_database
def test_every_column_that_is_told_has_a_name_for_people(app):
    unnamed = []
    with app.test_request_context("/"):
        for mapper in Model.registry.mappers:
            table = mapper.class_.__tablename__
            if table not in AUDITED:
                continue
            assert table in TABLES, table
            sets = [relation.key for relation in mapper.relationships if relation.secondary is not None]
            for column in [*(attribute.key for attribute in mapper.column_attrs), *sets]:
                if column in SILENT | audit_words.HIDDEN:
                    continue
                label = audit_words.column_label(table, column)
                if label in (column, column.replace("_", " ")):
                    unnamed.append(f"{table}.{column}")
    assert unnamed == []  # give it a name in app/views/audit_words.py


def test_a_change_of_a_meter_names_meter_columns_and_values(efua, cast, look):
    send(efua, f"/meters/edit/{cast.meters['palm_street']}", consumer="", consumer__text="",
         largest_purchase="150.5", daily_limit="20")  # fmt: skip
    page, rows = told(efua, look, "meter")
    assert "Meter 0100 0000 0" in page
    assert rows["Consumer"][0].startswith("Achieng") and rows["Consumer"][1] == "—"
    assert rows["Largest purchase, units"] == ("—", "150.5")
    assert rows["Limit for a day"] == ("—", "USD 20.00")
    listed = efua.get("/audit/list/").get_data(as_text=True)
    assert "Meter 0100 0000 0" in listed and "status_reason" not in listed


def test_the_log_speaks_french_to_who_reads_french(app, efua, cast, look):
    send(efua, f"/meters/state/{cast.meters['palm_street']}?to=blocked", reason="Tampered")
    with app.app_context():
        db.session.get_one(AppUser, cast.users["efua"]).language = "fr"
        db.session.commit()
    page, rows = told(efua, look, "meter")
    assert "Compteur 0100 0000 0" in page and rows["État"] == ("Installé", "Bloqué")


def test_rights_that_were_taken_stand_as_words_under_the_groups_name(efua, look):
    group = look(select(UserGroup).where(UserGroup.name == "Auditor"))
    path = f"/groups/edit/{group.id}"
    page = efua.get(path).get_data(as_text=True)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', page)
    kept = [name for name in ticked if name != "read_audit" and "audit" not in name.lower()]
    assert len(kept) < len(ticked)
    assert efua.post(path, data={**fields(page), "rights": kept}).status_code == 302
    page, rows = told(efua, look, "ab_role")
    assert "Rights of the group Auditor" in page
    assert rows["They may"] == ("Audit log: Look", "—")


def test_what_is_deleted_keeps_its_name_in_the_log(efua, look, chidi):
    send(efua, "/manufacturers/add", name="Gone Makers", code="77")
    key = look(select(Manufacturer.id).where(Manufacturer.name == "Gone Makers"))
    act(efua, "/manufacturers/list/", f"/manufacturers/delete/{key}")
    page, rows = told(efua, look, "manufacturer", "delete")
    assert "Manufacturer Gone Makers" in page and rows["Name"] == ("Gone Makers", "—")


def test_a_strangers_name_is_not_told(signed_in, cast, look, app):
    """Chidi moved a meter into his region; whom it belonged to before is not his to know."""
    entry = {
        "at": look(select(AuditEntry.at)), "user_id": cast.users["chidi"], "actor": "chidi", "action": "change",
        "table_name": "meter", "row_id": str(cast.meters["palm_street"]),
        "before": f'{{"consumer_id": {cast.consumers["juma"]}}}', "after": '{"consumer_id": null}',
    }  # fmt: skip
    with app.app_context():
        db.session.add(AuditEntry(**entry))
        db.session.commit()
    page, rows = told(signed_in("dalia"), look, "meter")
    assert rows["Consumer"][0] == f"number {cast.consumers['juma']}"
    assert "Juma" not in page
