"""A sale that waits too long for its token: one person proposes what becomes of it, another approves.

The page tells what is known, what either way means, and who said what before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from app.access import security_log
from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain.errors import OutOfScope, Refusal
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale
from app.models.base import now
from app.services import decisions
from app.services.resolve import Patience
from app.services.restores import last_restore
from app.views.fields import Text, Word
from app.views.four_eyes import why_apart
from app.views.messages import sentence
from app.views.troubles import status_of
from app.views.typed import row_id

ID_MAX = 2**31 - 1
KIND = {
    decisions.RELEASE: _l("Release the sale and give the money back"),
    decisions.ASK_AGAIN: _l("Ask the module again for a token"),
}


class ProposalForm(FlaskForm):
    """What shall become of the sale, and why."""

    kind = Word(_l("What shall become of it"), KIND)
    reason = Text(_l("Reason"), most=200, description=_l("What you looked at, and whom you asked. The other person reads it, and the auditor."))


class DecisionView(SafeBaseView):
    """Decisions on sales that wait longer than any module remembers."""

    route_base = "/decisions"
    default_view = "show"
    open_methods = frozenset({"decline"})  # either of two permissions, asked for within
    title = list_title = _l("Decisions on lost sales")

    @expose("/<int:sale_id>")
    @has_access
    @permission_name("read")
    def show(self, sale_id: int) -> Any:
        """The sale, what can be decided, and what was."""
        return self._page(_own(sale_id))

    @expose("/<int:sale_id>/propose", methods=["POST"])
    @has_access
    @permission_name("propose")
    def propose(self, sale_id: int) -> Any:
        """One person says what shall become of it."""
        sale, form = _own(sale_id), ProposalForm()
        if not form.validate():
            return self._page(sale, form), 422
        try:
            decisions.propose(sale_id, form.kind.data, form.reason.data, current_scope(), memory())
        except Refusal as refusal:
            return self._refused(sale_id, refusal, form)
        flash(_("It is proposed. Another person has to approve it."), "success")
        return redirect(url_for("DecisionView.show", sale_id=sale_id), 303)

    @expose("/<int:sale_id>/approve", methods=["POST"])
    @has_access
    @permission_name("approve")
    def approve(self, sale_id: int) -> Any:
        """Another person agrees, and it is done."""
        _own(sale_id)
        modules = current_app.extensions["modules"]
        try:
            status = decisions.approve(sale_id, _named(), current_scope(), modules, patience())
        except Refusal as refusal:
            return self._refused(sale_id, refusal)
        return _done(sale_id, status)

    @expose("/<int:sale_id>/decline", methods=["POST"])
    def decline(self, sale_id: int) -> Any:
        """Who may approve disagrees, or the first person takes it back."""
        access = self.appbuilder.sm.has_access
        may_approve = access("can_approve", self.class_permission_name)
        if not (may_approve or access("can_propose", self.class_permission_name)):
            abort(403)
        _own(sale_id)
        try:
            decisions.decline(sale_id, _named(), current_scope(), may_approve=may_approve)
        except Refusal as refusal:
            return self._refused(sale_id, refusal)
        flash(_("The proposal is closed. The sale waits as before."), "success")
        return redirect(url_for("DecisionView.show", sale_id=sale_id), 303)

    @expose("/<int:sale_id>/carry-out", methods=["POST"])
    @has_access
    @permission_name("approve")
    def carry_out(self, sale_id: int) -> Any:
        """Do what was approved, when the power failed between the two."""
        _own(sale_id)
        try:
            modules = current_app.extensions["modules"]
            status = decisions.carry_out(sale_id, _named(), current_scope(), modules, patience())
        except Refusal as refusal:
            return self._refused(sale_id, refusal)
        return _done(sale_id, status)

    # --- the page -------------------------------------------------------------------------

    def _refused(self, sale_id: int, refusal: Refusal, form: ProposalForm | None = None) -> Any:
        if isinstance(refusal, OutOfScope):
            abort(404)
        security_log.tell_rule(refusal)
        flash(sentence(refusal), "danger")
        return self._page(_own(sale_id), form), status_of(refusal)

    def _page(self, sale: Sale, form: ProposalForm | None = None) -> Any:
        told = decisions.decisions_on(sale.id)
        restored = last_restore(db.session())
        why = decisions.cause(sale, memory(), restored, now())
        waits = sale.status is SaleStatus.RESERVED
        open_one = next((one for one in told if one.open), None)
        may_approve = self.appbuilder.sm.has_access("can_approve", "DecisionView")
        self.update_redirect()
        return self.render_template(
            "decisions/show.html",
            title=_("What becomes of this sale?"),
            sale=sale,
            told=told,
            open=open_one,
            apart=why_apart(open_one.proposed_by) if open_one and may_approve else "",
            undone=next((one for one in told if waits and one.status == "done" and one.kind == decisions.RELEASE), None),
            until=decisions.due_at(sale, memory(), restored),
            restored=restored,
            why=why,
            waits=waits,
            me=current_scope().user_id,
            form=form or ProposalForm(formdata=None),
            kinds=KIND,
            may_propose=self.appbuilder.sm.has_access("can_propose", "DecisionView"),
            may_approve=may_approve,
            may_resolve=self.appbuilder.sm.has_access("can_resolve", "HomeView"),
        )


def memory() -> timedelta:
    """For how long a module surely remembers, where it does not say so itself."""
    return timedelta(hours=current_app.config["MODULE_MEMORY_H"])


def patience() -> Patience:
    """How long an answer may be under way, and how long a module surely remembers it."""
    return Patience(wait=timedelta(seconds=current_app.config["MODULE_WAIT_S"]), memory=memory())


def _own(sale_id: int) -> Sale:
    if sale_id > ID_MAX:
        abort(404)
    try:
        return decisions.sale_of(sale_id, current_scope())
    except OutOfScope:
        abort(404)


def _named() -> int:
    """The proposal that the page showed; 0 is none."""
    return row_id(request.form.get("decision", "")) or 0


def _done(sale_id: int, status: SaleStatus) -> Any:
    if status is SaleStatus.RESERVED:
        flash(_("The module has no answer yet. The money stays held. Resolve it in a minute."), "warning")
        return redirect(url_for("DecisionView.show", sale_id=sale_id), 303)
    if status is SaleStatus.FAILED:
        flash(_("The sale is released and the money is free again."), "success")
    else:
        flash(_("The module gave the token. The sale is done."), "success")
    return redirect(url_for("ReceiptView.show", sale_id=sale_id), 303)
