"""Consumers (manual R1, R2): who buys, and which meters are theirs."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.access.current import current_scope
from app.access.fab import ScopedModelView
from app.domain.errors import Refusal
from app.extensions import db
from app.models import Consumer, Meter, Sale
from app.models.consumer import digits_of
from app.services import registration
from app.views import choices
from app.views.fields import Text, Unused, Word, email, telephone
from app.views.lists import CONSUMER_WORDS, PLACE, Listed, Rows, typed
from app.views.messages import sentence
from app.views.pickers import REGIONS, Picker
from app.views.settings import LANGUAGES

METERS_MAX = 100
FOUND_MAX = 20


class ConsumerForm(DynamicForm):
    """The facts of R1."""

    name = Text(_l("Name"), most=200)
    user_number = Text(
        _l("User number"),
        most=30,
        description=_l("The number on the contract; no two consumers share one."),
        render_kw={"class": "mono"},
        rules=[Unused(Consumer.user_number, _l("Another consumer has this number."))],
    )
    region = Picker(_l("Region"), REGIONS)
    address = Text(_l("Address"), most=200, required=False)
    gender = Word(_l("Gender"), choices.GENDER, required=False, empty=_l("Not said"))
    id_number = Text(_l("ID number"), most=40, required=False, render_kw={"class": "mono"})
    telephone = Text(_l("Phone"), most=40, required=False, rules=[telephone()], render_kw={"type": "tel"})
    email = Text(_l("E-mail"), most=120, required=False, rules=[email()], render_kw={"type": "email"})
    language = Word(_l("Language"), LANGUAGES, required=False, empty=_l("As the installation"))


class ConsumerView(Listed, ScopedModelView):
    """Consumers of the reader's region."""

    datamodel = Rows(
        Consumer,
        eager=["region"],
        computed={
            "gender": lambda row: choices.GENDER.get(row.gender, ""),
            "language": lambda row: dict(LANGUAGES.items()).get(row.language, ""),
        },
    )
    route_base = "/consumers"
    list_title = title = _l("Consumers")
    add_title = _l("Add consumer")
    edit_title = _l("Change consumer")
    show_title = _l("Consumer")
    empty_text = _l("No consumers here yet. A meter needs one to buy.")
    add_row_message = _l("The consumer is added. Meters are bound on this page.")
    edit_row_message = _l("The consumer is changed.")
    delete_row_message = _l("The consumer is deleted.")
    label_columns = {
        "name": _l("Name"), "user_number": _l("User number"), "region": _l("Region"), "address": _l("Address"),
        "gender": _l("Gender"), "id_number": _l("ID number"), "telephone": _l("Phone"), "email": _l("E-mail"),
        "language": _l("Language"),
    }  # fmt: skip
    list_columns = ["name", "user_number", "region", "address", "telephone"]
    show_columns = [
        "name", "user_number", "region", "address", "gender", "id_number", "telephone", "email", "language"
    ]  # fmt: skip
    add_columns = edit_columns = show_columns
    order_columns = ["name", "user_number"]
    base_order = ("name", "asc")
    found_by = {
        "name": typed(CONSUMER_WORDS, _l("Name, number, phone or ID")),
        "region": typed(PLACE, _l("Region")),
    }
    add_form = edit_form = ConsumerForm
    show_template = "consumers/show.html"

    def why_kept(self, item: Consumer) -> Any:
        """A consumer who bought stays in the books; one with meters keeps them until unbound."""
        bound = select(Meter.id).where(Meter.consumer_id == item.id).limit(1)
        bought = select(Sale.id).where(Sale.consumer_id == item.id).limit(1)
        if db.session.execute(bought, execution_options={"unscoped": True}).first():
            return _("%(name)s has bought before and stays in the books. Unbind the meters instead.", name=item.name)
        if db.session.execute(bound, execution_options={"unscoped": True}).first():
            return _("%(name)s has meters. Nothing was deleted. Unbind them first.", name=item.name)
        return None

    # --- their meters ---------------------------------------------------------------------

    def beside(self, pk: str) -> dict[str, Any]:
        """The consumer's meters, and those that nobody has, by the digits that were typed."""
        consumer = self._row(pk)
        typed_digits = digits_of(request.args.get("meter", ""))[:13]
        own = select(Meter).where(Meter.consumer_id == consumer.id, Meter.meter_number.startswith(typed_digits))
        rows = own.options(selectinload(Meter.product)).order_by(Meter.meter_number).limit(METERS_MAX)
        free: list[Meter] = []
        if typed_digits:
            free = registration.find_unbound_meters(db.session(), typed_digits, current_scope(), FOUND_MAX)
        return {
            "consumer": consumer,
            "meters": list(db.session.scalars(rows)),
            "free": free,
            "typed": typed_digits,
            "may_bind": self.appbuilder.sm.has_access("can_write", "ConsumerView"),
        }

    @expose("/bind/<pk>", methods=["POST"])
    @has_access
    @permission_name("write")
    def bind(self, pk: str) -> Any:
        """Give the ticked meters to the consumer."""
        return self._hand_over(
            pk,
            registration.bind,
            lambda count: ngettext("%(num)d meter is bound.", "%(num)d meters are bound.", count),
        )

    @expose("/unbind/<pk>", methods=["POST"])
    @has_access
    @permission_name("write")
    def unbind(self, pk: str) -> Any:
        """Take the ticked meters from the consumer."""
        return self._hand_over(
            pk,
            registration.unbind,
            lambda count: ngettext("%(num)d meter is unbound.", "%(num)d meters are unbound.", count),
        )

    def _hand_over(self, pk: str, act: Any, said: Any) -> Any:
        consumer_id = self._row(pk).id
        keys = [key for key in request.form.getlist("meter") if key.isascii() and key.isdigit() and len(key) < 19]
        back = redirect(url_for("ConsumerView.show", pk=consumer_id), 303)
        if not keys:
            flash(_("Tick a meter first."), "warning")
            return back
        try:
            count = act([int(key) for key in keys[:METERS_MAX]], consumer_id, current_scope())
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            if count:
                flash(said(count), "success")
        return back
