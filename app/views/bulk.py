"""Changing many rows at once: the ticked ones, or all that a list shows with its filters.

First the question, with the number and what will be done; then the change, at once for some
rows and as background work for many.
"""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import HiddenField

from app.access.fab import SafeBaseView
from app.domain.states import MeterStatus
from app.extensions import db
from app.services import bulk, tasks
from app.views import choices, figures, filtered, import_words
from app.views.fields import NEEDED, Row, Text, Word
from app.views.import_files import new_reference
from app.views.imports import REFERENCE, owner
from app.views.many import BULK_ACTS
from app.views.meter_form import tariffs
from app.views.pickers import REGIONS, Picker
from app.views.typed import row_id
from app.views.work_runs import CHANGES

TICKED_MAX = 500


class BulkForm(FlaskForm):
    """What is done to each of the rows; only the field of the act is shown and read."""

    tariff = Row(_l("Tariff"), tariffs, get_label=lambda row: figures.bracketed(row.name, choices.METER_TYPE[row.meter_type]))
    region = Picker(_l("Region"), REGIONS)
    status = Word(_l("State"), choices.METER_STATUS)
    reason = Text(_l("Reason"), most=200, required=False, description=_l("Needed to block, release or remove; the counter sees it."))
    reference = HiddenField()

    def keep(self, act: str) -> None:
        """Leave only what belongs to the act."""
        for name in ("tariff", "region", "status"):
            if name != act:
                del self[name]
        if act != "status":
            del self.reason

    def validate(self, extra_validators: Any = None) -> bool:
        """A blocked meter needs its reason."""
        fine = super().validate(extra_validators)
        if "status" in self and self.status.data is MeterStatus.BLOCKED and not self.reason.data:
            self.reason.errors = [*self.reason.errors, NEEDED]
            return False
        return fine

    def value(self, act: str) -> Any:
        """The value as the change keeps it."""
        data = self[act].data
        return data.value if act == "status" else data.id


class BulkView(SafeBaseView):
    """Many rows at once."""

    route_base = "/bulk"
    default_view = "choose"
    title = _l("Change many rows")

    @expose("/choose/<kind>", methods=["POST"])
    @has_access
    @permission_name("change")
    def choose(self, kind: str) -> Any:
        """The question: how many rows, and what shall become of them."""
        act = self._require(kind)
        if not act:
            return redirect(url_for(f"{filtered.PAGES[kind][0]}.list"), 303)
        form = BulkForm(formdata=None)
        form.keep(act)
        form.reference.data = new_reference()
        return self._question(kind, act, form)

    @expose("/run/<kind>", methods=["POST"])
    @has_access
    @permission_name("change")
    def run(self, kind: str) -> Any:
        """Do it."""
        act = self._require(kind)
        if not act:
            return redirect(url_for(f"{filtered.PAGES[kind][0]}.list"), 303)
        form = BulkForm()
        form.keep(act)
        if not form.validate():
            return self._question(kind, act, form), 422
        reference = form.reference.data or ""
        if not REFERENCE.fullmatch(reference):
            abort(400)
        rows = self._rows(kind)
        if request.form.get("seen") != filtered.seal(rows):
            flash(_("The list has other rows now than you were shown. Look at the number again."), "warning")
            return self._question(kind, act, form), 409
        parameters = {
            "kind": kind, "act": act, "value": form.value(act), "reason": form.reason.data or "" if act == "status" else "",
            "ids": rows,
        }  # fmt: skip
        task = tasks.ask("bulk", f"bulk-{owner().user_id}-{reference}", owner(), parameters, len(rows))
        return redirect(url_for("WorkView.show", task_id=task), 303)

    # --- what was chosen ------------------------------------------------------------------

    def _require(self, kind: str) -> str:
        """The act that is wanted, or nothing when none of this kind is."""
        if kind not in bulk.ACTS:
            abort(404)
        needed = CHANGES[kind]
        if not self.appbuilder.sm.has_access(needed.action, needed.page):
            abort(403)
        act = request.form.get("act", "")
        ids, everything = self._ticked()
        if act not in bulk.ACTS[kind] or not (ids or everything):
            flash(_("Tick a row first."), "warning")
            return ""
        return act

    def _ticked(self) -> tuple[list[int], bool]:
        keys = [row_id(key) for key in request.form.getlist("rowid")[: TICKED_MAX + 1]]
        ids = [key for key in keys if key]
        if len(ids) > TICKED_MAX:
            abort(413)
        return ids, request.form.get("all") == "1"

    def _rows(self, kind: str) -> list[int]:
        """The ids of the rows that are meant, in their order."""
        ids, everything = self._ticked()
        rows = filtered.chosen(kind) if everything else filtered.among(kind, ids)
        return sorted(db.session.scalars(rows))

    def _question(self, kind: str, act: str, form: BulkForm) -> Any:
        ids, everything = self._ticked()
        rows, model = self._rows(kind), filtered.PAGES[kind][1]
        count = len(rows)
        few = db.session.scalars(db.select(model).where(model.id.in_(rows[:5])).order_by(model.id)).all()
        words = {
            "meters": ngettext("%(num)d meter", "%(num)d meters", count),
            "consumers": ngettext("%(num)d consumer", "%(num)d consumers", count),
        }
        return self.render_template(
            "bulk/confirm.html", title=str(BULK_ACTS[act]), kind=kind, act=act, form=form, count=count, seen=filtered.seal(rows),
            ids=ids, everything=everything, few=[str(row) for row in few], many=words[kind],
            list_url=url_for(f"{filtered.PAGES[kind][0]}.list"), kinds=import_words.KINDS,
            query=request.query_string.decode("ascii", "replace"),
        )  # fmt: skip


