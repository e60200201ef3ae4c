"""The page of regions: merging with a preview, moving, paging, links, scope, and the control everywhere."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AppUser, Consumer, Region, VendingPoint
from tests.cast import PASSWORD
from tests.views.forms import act, fields, send, text

pytestmark = pytest.mark.one_database


@pytest.fixture
def rada(app, cast, signed_in, look):
    """Rada, who administers the coast and nothing else."""
    with app.app_context():
        efua = db.session.get_one(AppUser, cast.users["efua"])
        db.session.add(
            AppUser(
                username="rada", first_name="Rada", last_name="Test", email="rada@example.org", active=True,
                password=efua.password, group_id=efua.group_id,
                region_id=cast.regions["coast"], language="en",
            )
        )  # fmt: skip
        db.session.commit()
    assert PASSWORD
    return signed_in("rada")


def test_a_merge_is_shown_before_it_is_done_and_then_done(efua, cast, look):
    market, harbour = cast.regions["market"], cast.regions["harbour"]
    page = efua.get(f"/regions/merge/{market}?into=&into-text=harbour")  # as without a script
    said = text(page)
    assert "1 consumer, 3 meters, 2 vending points" in said and "cannot be undone" in said
    form = fields(page.get_data(as_text=True), f"/regions/merge/{market}")
    answer = efua.post(f"/regions/merge/{market}", data=form)
    assert answer.status_code == 303 and answer.headers["Location"].endswith(f"at={harbour}")
    assert look(select(Consumer.region_id).where(Consumer.id == cast.consumers["achieng"])) == harbour
    said = text(efua.get(answer.headers["Location"]))
    assert "Merged into it: Market Town, Coast, Kenya" in said
    assert "took in another place" in said and "Consumers that came along 1" in said
    # An old address leads to the place it is now, and the consumer tells of it.
    assert efua.get(f"/regions/?at={market}").headers["Location"].endswith(f"at={harbour}")
    said = text(efua.get(f"/consumers/show/{cast.consumers['achieng']}?tab=changes"))
    assert "Region Before: Market Town, Coast, Kenya After: Harbour Town, Lake, Kenya" in said


def test_a_merge_that_was_shown_before_a_change_is_shown_again(efua, cast, look):
    market = cast.regions["market"]
    form = fields(efua.get(f"/regions/merge/{market}?into-text=harbour").get_data(as_text=True), f"/merge/{market}")
    act(efua, "/regions/", f"/regions/rename/{market}", name="Old Market")
    answer = efua.post(f"/regions/merge/{market}", data=form)
    assert answer.status_code == 409 and "Nothing was merged" in text(answer)
    assert look(select(Region.merged_into_id).where(Region.id == market)) is None


def test_a_place_is_merged_into_no_other_level_and_not_into_itself(efua, cast):
    market = cast.regions["market"]
    for words in ("Coast, Kenya", "Market Town", ""):
        assert efua.get(f"/regions/merge/{market}", query_string={"into-text": words}).status_code in (200, 422)
        page = efua.get(f"/regions/merge/{market}", query_string={"into-text": words})
        assert "Merge the two" not in text(page)


def test_a_move_to_where_the_name_stands_offers_to_merge_the_two(efua, cast, look):
    act(efua, "/regions/", "/regions/add", name="market TOWN", parent=cast.regions["lake"])
    twin = look(select(Region.id).where(Region.name == "market TOWN"))
    market = cast.regions["market"]
    answer = act(efua, "/regions/", f"/regions/move/{market}", parent=cast.regions["lake"])
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "A place of this name is there already." in page
    assert f"/regions/merge/{market}?into={twin}" in page


def test_a_level_with_many_places_is_shown_page_by_page(efua, cast, app):
    with app.app_context():
        db.session.add_all([Region(name=f"Town {n:03}", parent_id=cast.regions["lake"]) for n in range(120)])
        db.session.commit()
    page = efua.get(f"/regions/?at={cast.regions['lake']}").get_data(as_text=True)
    shown = re.findall(r"<span>Town (\d+)</span>", page)
    assert len(shown) == 49 and "Page 1 of 3" in page  # Harbour Town stands before them
    following = re.search(r'href="(/regions/\?[^"]*p2=1)"', page).group(1).replace("&amp;", "&")
    assert "<span>Town 049</span>" in efua.get(following).get_data(as_text=True)
    # The chosen place is on the page that is shown.
    last = efua.get("/regions/?q=town+119").get_data(as_text=True)
    key = re.search(r'class="chip" href="/regions/\?at=(\d+)"', last).group(1)
    assert re.search(r'aria-current="true">\s*<span class="level-words"><span>Town 119', efua.get(f"/regions/?at={key}").get_data(as_text=True))
    for odd in ("p2=99999", "p2=x", "p2=-1", "p0=7"):
        assert efua.get(f"/regions/?at={cast.regions['lake']}&{odd}").status_code == 200


def test_figures_and_uses_lead_to_the_lists_they_count(efua, cast):
    page = efua.get(f"/regions/?at={cast.regions['coast']}").get_data(as_text=True)
    link = re.search(r'href="(/meters/list/\?[^"]+)">3</a>', page).group(1).replace("&amp;", "&")
    listed = efua.get(link).get_data(as_text=True)
    assert "1–3" in listed and "of 3" in text(efua.get(link))


def test_who_may_not_look_at_users_is_led_to_no_list_of_them(signed_in, cast):
    page = signed_in("chidi").get(f"/regions/?at={cast.regions['coast']}").get_data(as_text=True)
    assert "/consumers/list/" in page and "/users/list/" not in page


def test_an_administrator_of_a_region_has_their_own_part_of_the_tree_only(rada, cast, look):
    keys = cast.regions
    page = rada.get("/regions/")
    said = text(page)
    assert "Coast" in said and "Lake" not in said and "Harbour" not in said
    assert 'aria-label="Country name"' not in page.get_data(as_text=True)  # no countries of theirs
    assert act(rada, "/regions/", "/regions/add", name="Pier", parent=keys["coast"]).status_code == 303
    for to, data in (
        ("add", {"name": "X", "parent": ""}), ("add", {"name": "X", "parent": keys["lake"]}),
        (f"rename/{keys['harbour']}", {"name": "X"}), (f"merge/{keys['harbour']}", {"into": keys["market"], "seen": "1-1"}),
        (f"switch/{keys['lake']}", {"on": "0"}), (f"delete/{keys['harbour']}", {}), (f"move/{keys['harbour']}", {"parent": keys["coast"]}),
    ):  # fmt: skip
        assert act(rada, "/regions/", f"/regions/{to}", **data).status_code == 404, to
    # A foreign target is as unknown as one that does not exist.
    assert act(rada, "/regions/", f"/regions/move/{keys['market']}", parent=keys["lake"]).status_code == 422
    answer = act(rada, "/regions/", f"/regions/merge/{keys['market']}", into=keys["harbour"], seen="1-1")
    assert answer.status_code == 422
    assert look(select(Region.merged_into_id).where(Region.id == keys["market"])) is None


def test_the_picker_walks_down_ones_own_part_of_the_tree(efua, rada, cast):
    (kenya,) = efua.get("/pick/regions?q=").get_json()
    assert (kenya["name"], kenya["below"]) == ("Kenya", 2)
    below = efua.get(f"/pick/regions?q=&under={kenya['id']}").get_json()
    assert [row["name"] for row in below] == ["Coast", "Lake"]
    assert [row["name"] for row in rada.get("/pick/regions?q=").get_json()] == ["Coast"]
    assert rada.get(f"/pick/regions?q=&under={kenya['id']}").status_code == 404
    assert [row["label"] for row in efua.get("/pick/regions?q=&level=1").get_json()] == ["Coast, Kenya", "Lake, Kenya"]


def test_a_place_that_is_switched_off_is_offered_no_more_and_a_record_there_keeps_it(efua, cast, look):
    act(efua, "/regions/", f"/regions/switch/{cast.regions['lake']}", on="0")
    assert efua.get("/pick/regions?q=harbour").get_json() == []
    assert "Switched off" in text(efua.get(f"/regions/?at={cast.regions['lake']}"))
    path = f"/vending-points/edit/{cast.points['harbour']}"
    assert send(efua, path, telephone="0700 111 222").status_code == 302
    assert look(select(VendingPoint.region_id).where(VendingPoint.id == cast.points["harbour"])) == cast.regions["harbour"]
    act(efua, "/regions/", f"/regions/switch/{cast.regions['lake']}", on="1")
    assert len(efua.get("/pick/regions?q=harbour").get_json()) == 1


@pytest.mark.parametrize("page", ["/consumers/list/", "/meters/list/", "/vending-points/list/", "/users/list/"])
def test_every_list_by_region_has_the_same_control(efua, cast, page):
    html = efua.get(page).get_data(as_text=True)
    assert re.search(r'name="_flt_0_region"[^>]*data-picker="/pick/regions"', html)


def test_a_region_filter_takes_the_whole_subtree_by_its_full_name_and_words_otherwise(efua, cast):
    def found(words):
        said = text(efua.get("/consumers/list/", query_string={"_flt_0_region": words}))
        return {name for name in ("Achieng Wanjiru", "Juma Otieno") if name in said}

    assert found("Coast, Kenya") == {"Achieng Wanjiru"} and found("KENYA") == {"Achieng Wanjiru", "Juma Otieno"}
    assert found("town lake") == {"Juma Otieno"} and found("Atlantis") == set()


@pytest.mark.parametrize("form", ["/consumers/add", "/meters/add", "/vending-points/add", "/users/add"])
def test_every_form_with_a_region_has_the_same_control(efua, form):
    assert re.search(r'name="region-text"[^>]*', efua.get(form).get_data(as_text=True))


def test_a_form_that_was_open_when_its_place_was_merged_says_so_and_loses_nothing(efua, cast, look):
    form = fields(efua.get("/consumers/add").get_data(as_text=True))
    market = cast.regions["market"]
    merge = fields(efua.get(f"/regions/merge/{market}?into-text=harbour").get_data(as_text=True), f"/merge/{market}")
    efua.post(f"/regions/merge/{market}", data=merge)
    typed = {"name": "New Person", "user_number": "N1", "region": str(market), "region-text": "Market Town, Coast, Kenya"}
    answer = efua.post("/consumers/add", data={**form, **typed})
    assert answer.status_code == 422 and "Nothing is found by these words." in text(answer)
    assert 'value="New Person"' in answer.get_data(as_text=True)
