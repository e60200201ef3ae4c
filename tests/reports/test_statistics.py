"""The shape of the statistics, with facts written by hand: sums add up, and only what may be added is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.access.scope import Scope
from app.domain.states import MeterType
from app.reports.installation import Installation
from app.reports.period import Period, cut
from app.reports.question import Question
from app.reports.report import Asked
from app.reports.statistics import Told, shape
from app.reports.sums import Fact

E, W = MeterType.ELECTRICITY, MeterType.WATER
HOUSE = Installation(
    "Test", "UTC", 0, date(2026, 3, 31), datetime(2026, 3, 31, 12, tzinfo=UTC), "USD", {"USD": 2, "XOF": 0}, demonstration=False
)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def fact(day, kind, amount, *, currency="USD", sales=1, reversals=0, units=100, fees=0, taxes=0):
    sums = (sales, reversals, amount, units, amount - fees - taxes, fees, taxes)
    return Fact(date(2026, 3, day), None, None, kind, currency, sums)


def tell(name, one):
    if name == "type":
        return Told(tuple(MeterType).index(one.meter_type), one.meter_type, {"type": one.meter_type.value})
    day = cut(one.day, name, 0)
    return Told(day, day, {"from": day.isoformat()})


def shaped(facts, period=MARCH, drawn=None, tell=tell, **question):
    asked = Asked(None, Scope.everything(), HOUSE, Question(period=period, **({"group": "day", "show": "money"} | question)))
    answer = shape(asked, facts, {}, tell, "sales-records", drawn)
    keys = [column.key for column in answer.columns]
    return answer, [dict(zip(keys, row.cells, strict=True)) for row in answer.rows(0, None)]


FACTS = [
    fact(1, E, 10_00, fees=1_00, taxes=50), fact(1, W, 5_00), fact(2, E, 7_01, taxes=1),
    fact(9, W, -5_00, sales=0, reversals=1, units=-100),
]  # fmt: skip


def test_kinds_stand_beside_each_other_and_add_up_to_the_total():
    answer, rows = shaped(FACTS)
    assert [row["amount.electricity"] + row["amount.water"] for row in rows] == [row["amount"] for row in rows]
    assert [row["energy"] + row["fees"] + row["taxes"] for row in rows] == [row["amount"] for row in rows]
    [total] = answer.totals
    keys = [column.key for column in answer.columns]
    assert total.cells[keys.index("amount")] == 17_01
    assert (total.cells[keys.index("sales")], total.cells[keys.index("reversals")]) == (3, 1)


def test_weeks_have_subtotals_that_add_up_to_the_total():
    answer, _rows = shaped(FACTS, group="week", then="type")
    rows = list(answer.rows(0, None))
    at = [column.key for column in answer.columns].index("amount")
    assert sum(row.cells[at] for row in rows if row.level == 0) == answer.totals[0].cells[at]
    assert sum(row.cells[at] for row in rows if row.level == 1) == answer.totals[0].cells[at]
    assert [row.level for row in rows] == [0, 0, 1, 0, 1, 0, 1]


def test_two_currencies_are_never_added():
    answer, rows = shaped([*FACTS, fact(1, E, 9_000, currency="XOF")])
    assert answer.currencies == ("USD", "XOF")
    assert {row["currency"]: row["amount"] for row in rows if row["day"] == date(2026, 3, 1)} == {"USD": 15_00, "XOF": 9_000}
    assert len(answer.totals) == len(answer.charts) == 2


def test_kilowatt_hours_and_cubic_metres_have_no_sum():
    answer, rows = shaped(FACTS, show="units")
    assert {"units.electricity", "units.water"} < rows[0].keys()
    assert "units" not in rows[0]
    answer, rows = shaped(FACTS, group="type", show="units")
    [total] = answer.totals
    assert [row["units"] for row in rows] == [200, 0]
    assert total.cells[-1] is None


def test_one_kind_alone_has_a_sum_of_units():
    answer, _rows = shaped([one for one in FACTS if one.meter_type is E], group="type", show="units")
    assert answer.totals[0].cells[-1] == 200
    assert answer.totals[0].meter_type is E


def test_a_chart_has_a_bar_for_every_day_and_says_which_is_not_over():
    answer, _rows = shaped(FACTS)
    [chart] = answer.charts
    assert len(chart.categories) == 31
    assert chart.unfinished
    assert [series.of for series in chart.series] == [E, W]
    assert sum(sum(series.values) for series in chart.series) == 17_01


def test_more_days_than_can_be_read_as_bars_are_drawn_by_week_month_or_year():
    for first, drawn in ((date(2026, 1, 29), ""), (date(2026, 1, 28), "week"), (date(2025, 1, 1), "month"), (date(2015, 1, 1), "year")):
        answer, _rows = shaped(FACTS, Period(first, MARCH.last))
        [chart] = answer.charts
        assert (chart.grouped, chart.category.key, len(chart.categories) <= 62) == (drawn, drawn or "day", True)
        assert sum(sum(series.values) for series in chart.series) == 17_01
    whole = [fact(1, E, 10_00), fact(29, E, 7_00)]  # a week of two months says nothing of either
    answer, _rows = shaped(FACTS, Period(date(2025, 1, 1), MARCH.last), whole, group="week")
    assert (answer.charts[0].grouped, sum(answer.charts[0].series[0].values)) == ("month", 17_00)


def test_of_more_places_than_can_be_read_as_bars_the_largest_are_drawn():
    def by_day(_name, one):
        return Told(one.day.day, f"Shop {one.day.day}", {})

    facts = [fact(day, E, day) for day in range(1, 32)]
    answer, _rows = shaped(facts, group="point", tell=by_day)
    assert (len(answer.charts[0].categories), answer.charts[0].whole) == (31, 0)
    facts = [Fact(date.fromordinal(MARCH.first.toordinal() + n), None, None, E, "USD", fact(1, E, n).sums) for n in range(63)]
    answer, _rows = shaped(facts, group="point", tell=lambda _name, one: Told(one.day, one.day.isoformat(), {}))
    [chart] = answer.charts
    assert (len(chart.categories), chart.whole, chart.series[0].values[:2]) == (30, 63, (62, 61))


@pytest.mark.parametrize("down", [False, True])
def test_rows_stand_in_the_order_that_was_asked_for(down):
    _answer, rows = shaped(FACTS, order="amount", descending=down)
    amounts = [row["amount"] for row in rows]
    assert amounts == sorted(amounts, reverse=down)


def test_nothing_gives_an_empty_table():
    answer, rows = shaped([])
    assert (answer.count, rows, answer.totals, answer.charts) == (0, [], (), ())
