"""What uses a row of the master data, so that it cannot be deleted: counts in words, and where they are listed.

Counted unscoped, because a foreign row keeps it as well; a list shows each reader's own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from flask import current_app, url_for
from flask_babel import ngettext
from sqlalchemy import ColumnElement, func, select

from app.extensions import db
from app.models import (
    AppUser,
    Consumer,
    Currency,
    EngineeringRecord,
    Manufacturer,
    Meter,
    Product,
    Sale,
    Settings,
    Tariff,
    TariffPlan,
    Token,
    UserGroup,
    VendingPoint,
)
from app.views.menu import LINES

Says = Callable[[int], str]
METERS: Says = lambda n: ngettext("%(num)d meter", "%(num)d meters", n)  # noqa: E731
PRODUCTS: Says = lambda n: ngettext("%(num)d product", "%(num)d products", n)  # noqa: E731
SALES: Says = lambda n: ngettext("%(num)d sale", "%(num)d sales", n)  # noqa: E731
TOKENS: Says = lambda n: ngettext("%(num)d token", "%(num)d tokens", n)  # noqa: E731
USERS: Says = lambda n: ngettext("%(num)d user", "%(num)d users", n)  # noqa: E731
RECORDS: Says = lambda n: ngettext("%(num)d engineering record", "%(num)d engineering records", n)  # noqa: E731
INSTALLATIONS: Says = lambda n: ngettext("the settings of the installation", "the settings of the installation", n)  # noqa: E731

# One kind of use: its words, the rows, the page that lists them and the column it is found by there.
Use = tuple[Says, Any, Callable[[Any], ColumnElement[bool]], str, str]
USES: Mapping[Any, tuple[Use, ...]] = {
    Manufacturer: ((PRODUCTS, Product, lambda row: Product.manufacturer_id == row.id, "ProductView", "manufacturer"),),
    Product: ((METERS, Meter, lambda row: Meter.product_id == row.id, "MeterView", "product"),),
    VendingPoint: (
        (SALES, Sale, lambda row: Sale.vending_point_id == row.id, "SaleRecordView", "vending_point"),
        (RECORDS, EngineeringRecord, lambda row: EngineeringRecord.vending_point_id == row.id, "EngineeringRecordView", "vending_point"),
        (USERS, AppUser, lambda row: AppUser.vending_point_id == row.id, "AppUserView", "vending_point"),
    ),
    Tariff: (
        (METERS, Meter, lambda row: Meter.tariff_id == row.id, "MeterView", "tariff"),
        (SALES, Sale, lambda row: Sale.plan_id.in_(select(TariffPlan.id).where(TariffPlan.tariff_id == row.id)), "SaleRecordView", "tariff"),
    ),
    Consumer: (
        (METERS, Meter, lambda row: Meter.consumer_id == row.id, "MeterView", "consumer"),
        (SALES, Sale, lambda row: Sale.consumer_id == row.id, "SaleRecordView", "consumer"),
    ),
    Meter: (
        (SALES, Sale, lambda row: Sale.meter_id == row.id, "SaleRecordView", "meter"),
        (TOKENS, Token, lambda row: Token.meter_id == row.id, "TokenView", "meter"),
        (RECORDS, EngineeringRecord, lambda row: EngineeringRecord.meter_id == row.id, "EngineeringRecordView", "meter"),
    ),
    UserGroup: ((USERS, AppUser, lambda row: AppUser.group_id == row.id, "AppUserView", "group"),),
    Currency: (
        (INSTALLATIONS, Settings, lambda row: Settings.currency_id == row.id, "", ""),
        (SALES, Sale, lambda row: Sale.currency == row.code, "SaleRecordView", "currency"),
    ),
}  # fmt: skip


def uses_of(row: Any) -> list[tuple[str, str]]:
    """(words, address of the list or nothing) for each kind of row that uses this one."""
    found = []
    for says, model, condition, page, column in USES.get(type(row), ()):
        statement = select(func.count()).select_from(model).where(condition(row))
        count = db.session.execute(statement, execution_options={"unscoped": True}).scalar_one()
        if count:
            found.append((says(count), listed(page, column, row)))
    return found


def listed(page: str, column: str, row: Any) -> str:
    """The list on `page` kept to this row, when it can be found by it there and the reader may look."""
    line = next((line for line in LINES if line.name == page), None)
    if line is None or not current_app.appbuilder.sm.has_access("can_read", page):  # type: ignore[attr-defined]
        return ""
    from app.views.lists import PLACE, ROW  # lists are switched, so the import goes the other way

    view = getattr(import_module(f"app.views.{line.page.partition(':')[0]}"), page)
    kinds = view.found_by.get(column, ((), None))[0]
    value = row.id if ROW in kinds else str(row) if PLACE in kinds else None
    return "" if value is None else url_for(f"{page}.list", **{f"_flt_0_{column}": value})
