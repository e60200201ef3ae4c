"""The plan page: step 2 of a tariff, and every plan that follows (manual S6)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.access.fab import SafeBaseView
from app.access.versions import TAKE, compare, take
from app.domain.errors import OutOfScope, Refusal, StaleRow
from app.domain.states import UNIT
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import tariffs
from app.views import figures
from app.views.installation import currency
from app.views.messages import sentence
from app.views.plan_form import FINES_MAX, STEPS_MAX, PlanForm, filled_from, first_start, next_start

ID_MAX = 2**31 - 1


class TariffPlanView(SafeBaseView):
    """Adding, changing and deleting a plan; one that has sold leads to a new one."""

    route_base = "/plans"
    class_permission_name = "TariffView"
    default_view = "add"
    title = list_title = _l("Tariff plan")

    @expose("/add/<int:tariff_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def add(self, tariff_id: int) -> Any:
        """A new plan; `after` names the plan it begins with, else the tariff's last one."""
        tariff = self._get(Tariff, tariff_id)
        source = self._source(tariff)
        if request.method == "POST":
            return self._save(tariff, None, source)
        if source is None:
            values: dict[str, Any] = {"name": tariff.name, "effective_from": first_start()}
        else:
            start = next_start()
            name = f"{tariff.name} {figures.moment(start).partition(',')[0]}"[:100]
            values = filled_from(source, effective_from=start, name=name)
        return self._page(PlanForm(formdata=None, data=values), tariff, None, source)

    @expose("/edit/<int:plan_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def edit(self, plan_id: int) -> Any:
        """A plan that has not sold yet; one that has is followed by a new one."""
        plan = self._get(TariffPlan, plan_id)
        if tariffs.has_sold(db.session(), plan_id) and request.method == "GET":
            flash(_("This plan has sold already and cannot change. Here is one that follows it."), "info")
            return redirect(url_for("TariffPlanView.add", tariff_id=plan.tariff_id, after=plan_id), 303)
        if request.method == "POST":
            return self._save(plan.tariff, plan, None)
        values = filled_from(plan, effective_from=plan.effective_from, name=plan.name)
        return self._page(PlanForm(formdata=None, data=values), plan.tariff, plan, None)

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

    def _source(self, tariff: Tariff) -> TariffPlan | None:
        wanted = request.args.get("after", "")
        named = [plan for plan in tariff.plans if str(plan.id) == wanted]
        if named:
            return named[0]
        return tariff.plans[-1] if tariff.plans else None

    def _save(self, tariff: Tariff, plan: TariffPlan | None, source: TariffPlan | None) -> Any:
        form = PlanForm()
        form.tariff, form.plan = tariff, plan
        tariff_id = tariff.id
        if "more" in request.form:  # no script: the button asks for further empty rows
            return self._page(form, tariff, plan, source)
        if plan is not None and TAKE in request.form:
            _show_both(form, plan, request.form[TAKE])
            return self._page(form, tariff, plan, source)
        if form.validate():
            try:
                if plan is None:
                    tariffs.add_plan(tariff_id, form.draft(), source and source.id)
                else:
                    tariffs.change_plan(plan.id, form.draft(), _version(form))
            except IntegrityError:
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
            tariff, plan = db.session.get(Tariff, tariff_id), plan and db.session.get(TariffPlan, plan.id)
            if plan is not None and form.stale:
                _show_both(form, plan)
                form.row_version.data = str(plan.version)  # whoever saves again has seen the other version
        return self._page(form, tariff, plan, source), 422

    def _page(self, form: PlanForm, tariff: Tariff, plan: TariffPlan | None, source: TariffPlan | None) -> Any:
        form.grow()
        unit, money = UNIT[tariff.meter_type], currency()
        self.update_redirect()
        return self.render_template(
            "tariffs/plan.html",
            title=_("Change plan") if plan else _("Add plan"),
            form=form,
            tariff=tariff,
            plan=plan,
            source=source,
            unit=unit,
            currency=money,
            steps_max=STEPS_MAX,
            fines_max=FINES_MAX,
        )


def _show_both(form: PlanForm, plan: TariffPlan, taken: str = "") -> None:
    """Set what was typed beside the plan as it is stored now; `taken` names a field to take from there."""
    stored = filled_from(plan, effective_from=plan.effective_from, name=plan.name)
    theirs = PlanForm(formdata=None, data=stored)
    take(form, theirs, taken)
    form.versions = compare(form, theirs, plan)


def _version(form: PlanForm) -> int:
    """The version that the form was filled with; a forged one is an old one."""
    text = form.row_version.data or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
