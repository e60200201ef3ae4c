"""Two people at one record: the slower one sees both versions, loses nothing, and can go on."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import AppUser, Consumer, Meter, TariffPlan, UserGroup
from tests.views.forms import fields, send
from tests.views.test_master_data_tariffs import post_plan


def rows(html: str) -> dict[str, tuple[str, ...]]:
    """Field: what stood there before, mine, theirs and who changed it, as the page sets them side by side."""
    table = html.partition('class="card versions"')[2].partition("</table>")[0].partition("<tbody>")[2]
    found = {}
    for line in re.findall(r"<tr.*?</tr>", table, re.S):
        cells = [re.sub(r"<[^>]+>", " ", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", line, re.S)]
        name, *rest = [" ".join(cell.replace("stands in the form", "").split()) for cell in cells]
        found[name] = tuple(rest[:-1])
    return found


def stale_and(efua, chidi, path, theirs, mine):
    """Efua opens the page, Chidi saves, Efua sends: her page with both versions."""
    form = fields(efua.get(path).get_data(as_text=True))
    assert send(chidi, path, **theirs).status_code == 302
    answer = efua.post(path, data={**form, **mine})
    assert answer.status_code == 422
    return answer.get_data(as_text=True)


def test_only_what_both_changed_is_asked_and_the_next_save_holds_both_persons_work(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(
        efua, chidi, path, {"telephone": "0711 222 333", "gender": "f", "address": "8 Palm Street"},
        {"address": "9 Palm Street", "email": "achieng@example.org"},
    )  # fmt: skip
    assert re.search(r"chidi changed this record meanwhile, on [0-9]+ \w+ 20[0-9]{2}, [0-9:]+", page)
    both = rows(page)
    assert list(both)[:2] == ["Address", "E-mail"] and set(both) == {"Address", "E-mail", "Gender", "Phone"}
    assert both["Address"] == ("7 Palm Street", "9 Palm Street", "8 Palm Street", "Both of you")
    assert both["E-mail"] == ("—", "achieng@example.org", "—", "Only you")
    assert both["Phone"] == ("+254 700 123 456", "not touched", "0711 222 333", "Only they: taken over")
    shown = fields(page)
    assert shown["address"] == "9 Palm Street" and shown["telephone"] == "0711 222 333"
    assert efua.post(path, data=shown).status_code == 302
    kept = look(select(Consumer).where(Consumer.id == cast.consumers["achieng"]))
    assert (kept.address, kept.email) == ("9 Palm Street", "achieng@example.org")  # mine
    assert (kept.telephone, kept.gender) == ("0711 222 333", "f")  # theirs, which I never touched


def test_theirs_can_be_taken_and_what_was_typed_taken_back(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(efua, chidi, path, {"address": "8 Palm Street"}, {"address": "9 Palm Street", "id_number": "5"})
    answer = efua.post(path, data={**fields(page), "theirs": "address"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and fields(page)["address"] == "8 Palm Street"
    assert rows(page)["Address"] == ("7 Palm Street", "9 Palm Street", "8 Palm Street", "Both of you")
    back = efua.post(path, data={**fields(page), "mine": "address"}).get_data(as_text=True)
    assert fields(back)["address"] == "9 Palm Street" and fields(back)["id_number"] == "5"
    assert look(select(Consumer.address).where(Consumer.id == cast.consumers["achieng"])) == "8 Palm Street"
    assert efua.post(path, data=fields(page)).status_code == 302  # theirs was chosen
    kept = look(select(Consumer).where(Consumer.id == cast.consumers["achieng"]))
    assert (kept.address, kept.id_number) == ("8 Palm Street", "5")


@pytest.mark.one_database
def test_a_row_chosen_by_its_first_letters_is_taken_and_taken_back_whole(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    coast, country = str(cast.regions["coast"]), str(cast.regions["country"])
    page = stale_and(
        efua, chidi, path, {"region": coast, "region__text": "Coast, Kenya"},
        {"region": country, "region-text": "Kenya"},
    )  # fmt: skip
    assert rows(page)["Region"] == ("Market Town, Coast, Kenya", "Kenya", "Coast, Kenya", "Both of you")
    taken = fields(efua.post(path, data={**fields(page), "theirs": "region"}).get_data(as_text=True))
    assert (taken["region"], taken["region-text"]) == (coast, "Coast, Kenya")
    back = fields(efua.post(path, data={**taken, "mine": "region"}).get_data(as_text=True))
    assert (back["region"], back["region-text"]) == (country, "Kenya")


@pytest.mark.one_database
@pytest.mark.parametrize("base", ["", "nonsense", "eyJlbnRyeSI6OTk5OX0.AAAA"])
def test_a_form_that_does_not_say_what_it_showed_is_compared_two_ways(efua, chidi, cast, base):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(efua, chidi, path, {"telephone": "0711 222 333"}, {"row_base": base, "row_typed": "[1, {"})
    assert rows(page)["Phone"] == ("+254 700 123 456", "0711 222 333")  # nothing is overwritten unseen
    assert fields(page)["telephone"] == "+254 700 123 456"


@pytest.mark.one_database
def test_what_one_record_showed_says_nothing_of_another(efua, chidi, cast):
    other = fields(efua.get(f"/consumers/edit/{cast.consumers['juma']}").get_data(as_text=True))
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(efua, chidi, path, {"telephone": "0711 222 333"}, {"row_base": other["row_base"]})
    assert len(rows(page)["Phone"]) == 2


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["password", "csrf_token", "row_version", "nonsense", "id"])
def test_a_forged_name_takes_nothing(efua, cast, name):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    form = fields(efua.get(path).get_data(as_text=True))
    assert efua.post(path, data={**form, "theirs": name}).status_code == 200


@pytest.mark.both_databases
def test_a_third_person_is_not_overwritten_unseen(efua, chidi, cast, look):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(efua, chidi, path, {"address": "First", "gender": "m"}, {"address": "Mine"})
    send(chidi, path, address="Second", telephone="0799 999 999")
    answer = efua.post(path, data=fields(page))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert rows(page)["Address"] == ("7 Palm Street", "Mine", "Second", "Both of you")
    assert rows(page)["Phone"][-1] == "Only they: taken over"
    assert efua.post(path, data=fields(page)).status_code == 302
    kept = look(select(Consumer).where(Consumer.id == cast.consumers["achieng"]))
    assert (kept.address, kept.gender, kept.telephone) == ("Mine", "m", "0799 999 999")


def test_a_third_person_between_choosing_and_saving_is_seen_as_well(efua, chidi, cast):
    path = f"/consumers/edit/{cast.consumers['achieng']}"
    page = stale_and(efua, chidi, path, {"address": "First"}, {"address": "Mine"})
    send(chidi, path, telephone="0799 999 999")
    page = efua.post(path, data={**fields(page), "theirs": "address"}).get_data(as_text=True)
    assert fields(page)["telephone"] == "0799 999 999" and fields(page)["address"] == "First"
    assert efua.post(path, data=fields(page)).status_code == 302


def test_pickers_keys_and_states_of_a_meter_stand_in_words(efua, chidi, cast, look):
    path = f"/meters/edit/{cast.meters['palm_street']}"
    stale = fields(efua.get(path).get_data(as_text=True))
    send(chidi, path, ea="7", tct="1", consumer="", consumer__text="")
    page = efua.post(path, data={**stale, "ti": "3"}).get_data(as_text=True)
    both = rows(page)
    assert both["Token technology (TCT)"] == ("02 (typed in)", "not touched", "01 (magnetic card)", "Only they: taken over")
    assert "Achieng" in both["Consumer"][0] and both["Consumer"][2] == "—"
    assert both["Tariff index (TI)"] == ("1", "3", "1", "Only you")
    assert set(both) == {"Token technology (TCT)", "Consumer", "Tariff index (TI)"}
    assert efua.post(path, data=fields(page)).status_code == 302
    kept = look(select(Meter).where(Meter.id == cast.meters["palm_street"]))
    assert (kept.ti, kept.tct, kept.consumer_id) == (3, 1, None)


def test_both_versions_of_a_group_say_its_rights_in_words(efua, signed_in, look):
    group = look(select(UserGroup).where(UserGroup.name == "Auditor"))
    path = f"/groups/edit/{group.id}"
    stale = fields(efua.get(path).get_data(as_text=True))
    page = efua.get(path).get_data(as_text=True)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', page)
    other = signed_in("efua")
    first = {**stale, "rights": ticked[1:], "csrf_token": other.token(path)}
    assert other.post(path, data=first).status_code == 302
    answer = efua.post(path, data={**stale, "rights": ticked[:-1], "name": "Checker"})
    page = answer.get_data(as_text=True)
    before, mine, theirs, by = rows(page)["They may"]
    assert answer.status_code == 422 and by == "Both of you"
    assert "Look" in before and "can_" not in mine and mine != theirs
    assert rows(page)["Name"][-1] == "Only you"


def test_a_change_of_rights_alone_makes_an_open_page_of_the_group_old(efua, signed_in, look):
    group = look(select(UserGroup).where(UserGroup.name == "Auditor"))
    path = f"/groups/edit/{group.id}"
    page = efua.get(path).get_data(as_text=True)
    ticked = re.findall(r'name="rights" value="([^"]+)" checked', page)
    other = signed_in("efua")
    first = {**fields(page), "rights": ticked[1:], "csrf_token": other.token(path)}
    assert other.post(path, data=first).status_code == 302
    assert efua.post(path, data={**fields(page), "rights": ticked}).status_code == 422
    assert look(select(UserGroup.version).where(UserGroup.id == group.id)) > group.version


@pytest.mark.both_databases
def test_two_people_at_one_user_and_a_sign_in_between_them_hurts_nobody(efua, cast, login, app, look):
    path = f"/users/edit/{cast.users['amara']}"
    page = efua.get(path).get_data(as_text=True)
    login(app.test_client(), "amara")  # writes to the same row
    assert efua.post(path, data={**fields(page), "first_name": "Amy"}).status_code == 302
    answer = efua.post(path, data={**fields(page), "first_name": "Ama"})
    assert answer.status_code == 422
    assert rows(answer.get_data(as_text=True))["First name"] == ("Amara", "Ama", "Amy", "Both of you")
    assert look(select(AppUser.first_name).where(AppUser.id == cast.users["amara"])) == "Amy"


def test_the_slower_of_two_at_a_plan_sees_both_and_can_go_on(efua, signed_in, cast, look):
    post_plan(efua, f"/plans/add/{cast.tariffs['home']}")
    key = look(select(TariffPlan.id).where(TariffPlan.name == "Manual"))
    path = f"/plans/edit/{key}"
    stale = fields(efua.get(path).get_data(as_text=True))
    assert send(signed_in("efua"), path, steps__0__price="3.5").status_code == 303
    page = efua.post(path, data={**stale, "steps-0-price": "9", "name": "Mine"}).get_data(as_text=True)
    both = rows(page)
    assert set(both) == {"Step price", "Plan name"} and both["Plan name"][-1] == "Only you"
    before, mine, theirs, by = both["Step price"]
    assert "9" in mine and "3.50" in theirs and by == "Both of you" and before not in (mine, theirs)
    taken = efua.post(path, data={**fields(page, None), "theirs": "steps"}).get_data(as_text=True)
    assert fields(taken)["steps-0-price"] == "3.50"
    back = efua.post(path, data={**fields(taken, None), "mine": "steps"}).get_data(as_text=True)
    assert fields(back)["steps-0-price"] == "9"
    assert efua.post(path, data={**fields(back), "save": "plan"}).status_code == 303
    kept = look(select(TariffPlan).where(TariffPlan.id == key))
    assert kept.steps[0].price == 9 and kept.name == "Mine"
