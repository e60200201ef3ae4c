"""The receipt of a sale: on the screen, on paper, as a file.

Looking counts nothing.  Printing is a POST that counts, so that every paper after the first
bears COPY and its number.
"""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request
from flask_appbuilder import expose

from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.domain.errors import OutOfScope
from app.domain.states import SaleStatus
from app.services.decisions import release_of
from app.services.receipts import Receipt, count_reprint, receipt_for
from app.views.slip import SAY, Slip, how_many_tokens, make_slip, qr, token_title

PAPERS = ("80mm", "a4")


class ReceiptView(SafeBaseView):
    """One sale after it was made."""

    route_base = "/receipts"
    default_view = "show"
    method_permission_name = {
        "show": "read", "paper": "read", "pdf": "read", "printed": "print",
    }  # fmt: skip

    @expose("/<int:sale_id>")
    @has_access
    def show(self, sale_id: int) -> Any:
        """The token, large; how it was worked out; print, PDF, next customer."""
        return self._page("receipts/show.html", _slip(_own(sale_id)))

    @expose("/<int:sale_id>/paper")
    @has_access
    def paper(self, sale_id: int) -> Any:
        """The slip as it will be printed, and the button that prints it."""
        receipt = _own(sale_id)
        return self._page("receipts/paper.html", _slip(receipt, receipt.copies), paper=_paper())

    @expose("/<int:sale_id>/printed", methods=["POST"])
    @has_access
    def printed(self, sale_id: int) -> Any:
        """Count one printing; the page that comes back is the one to print."""
        receipt = _own(sale_id)
        number = 1
        if receipt.status is SaleStatus.ISSUED:
            number = count_reprint(sale_id, current_scope().user_id or 0, current_scope())
        slip = _slip(receipt, number - 1)
        if request.accept_mimetypes.best == "application/json":
            return {"copy": slip.mark}
        return self._page("receipts/paper.html", slip, paper=_paper(), print_now=True)

    @expose("/<int:sale_id>/receipt.pdf")
    @has_access
    def pdf(self, sale_id: int) -> Any:
        """The A4 receipt as a file; one that was printed before is a copy."""
        from app.views.receipt_pdf import render_pdf  # xhtml2pdf costs a third of a second

        receipt = _own(sale_id)
        content = render_pdf(_slip(receipt, receipt.copies))
        name = f"{receipt.number or receipt.reference[:12]}.pdf"
        return Response(
            content,
            mimetype="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _page(self, template: str, slip: Slip, **more: Any) -> Any:
        return self.render_template(
            template,
            slip=slip,
            receipt=slip.receipt,
            currency=slip.receipt.currency,
            unit=slip.receipt.unit,
            qr=qr,
            say=SAY,
            token_title=token_title,
            help_line=how_many_tokens(len(slip.receipt.tokens)),
            may_reverse=self.appbuilder.sm.has_access("can_read", "ReversalView"),
            **more,
        )


def _own(sale_id: int) -> Receipt:
    """The receipt, or 404 for a foreign sale and for one that is not there."""
    if sale_id > 2**31 - 1:
        abort(404)
    try:
        return receipt_for(sale_id, current_scope())
    except OutOfScope:
        abort(404)


def _slip(receipt: Receipt, mark: int = 0) -> Slip:
    """The slip; that of a failed sale tells of the decision that released it."""
    failed = receipt.status is SaleStatus.FAILED
    return make_slip(receipt, mark, release_of(receipt.sale_id) if failed else None)


def _paper() -> str:
    wanted = request.values.get("paper", PAPERS[0])
    return wanted if wanted in PAPERS else PAPERS[0]
