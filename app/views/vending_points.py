"""Vending points: where tokens are sold (manual S3)."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from wtforms import BooleanField

from app.access.fab import SafeBaseView, ScopedModelView
from app.access.permissions import READ_USERS, SEE_ACCOUNTS
from app.extensions import db
from app.models import AppUser, Sale, VendingPoint
from app.models.token import EngineeringRecord
from app.services import points
from app.services.papers import paper_of
from app.views import choices
from app.views.fields import Shape, Text, Unused, Word, email, telephone
from app.views.installation import currency
from app.views.lists import PLACE, Listed, Rows, begins, typed
from app.views.lists import words as holds
from app.views.numbers import Money
from app.views.pickers import REGIONS, Picker

# An example in a sentence; the joiner holds it in one piece, which a hyphen alone would not.
SAMPLE = "MKT-\u2060000123"


class CreditLimit(Money):
    """How far the account may go below zero; it belongs to the account, not to the point's own row."""

    def populate_obj(self, obj: Any, name: str) -> None:
        """Leave it for the view, which writes it to the account."""
        obj.limit_typed = self.data


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
        description=_l("Stands in front of its receipt numbers, as in %(number)s.", number=SAMPLE),
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
    credit_limit = CreditLimit(
        _l("Credit limit"),
        required=False,
        description=_l("Empty: no limit. With one, sales stop when balance and limit are used up."),
    )
    slip_paper = Word(
        _l("Paper of its printer"), choices.PAPER, required=False, empty=_l("As the settings of slips say"),
    )  # fmt: skip
    active = BooleanField(
        _l("Active"), default=True, description=_l("A point that is switched off keeps its records and sells nothing.")
    )


class PointAccountView(SafeBaseView):
    """No page: it stands for the right to see balance and limit on the point's own page and in its form."""

    route_base = "/point-accounts"
    class_permission_name = "PointAccounts"
    base_permissions = ["can_read"]


class VendingPointView(Listed, ScopedModelView):
    """Vending points of the reader's scope."""

    datamodel = Rows(
        VendingPoint,
        eager=["region"],
        computed={"slip_paper": lambda row: choices.PAPER.get(paper_of(row.slip_paper), "")},  # type: ignore[call-overload]
    )
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
        "slip_paper": _l("Paper of its printer"), "active": _l("Active"), "credit_limit": _l("Credit limit"),
    }  # fmt: skip
    list_columns = ["name", "code", "region", "contact_person", "telephone", "active"]
    show_columns = ["name", "code", "region", "address", "contact_person", "telephone", "email", "slip_paper", "active"]
    add_columns = edit_columns = [*show_columns[:-1], "credit_limit", "active"]
    show_template = "points/show.html"
    order_columns = ["name", "code", "active"]
    base_order = ("name", "asc")
    found_by = {
        "name": holds(_l("Point name")),
        "code": begins(_l("Short sign")),
        "region": typed(PLACE, _l("Region")),
    }
    add_form = edit_form = VendingPointForm

    # --- the account ----------------------------------------------------------------------

    def _sees_account(self) -> bool:
        return self.appbuilder.sm.has_access(*SEE_ACCOUNTS)

    def _get_add_widget(self, form: Any, **more: Any) -> Any:
        """The form without the limit, for who may not see the account."""
        return super()._get_add_widget(form=self._cut(form), **more)

    def _get_edit_widget(self, form: Any, **more: Any) -> Any:
        """As when adding."""
        return super()._get_edit_widget(form=self._cut(form), **more)

    def _cut(self, form: Any) -> Any:
        if "credit_limit" in form and not self._sees_account():
            del form.credit_limit
        return form

    def _save(self, form: Any, item: Any, *, new: bool) -> bool:
        """What is not shown is not changed either, whatever a browser sends."""
        return super()._save(self._cut(form), item, new=new)

    def prefill_form(self, form: Any, pk: Any) -> None:
        """The limit stands in the account."""
        if "credit_limit" in self._cut(form):
            form.credit_limit.data = points.account_of(db.session(), pk).credit_limit

    def pre_add(self, item: Any) -> None:
        """The point's account is made with it; its limit is written right after, in the same transaction."""
        if hasattr(item, "limit_typed"):
            db.session.add(item)
            db.session.flush()
            points.set_credit_limit(db.session(), item.id, item.limit_typed)

    def pre_update(self, item: Any) -> None:
        """The limit is written to the account, in the same transaction."""
        if hasattr(item, "limit_typed"):
            points.set_credit_limit(db.session(), item.id, item.limit_typed)

    def beside(self, pk: str) -> dict[str, Any]:
        """Account and people of the point, for who may see them."""
        point, may = self._row(pk), self.appbuilder.sm.has_access
        return {
            "point": point,
            "account": points.account_of(db.session(), point.id) if self._sees_account() else None,
            "currency": currency(),
            "people": points.people_of(db.session(), point.id) if may(*READ_USERS) else None,
            "may_add_people": may("can_add", "AppUserView"),
        }

    def why_kept(self, item):
        """A point with sales, tokens or people stays and can be switched off."""
        for model in (Sale, EngineeringRecord, AppUser):
            used = select(model.id).where(model.vending_point_id == item.id).limit(1)
            if db.session.execute(used, execution_options={"unscoped": True}).first():
                return _("%(name)s has sales or people.", name=item.name)
        return None
