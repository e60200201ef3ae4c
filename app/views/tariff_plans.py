"""The plan page: step 2 of a tariff, and every plan that follows (manual S6)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.access import permissions as p
from app.access.fab import SafeBaseView
from app.access.versions import KEEP, TAKE, remember, show_both
from app.domain.errors import OutOfScope, Refusal, StaleRow
from app.domain.states import MeterType
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import tariffs
from app.views import figures, plan_page
from app.views.messages import sentence
from app.views.plan_form import PlanForm
from app.views.plan_page import Subject
from app.views.plan_words import read_out
from app.views.tariff_form import TariffForm, first_step

ID_MAX = 2**31 - 1
UNPROCESSABLE = 422


class TariffPlanView(SafeBaseView):
    """Adding, changing, reading and deleting a plan; one that has sold leads to a new one."""

    route_base = "/plans"
    class_permission_name = "TariffView"
    default_view = "add"
    title = list_title = _l("Tariff plan")

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("add")
    def new(self) -> Any:
        """Step 2 of a new tariff, whose name and type the address holds; both are stored together."""
        step_1 = TariffForm(formdata=request.args, meta={"csrf": False})
        if not step_1.validate():
            if request.method == "GET":
                return redirect(url_for("TariffView.add"), 303)
            return first_step(self, step_1, plan_page.kept_fields())
        tariff = plan_page.new_tariff(step_1.name.data, step_1.meter_type.data)
        subject = Subject(tariff, entry=plan_page.chosen_entry())
        if request.method == "POST":
            return self._save(subject)
        self.update_redirect()
        return plan_page.page(self, plan_page.begun(subject), subject)

    @expose("/add/<int:tariff_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def add(self, tariff_id: int) -> Any:
        """A further plan; `after` names the plan it begins with, `from` one of the catalogue, else the last one."""
        tariff = self._get(Tariff, tariff_id)
        entry = plan_page.chosen_entry()
        subject = Subject(tariff, source=None if entry else self._source(tariff), entry=entry)
        if request.method == "POST":
            return self._save(subject)
        self.update_redirect()
        return plan_page.page(self, plan_page.begun(subject), subject)

    @expose("/edit/<int:plan_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def edit(self, plan_id: int) -> Any:
        """A plan that has not sold yet; one that has is followed by a new one."""
        plan = self._get(TariffPlan, plan_id)
        if tariffs.has_sold(db.session(), plan_id) and request.method == "GET":
            flash(_("This plan has sold already and cannot change. Here is one that follows it."), "info")
            return redirect(url_for("TariffPlanView.add", tariff_id=plan.tariff_id, after=plan_id), 303)
        subject = Subject(plan.tariff, plan)
        if request.method == "POST":
            return self._save(subject)
        self.update_redirect()
        form = plan_page.begun(subject)
        remember(form, plan)
        return plan_page.page(self, form, subject)

    @expose("/preview", methods=["POST"])
    @has_access
    @permission_name("read")
    def preview(self) -> Any:
        """What stands in the form, priced and checked; nothing is stored."""
        if not any(self.appbuilder.sm.has_access(*right) for right in (p.ADD_TARIFFS, p.CHANGE_TARIFFS)):
            abort(403)
        subject = self._named(request.args)
        return jsonify(plan_page.answer(plan_page.sent(subject), subject))

    @expose("/read/<int:plan_id>")
    @has_access
    @permission_name("read")
    def read(self, plan_id: int) -> Any:
        """One plan in words, to read and to print."""
        plan = self._get(TariffPlan, plan_id)
        later = [other.effective_from for other in plan.tariff.plans if other.effective_from > plan.effective_from]
        return self.render_template(
            "tariffs/words.html",
            title=self.title,
            plan=plan,
            tariff=plan.tariff,
            until=min(later, default=None),
            words=read_out(plan, plan.tariff.meter_type),
        )

    @expose("/delete/<int:plan_id>", methods=["POST"])
    @has_access
    @permission_name("delete")
    def delete(self, plan_id: int) -> Any:
        """Delete a plan that has not sold."""
        plan = self._get(TariffPlan, plan_id)
        back = url_for("TariffView.show", pk=plan.tariff_id)
        try:
            tariffs.delete_plan(plan_id)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            flash(_("The plan is deleted."), "success")
        return redirect(back, 303)

    # --- one save -------------------------------------------------------------------------

    def _get(self, model: Any, key: int) -> Any:
        row = db.session.get(model, key) if 0 < key <= ID_MAX else None
        # A lifeline schedule is a plan below a plan and has no page of its own.
        if row is None or getattr(row, "parent_id", None) is not None:
            abort(404)
        return row

    def _named(self, given: Any) -> Subject:
        """The plan, the tariff or at least the kind of meter that an address names."""
        plan, tariff, kind = given.get("plan", ""), given.get("tariff", ""), given.get("meter_type", "")
        if plan.isdigit() and len(plan) <= 10:
            row = self._get(TariffPlan, int(plan))
            return Subject(row.tariff, row)
        if tariff.isdigit() and len(tariff) <= 10:
            return Subject(self._get(Tariff, int(tariff)))
        if kind not in set(MeterType):
            abort(404)
        return Subject(plan_page.new_tariff("", MeterType(kind)))

    def _source(self, tariff: Tariff) -> TariffPlan | None:
        wanted = request.args.get("after", "")
        named = [plan for plan in tariff.plans if str(plan.id) == wanted]
        if named:
            return named[0]
        return tariff.plans[-1] if tariff.plans else None

    def _save(self, subject: Subject) -> Any:
        form = plan_page.sent(subject)
        if "act" in request.form:  # no script: a button of a row
            form.act(request.form["act"][:60])
            return plan_page.page(self, form, subject)
        if "show" in request.form:  # no script: what does it mean so far?
            form.validate()
            return plan_page.page(self, form, subject)
        if subject.plan is not None and (TAKE in request.form or KEEP in request.form):
            _show_both(form, subject)
            return plan_page.page(self, form, subject)
        if form.validate():
            stored = self._store(form, subject)
            if stored is not None:
                return stored
        return plan_page.page(self, form, subject), UNPROCESSABLE

    def _store(self, form: PlanForm, subject: Subject) -> Any:
        """Store the plan and lead to its tariff; None when that was refused and the page says why."""
        tariff_id, plan = subject.tariff.id, subject.plan
        try:
            if subject.is_new:
                tariff_id = tariffs.add_tariff(subject.tariff.name, subject.tariff.meter_type, form.draft())
            elif plan is None:
                tariffs.add_plan(tariff_id, form.draft())
            else:
                tariffs.change_plan(plan.id, form.draft(), _version(form))
        except IntegrityError:
            if subject.is_new:
                flash(_("A tariff of this name is known already. Nothing was stored. Press Previous and choose another."), "danger")
            else:
                form.effective_from.errors = [_("Another plan of this tariff begins at this time.")]
        except (StaleDataError, StaleRow):
            form.stale = True
        except OutOfScope:
            abort(404)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            flash(_("The plan is saved. It holds from %(when)s.", when=figures.moment(form.effective_from.data)), "success")
            return redirect(url_for("TariffView.show", pk=tariff_id), 303)
        if form.stale:
            _show_both(form, subject)
        return None


def _show_both(form: PlanForm, subject: Subject) -> None:
    """Set what was typed beside the plan as it is stored now, field by field."""
    form.versions = show_both(form, plan_page.begun(subject), subject.plan, request.form)


def _version(form: PlanForm) -> int:
    """The version that the form was filled with; a forged one is an old one."""
    text = form.row_version.data or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
