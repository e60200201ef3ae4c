"""The region tree: moving, merging and deleting places, alone and two at once, on both databases."""

from __future__ import annotations

import json
import threading

import pytest
from flask_appbuilder import Model
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app.access.scope import By, Scope, narrow
from app.db import transaction
from app.domain.errors import OutOfScope, RegionInUse, StaleRow, ValueTaken
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser, AuditEntry, Consumer, Meter, Region, Sale, VendingPoint
from app.services import region_changes, regions
from app.services.ledger_check import differences

ALL = Scope.everything()
# What keeps the place it was made in; everything else that names a place comes along with it.
KEPT = {"sale.point_region_id", "sale.consumer_region_id", "engineering_record.point_region_id"} | {
    f"{table}.region_id"
    for table in ("sale_day", "sale_ten", "sale_month", "sale_quarter", "region_day", "region_month", "purchase_day", "purchase_month")
}


@pytest.fixture
def cast(counter):
    """Everybody; nothing was sold yet."""
    return counter.cast


def region(name: str) -> Region:
    return db.session.scalars(select(Region).where(Region.full_name == name)).one()


def merged(source: int, target: int, scope: Scope = ALL) -> None:
    seen = region_changes.merging(db.session(), source, target, scope).seen
    region_changes.merge(source, target, seen, scope)


def tree() -> None:
    """Every path, level and name is what its parents say."""
    db.session.remove()
    rows = {row.id: row for row in db.session.scalars(select(Region))}
    for row in rows.values():
        above = rows.get(row.merged_into_id or row.parent_id or 0)
        assert row.path == f"{above.path if above else '/'}{row.id}/", row
        if row.merged_into_id is None:
            assert row.full_name == (f"{row.name}, {above.full_name}" if above else row.name)
            assert row.level == (above.level + 1 if above else 0)
        else:
            assert rows[row.merged_into_id].merged_into_id is None, "a merged place points at a living one"


@pytest.mark.one_database
def test_every_column_that_names_a_place_either_comes_along_or_is_history():
    named = {
        f"{table.name}.{key.parent.name}"
        for table in Model.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "region"
    }
    moved = {f"{model.__tablename__}.region_id" for _word, model in region_changes.BELONGS}
    assert named == KEPT | moved | {"region.parent_id", "region.merged_into_id"}


@pytest.mark.one_database
def test_a_moved_province_takes_its_towns_along(cast):
    made = region_changes.add("Uganda", None, ALL)
    region_changes.move(cast.regions["coast"], made, ALL)
    assert db.session.get_one(Region, cast.regions["market"]).full_name == "Market Town, Coast, Uganda"
    assert db.session.get_one(Region, cast.regions["market"]).search_name == "market town, coast, uganda"
    tree()


def test_a_merged_town_gives_everything_away_but_its_sales(cast, counter):
    counter.sells("palm_street", 20_00)
    market, harbour = cast.regions["market"], cast.regions["harbour"]
    version = db.session.get_one(Consumer, cast.consumers["achieng"]).version
    found = region_changes.merging(db.session(), market, harbour, ALL)
    assert found.moved == {"consumers": 1, "meters": 3, "vending_points": 2} and found.sales == 1
    db.session().info["actor"] = (cast.users["efua"], "efua")
    region_changes.merge(market, harbour, found.seen, ALL)
    db.session().info.pop("actor")
    for model in (Consumer, Meter, VendingPoint):
        assert set(db.session.scalars(select(model.region_id))) == {harbour}
    assert db.session.get_one(Consumer, cast.consumers["achieng"]).version == version + 1  # an open form is old
    sale = db.session.scalars(select(Sale)).one()
    assert (sale.point_region_id, sale.consumer_region_id) == (market, market)
    assert db.session.get_one(Region, market).full_name == "Market Town, Coast, Kenya"  # as it was
    told = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "merge")).one()
    assert json.loads(told.after)["merged_place"] == "Market Town, Coast, Kenya" and told.actor == "efua"
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.table_name == "consumer", AuditEntry.action == "change")
    ).one()
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"region_id": market}, {"region_id": harbour})
    assert differences() == []
    tree()


@pytest.mark.one_database
def test_who_looks_after_the_place_sees_the_sales_that_were_made_in_the_merged_one(cast, counter):
    counter.sells("palm_street", 20_00)
    merged(cast.regions["market"], cast.regions["harbour"])
    lake = Scope(1, RowScope.REGION, None, db.session.get_one(Region, cast.regions["lake"]).path)
    coast = Scope(1, RowScope.REGION, None, db.session.get_one(Region, cast.regions["coast"]).path)
    def seen(scope):
        return list(db.session.scalars(narrow(select(Sale.id), scope, By.POINT_REGION)))

    assert len(seen(lake)) == 1 and seen(coast) == []


