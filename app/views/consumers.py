"""Consumers (manual R1, R2): who buys, and which meters are theirs."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select

from app.access.current import current_scope
from app.access.fab import ScopedModelView
from app.domain.calendar import business_date
from app.domain.errors import Refusal
from app.domain.states import MeterStatus
from app.extensions import db
from app.models import Consumer, Meter, Region, Sale, Token
from app.models.base import now
from app.models.consumer import digits_of
from app.services import debts, record_history, registration
from app.services.debts import Opening
from app.views import choices, figures
from app.views.consumer_form import ConsumerForm, DebtForm, NewConsumerForm
from app.views.history_tabs import Pages, history, page_asked
from app.views.installation import currency, time_zone
from app.views.lists import CONSUMER_WORDS, OWING, PLACE, WITH_METERS, Listed, either, typed
from app.views.messages import sentence
from app.views.scoped_rows import ScopedRows
from app.views.settings import LANGUAGES

UNPROCESSABLE = 422
METERS_SHOWN, FOUND_SHOWN = 50, 20


def _own_keys() -> list[int]:
    """The ids of the meters that were ticked; what no row can have is left out."""
    keys = [key for key in request.form.getlist("meter") if key.isascii() and key.isdigit() and len(key) < 19]
    return [int(key) for key in keys[:METERS_SHOWN]]


class ConsumerRows(ScopedRows):
    """Consumers, with the number of meters of a whole page of them counted at once."""

    def get_values(self, lst: Any, list_columns: Any) -> Any:
        """The columns of each consumer."""
        rows = list(lst)
        meter = Meter.__table__.c
        counted = select(meter.consumer_id, func.count()).where(meter.consumer_id.in_([row.id for row in rows]))
        meters = dict(db.session.execute(counted.group_by(meter.consumer_id)).tuples().all())
        for row, values in zip(rows, super().get_values(rows, list_columns), strict=True):
            yield {**values, "meters": meters.get(row.id, 0)}


def _owed(consumer: Consumer) -> str:
    """What is owed, in the currency that the head of the table names; nothing where nothing is."""
    return figures.money(consumer.debt_minor, currency().decimals) if consumer.debt_minor else ""


class ConsumerView(Listed, ScopedModelView):
    """Consumers of the reader's region."""

    datamodel = ConsumerRows(
        Consumer,
        eager=["region"],
        computed={
            "gender": lambda row: choices.GENDER.get(row.gender, ""),
            "language": lambda row: LANGUAGES.named(row.language),
            "meters": lambda _row: 0,  # counted for a page at once
            "debt_minor": _owed,
        },
        orders={
            "region": ("region", [Region.full_name]),
            "address": (None, [Consumer.address]),
            "telephone": (None, [Consumer.telephone]),
            "debt_minor": (None, [Consumer.debt_minor]),
        },
    )
    route_base = "/consumers"
    exchange = "consumers"
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
        "language": _l("Language"), "meters": _l("Meters"), "debt_minor": _l("Owes"), "id": _l("Meters"),
    }  # fmt: skip
    list_template = "lists/list.html"
    list_columns = ["name", "user_number", "region", "address", "telephone", "meters", "debt_minor"]
    figures = {"meters": None, "debt_minor": lambda: currency().code}
    show_columns = [
        "name", "user_number", "region", "address", "gender", "id_number", "telephone", "email", "language"
    ]  # fmt: skip
    edit_columns = show_columns
    add_columns = [*show_columns, "debt", "debt_reason"]
    order_columns = ["name", "user_number", "region", "address", "telephone", "debt_minor"]
    base_order = ("name", "asc")
    found_by = {
        "name": typed(CONSUMER_WORDS, _l("Name, number, phone or ID")),
        "region": typed(PLACE, _l("Region")),
        "id": either(WITH_METERS, _l("Meters"), _l("has a meter"), _l("has none")),
        "debt_minor": either(OWING, _l("Owes"), _l("owes something"), _l("owes nothing")),
    }
    add_form = NewConsumerForm
    edit_form = ConsumerForm
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

    # --- what they owe --------------------------------------------------------------------------

    def pre_add(self, item: Consumer) -> None:
        """What is owed from before is posted in the same transaction as the consumer."""
        owed = getattr(item, "owed_before", None)
        if owed is not None:
            db.session.add(item)
            db.session.flush()
            amount, reason = owed
            debts.post_opening(
                db.session(), Opening(item.id, amount, reason, f"consumer:{item.id}:first", current_scope().user_id)
            )

    @expose("/debt/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def debt(self, pk: str) -> Any:
        """Enter an opening balance, or take back one that was entered wrongly."""
        consumer = self._row(pk)
        form = DebtForm(formdata=None) if request.method == "GET" else DebtForm()
        if request.method == "GET":
            form.begin()
        elif form.validate():
            opening = form.opening(consumer.id, current_scope().user_id)
            try:
                debts.opening_balance(
                    opening.consumer_id, opening.amount_minor, opening.reason, opening.reference, opening.user_id
                )
            except Refusal as refusal:
                form.explain(sentence(refusal, currency()))
            else:
                flash(_("The debt is entered."), "success")
                return redirect(url_for("ConsumerView.show", pk=opening.consumer_id) + "#debt", 303)
        page = self.render_template(
            "consumers/debt.html", title=_("Enter a debt"), consumer=self._row(pk), form=form, currency=currency()
        )
        return page, UNPROCESSABLE if request.method == "POST" else 200

    # --- their meters ---------------------------------------------------------------------

    def beside(self, pk: str) -> dict[str, Any]:
        """The consumer's meters, those that nobody has by the digits typed, and the history."""
        consumer = self._row(pk)
        session, scope = db.session(), current_scope()
        digits = digits_of(request.args.get("meter", ""))[:13]
        at, free_at = page_asked("own"), page_asked("free")
        meters, count = registration.meters_of(session, consumer.id, digits, METERS_SHOWN, at)
        if count and not meters:  # the last page has gone
            at = (count - 1) // METERS_SHOWN
            meters, count = registration.meters_of(session, consumer.id, digits, METERS_SHOWN, at)
        free, more_free = (
            registration.find_unbound_meters(session, digits, scope, FOUND_SHOWN, free_at) if digits else ([], False)
        )
        return {
            "consumer": consumer,
            "meters": meters,
            "meters_count": count,
            "meters_pages": Pages(at, more=count > (at + 1) * METERS_SHOWN),
            "free": free,
            "free_pages": Pages(free_at, more=more_free),
            "in_stock": any(meter.status is MeterStatus.IN_STOCK for meter in free),
            "typed": digits,
            "may_bind": self.appbuilder.sm.has_access("can_edit", "ConsumerView"),
            "currency": currency(),
            "debts": record_history.debt_entries(session, consumer.id),
            "history": history(
                {
                    "purchases": lambda at: record_history.purchases(session, scope, Sale.consumer_id == consumer.id, at),
                    "tokens": lambda at: record_history.tokens(
                        session, scope, (Sale.consumer_id == consumer.id) & (Token.sale_id == Sale.id), at
                    ),
                }
            ),
        }

    @expose("/bind/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def bind(self, pk: str) -> Any:
        """Give the ticked meters to the consumer; those in stock are installed today where that is wanted."""
        today = business_date(now(), time_zone()) if request.form.get("install") == "y" else None
        return self._hand_over(
            pk,
            lambda *given: registration.bind(*given, installed_on=today),
            lambda count: ngettext("%(num)d meter is bound.", "%(num)d meters are bound.", count),
        )

    @expose("/unbind/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def unbind(self, pk: str) -> Any:
        """Take the ticked meters from the consumer."""
        return self._hand_over(
            pk,
            registration.unbind,
            lambda count: ngettext("%(num)d meter is unbound.", "%(num)d meters are unbound.", count),
        )

    def _hand_over(self, pk: str, act: Any, said: Any) -> Any:
        consumer_id = self._row(pk).id
        keys = _own_keys()
        back = redirect(url_for("ConsumerView.show", pk=consumer_id) + "#meters", 303)
        if not keys:
            flash(_("Tick a meter first."), "warning")
            return back
        try:
            count = act(keys, consumer_id, current_scope())
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            if count:
                flash(said(count), "success")
        return back
