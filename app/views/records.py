"""Records that are only ever shown: sales, tokens, engineering acts (P2 to P5).

Names, numbers and places come from the sale's own snapshot: a later change does not rewrite
the past, and a meter or consumer of another region is not looked up.  A token is shown only
when its sale was issued.
"""

from __future__ import annotations

import json
from typing import Any

from flask import g
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.access.current import current_scope
from app.access.fab import LedgerView
from app.domain.engineering import ActStatus
from app.domain.money import Currency
from app.domain.states import UNIT, SaleKind, SaleStatus
from app.models import EngineeringRecord, Sale, Token
from app.reports.records import AMOUNT
from app.services.receipts import receipt_for, receipt_number
from app.sts.meter_number import drn_from_pan
from app.views import choices, figures
from app.views.engineering_words import meter_of, name_of
from app.views.installation import currency
from app.views.lists import METER_DIGITS, Listed, Rows, days, one_of, typed
from app.views.scoped_rows import PagedRows, TokenRows
from app.views.slip import make_slip


def _of(sale: Sale, part: str, name: str) -> str:
    """One word of the sale's snapshot."""
    facts = json.loads(sale.snapshot).get(part)
    return (facts.get(name) or "") if isinstance(facts, dict) else str(facts or "")


def _sum(sale: Sale, minor: int | None) -> str:
    return "" if minor is None else figures.money_code(minor, sale.currency_decimals, sale.currency)


def _money() -> Currency:
    """The installation's currency, read once for a whole list."""
    if "_list_currency" not in g:
        g._list_currency = currency()  # noqa: SLF001
    return g._list_currency  # type: ignore[no-any-return]  # noqa: SLF001


def _sign(sale: Sale) -> int:
    """A reversal takes back what its sale gave."""
    return -1 if sale.kind is SaleKind.REVERSAL else 1


def _in_list(sale: Sale) -> str:
    """The currency stands in the head of the table; only an amount in another one says its own."""
    money = _money()
    if sale.currency != money.code:
        return _sum(sale, _sign(sale) * sale.amount)
    return figures.money(_sign(sale) * sale.amount, sale.currency_decimals)


def _carried(sale: Sale) -> str:
    units = sale.token_units if sale.carried_units is None else sale.carried_units
    return figures.ltr(f"{figures.units(_sign(sale) * units)} {UNIT[sale.meter_type]}")


def _state(sale: Sale) -> str:
    """The word by which a pill says what became of it (`sale_state` in the templates)."""
    return "reversal" if sale.kind is SaleKind.REVERSAL else "reversed" if sale.undone else sale.status


# In the order of an index: it holds all that a page is found by.
BY_TIME = [Sale.business_date, Sale.reserved_at]


