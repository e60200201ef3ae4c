"""Rows that were added up, as a table: their order, subtotals, totals, and where each leads."""

from __future__ import annotations

from app.reports.shaping import Key, Shape, alphabetical
from app.reports.table import Column, Kind

CURRENCY = Column("currency", "Currency", Kind.TEXT)
DAY = Key(Column("day", "Day", Kind.DAY), 1, lambda day: (day,), lambda day: (day, {"from": day, "to": day}))
MONTH = Key(
    Column("month", "Month", Kind.MONTH), 1, lambda day: (day,), lambda day: (day, {"from": "03-01", "to": "03-31"})
)
POINT = Key(
    Column("point", "Vending point", Kind.TEXT), 3, lambda one, _code, words: (alphabetical(words), one),
    lambda _id, code, words: (words, {"point": code}),
)  # fmt: skip
FIGURES = (Column("sales", "Sales", Kind.COUNT), Column("amount", "Booked", Kind.MONEY))
# Two points of one name keep apart, in the order of their ids.
ROWS = [
    ("USD", "03-02", 9, "B9", "Market", 1, 500), ("USD", "03-01", 9, "B9", "Market", 2, 300),
    ("USD", "03-01", 4, "B4", "Market", 1, -100), ("USD", "03-01", 7, "A7", "Corner", 3, 50),
    ("KES", "03-01", 7, "A7", "Corner", 1, 7),
]  # fmt: skip


def shown(*keys, rows=ROWS):
    table = Shape(keys, FIGURES, CURRENCY, lambda figures: {"status": "both"} if figures["amount"] < 0 else {}).table(rows)
    return table, [table.make(entry) for entry in table.entries]


def test_each_value_of_the_first_key_has_its_subtotal_and_each_currency_its_total():
    table, rows = shown(DAY, POINT)
    assert [column.key for column in table.columns] == ["day", "point", "currency", "sales", "amount"]
    assert [(row.level, *row.cells) for row in rows] == [
        (0, "03-01", "Corner", "KES", 1, 7), (1, "03-01", None, "KES", 1, 7),
        (0, "03-01", "Corner", "USD", 3, 50), (0, "03-01", "Market", "USD", 1, -100),
        (0, "03-01", "Market", "USD", 2, 300), (1, "03-01", None, "USD", 6, 250),
        (0, "03-02", "Market", "USD", 1, 500), (1, "03-02", None, "USD", 1, 500),
    ]  # fmt: skip
    assert [(row.level, *row.cells) for row in table.totals] == [(2, None, None, "KES", 1, 7), (2, None, None, "USD", 7, 750)]
    assert rows[3].drill.arguments == {"from": "03-01", "to": "03-01", "point": "B4", "status": "both"}
    assert rows[4].drill.arguments["point"] == "B9"
    assert rows[1].drill is None
    assert table.top("amount")[1].value == 750


def test_one_key_and_one_currency_say_neither():
    table, rows = shown(POINT, rows=[(one[0], *one[2:]) for one in ROWS if one[1] == "03-01" and one[0] == "USD"])
    assert [row.cells for row in rows] == [("Corner", 3, 50), ("Market", 1, -100), ("Market", 2, 300)]
    assert [row.cells for row in table.totals] == [(None, 6, 250)]


def test_nothing_is_an_empty_table():
    table, rows = shown(DAY, rows=[])
    assert (rows, table.totals, table.top("amount")) == ([], (), ())


def test_two_keys_of_time_lead_to_the_days_that_lie_in_both():
    for keys in ((DAY, MONTH), (MONTH, DAY)):
        at = keys.index(DAY)
        row = ("USD", *(("03-02", "03-01") if at == 0 else ("03-01", "03-02")), 1, 500)
        _table, rows = shown(*keys, rows=[row])
        assert rows[0].drill.arguments == {"from": "03-02", "to": "03-02"}
