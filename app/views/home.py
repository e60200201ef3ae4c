"""The home page: what needs a person, the box to sell from, today's figures, set-up.

Two acts live here because here they are seen to be needed: asking again for a token that
waits, and confirming the clock.  A sale that no module remembers leads to its decision.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort, current_app, flash, redirect, url_for
from flask_appbuilder import IndexView, expose
from flask_babel import gettext as _

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.access.permissions import Permission
from app.domain.errors import OutOfScope, Refusal
from app.domain.states import SaleStatus
from app.extensions import db
from app.models.base import now
from app.services import (
    book_checks,
    engineering_lists,
    health,
    home,
    licensing,
    module_keys,
    reversals,
)
from app.services import first_steps as steps
from app.services.clock import clock_doubt, confirm_clock
from app.services.decisions import overdue, proposed
from app.services.resolve import resolve
from app.views import first_steps, licence
from app.views.decisions import memory, patience
from app.views.messages import sentence
from app.views.module_words import KEY_ENDS, why

LAST = 6


class HomeView(SafeBaseView, IndexView):
    """The first page; needs a sign-in and nothing else.  Its two acts need permissions."""

    open_methods = frozenset({"index"})
    method_permission_name = {"resolve": "resolve", "confirm_clock": "confirm_clock"}

    @expose("/")
    def index(self) -> Any:
        """What is to be done today."""
        scope = current_scope()
        sees_sales = _may(p.READ_RECEIPTS)
        waiting = home.waiting_sales(scope) if sees_sales else []
        return self.render_template(
            "home.html",
            sells=_may(p.OPEN_COUNTER),
            may_resolve=_may(p.RESOLVE_SALES),
            may_confirm=_may(p.CONFIRM_CLOCK),
            waiting=waiting,
            overdue=overdue(waiting, memory()) if waiting else set(),
            proposals=proposed(sale.id for sale in waiting) if waiting else {},
            me=scope.user_id,
            may_read_decisions=_may(p.READ_DECISIONS),
            may_decide=_may(p.DECIDE_SALES),
            doubt=_doubt(),
            **_health(),
            today=home.today(scope) if sees_sales else None,
            sales=home.last_sales(scope, LAST) if sees_sales else [],
            all_sales=_opens("SaleView") if _may(p.READ_SALES) else None,
            **_set_up(),
        )

    @expose("/resolve/<int:sale_id>", methods=["POST"])
    @has_access
    def resolve(self, sale_id: int) -> Any:
        """Ask the module again what became of a sale that waits."""
        if sale_id > 2**31 - 1:
            abort(404)
        try:
            status = resolve(sale_id, current_scope(), current_app.extensions["modules"], patience())
        except OutOfScope:
            abort(404)
        if status is SaleStatus.RESERVED:
            flash(_("The module has no answer yet. The money stays held. Ask again in a minute."), "warning")
        return redirect(url_for("ReceiptView.show", sale_id=sale_id), 303)

    @expose("/confirm-clock", methods=["POST"])
    @has_access
    def confirm_clock(self) -> Any:
        """Say that the clock is right although the newest token says otherwise."""
        confirm_clock(current_scope().user_id or 0)
        flash(_("The clock is confirmed. Selling goes on."), "success")
        return redirect(url_for("HomeView.index"), 303)


def _may(permission: Permission) -> bool:
    return bool(current_app.appbuilder.sm.has_access(permission.action, permission.page))  # type: ignore[attr-defined]


def _health() -> dict[str, Any]:
    """What of the installation needs a person, as far as it is this person's business."""
    found = health.facts(current_app.config["BACKUP_WARN_DAYS"])
    runs_it = _may(p.WRITE_SETTINGS)
    may_open = _may(p.READ_MODULES)
    return {
        "down": found.down if may_open or _may(p.OPEN_COUNTER) else (),
        "down_why": {down.module_id: why(down.failure) for down in found.down},
        "may_open_modules": may_open,
        "ending": module_keys.ending() if _may(p.READ_KEYS) else [],
        "key_ends": KEY_ENDS,
        "now": now(),
        "backup_old": runs_it and found.backup_old,
        "backup_made_at": found.backup_made_at,
        "worker_silent": runs_it and found.worker_silent,
        "worker_seen_at": found.worker_seen_at,
        "unsealed": found.unsealed if runs_it else 0,
        "reversals": reversals.waiting(current_scope()) if _may(p.APPROVE_REVERSALS) else [],
        "acts_waiting": engineering_lists.waiting_for(current_scope()) if _may(p.APPROVE_ACTS) else 0,
        "checks": book_checks.attention() if _may(p.READ_CHECKS) else [],
    }


def _set_up() -> dict[str, Any]:
    """The checklist, until its steps are done and something was sold; and what the licence warns of."""
    first_steps.seen()
    open_yet = first_steps.may_set_up() and not steps.complete(current_scope())
    return {
        "steps": first_steps.leads() if open_yet else [],
        "sold": open_yet and steps.sold(),
        "licence_warned": list(licence.warnings(licensing.standing(db.session()))) if _may(p.LOAD_LICENCE) else [],
    }


def _doubt() -> str:
    doubt: Refusal | None = clock_doubt(ahead=timedelta(days=current_app.config["CLOCK_AHEAD_DAYS"]))
    return sentence(doubt) if doubt is not None else ""


def _opens(page: str) -> str | None:
    """Where a page begins; None while it does not exist."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    view = next((view for view in views if type(view).__name__ == page), None)
    return None if view is None else url_for(f"{view.endpoint}.{view.default_view}")