class _Sales(Listed, LedgerView):
    """Sales of the reader's vending point, or of all points of the region."""

    datamodel = PagedRows(
        Sale,
        eager=["vending_point", "undone"],
        computed={
            "receipt": lambda sale: receipt_number(_of(sale, "point", "code"), sale.receipt_number) or _("none"),
            "meter_number": lambda sale: _of(sale, "meter", "meter_number"),
            "consumer_name": lambda sale: _of(sale, "consumer", "name"),
            "user_number": lambda sale: _of(sale, "consumer", "user_number"),
            "operator_name": lambda sale: _of(sale, "operator", "name"),
            "tariff_name": lambda sale: _of(sale, "tariff", "name"),
            "region": lambda sale: _of(sale, "point", "region"),
            "amount": _in_list,
            "status": _state,
            "to_pay": lambda sale: _sum(sale, _sign(sale) * sale.amount),
            "received": lambda sale: _sum(sale, sale.received),
            "units": _carried,
            "kind": lambda sale: choices.SALE_KIND[sale.kind],
        },
        # Two currencies are never compared; what a reversal took back is less than nothing, as it stands there.
        orders={
            "amount": (None, [Sale.currency, AMOUNT]), "reserved_at": (None, BY_TIME), "business_date": (None, BY_TIME),
            "status": (None, [Sale.status, Sale.reserved_at]),
        },
    )
    add_title = edit_title = _l("Sale")
    show_title = _l("Sale")
    empty_text = _l("No sales here yet.")
    label_columns = {
        "receipt": _l("Receipt"), "reserved_at": _l("Time"), "settled_at": _l("Settled"),
        "business_date": _l("Business day"), "meter_number": _l("Meter number"), "meter_id": _l("Meter number"),
        "meter_type": _l("Meter type"), "consumer_name": _l("Consumer"), "user_number": _l("User number"),
        "vending_point": _l("Vending point"), "region": _l("Region"), "operator_name": _l("Operator"),
        "tariff_name": _l("Tariff"), "units": _l("Units"), "amount": _l("Amount"), "to_pay": _l("Amount"), "received": _l("Received"),
        "kind": _l("Kind"), "status": _l("State"), "reference": _l("Reference"), "failure": _l("Why it failed"),
    }  # fmt: skip
    show_fieldsets = [
        (_l("Sale"), {"fields": [
            "receipt", "reserved_at", "business_date", "kind", "status", "settled_at", "failure", "reference",
        ]}),
        (_l("Who and where"), {"fields": [
            "meter_number", "meter_type", "consumer_name", "user_number", "vending_point", "region", "operator_name",
        ]}),
        (_l("Sum"), {"fields": ["tariff_name", "units", "to_pay", "received"]}),
    ]  # fmt: skip
    figures = {"units": None, "amount": lambda: _money().code}
    bare_tiles = frozenset({"meter_type"})
    order_columns = ["reserved_at", "business_date", "amount", "status"]
    base_order = ("reserved_at", "desc")
    show_template = "records/sale.html"

    def beside(self, pk: str) -> dict[str, Any]:
        """The lines of the sum; the tokens only of an issued sale."""
        sale = self._row(pk)
        slip = make_slip(receipt_for(sale.id, current_scope()))
        return {
            "sale": sale,
            "lines": slip.lines,
            "may_open": self.appbuilder.sm.has_access("can_read", "ReceiptView"),
            "tokens": slip.receipt.tokens if sale.status is SaleStatus.ISSUED else (),
        }


class SaleView(_Sales):
    """Vending > Sales."""

    route_base = "/sales"
    list_title = title = _l("Sales")
    list_columns = ["receipt", "reserved_at", "meter_number", "consumer_name", "units", "amount", "status"]
    found_by = {
        "meter_id": typed(METER_DIGITS, _l("Meter number")),
        "status": one_of(_l("State"), choices.SALE_STATUS),
        "business_date": days(_l("Business day")),
    }


class SaleRecordView(_Sales):
    """Sales of a meter or a kind, where a record that they use leads to them; the report P2 is the one in the menu."""

    route_base = "/sale-records"
    list_title = title = _l("Sales records")
    list_columns = [
        "receipt", "business_date", "vending_point", "operator_name", "meter_number", "meter_type",
        "consumer_name", "units", "amount", "status",
    ]  # fmt: skip
    found_by = {
        "meter_id": typed(METER_DIGITS, _l("Meter number")),
        "meter_type": one_of(_l("Meter type"), choices.METER_TYPE),
        "status": one_of(_l("State"), choices.SALE_STATUS),
        "kind": one_of(_l("Kind"), choices.SALE_KIND),
        "business_date": days(_l("Business day")),
    }


class IssuedOnly(BaseFilter):
    """Tokens whose sale or engineering act was issued: others were never given to anybody."""

    name = "issued"
    arg_name = "issued"

    def apply(self, query: Any, value: Any) -> Any:
        """Keep the tokens that count."""
        sold = select(Sale.id).where(Sale.id == Token.sale_id, Sale.status == SaleStatus.ISSUED)
        acts = select(EngineeringRecord.id).where(
            EngineeringRecord.id == Token.engineering_id, EngineeringRecord.status == SaleStatus.ISSUED.value
        )
        return query.filter(sold.correlate(Token).exists() | acts.correlate(Token).exists())


def _token_units(token: Token) -> str:
    if token.amount is None or token.sale is None:
        return ""
    return figures.ltr(f"{figures.units(token.amount)} {UNIT[token.sale.meter_type]}")


