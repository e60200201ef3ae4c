"""One act of the engineering desk: what was asked, its tokens, its approval, its answer that is late."""

from __future__ import annotations

import json
from typing import Any

from flask import abort, current_app, flash, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app.access import security_log
from app.access.current import current_scope
from app.domain.engineering import ActStatus, act_number
from app.domain.errors import OutOfScope, Refusal
from app.extensions import db
from app.models import EngineeringRecord
from app.services import engineering
from app.services.engineering_tokens import resolve_act
from app.services.receipts import in_order, is_repeated
from app.views.decisions import ID_MAX, patience
from app.views.engineering_slip import what_to_do
from app.views.engineering_words import TESTS, TOLD, meter_of, name_of, tests_of, value_of
from app.views.four_eyes import why_apart
from app.views.messages import sentence
from app.views.troubles import status_of


class ActPages:
    """The pages of one act; `EngineeringView` has them."""

    appbuilder: Any

    @expose("/acts/<int:record_id>")
    @has_access
    @permission_name("read")
    def act(self, record_id: int) -> Any:
        """What was asked, by whom, why, and its tokens."""
        record = own(record_id)
        self.update_redirect()
        return self._act_page("engineering/act.html", record)

    @expose("/acts/<int:record_id>/approve", methods=["POST"])
    @has_access
    @permission_name("approve")
    def approve(self, record_id: int) -> Any:
        """A second person agrees, and the token is made."""
        own(record_id)
        try:
            engineering.approve(record_id, current_scope(), modules_of_app())
        except Refusal as refusal:
            return self._refused(record_id, refusal)
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)

    @expose("/acts/<int:record_id>/decline", methods=["POST"])
    @has_access
    @permission_name("decline")
    def decline(self, record_id: int) -> Any:
        """A second person disagrees, or the first one takes it back."""
        own(record_id)
        try:
            may_approve = self.appbuilder.sm.has_access("can_approve", self.class_permission_name)
            engineering.decline(record_id, current_scope(), may_approve=may_approve)
        except Refusal as refusal:
            return self._refused(record_id, refusal)
        flash(_("The proposal is closed. No token was made."), "success")
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)

    @expose("/acts/<int:record_id>/resolve", methods=["POST"])
    @has_access
    @permission_name("ask_again")
    def resolve(self, record_id: int) -> Any:
        """Ask the module again what became of it."""
        own(record_id)
        if resolve_act(record_id, modules_of_app(), patience()) is ActStatus.RESERVED:
            flash(_("The module has no answer yet. It is asked again by itself."), "warning")
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)

    def _act_page(self, template: str, record: EngineeringRecord, status: int = 200, **more: Any) -> Any:
        asked = record.status == ActStatus.PROPOSED and self.may("approve")
        page = self.render_template(
            template,
            title=name_of(record.function),
            record=record,
            details=json.loads(record.details),
            facts=json.loads(record.snapshot),
            mine=record.operator_id == current_scope().user_id,
            apart=why_apart(record.operator_id) if asked else "",
            number=act_number(record.id),
            tokens=in_order(record.tokens),
            help_line=what_to_do(record, repeated=is_repeated(db.session(), record.tokens)),
            **(words_of(self) | more),
        )
        return page, status

    def _refused(self, record_id: int, refusal: Refusal) -> Any:
        db.session.rollback()
        security_log.tell_rule(refusal)
        flash(sentence(refusal), "danger")
        return self._act_page("engineering/act.html", own(record_id), status_of(refusal))

    def may(self, action: str) -> bool:
        """Whether the reader may do this at the desk."""
        return bool(self.appbuilder.sm.has_access(f"can_{action}", "EngineeringView"))


def modules_of_app() -> Any:
    """The security modules of this installation."""
    return current_app.extensions["modules"]


def words_of(view: Any) -> dict[str, Any]:
    """What every template of the desk speaks with."""
    return {
        "told_of": TOLD, "name_of": name_of, "value_of": value_of, "tests_of": tests_of, "all_tests": TESTS,
        "may": view.may, "meter_of": meter_of,
    }  # fmt: skip


def own(record_id: int) -> EngineeringRecord:
    """The act, or 404 for a foreign one and for one that is not there."""
    if record_id > ID_MAX:
        abort(404)
    try:
        return engineering.record_of(record_id, current_scope())
    except OutOfScope:
        abort(404)
