"""The receipt of a sale: on the screen, on paper, as a file.

The page is in the reader's language, the slip in the consumer's.  Looking counts nothing.  Printing and
the file are POSTs that count, so that every paper and file after the first bears COPY and its number.
"""

from __future__ import annotations

from typing import Any

from flask import Response, abort, render_template, request
from flask_appbuilder import expose
from flask_babel import force_locale
from markupsafe import Markup

from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.domain.errors import OutOfScope
from app.domain.states import Paper, SaleStatus
from app.extensions import db
from app.services.decisions import release_of
from app.services.papers import paper_of
from app.services.receipts import Receipt, count_reprint, receipt_for
from app.services.slip_logo import logo_of
from app.views.language import chosen_language
from app.views.papers import asked_paper, offered, remember_printed
from app.views.roll import logo_size_mm, page_size
from app.views.slip import Slip, make_slip, picture, qr, token_title
from app.views.slip_language import slip_language


class ReceiptView(SafeBaseView):
    """One sale after it was made."""

    route_base = "/receipts"
    default_view = "show"
    method_permission_name = {
        "show": "read", "paper": "read", "state": "read", "printed": "print", "pdf": "print",
    }  # fmt: skip

    @expose("/<int:sale_id>")
    @has_access
    def show(self, sale_id: int) -> Any:
        """The token, large; how it was worked out; print, PDF, next customer."""
        return self._page("receipts/show.html", _own(sale_id))

    @expose("/<int:sale_id>/paper")
    @has_access
    def paper(self, sale_id: int) -> Any:
        """The slip as it will be printed, and the button that prints it."""
        receipt = _own(sale_id)
        return self._page("receipts/paper.html", receipt, receipt.copies)

    @expose("/<int:sale_id>/state")
    @has_access
    def state(self, sale_id: int) -> Any:
        """Whether a sale still waits: the page of a pending sale asks now and then."""
        return {"status": _own(sale_id).status.value}

    @expose("/<int:sale_id>/printed", methods=["POST"])
    @has_access
    def printed(self, sale_id: int) -> Any:
        """Count one printing; the page that comes back is the one to print."""
        receipt = _own(sale_id)
        mark = _counted(receipt)
        remember_printed()
        if request.accept_mimetypes.best == "application/json":
            return {"copy": mark}
        return self._page("receipts/paper.html", receipt, mark, print_now=True)

    @expose("/<int:sale_id>/receipt.pdf", methods=["POST"])
    @has_access
    def pdf(self, sale_id: int) -> Any:
        """The receipt as a file, on any paper: it can be handed over like a printed one, and counts like one."""
        from app.views.receipt_pdf import render_pdf  # xhtml2pdf costs a third of a second

        receipt = _own(sale_id)
        with force_locale(_language(receipt)):
            content = render_pdf(_slip(receipt, _counted(receipt)), paper_of(request.values.get("paper")) or Paper.SHEET)
        name = f"{receipt.number or receipt.reference[:12]}.pdf"
        return Response(
            content,
            mimetype="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _page(self, template: str, receipt: Receipt, mark: int = 0, **more: Any) -> Any:
        paper = asked_paper()
        language = _language(receipt)
        with force_locale(language):
            printed = _slip(receipt, mark)
            article, sizes = draw(printed, paper), (page_size(printed, paper), page_size(printed, paper, mark=1))
        return self.render_template(
            template,
            slip=_slip(receipt, mark),
            receipt=receipt,
            currency=receipt.currency,
            unit=receipt.unit,
            token_title=token_title,
            article=article,
            page_sizes=sizes,
            other_language=language != chosen_language(),
            may_reverse=self.appbuilder.sm.has_access("can_read", "ReversalView"),
            **offered(paper, language),
            **more,
        )


def draw(slip: Slip, paper: Paper) -> Markup:
    """The paper itself, in the language that is spoken now."""
    return Markup(  # noqa: S704  (a template of our own, which escapes)
        render_template(
            "receipts/_sheet.html" if paper is Paper.SHEET else "receipts/_slip.html",
            slip=slip,
            receipt=slip.receipt,
            currency=slip.receipt.currency,
            paper=paper.value,
            logo_mm=logo_size_mm(slip.logo, paper) if slip.logo else None,
            picture=picture,
            qr=qr,
        )
    )


def _own(sale_id: int) -> Receipt:
    """The receipt, or 404 for a foreign sale and for one that is not there."""
    if sale_id > 2**31 - 1:
        abort(404)
    try:
        return receipt_for(sale_id, current_scope())
    except OutOfScope:
        abort(404)


def _counted(receipt: Receipt) -> int:
    """Count one more paper or file of the slip: the number of the copy, 0 for the original and before there is a token."""
    if receipt.status is not SaleStatus.ISSUED:
        return 0
    scope = current_scope()
    return count_reprint(receipt.sale_id, scope.user_id or 0, scope) - 1


def _language(receipt: Receipt) -> str:
    """The slip's language; the address may ask for another one."""
    return slip_language(receipt, request.values.get("lang"))


def _slip(receipt: Receipt, mark: int = 0) -> Slip:
    """The slip; that of a failed sale tells of the decision that released it."""
    failed = receipt.status is SaleStatus.FAILED
    logo = logo_of(db.session(), receipt.facts["utility"].get("logo"))
    return make_slip(receipt, mark, release_of(receipt.sale_id) if failed else None, logo)
