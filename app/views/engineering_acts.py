"""One act of the engineering desk: what was asked, its tokens and slip, its approval, its answer that is late."""

from __future__ import annotations

import json
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app.access.current import current_scope
from app.domain.engineering import ActStatus
from app.domain.errors import OutOfScope, Refusal
from app.extensions import db
from app.models import EngineeringRecord
from app.services import engineering
from app.services.engineering_tokens import resolve_act
from app.views.decisions import ID_MAX, patience
from app.views.engineering_words import TESTS, TOLD, name_of, tests_of, value_of
from app.views.messages import sentence
from app.views.roll import plain_mm
from app.views.slip import DEMONSTRATION, how_many_tokens, qr
from app.views.troubles import status_of

PAPERS = ("80mm", "a4")
# Rows of a slip that never wrap, and how long a label beside a value that may.
ROWS_SURE, LABEL_SIGNS = 8, 16


class ActPages:
    """The pages of one act; `EngineeringView` has them."""

    appbuilder: Any

    @expose("/acts/<int:record_id>")
    @has_access
    @permission_name("read")
    def act(self, record_id: int) -> Any:
        """What was asked, by whom, why, and its tokens."""
        record = _own(record_id)
        self.update_redirect()
        return self._act_page("engineering/act.html", record)

    @expose("/acts/<int:record_id>/paper")
    @has_access
    @permission_name("read")
    def paper(self, record_id: int) -> Any:
        """The slip of an act."""
        record = _own(record_id)
        if record.status != ActStatus.ISSUED:
            abort(404)
        wanted = request.args.get("paper", PAPERS[0])
        paper = wanted if wanted in PAPERS else PAPERS[0]
        return self._act_page("engineering/paper.html", record, paper=paper, height_mm=_height_mm(record))

    @expose("/acts/<int:record_id>/approve", methods=["POST"])
    @has_access
    @permission_name("approve")
    def approve(self, record_id: int) -> Any:
        """A second person agrees, and the token is made."""
        _own(record_id)
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
        _own(record_id)
        try:
            engineering.decline(record_id, current_scope())
        except Refusal as refusal:
            return self._refused(record_id, refusal)
        flash(_("The proposal is closed. No token was made."), "success")
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)

    @expose("/acts/<int:record_id>/resolve", methods=["POST"])
    @has_access
    @permission_name("ask_again")
    def resolve(self, record_id: int) -> Any:
        """Ask the module again what became of it."""
        _own(record_id)
        if resolve_act(record_id, modules_of_app(), patience()) is ActStatus.RESERVED:
            flash(_("The module has no answer yet. It is asked again by itself."), "warning")
        return redirect(url_for("EngineeringView.act", record_id=record_id), 303)

    def _act_page(self, template: str, record: EngineeringRecord, status: int = 200, **more: Any) -> Any:
        page = self.render_template(
            template,
            title=name_of(record.function),
            record=record,
            details=json.loads(record.details),
            facts=json.loads(record.snapshot),
            mine=record.operator_id == current_scope().user_id,
            help_line=how_many_tokens(len(record.tokens)),
            qr=qr,
            **(words_of(self) | more),
        )
        return page, status

    def _refused(self, record_id: int, refusal: Refusal) -> Any:
        db.session.rollback()
        flash(sentence(refusal), "danger")
        return self._act_page("engineering/act.html", _own(record_id), status_of(refusal))

    def may(self, action: str) -> bool:
        """Whether the reader may do this at the desk."""
        return bool(self.appbuilder.sm.has_access(f"can_{action}", "EngineeringView"))


def _height_mm(record: EngineeringRecord) -> int:
    """How long the roll must be: the rows that fit a line counted at their most, the others as they wrap."""
    facts, details = json.loads(record.snapshot), json.loads(record.details)
    utility, point, meter = facts["utility"], facts["point"], facts.get("meter") or {}
    title, tokens = name_of(record.function), len(record.tokens)
    long = [record.reason, title, meter.get("address") or "", (facts.get("consumer") or {}).get("name", "")]
    long.append(str(tests_of(details["tests"])) if details.get("tests") else "")
    texts = [utility["address"] or "", f"{point['name']}, {point['region']}", str(DEMONSTRATION), how_many_tokens(tokens)]
    rows = [*[("", "")] * ROWS_SURE, *(("-" * LABEL_SIGNS, value) for value in long if value)]
    return plain_mm([utility["name"], title, *[title] * tokens], [*texts, utility["footer"] or ""], rows, tokens)


def modules_of_app() -> Any:
    """The security modules of this installation."""
    return current_app.extensions["modules"]


def words_of(view: Any) -> dict[str, Any]:
    """What every template of the desk speaks with."""
    return {
        "told_of": TOLD, "name_of": name_of, "value_of": value_of, "tests_of": tests_of, "all_tests": TESTS,
        "may": view.may,
    }  # fmt: skip


def _own(record_id: int) -> EngineeringRecord:
    if record_id > ID_MAX:
        abort(404)
    try:
        return engineering.record_of(record_id, current_scope())
    except OutOfScope:
        abort(404)