def test_provinces_merge_with_their_towns_and_towns_of_one_name_become_one(cast):
    lake, coast = cast.regions["lake"], cast.regions["coast"]
    twin = region_changes.add("MARKET town", lake, ALL)
    other = region_changes.add("Pier", lake, ALL)
    found = region_changes.merging(db.session(), lake, coast, ALL)
    assert [(a.id, b.id) for a, b in found.twins] == [(twin, cast.regions["market"])]
    merged(lake, coast)
    assert region("Harbour Town, Coast, Kenya").id == cast.regions["harbour"]
    assert db.session.get_one(Region, other).parent_id == coast
    assert db.session.get_one(Region, twin).merged_into_id == cast.regions["market"]
    moved = db.session.scalars(select(AuditEntry.row_id).where(AuditEntry.after == json.dumps({"parent_id": coast})))
    assert set(moved) == {str(cast.regions["harbour"]), str(other)}
    merged(coast, region_changes.add("Shore", cast.regions["country"], ALL))  # and on, with what was merged before
    tree()


@pytest.mark.one_database
def test_a_merge_that_was_shown_otherwise_is_refused(cast):
    market, harbour = cast.regions["market"], cast.regions["harbour"]
    seen = region_changes.merging(db.session(), market, harbour, ALL).seen
    region_changes.rename(harbour, "Haven", ALL)
    with pytest.raises(StaleRow):
        region_changes.merge(market, harbour, seen, ALL)
    assert db.session.get_one(Consumer, cast.consumers["achieng"]).region_id == market


@pytest.mark.one_database
def test_a_stranger_and_another_level_merge_nothing(cast):
    coast = Scope(1, RowScope.ALL, None, db.session.get_one(Region, cast.regions["coast"]).path)
    for source, target, scope in (
        ("market", "harbour", coast), ("harbour", "market", coast), ("market", "lake", ALL), ("market", "market", ALL),
    ):  # fmt: skip
        with pytest.raises(OutOfScope):
            region_changes.merge(cast.regions[source], cast.regions[target], "1-1", scope)
    with pytest.raises(OutOfScope):
        region_changes.move(cast.regions["market"], cast.regions["lake"], coast)


@pytest.mark.one_database
def test_a_merged_place_is_found_chosen_and_changed_no_more(cast):
    market = cast.regions["market"]
    merged(market, cast.regions["harbour"])
    assert regions.visible(db.session(), ALL, "market") == []
    assert regions.by_full_name(db.session(), ALL, "Market Town, Coast, Kenya") is None
    for act in (
        lambda: region_changes.rename(market, "X", ALL), lambda: region_changes.add("X", market, ALL),
        lambda: region_changes.delete(market, ALL), lambda: region_changes.switch(market, ALL, on=True),
    ):  # fmt: skip
        with pytest.raises(OutOfScope):
            act()
    region_changes.add("Market Town", cast.regions["coast"], ALL)  # the name is free again


def test_nothing_is_put_into_a_merged_place_by_whatever_statement(cast):
    merged(cast.regions["market"], cast.regions["harbour"])
    for model in (Consumer, Meter, VendingPoint, AppUser):
        row = db.session.scalars(select(model.id)).first()
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(model).where(model.id == row).values(region_id=cast.regions["market"]))


@pytest.mark.one_database
def test_names_are_compared_in_whatever_case_and_found_without_accents(cast):
    made = region_changes.add("École", cast.regions["coast"], ALL)
    with pytest.raises(ValueTaken):
        region_changes.add("éCOLE", cast.regions["coast"], ALL)
    region_changes.add("Ecole", cast.regions["coast"], ALL)  # another accent is another name
    assert regions.visible(db.session(), ALL, "ecole coast", 1)[0].id in (made, made + 1)
    assert regions.by_full_name(db.session(), ALL, "école, coast, KENYA").id == made


@pytest.mark.one_database
def test_what_is_switched_off_is_offered_no_more_with_all_below_it(cast):
    region_changes.switch(cast.regions["lake"], ALL, on=False)
    offered = {row.name for row in regions.visible(db.session(), ALL, for_new=True)}
    assert offered == {"Kenya", "Coast", "Market Town"}
    assert {row.name for row in regions.visible(db.session(), ALL)} >= {"Lake", "Harbour Town"}
    region_changes.switch(cast.regions["lake"], ALL, on=True)
    assert len(regions.visible(db.session(), ALL, for_new=True)) == 5


