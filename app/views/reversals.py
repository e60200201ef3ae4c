"""A sale undone because its token was not handed over: one person asks, another approves (manual: four eyes)."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField
from wtforms.validators import InputRequired

from app.access import security_log
from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain.errors import NotReversible, OutOfScope, Refusal
from app.extensions import db
from app.services import reversals
from app.services.decisions import sale_of
from app.services.four_eyes import needs_second_person
from app.services.receipts import Receipt, receipt_for, reversal_of
from app.views.fields import Text
from app.views.four_eyes import why_apart, why_still_two
from app.views.messages import sentence
from app.views.troubles import status_of
from app.views.typed import ROW_ID_MAX, row_id


class ReversalForm(FlaskForm):
    """Why the sale is undone, and that nobody outside has its token."""

    not_handed_over = BooleanField(
        _l("The token was not handed over."),
        [InputRequired(_l("Say that it was not handed over. A sale whose token the customer has is not reversed."))],
        description=_l("Not printed for the customer, not read out, not sent, not photographed."),
    )
    reason = Text(
        _l("Reason"), most=200,
        description=_l("What happened, and how you know that the customer does not have the token."),
    )  # fmt: skip


class ReversalView(SafeBaseView):
    """The page of one sale's reversal."""

    route_base = "/reversals"
    default_view = "show"
    open_methods = frozenset({"decline"})  # either of two permissions, asked for within
    title = list_title = _l("Reverse a sale")

    @expose("/<int:sale_id>")
    @has_access
    @permission_name("read")
    def show(self, sale_id: int) -> Any:
        """The sale, whether it can be undone, and who asked for it."""
        receipt = _own(sale_id)
        self.update_redirect()
        return self._page(receipt)

    @expose("/<int:sale_id>/propose", methods=["POST"])
    @has_access
    @permission_name("propose")
    def propose(self, sale_id: int) -> Any:
        """Ask to undo it."""
        receipt = _own(sale_id)
        form = _form_of(receipt)
        if not form.validate():
            return self._page(receipt, form), 422
        try:
            said = "not_handed_over" in form and bool(form.not_handed_over.data)
            done = reversals.propose(sale_id, form.reason.data, current_scope(), not_handed_over=said)
        except Refusal as refusal:
            return self._refused(sale_id, refusal, form)
        if done is None:
            flash(_("It is asked for. Another person has to approve it; nothing is booked until then."), "success")
            return redirect(url_for("ReversalView.show", sale_id=sale_id), 303)
        return _booked(done)

    @expose("/<int:sale_id>/approve", methods=["POST"])
    @has_access
    @permission_name("approve")
    def approve(self, sale_id: int) -> Any:
        """Another person agrees, and the counter-entries are booked."""
        _own(sale_id)
        try:
            return _booked(reversals.approve(sale_id, _named(), current_scope()))
        except Refusal as refusal:
            return self._refused(sale_id, refusal)

    @expose("/<int:sale_id>/decline", methods=["POST"])
    def decline(self, sale_id: int) -> Any:
        """Who may approve disagrees, or the first person takes it back."""
        access = self.appbuilder.sm.has_access
        may_approve = access("can_approve", self.class_permission_name)
        if not (may_approve or access("can_propose", self.class_permission_name)):
            abort(403)
        _own(sale_id)
        try:
            reversals.decline(sale_id, _named(), current_scope(), may_approve=may_approve)
        except Refusal as refusal:
            return self._refused(sale_id, refusal)
        flash(_("The request is closed. The sale stands."), "success")
        return redirect(url_for("ReversalView.show", sale_id=sale_id), 303)

    def _refused(self, sale_id: int, refusal: Refusal, form: ReversalForm | None = None) -> Any:
        db.session.rollback()
        if isinstance(refusal, OutOfScope):
            abort(404)
        security_log.tell_rule(refusal)
        flash(sentence(refusal), "danger")
        return self._page(_own(sale_id), form), status_of(refusal)

    def _page(self, receipt: Receipt, form: ReversalForm | None = None) -> Any:
        told = reversals.requests_on(receipt.sale_id)
        open_one = next((one for one in told if one.status == reversals.PROPOSED), None)
        access = self.appbuilder.sm.has_access
        may_approve = access("can_approve", "ReversalView")
        return self.render_template(
            "receipts/reversal.html",
            title=self.title,
            receipt=receipt,
            currency=receipt.currency,
            told=told,
            open=open_one,
            apart=why_apart(open_one.proposed_by) if open_one and may_approve else "",
            reversal=reversal_of(db.session(), receipt.sale_id),
            why_not=_why_not(receipt),
            second=needs_second_person(db.session(), reversals.FUNCTION),
            still_two=why_still_two(reversals.FUNCTION),
            me=current_scope().user_id,
            form=form or _form_of(receipt, formdata=None),
            may_propose=access("can_propose", "ReversalView"),
            may_approve=may_approve,
        )


def _form_of(receipt: Receipt, **given: Any) -> ReversalForm:
    """Fees without a token: nothing can have been handed over."""
    form = ReversalForm(**given)
    if not receipt.token_units:
        del form.not_handed_over
    return form


def _why_not(receipt: Receipt) -> str:
    """The sentence that says why this sale cannot be undone; nothing when it can."""
    sale = sale_of(receipt.sale_id, current_scope())
    try:
        reversals.require_reversible(sale)
    except NotReversible as refusal:
        return sentence(refusal)
    return ""


def _own(sale_id: int) -> Receipt:
    if sale_id > ROW_ID_MAX:
        abort(404)
    try:
        return receipt_for(sale_id, current_scope())
    except OutOfScope:
        abort(404)


def _named() -> int:
    """The request that the page showed; 0 is none."""
    return row_id(request.form.get("request", "")) or 0


def _booked(reversal_id: int) -> Any:
    flash(_("The sale is reversed. Give the money back to the customer."), "success")
    return redirect(url_for("ReceiptView.show", sale_id=reversal_id), 303)