def _digits(token: Token) -> str:
    """The token, unless its sale was reversed: a meter still takes it, and its money went back."""
    if token.shown_digits is None:
        return _("not shown: the sale was reversed")
    return figures.ltr(figures.groups_of_four(token.shown_digits))


class TokenView(Listed, LedgerView):
    """Tokens of a meter or a kind, where a record that they use leads to them; the reports P3 to P5 are those in the menu."""

    datamodel = TokenRows(
        Token,
        orders={"issued_at": (None, [Token.issued_at])},
        eager=["sale", "shown_digits"],
        computed={
            "digits": _digits,
            "meter_number": lambda token: drn_from_pan(token.pan) if token.pan else _("any"),
            "kind": lambda token: choices.TOKEN_KIND[token.kind],
            "units": _token_units,
            "key_data": lambda token: f"{token.sgc} · {token.krn} · {token.ti:02}" if token.sgc else "",
            "ea": lambda token: choices.EA[token.ea] if token.ea else "",
            "class_word": lambda token: f"{token.token_class} / {token.subclass}",
            "base_date": lambda token: choices.BASE_YEAR.get(token.base_date, ""),
            "token_id": lambda token: "" if token.token_id is None else str(token.token_id),
        },
    )
    route_base = "/tokens"
    base_filters = [["id", IssuedOnly, None]]
    list_title = title = _l("Token records")
    show_title = add_title = edit_title = _l("Token")
    empty_text = _l("No tokens here yet.")
    label_columns = {
        "issued_at": _l("Time"), "digits": _l("Token"), "kind": _l("Kind"), "meter_number": _l("Meter number"),
        "meter_id": _l("Meter number"), "units": _l("Units"), "key_data": _l("SGC · KRN · TI"), "ea": _l("EA"),
        "class_word": _l("Class / subclass"), "base_date": _l("Base date"), "token_id": _l("Token id"),
        "kcv": _l("Check value (KCV)"),
    }  # fmt: skip
    list_columns = ["digits", "issued_at", "kind", "meter_number", "units", "key_data"]
    show_columns = [
        "digits", "issued_at", "kind", "meter_number", "units", "class_word", "key_data", "ea", "base_date",
        "token_id", "kcv",
    ]  # fmt: skip
    figures = {"units": None}
    order_columns = ["issued_at", "kind"]
    base_order = ("issued_at", "desc")
    found_by = {
        "meter_id": typed(METER_DIGITS, _l("Meter number")),
        "kind": one_of(_l("Kind"), choices.TOKEN_KIND),
        "issued_at": days(_l("Time")),
    }


class EngineeringRecordView(Listed, LedgerView):
    """Engineering > Engineering and key-change records (P3, P4)."""

    datamodel = Rows(
        EngineeringRecord,
        computed={
            "kind": lambda record: choices.TOKEN_KIND[record.kind],
            "function": lambda record: name_of(record.function),
            "meter_number": lambda record: meter_of(record) or _("any"),
            # An engineering token is made, not sold.
            "status": lambda record: "made" if record.status == ActStatus.ISSUED else str(record.status),
        },
    )
    route_base = "/engineering-records"
    list_title = title = _l("Engineering records")
    show_title = add_title = edit_title = _l("Engineering record")
    empty_text = _l("No engineering or key-change tokens were made yet.")
    label_columns = {
        "created_at": _l("Time"), "kind": _l("Kind"), "function": _l("What for"), "reason": _l("Reason"),
        "status": _l("State"), "reference": _l("Reference"), "settled_at": _l("Settled"),
        "meter_id": _l("Meter number"), "meter_number": _l("Meter number"),
    }  # fmt: skip
    list_columns = ["function", "meter_number", "kind", "created_at", "reason", "status"]
    show_columns = ["function", "meter_number", "kind", "created_at", "settled_at", "reason", "status", "reference"]
    order_columns = ["created_at", "kind", "status"]
    base_order = ("created_at", "desc")
    found_by = {
        "meter_id": typed(METER_DIGITS, _l("Meter number")),
        "kind": one_of(_l("Kind"), choices.TOKEN_KIND),
        "created_at": days(_l("Time")),
    }
