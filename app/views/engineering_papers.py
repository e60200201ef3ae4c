"""The slip of an engineering act: on the screen, on paper, as a file.

As with a receipt, looking counts nothing; printing and the file are POSTs that count, so that every
paper and file after the first bears COPY and its number.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import force_locale

from app.access.current import current_scope
from app.domain.engineering import ActStatus, act_number
from app.domain.states import Paper
from app.extensions import db
from app.models import EngineeringRecord
from app.services.act_copies import copies_of, count_act_copy
from app.services.papers import paper_of
from app.services.receipts import is_repeated
from app.views.engineering_acts import ActPages, own
from app.views.engineering_slip import ActSlip, draw, make_act_slip, page_size
from app.views.language import chosen_language
from app.views.papers import asked_paper, offered, remember_printed
from app.views.slip_language import language_of


class ActPapers(ActPages):
    """The papers of one act; `EngineeringView` has them."""

    @expose("/acts/<int:record_id>/paper")
    @has_access
    @permission_name("read")
    def paper(self, record_id: int) -> Any:
        """The slip as it will be printed, and the button that prints it."""
        record = _issued(record_id)
        return self._paper_page(record, copies_of(db.session(), record_id))

    @expose("/acts/<int:record_id>/printed", methods=["POST"])
    @has_access
    @permission_name("print")
    def printed(self, record_id: int) -> Any:
        """Count one printing; the page that comes back is the one to print."""
        record = _issued(record_id)
        mark = _counted(record)
        remember_printed()
        if request.accept_mimetypes.best == "application/json":
            return {"copy": mark}
        return self._paper_page(record, mark, print_now=True)

    @expose("/acts/<int:record_id>/slip.pdf", methods=["POST"])
    @has_access
    @permission_name("print")
    def pdf(self, record_id: int) -> Any:
        """The slip as a file, on any paper: it can be handed over like a printed one, and counts like one."""
        from app.views.receipt_pdf import render_act_pdf  # xhtml2pdf costs a third of a second

        record = _issued(record_id)
        paper = paper_of(request.values.get("paper")) or Paper.SHEET
        with force_locale(_language(record)):
            content = render_act_pdf(_slip(record, _counted(record)), paper)
        named = {"Content-Disposition": f'attachment; filename="{act_number(record.id)}.pdf"'}
        return Response(content, mimetype="application/pdf", headers=named)

    def _paper_page(self, record: EngineeringRecord, mark: int, **more: Any) -> Any:
        paper = asked_paper()
        language = _language(record)
        with force_locale(language):
            slip = _slip(record, mark)
            article, sizes = draw(slip, paper), (page_size(slip, paper), page_size(slip, paper, mark=1))
        return self._act_page(
            "engineering/paper.html", record, article=article, page_sizes=sizes, may_print=self.may("print"),
            **offered(paper, language), **more,
        )  # fmt: skip


def _issued(record_id: int) -> EngineeringRecord:
    """One's own act that has tokens; 404 otherwise."""
    record = own(record_id)
    if record.status != ActStatus.ISSUED:
        abort(404)
    return record


def _counted(record: EngineeringRecord) -> int:
    """Count one more paper or file: the number of the copy, 0 for the original."""
    scope = current_scope()
    return count_act_copy(record.id, scope.user_id or 0, scope) - 1


def _slip(record: EngineeringRecord, mark: int) -> ActSlip:
    return make_act_slip(record, mark, repeated=is_repeated(db.session(), record.tokens))


def _language(record: EngineeringRecord) -> str:
    """The slip's language: the consumer's where the meter is somebody's, else the reader's; the address may ask for another."""
    facts, wanted = json.loads(record.snapshot), request.values.get("lang")
    return language_of(facts, wanted) if facts.get("consumer") else language_of({}, wanted or chosen_language())
