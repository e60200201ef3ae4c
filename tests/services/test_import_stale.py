"""Between check and run time passes: what a row meant by then is asked again when it is written."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.extensions import db
from app.models import Consumer, ImportRow, Meter, Region, Tariff
from app.services.imports import batches
from tests.cast import PALM_STREET, drn
from tests.importing import CONSUMER_HEADINGS, METER_HEADINGS, Importer, counts, csv_file
from tests.services.test_imports import MARKET, NEW, good, meter, meters

# The rules are the same on both, and other tests of reading files in run on both: on PostgreSQL in the long form.
pytestmark = pytest.mark.postgresql_long


@pytest.fixture
def chidi(context, cast) -> Importer:
    return Importer(context, cast)


def test_what_changed_since_the_check_is_not_overwritten(chidi):
    content = meters((PALM_STREET, "5 Hill Road"), (drn("0100000002"), "6 Hill Road"), headings=("Meter number", "Address"))
    row = chidi.checks("meters", content)
    with transaction() as session:
        session.scalars(select(Meter).where(Meter.meter_number == PALM_STREET)).one().address = "by hand"
    batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=True)
    chidi.worker()
    again = chidi.batch(row.id)
    assert (again.state, json.loads(again.error)) == ("checked", ["moved", {"rows": 1}])
    assert meter(PALM_STREET).address == "by hand"
    batches.run(row.id, chidi.cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    assert (meter(PALM_STREET).address, meter(drn("0100000002")).address) == ("by hand", "6 Hill Road")
    assert counts(chidi.batch(row.id))["stale"] == 1


def test_what_a_row_names_is_looked_at_again_when_it_is_written(chidi, cast):
    for number in range(20001, 20006):
        chidi.imports("consumers", csv_file(CONSUMER_HEADINGS, (str(number), "Moussa", "Market Town", "", "")))
    lines = [good(NEW[n], owner=str(20001 + n)) for n in range(4)]
    lines[3] = (*lines[3][:4], "", *lines[3][5:])
    kept = (PALM_STREET, "S200", "10482", MARKET, "Home, two steps", "123456", "1", "9 Hill Road")
    row = chidi.checks("meters", meters(*[(*line, "") for line in lines], kept, headings=(*METER_HEADINGS, "Address")))
    assert counts(row) == {"rows": 5, "new": 4, "change": 1}
    with transaction() as session:
        people = {one.user_number: one for one in session.scalars(select(Consumer))}
        people["20001"].region_id = cast.regions["harbour"]
        people["20002"].active = people["10482"].active = False
        session.get_one(Tariff, cast.tariffs["home"]).active = False
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=True)
    chidi.worker()
    assert json.loads(chidi.batch(row.id).error) == ["moved", {"rows": 3}]
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    stale = db.session.query(ImportRow).filter_by(batch_id=row.id, action="stale").order_by(ImportRow.line)
    assert [(one.line, json.loads(one.faults)[0][:2]) for one in stale] == [
        (2, ["consumer", "gone_since"]), (3, ["consumer", "off_since"]), (4, ["tariff", "off_since"]),
    ]  # fmt: skip
    assert meter(NEW[3]).consumer.user_number == "20004"
    assert meter(PALM_STREET).address == "9 Hill Road", "what it has already, a record keeps"


@pytest.mark.parametrize("why", ["off_since", "gone_since"])
def test_a_region_that_was_merged_or_switched_off_takes_no_new_rows(chidi, cast, why):
    row = chidi.checks("consumers", csv_file(CONSUMER_HEADINGS, ("20001", "Moussa", "Market Town", "", "")))
    values = {"active": False} if why == "off_since" else {"merged_into_id": cast.regions["harbour"]}
    with transaction() as session:
        session.execute(update(Region).where(Region.id == cast.regions["market"]).values(**values))
    batches.run(row.id, cast.scope("chidi"), chidi.owner, whole=False)
    chidi.worker()
    assert json.loads(db.session.query(ImportRow).filter_by(batch_id=row.id).one().faults) == [["region", why, {}]]
    assert counts(chidi.batch(row.id)) == {"rows": 1, "new": 1, "stale": 1}
