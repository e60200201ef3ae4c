"""Vending points: where tokens are sold (manual S3)."""

from __future__ import annotations

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from wtforms import BooleanField

from app.access.fab import ScopedModelView
from app.extensions import db
from app.models import AppUser, Sale, VendingPoint
from app.models.token import EngineeringRecord
from app.views.fields import Shape, Text, Unused, email, telephone
from app.views.lists import PLACE, Listed, Rows, begins, typed
from app.views.lists import words as holds
from app.views.pickers import REGIONS, Picker


class VendingPointForm(DynamicForm):
    """Where it is and whom to call."""

    name = Text(
        _l("Point name"),
        most=100,
        rules=[Unused(VendingPoint.name, _l("Another vending point has this name."))],
    )
    code = Text(
        _l("Short sign"),
        most=12,
        description=_l("Stands in front of its receipt numbers, as in MKT-000123."),
        render_kw={"class": "mono"},
        rules=[
            Shape(r"[A-Za-z0-9-]{1,12}", _l("Letters A to Z, digits and - only.")),
            Unused(VendingPoint.code, _l("Another vending point has this sign.")),
        ],
    )
    region = Picker(_l("Region"), REGIONS)
    address = Text(_l("Address"), most=200, required=False)
    contact_person = Text(_l("Contact person"), most=100, required=False)
    telephone = Text(_l("Telephone"), most=40, required=False, rules=[telephone()], render_kw={"type": "tel"})
    email = Text(_l("E-mail"), most=120, required=False, rules=[email()], render_kw={"type": "email"})
    active = BooleanField(
        _l("Active"), default=True, description=_l("A point that is switched off keeps its records and sells nothing.")
    )


class VendingPointView(Listed, ScopedModelView):
    """Vending points of the reader's scope."""

    datamodel = Rows(VendingPoint, eager=["region"])
    route_base = "/vending-points"
    list_title = _l("Vending points")
    add_title = _l("Add vending point")
    edit_title = _l("Change vending point")
    show_title = _l("Vending point")
    empty_text = _l("No vending points yet. Selling needs one.")
    add_row_message = _l("The vending point is added.")
    edit_row_message = _l("The vending point is changed.")
    delete_row_message = _l("The vending point is deleted.")
    label_columns = {
        "name": _l("Point name"), "code": _l("Short sign"), "region": _l("Region"), "address": _l("Address"),
        "contact_person": _l("Contact person"), "telephone": _l("Telephone"), "email": _l("E-mail"),
        "active": _l("Active"),
    }  # fmt: skip
    list_columns = ["name", "code", "region", "contact_person", "telephone", "active"]
    show_columns = ["name", "code", "region", "address", "contact_person", "telephone", "email", "active"]
    add_columns = edit_columns = show_columns
    order_columns = ["name", "code", "active"]
    base_order = ("name", "asc")
    found_by = {
        "name": holds(_l("Point name")),
        "code": begins(_l("Short sign")),
        "region": typed(PLACE, _l("Region")),
    }
    add_form = edit_form = VendingPointForm

    def why_kept(self, item):
        """A point with sales, tokens or people stays and can be switched off."""
        for model in (Sale, EngineeringRecord, AppUser):
            used = select(model.id).where(model.vending_point_id == item.id).limit(1)
            if db.session.execute(used, execution_options={"unscoped": True}).first():
                return _(
                    "%(name)s has sales or people. Nothing was deleted. Switch it off instead: Change, Active.",
                    name=item.name,
                )
        return None
