"""Two people at one record: the slower one sees both versions, loses nothing, and can go on."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Consumer, Meter, TariffPlan, UserGroup
from tests.views.forms import fields, send
from tests.views.test_master_data_tariffs import post_plan


def rows(html: str) -> dict[str, tuple[str, str]]:
    """Field, mine and theirs, as the page sets them side by side."""
    table = html.partition('class="card versions"')[2].partition("</table>")[0]
    found = re.findall(r'<th scope="row">(.*?)</th>\s*<td[^>]*>(.*?)</td><td[^>]*>(.*?)</td>', table, re.S)
    return {name: (mine.strip(), theirs.strip()) for name, mine, theirs in found}


def test_the_slower_of_two_sees_both_versions_and_the_next_save_succeeds(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    stale = fields(efua.get(path).get_data(as_text=True))
    assert send(chidi, path, telephone="0711 222 333", gender="f").status_code == 302
    answer = efua.post(path, data={**stale, "address": "9 Palm Street"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.search(r"chidi changed this record meanwhile, on [0-9]+ \w+ 20[0-9]{2}, [0-9:]+", page)
    assert rows(page)["Phone"][1] == "0711 222 333"
    assert rows(page)["Gender"] == ("—", "Female")
    assert rows(page)["Address"][0] == "9 Palm Street"
    assert "Name" not in rows(page)  # the same in both
    shown = fields(page)
    assert shown["address"] == "9 Palm Street"  # nothing typed is lost
    assert shown["row_version"] != stale["row_version"]
    assert efua.post(path, data=shown).status_code == 302
    kept = look(select(Consumer).where(Consumer.id == cast.consumers["achieng"]))
    assert (kept.address, kept.telephone) == ("9 Palm Street", stale["telephone"] or None)  # as the page said


def test_one_field_of_the_other_version_can_be_taken(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    stale = fields(efua.get(path).get_data(as_text=True))
    send(chidi, path, telephone="0711 222 333")
    shown = fields(efua.post(path, data={**stale, "address": "9 Palm Street"}).get_data(as_text=True))
    answer = efua.post(path, data={**shown, "theirs": "telephone"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and list(rows(page)) == ["Address"]
    assert look(select(Consumer.address).where(Consumer.id == cast.consumers["achieng"])) != "9 Palm Street"
    assert efua.post(path, data=fields(page)).status_code == 302
    kept = look(select(Consumer).where(Consumer.id == cast.consumers["achieng"]))
    assert (kept.address, kept.telephone) == ("9 Palm Street", "0711 222 333")


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["password", "csrf_token", "row_version", "nonsense", "id"])
def test_a_forged_name_takes_nothing(efua, cast, name):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    form = fields(efua.get(path).get_data(as_text=True))
    assert efua.post(path, data={**form, "theirs": name}).status_code == 200


def test_a_third_person_is_not_overwritten_unseen(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    stale = fields(efua.get(path).get_data(as_text=True))
    send(chidi, path, address="First")
    shown = fields(efua.post(path, data={**stale, "address": "Mine"}).get_data(as_text=True))
    send(chidi, path, address="Second")
    answer = efua.post(path, data=shown)
    assert answer.status_code == 422 and rows(answer.get_data(as_text=True))["Address"] == ("Mine", "Second")


def test_pickers_keys_and_states_of_a_meter_stand_in_words(efua, chidi, cast, look):
    path = f"/meters/edit/{cast.meters['palm_street']}"
    stale = fields(efua.get(path).get_data(as_text=True))
    send(chidi, path, status="blocked", status_reason="Tampered", consumer="", consumer__text="")
    page = efua.post(path, data={**stale, "ti": "3"}).get_data(as_text=True)
    both = rows(page)
    assert both["State"] == ("Installed", "Blocked") and both["Consumer"][1] == "—"
    assert "Achieng" in both["Consumer"][0] and both["Tariff index (TI)"][0] == "3"
    assert set(both) == {"State", "Reason", "Consumer", "Tariff index (TI)"}
    assert efua.post(path, data=fields(page)).status_code == 302
    assert look(select(Meter.ti).where(Meter.id == cast.meters["palm_street"])) == 3


def test_both_versions_of_a_group_say_its_rights_in_words(efua, signed_in, look):
    group = look(select(UserGroup).where(UserGroup.name == "Auditor"))
    path = f"/groups/edit/{group.id}"
    stale = fields(efua.get(path).get_data(as_text=True))
    page = efua.get(path).get_data(as_text=True)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', page)
    other = signed_in("efua")
    first = {**stale, "rights": ticked[1:], "name": "Reader", "csrf_token": other.token(path)}
    assert other.post(path, data=first).status_code == 302
    answer = efua.post(path, data={**stale, "rights": ticked, "name": "Checker"})
    both = rows(answer.get_data(as_text=True))
    assert both["Name"] == ("Checker", "Reader")
    assert "Look" in both["They may"][0] and len(both["They may"][1]) < len(both["They may"][0])
    assert "can_" not in both["They may"][0]


def test_the_slower_of_two_at_a_plan_sees_both_and_can_go_on(efua, signed_in, cast, look):
    post_plan(efua, f"/plans/add/{cast.tariffs['home']}")
    key = look(select(TariffPlan.id).where(TariffPlan.name == "Manual"))
    path = f"/plans/edit/{key}"
    stale = fields(efua.get(path).get_data(as_text=True))
    assert send(signed_in("efua"), path, steps__0__price="3.5").status_code == 303
    page = efua.post(path, data={**stale, "steps-0-price": "9"}).get_data(as_text=True)
    both = rows(page)
    assert list(both) == ["Step price"]
    assert "9" in both["Step price"][0] and "3.50" in both["Step price"][1]
    taken = efua.post(path, data={**fields(page, None), "theirs": "steps"}).get_data(as_text=True)
    assert rows(taken) == {} and fields(taken)["steps-0-price"] == "3.50"
    assert efua.post(path, data={**fields(page), "save": "plan"}).status_code == 303
    assert look(select(TariffPlan).where(TariffPlan.id == key)).steps[0].price == 9
