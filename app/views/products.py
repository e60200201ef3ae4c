"""Manufacturers and their products: what meters are made of."""

from __future__ import annotations

from flask_appbuilder.forms import DynamicForm
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, ngettext
from sqlalchemy import func, select

from app.access import permissions
from app.access.fab import SafeModelView
from app.extensions import db
from app.models import Manufacturer, Meter, Product
from app.views import choices
from app.views.fields import Row, Shape, Source, Text, Unused, Word
from app.views.lists import Listed, Rows, begins, one_of, one_row
from app.views.lists import words as holds


def _count(query) -> int:
    return db.session.execute(query, execution_options={"unscoped": True}).scalar_one()


class ManufacturerForm(DynamicForm):
    """Name and STS code of a manufacturer."""

    name = Text(
        lazy_pgettext("thing", "Name"), most=100, rules=[Unused(Manufacturer.name, _l("A manufacturer of this name is known already."))]
    )
    code = Text(
        _l("STS manufacturer code"),
        most=4,
        required=False,
        description=_l("Two digits for meter numbers of 11 digits, four for 13. The STS Association gives it."),
        render_kw={"inputmode": "numeric", "class": "mono"},
        rules=[
            Shape(r"[0-9]{2}|[0-9]{4}", _l("Two or four digits.")),
            Unused(Manufacturer.code, _l("Another manufacturer has this code."), exact=True),
        ],
    )


class ManufacturerView(Listed, SafeModelView):
    """Manufacturers."""

    datamodel = Rows(Manufacturer)
    route_base = "/manufacturers"
    list_title = _l("Manufacturers")
    add_title = _l("Add manufacturer")
    edit_title = _l("Change manufacturer")
    show_title = _l("Manufacturer")
    empty_text = _l("No manufacturers yet. A product needs one.")
    add_row_message = _l("The manufacturer is added.")
    edit_row_message = _l("The manufacturer is changed.")
    delete_row_message = _l("The manufacturer is deleted.")
    label_columns = {"name": lazy_pgettext("thing", "Name"), "code": _l("STS manufacturer code"), "active": _l("Active")}
    list_columns = ["name", "code", "active"]
    show_columns = ["name", "code"]
    add_columns = edit_columns = ["name", "code"]
    order_columns = ["name", "code"]
    base_order = ("name", "asc")
    found_by = {"name": holds(lazy_pgettext("thing", "Name")), "code": begins(_l("STS manufacturer code"))}
    add_form = edit_form = ManufacturerForm

    def why_kept(self, item):
        """A manufacturer with products stays."""
        count = _count(select(func.count()).where(Product.manufacturer_id == item.id))
        return count and ngettext(
            "%(num)d product is of this manufacturer.",
            "%(num)d products are of this manufacturer.",
            count,
        )


def manufacturers():
    """Every manufacturer that is switched on, by name, for a choice."""
    rows = select(Manufacturer).where(Manufacturer.active).order_by(Manufacturer.name)
    return db.session.execute(rows).scalars().all()


def _all_manufacturers():
    return db.session.execute(select(Manufacturer).order_by(Manufacturer.name)).scalars().all()


class ProductForm(DynamicForm):
    """The four facts of a product (manual S2)."""

    model = Text(
        _l("Product model"),
        most=60,
        description=_l("As printed on the meter."),
        rules=[Unused(Product.model, _l("A product of this model is known already."))],
    )
    name = Text(_l("Product name"), most=100)
    meter_type = Word(_l("Meter type"), choices.METER_TYPE)
    manufacturer = Row(
        _l("Manufacturer"),
        manufacturers,
        source=Source(
            _l("No manufacturers yet."), _l("Add a manufacturer first"), "ManufacturerView.add", permissions.ADD_MANUFACTURERS
        ),
    )

    def validate_meter_type(self, field) -> None:
        """Meters of a product have its type; it cannot change under them."""
        from flask_babel import gettext as _
        from wtforms.validators import ValidationError

        own = getattr(self, "_id", None)
        if own is None or field.data is None:
            return
        used = select(Meter.id).where(Meter.product_id == own, Meter.meter_type != field.data).limit(1)
        if db.session.execute(used, execution_options={"unscoped": True}).first():
            raise ValidationError(_("Meters of this product have the other type. Add another product instead."))


class ProductView(Listed, SafeModelView):
    """Products."""

    datamodel = Rows(
        Product,
        eager=["manufacturer"],
        computed={
            "maker": lambda row: row.manufacturer.name,
            "maker_code": lambda row: row.manufacturer.code or "",
        },
    )
    route_base = "/products"
    list_title = _l("Products")
    add_title = _l("Add product")
    edit_title = _l("Change product")
    show_title = _l("Product")
    empty_text = _l("No products yet. A meter needs one.")
    add_row_message = _l("The product is added.")
    edit_row_message = _l("The product is changed.")
    delete_row_message = _l("The product is deleted.")
    label_columns = {
        "model": _l("Product model"),
        "name": _l("Product name"),
        "meter_type": _l("Meter type"),
        "manufacturer": _l("Manufacturer"),
        "maker": _l("Manufacturer"),
        "maker_code": _l("STS manufacturer code"),
        "active": _l("Active"),
    }
    list_columns = ["model", "name", "meter_type", "manufacturer", "active"]
    show_columns = ["model", "name", "meter_type", "maker", "maker_code"]
    add_columns = edit_columns = ["model", "name", "meter_type", "manufacturer"]
    order_columns = ["model", "name", "meter_type"]
    base_order = ("model", "asc")
    found_by = {
        "model": holds(_l("Product model")),
        "name": holds(_l("Product name")),
        "meter_type": one_of(_l("Meter type"), choices.METER_TYPE),
        "manufacturer": one_row(_l("Manufacturer"), _all_manufacturers),
    }
    add_form = edit_form = ProductForm

    def why_kept(self, item):
        """A product that meters are of stays."""
        count = _count(select(func.count()).where(Meter.product_id == item.id))
        return count and ngettext(
            "%(num)d meter is of this product.",
            "%(num)d meters are of this product.",
            count,
        )
