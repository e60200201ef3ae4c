"""The statements that somebody would write by hand for the questions of `bench/reports.py`, from the sales themselves."""

# ruff: noqa: S608  (statements of numbers and names of our own)
from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from app.access.scope import Scope
from app.reports.period import Period

SIGNED = "CASE WHEN kind = 'reversal' THEN -{0} ELSE {0} END"
AMOUNT = SIGNED.format("amount")
YEAR_DAYS = 365
Plain = Callable[[Period, str, Scope, Mapping[str, Any]], list[str]]


def _within(period: Period, column: str = "business_date") -> str:
    return f"{column} BETWEEN '{period.first}' AND '{period.last}'"


def _grouped(key: str) -> Plain:
    def plain(period: Period, _dialect: str, scope: Scope, _picks: Mapping[str, Any]) -> list[str]:
        mine = ""
        if scope.region_path:
            inside = f"path >= '{scope.region_path}' AND path < '{scope.region_path[:-1]}0'"
            mine = f" AND point_region_id IN (SELECT id FROM region WHERE {inside})"
        return [
            (f"SELECT {key}, meter_type, currency, count(*), sum({AMOUNT}), sum({SIGNED.format('carried_units')}) FROM sale"
            f" WHERE status = 'issued' AND {_within(period)}{mine} GROUP BY {key}, meter_type, currency")
        ]

    return plain


def _by_month(period: Period, dialect: str, scope: Scope, picks: Mapping[str, Any]) -> list[str]:
    month = "date_trunc('month', business_date)" if dialect == "postgresql" else "strftime('%Y-%m', business_date)"
    return _grouped(month)(period, dialect, scope, picks)


def _list(order: str = "business_date DESC, id DESC", *, by_point: bool = False) -> Plain:
    def plain(period: Period, _dialect: str, scope: Scope, picks: Mapping[str, Any]) -> list[str]:
        more = f" AND operator_id = {picks['operator']}" if "operator" in picks else ""
        if by_point:
            more = f" AND vending_point_id = {picks.get('point', scope.vending_point_id)}"
        return [
            ("SELECT id, receipt_number, reserved_at, business_date, meter_type, kind, currency, snapshot, carried_units, amount"
            f" FROM sale WHERE status = 'issued' AND {_within(period)}{more} ORDER BY {order} LIMIT 50")
        ]

    return plain


def _tokens(period: Period, *_more: Any) -> list[str]:
    return [
        ("SELECT t.id, t.digits, t.issued_at, s.snapshot FROM token t JOIN sale s ON s.id = t.sale_id WHERE s.status = 'issued'"
        f" AND {_within(period, 's.business_date')} ORDER BY s.business_date DESC, s.id DESC LIMIT 50"),
        ("SELECT s.currency, s.meter_type, count(*), sum(t.amount) FROM token t JOIN sale s ON s.id = t.sale_id"
        f" WHERE s.status = 'issued' AND {_within(period, 's.business_date')} GROUP BY s.currency, s.meter_type"),
    ]


def _acts(kind: str) -> Plain:
    def plain(period: Period, *_more: Any) -> list[str]:
        joined = (
            f"FROM token t JOIN engineering_record e ON e.id = t.engineering_id WHERE t.kind = '{kind}' AND e.status = 'issued'"
            f" AND t.issued_at >= '{period.first}' AND t.issued_at < '{period.last + timedelta(days=1)}'"
        )
        return [f"SELECT t.digits, t.issued_at, e.function, e.reason {joined} ORDER BY t.id DESC LIMIT 50",
                f"SELECT count(*) {joined}"]  # fmt: skip

    return plain


def _inactive(period: Period, *_more: Any) -> list[str]:
    who = (
        "FROM consumer c WHERE c.active AND EXISTS (SELECT 1 FROM meter m WHERE m.consumer_id = c.id AND m.status IN"
        " ('installed', 'blocked')) AND NOT EXISTS (SELECT 1 FROM sale s WHERE s.consumer_id = c.id AND s.status = 'issued'"
        f" AND s.kind = 'sale' AND {_within(period, 's.business_date')}"
        " AND NOT EXISTS (SELECT 1 FROM sale r WHERE r.reverses_id = s.id))"
    )
    return [f"SELECT count(*) {who}", f"SELECT c.id, c.name {who} ORDER BY c.id LIMIT 50"]