@pytest.mark.one_database
def test_counts_hold_what_lies_below_and_are_ones_own(cast):
    keys = cast.regions
    rows = [db.session.get_one(Region, keys[name]) for name in ("country", "coast", "market", "harbour")]
    found = regions.counts(db.session(), rows)
    assert found[keys["country"]].said() == {"places": 4, "vending_points": 3, "users": 2, "consumers": 2, "meters": 4}
    assert found[keys["coast"]].said() == {"places": 1, "vending_points": 2, "users": 2, "consumers": 1, "meters": 3}
    assert found[keys["harbour"]].said() == {"vending_points": 1, "consumers": 1, "meters": 1}


# --- two at once ----------------------------------------------------------------------------


def at_once(app, *works) -> list[object]:
    """Each work in a thread of its own, begun at one moment; what each gave or raised."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number, work):
        with app.app_context():
            gate.wait()
            try:
                results[number] = work()
            except Exception as error:  # noqa: BLE001  (the test looks at each)
                results[number] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_merge_two_places_into_each_other_and_one_of_them_stays(context, cast):
    market, harbour = cast.regions["market"], cast.regions["harbour"]
    seen = {
        pair: region_changes.merging(db.session(), *pair, ALL).seen for pair in ((market, harbour), (harbour, market))
    }
    db.session.remove()
    results = at_once(
        context,
        lambda: region_changes.merge(market, harbour, seen[market, harbour], ALL),
        lambda: region_changes.merge(harbour, market, seen[harbour, market], ALL),
    )
    assert sorted(type(one).__name__ for one in results) in (["NoneType", "OutOfScope"], ["NoneType", "StaleRow"])
    alive = set(db.session.scalars(select(Region.id).where(Region.id.in_([market, harbour]), regions.living())))
    assert len(alive) == 1
    assert set(db.session.scalars(select(Consumer.region_id))) == alive
    tree()


def test_who_is_registered_while_the_place_is_merged_is_in_the_other_one_or_refused(context, cast):
    market, harbour = cast.regions["market"], cast.regions["harbour"]
    seen = region_changes.merging(db.session(), market, harbour, ALL).seen
    db.session.remove()

    def register(number):
        def work():
            with transaction() as session:
                session.add(Consumer(name=f"New {number}", user_number=f"N{number}", region_id=market))

        return work

    results = at_once(
        context, *[register(number) for number in range(3)], lambda: region_changes.merge(market, harbour, seen, ALL),
        *[register(number) for number in range(3, 6)],
    )  # fmt: skip
    assert results[3] is None
    assert all(one is None or isinstance(one, IntegrityError) for one in results), results
    assert set(db.session.scalars(select(Consumer.region_id))) == {harbour}
    stored = db.session.scalar(select(func.count()).where(Consumer.user_number.startswith("N")))
    assert stored == sum(one is None for one in results) - 1


def test_a_place_is_deleted_or_somebody_is_put_into_it_never_both(context, cast):
    empty = region_changes.add("Empty", cast.regions["coast"], ALL)
    db.session.remove()

    def register():
        with transaction() as session:
            session.add(Consumer(name="New", user_number="N1", region_id=empty))

    results = at_once(context, register, lambda: region_changes.delete(empty, ALL))
    stored = db.session.scalar(select(func.count()).where(Consumer.user_number == "N1"))
    stands = db.session.scalar(select(func.count()).where(Region.id == empty))
    assert (stored, stands) in ((1, 1), (0, 0))
    assert {type(one) for one in results if one is not None} <= {IntegrityError, RegionInUse}


def test_a_place_moves_while_another_hangs_a_town_under_it_and_its_parent_moves(context, cast):
    keys = cast.regions
    uganda = region_changes.add("Uganda", None, ALL)
    db.session.remove()
    results = at_once(
        context,
        lambda: region_changes.move(keys["coast"], uganda, ALL),
        lambda: region_changes.move(keys["harbour"], keys["coast"], ALL),
        lambda: region_changes.rename(keys["country"], "Kenia", ALL),
        lambda: region_changes.add("Pier", keys["coast"], ALL),
    )
    assert [one for one in results if isinstance(one, Exception)] == []
    tree()
    assert region("Pier, Coast, Uganda") and region("Harbour Town, Coast, Uganda")
