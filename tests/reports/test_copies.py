"""Copies of slips, receipts and engineering acts alike: who printed what again, in every form and on the home page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import select

from app.domain.engineering import METER_TEST, act_number
from app.extensions import db
from app.models import Reprint, Sale
from app.models.base import now
from app.services import home
from app.services.act_copies import count_act_copy
from app.services.engineering import Wanted, make
from app.services.receipts import count_reprint
from app.views.reports import text_of
from tests.cast import PALM_STREET, PIER
from tests.reports.test_each_report import cells, corner, counter  # noqa: F401  (fixtures)


def makes(context, cast, meter, point, who="chidi"):
    """An issued act at the engineering desk, of a meter or of any."""
    facts = {"reason": "As ordered", "operator_id": cast.users[who], "vending_point_id": cast.points[point]}
    more = {"value": 5_000} if meter else {"tests": (0,), "maker": "00"}
    wanted = Wanted(
        reference=f"{point}-{meter}", function="maximum_power_limit" if meter else METER_TEST, meter_number=meter,
        operator_name=f"{who.title()} Test", **facts, **more,
    )  # fmt: skip
    return make(wanted, cast.scope(who), context.extensions["modules"])


@pytest.mark.one_database
def test_a_slip_that_was_printed_again_stands_there_each_time_and_its_first_printing_never(
    counter, corner, cast, forms  # noqa: F811  (fixtures)
):
    mine, others = counter.sells("palm_street", 20_00), corner.sells("mill", 11_00)
    for sale_id, who, times in ((mine.sale_id, "amara", 2), (mine.sale_id, "chidi", 1), (others.sale_id, "corin", 2)):
        for _ in range(times):
            count_reprint(sale_id, cast.users[who], cast.scope(who))
    rows = cells(forms("copies", "amara", order="copy", down="0"))
    assert [(row["copy"], row["copies"]) for row in rows] == [(1, 2), (2, 2)]
    assert [row["by"].split()[0] for row in rows] == ["Amara", "Chidi"]
    assert {row["receipt"] for row in rows} == {mine.number}
    assert forms("copies", "chidi").answer.count == 3
    assert forms("copies", "bento").answer.count == 0
    found = forms("copies", "chidi", operator="corin")
    assert [row["receipt"] for row in cells(found)] == [others.number]
    assert found.pdf().count(others.number) == 1
    for form in ("csv", "json"):
        assert b"".join(text_of(form, found.answer, found.front, found.house)).decode().count(others.number) == 1
    tomorrow = (now().date() + timedelta(days=2)).isoformat()
    assert forms("copies", "efua", **{"from": tomorrow, "to": tomorrow}).answer.count == 0


def test_slips_of_engineering_acts_stand_among_those_of_sales_in_the_order_of_printing(context, counter, cast, forms):  # noqa: F811
    sale = counter.sells("palm_street", 20_00)
    mine, strange = makes(context, cast, PALM_STREET, "market"), makes(context, cast, PIER, "harbour", "efua")
    db.session.rollback()
    for _ in range(2):
        count_act_copy(mine, cast.users["chidi"], cast.scope("chidi"))
    count_reprint(sale.sale_id, cast.users["amara"], cast.scope("amara"))
    count_reprint(sale.sale_id, cast.users["amara"], cast.scope("amara"))
    for who in ("chidi", "efua", "efua"):
        count_act_copy(mine, cast.users[who], cast.scope(who))
    for _ in range(2):
        count_act_copy(strange, cast.users["efua"], cast.scope("efua"))
    found = forms("copies", "chidi")
    slips = [(row["receipt"], row["what"], row["copy"], row["copies"], row["by"].split()[0]) for row in cells(found)]
    act = act_number(mine)
    assert slips == [
        (act, "maximum_power_limit", 4, 4, "Efua"), (act, "maximum_power_limit", 3, 4, "Efua"), (act, "maximum_power_limit", 2, 4, "Chidi"),
        (sale.number, "receipt", 1, 1, "Amara"), (act, "maximum_power_limit", 1, 4, "Chidi"),
    ]  # fmt: skip
    assert [row.act_id for row in found.answer.rows(0, None)] == [mine, mine, mine, None, mine]
    pages = [row.cells[0] for at in range(0, 6, 2) for row in found.answer.rows(at, 2)]
    assert pages == [one[0] for one in slips]
    by_copy = [row["copy"] for row in cells(forms("copies", "chidi", order="copy", down="0"))]
    assert by_copy == [1, 1, 2, 3, 4]
    [first] = [row for row in cells(found) if row["receipt"] == act and row["copy"] == 1]
    assert (first["point"], first["meter"], first["operator"]) == ("Market shop", PALM_STREET, "Chidi Test")
    # The same figure in every form and on the home page, each for whoever asks.
    assert found.pdf().count(act) == 4
    for form in ("csv", "json"):
        assert b"".join(text_of(form, found.answer, found.front, found.house)).decode().count(act) == 4
    for who, count in (("chidi", 5), ("efua", 6), ("bento", 1)):
        assert forms("copies", who).answer.count == count
        assert home.copies(cast.scope(who), now() - timedelta(days=1)) == count
    for filters, count in (
        ({"point": "HRB"}, 1), ({"operator": "amara"}, 1), ({"type": "electricity"}, 6), ({"type": "water"}, 0),
        ({"meter": PIER}, 1), ({"region": str(cast.regions["market"])}, 5),
    ):  # fmt: skip
        assert forms("copies", "efua", **filters).answer.count == count


@pytest.mark.deep
def test_copies_of_before_say_whose_their_slips_are(counter, cast):  # noqa: F811
    sold = counter.sells("palm_street", 20_00)
    for _ in range(2):
        count_reprint(sold.sale_id, cast.users["amara"], cast.scope("amara"))
    db.session.remove()
    downgrade(revision="0038")
    upgrade()
    sale = db.session.get_one(Sale, sold.sale_id)
    copy = db.session.scalars(select(Reprint).where(Reprint.copy_number == 2)).one()
    assert (copy.vending_point_id, copy.point_region_id) == (sale.vending_point_id, sale.point_region_id)


@pytest.mark.one_database
def test_the_slip_of_a_token_for_any_meter_names_none(context, cast, forms):
    act = makes(context, cast, None, "market")
    db.session.rollback()
    for _ in range(2):
        count_act_copy(act, cast.users["chidi"], cast.scope("chidi"))
    found = forms("copies", "chidi")
    [row] = cells(found)
    assert (row["receipt"], row["what"], row["meter"], row["consumer"]) == (act_number(act), "meter_test", None, None)
    assert found.pdf().count(act_number(act)) == 1