def _less(period: Period, *_more: Any) -> list[str]:
    past = Period(period.first - timedelta(days=YEAR_DAYS), period.first - timedelta(days=1))
    bought = "sum(CASE WHEN {0} THEN " + AMOUNT + " ELSE 0 END)"
    mine, before = bought.format(_within(period)), bought.format(_within(past))
    less = f"{mine} * 100 * {past.days} < {before} * 30 * {period.days}"
    fallen = (
        f"(SELECT consumer_id, {mine} AS bought, {before} AS before FROM sale WHERE status = 'issued'"
        f" AND {_within(Period(past.first, period.last))} GROUP BY consumer_id HAVING {before} > 0 AND {less}) f"
    )
    who = (
        f"FROM consumer c JOIN {fallen} ON f.consumer_id = c.id WHERE c.active AND EXISTS"
        " (SELECT 1 FROM meter m WHERE m.consumer_id = c.id AND m.status IN ('installed', 'blocked'))"
    )
    return [f"SELECT count(*) {who}", f"SELECT c.id, c.name, f.bought, f.before {who} ORDER BY c.id LIMIT 50"]


def _books(period: Period, *_more: Any) -> list[str]:
    key = "s.business_date, s.vending_point_id, s.currency"
    where = f"s.status = 'issued' AND {_within(period, 's.business_date')} GROUP BY {key}"
    cash = "(SELECT id FROM ledger_account WHERE code = 'cash')"
    taken = f"sum(CASE WHEN p.debit_id IN {cash} THEN p.amount WHEN p.credit_id IN {cash} THEN -p.amount ELSE 0 END)"
    amount = AMOUNT.replace("kind", "s.kind").replace("amount", "s.amount")
    return [
        f"SELECT {key}, count(*), sum({amount}) FROM sale s WHERE {where}",
        f"SELECT business_date, vending_point_id, currency, sum(amount) FROM sale_day WHERE {_within(period)} GROUP BY 1, 2, 3",
        f"SELECT {key}, {taken} FROM sale s JOIN posting p ON p.sale_id = s.id WHERE {where}",
        (f"SELECT {key}, count(*), sum(CASE WHEN t.amount <> s.carried_units THEN 1 ELSE 0 END) FROM sale s"
        f" JOIN token t ON t.sale_id = s.id AND t.kind = 'credit' WHERE {where}"),
    ]


def _copies(period: Period, *_more: Any) -> list[str]:
    def printed(table: str, slip: str, of: str, columns: str) -> str:
        return (
            f"SELECT {columns} FROM {table} c JOIN {of} s ON s.id = c.{slip} WHERE c.copy_number > 1"
            f" AND c.printed_at >= '{period.first}' AND c.printed_at < '{period.last + timedelta(days=1)}'"
        )

    both = (("reprint", "sale_id", "sale"), ("act_reprint", "record_id", "engineering_record"))
    wanted = "c.id, c.copy_number, c.printed_at, s.snapshot"
    return [
        " UNION ALL ".join(printed(*one, wanted) for one in both) + " ORDER BY printed_at DESC LIMIT 50",
        *(printed(*one, "count(*)") for one in both),
    ]


def _day_sheet(period: Period, *_more: Any) -> list[str]:
    """By operator, as people read it: with the names, in their order."""
    figures = ", ".join(
        f"count(CASE WHEN {one} THEN 1 END), sum(CASE WHEN {one} THEN s.amount ELSE 0 END)"
        for one in (
            "s.status = 'issued' AND s.kind = 'sale'", "s.status = 'issued' AND s.kind = 'reversal'", "s.status = 'reserved'"
        )
    )  # fmt: skip
    return [
        (f"SELECT u.username, u.first_name, u.last_name, s.currency, {figures} FROM sale s JOIN ab_user u"
        f" ON u.id = s.operator_id WHERE s.status IN ('issued', 'reserved') AND {_within(period, 's.business_date')}"
        " GROUP BY u.username, u.first_name, u.last_name, s.currency ORDER BY u.first_name, u.last_name")
    ]


PLAIN: Mapping[str, Plain] = {
    "by_day": _grouped("business_date"),
    "by_month": _by_month,
    "by_region": _grouped("point_region_id"),
    "by_point": _grouped("vending_point_id"),
    "list": _list(),
    "list_point": _list(by_point=True),
    "list_amount": _list("amount DESC, id DESC"),
    "tokens": _tokens,
    "acts": _acts("engineering"),
    "key_changes": _acts("key_change"),
    "inactive": _inactive,
    "less": _less,
    "books": _books,
    "day_sheet": _day_sheet,
    "copies": _copies,
}
