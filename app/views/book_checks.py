"""Checks as a page: the books recounted, the log of changes followed, the modules' counts matched.

The same services as `flask ledger check`, `flask audit verify` and `flask module match`; what is large
is done by the worker.  Figures of others stay theirs: somebody of a region reads the differences of their
own rows, how many there are elsewhere, and of each module only whether its count agrees.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from app.access import permissions as p
from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView
from app.extensions import db
from app.models import BackgroundTask, BookCheck
from app.models.base import now
from app.services import audit_chain, book_checks, match, tasks
from app.views import check_words
from app.views.fields import UNSTORABLE
from app.views.import_files import new_reference
from app.views.imports import owner

TASKS = {book_checks.LEDGER: "ledger_check", book_checks.AUDIT: "audit_verify"}
SHOWN = 20
# What an accepted count has room for, and how long the id of one is at most.
REASON_MAX, COUNT_DIGITS = 200, 18


class BookCheckView(SafeBaseView):
    """Do the books, the log and the modules agree?"""

    route_base = "/checks"
    default_view = "page"
    title = list_title = _l("Checks")

    @expose("/")
    @has_access
    @permission_name("read")
    def page(self) -> Any:
        """What was found last."""
        self.update_redirect()
        return self._page()

    def _page(self, wrong: int = 0, **more: Any) -> Any:
        scope, matched = current_scope(), book_checks.last(book_checks.MATCH)
        unasked = match.unasked(matched)
        return self.render_template(
            "checks/page.html",
            title=self.title,
            ledger=_told(book_checks.last(book_checks.LEDGER)),
            audit=_told(book_checks.last(book_checks.AUDIT)),
            matched=matched,
            unasked=unasked,
            modules=[_module(found, unasked) for found in match.newest()],
            whole=scope.sees_all,
            under_way=_under_way(),
            sources=check_words.SOURCES,
            old_before=now() - book_checks.OLD_AFTER,
            may_accept=scope.sees_all and self.appbuilder.sm.has_access(*p.ACCEPT_COUNTS),
            wrong=wrong,
            reason_max=REASON_MAX,
            **more,
        )

    @expose("/ledger", methods=["POST"])
    @has_access
    @permission_name("read")
    def ledger(self) -> Any:
        """Recount the books now."""
        if book_checks.is_large(book_checks.LEDGER):
            return _by_the_worker(book_checks.LEDGER)
        wrong = len(book_checks.ledger(_name()))
        if wrong:
            flash(ngettext("%(num)d difference was found.", "%(num)d differences were found.", wrong), "warning")
        else:
            flash(_("The books agree with the sales."), "success")
        return redirect(url_for("BookCheckView.page"), 303)

    @expose("/audit", methods=["POST"])
    @has_access
    @permission_name("read")
    def audit(self) -> Any:
        """Follow the chain of the log now."""
        if book_checks.is_large(book_checks.AUDIT):
            return _by_the_worker(book_checks.AUDIT)
        with suppress(audit_chain.NoKey, audit_chain.ChainBroken):  # that too is written down, and shown
            book_checks.audit(_name(), Path(current_app.config["AUDIT_KEY_FILE"]))
        return redirect(url_for("BookCheckView.page"), 303)

    @expose("/match", methods=["POST"])
    @has_access
    @permission_name("read")
    def match(self) -> Any:
        """Ask the modules for their counts now."""
        match.look(current_app.extensions["modules"], _name())
        wrong = len(match.standing())
        if match.unasked(book_checks.last(book_checks.MATCH)):
            flash(_("Not every module answered: what was found of it before stands."), "warning")
        elif wrong:
            flash(ngettext("The count of %(num)d day does not match.", "The counts of %(num)d days do not match.", wrong), "warning")
        else:
            flash(_("The modules were asked. What could be counted matches."), "success")
        return redirect(url_for("BookCheckView.page"), 303)


    @expose("/accept", methods=["POST"])
    @has_access
    @permission_name("accept")
    def accept(self) -> Any:
        """Say why a count that does not match may stay so: for whoever sees what the modules made."""
        if not current_scope().sees_all:
            abort(403)
        typed, reason = request.form.get("count", ""), request.form.get("reason", "").strip()
        row = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= COUNT_DIGITS else 0
        if not reason or len(reason) > REASON_MAX or UNSTORABLE.search(reason):
            return self._page(row, reason=reason), 422
        try:
            match.accept_row(row, reason, _name())
        except LookupError:
            flash(_("This difference stands no more, or another one does: the page shows what stands now. Nothing was accepted."), "warning")
            return self._page(), 409
        flash(_("The difference is accepted and warns no longer. It stands in the log of changes."), "success")
        return redirect(url_for("BookCheckView.page"), 303)


def _name() -> str:
    user = signed_in()
    return user.username if user is not None else ""


def _by_the_worker(kind: str) -> Any:
    task = tasks.ask(TASKS[kind], f"{kind}-{new_reference()}", owner(), {})
    return redirect(url_for("WorkView.show", task_id=task), 303)


def _under_way() -> dict[str, int]:
    """One's own checks that the worker has not ended, by kind."""
    open_ones = select(BackgroundTask).where(
        BackgroundTask.state.in_(tasks.OPEN), BackgroundTask.kind.in_(TASKS.values())
    )
    found = {row.kind: row.id for row in db.session.scalars(open_ones)}
    return {kind: found[name] for kind, name in TASKS.items() if name in found}


def _told(row: BookCheck | None) -> dict[str, Any] | None:
    """One look as the page tells it."""
    if row is None:
        return None
    findings, scope = json.loads(row.findings), current_scope()
    if row.kind == book_checks.AUDIT:
        said = [check_words.audit(one, linked=scope.sees_all) for one in findings]
    else:
        said = [check_words.ledger(one) for one in book_checks.mine(findings, scope)[:SHOWN]]
    counts = json.loads(row.counts)
    until = counts.get("until")
    return {
        "at": row.finished_at, "actor": row.actor, "wrong": row.wrong, "said": said, "more": row.wrong - len(said),
        "counts": counts, "until": datetime.fromisoformat(until) if until else None,
    }  # fmt: skip


def _module(found: match.Found, unasked: list[int]) -> dict[str, Any]:
    row = found.row
    explained = json.loads(row.explained)
    return {
        "name": found.name, "row": row, "reasons": check_words.reasons(explained) if row.made != row.booked else [],
        "stands": bool(row.difference) and row.reason is None and row.module_id in unasked,
        "restored": bool(row.difference) and match.restored_within(row.begins_at, row.ends_at),
    }  # fmt: skip
