"""The home page: what needs a person, the box to sell from, how the day goes, how the installation stands, set-up.

What is shown goes by permissions and rows, never by the name of a group.  Two acts live here because here they are
seen to be needed: asking again for a token that waits, and confirming the clock.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, url_for
from flask_appbuilder import IndexView, expose
from flask_babel import gettext as _

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.access.scope import Scope
from app.domain.calendar import business_date, day_start_utc
from app.domain.errors import OutOfScope
from app.domain.money import Currency
from app.domain.states import RowScope, SaleStatus
from app.extensions import db
from app.models.base import now
from app.services import book_checks, day_figures, health, home, inactive, licensing, module_keys
from app.services import first_steps as steps
from app.services.clock import confirm_clock
from app.services.habits import served_last
from app.services.resolve import resolve
from app.views import attention, day_chart, first_steps, house_state
from app.views.attention import may
from app.views.decisions import patience
from app.views.installation import time_zone

LAST, SERVED = 6, 4


class HomeView(SafeBaseView, IndexView):
    """The first page; needs a sign-in and nothing else.  Its two acts need permissions."""

    open_methods = frozenset({"index"})
    method_permission_name = {"resolve": "resolve", "confirm_clock": "confirm_clock"}

    @expose("/")
    def index(self) -> Any:
        """What is to be done today, the way to sell, and how the day goes."""
        scope = current_scope()
        read, due = _read(scope)
        wanted = attention.items(attention.Known(scope, _ending(read), due, read.licence, read.health, read.inactive))
        return self.render_template(
            "home.html",
            now=now(),
            sells=may(p.OPEN_COUNTER),
            wanted=wanted,
            served=served_last(db.session(), scope, SERVED) if may(p.SELL) else [],
            **(_figures(scope) if may(p.READ_RECEIPTS) else {}),
            stands=house_state.rows(read, {item.about for item in wanted}),
            all_sales=_opens("SaleView") if may(p.READ_SALES) else None,
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


def _read(scope: Scope) -> tuple[house_state.Read, list[book_checks.Due]]:
    """What is known of the installation, as far as it is this person's business, read once; and which checks need a person."""
    checks = book_checks.newest() if may(p.READ_CHECKS) else None
    runs_it = may(p.CHANGE_SETTINGS)
    zone = time_zone()
    today = business_date(now(), zone)
    leads = _wide(scope) and may(p.READ_CONSUMERS)
    read = house_state.Read(
        keys=module_keys.in_use() if may(p.READ_KEYS) else None,
        checks=checks,
        licence=licensing.standing(db.session(), roughly=True) if may(p.READ_LICENCE) else None,
        health=health.facts(current_app.config["BACKUP_WARN_DAYS"]) if runs_it else health.modules_only(),
        inactive=inactive.of_region(db.session(), scope, today) if leads else None,
        copies=home.copies(scope, day_start_utc(today, zone)) if checks is not None else None,
    )
    return read, ([] if checks is None else book_checks.attention(known=checks))


def _wide(scope: Scope) -> bool:
    """Whether somebody reads reports of more than one vending point."""
    return scope.row_scope is not RowScope.VENDING_POINT and may(p.READ_REPORTS)


def _ending(read: house_state.Read) -> list[tuple[Any, module_keys.KeyEnd]]:
    at = now()
    return [(key, end) for key, end in read.keys or () if end.state(at) != "good"]


def _figures(scope: Scope) -> dict[str, Any]:
    """The day in figures, for whoever may read receipts."""
    session, row = db.session(), home.settings_row()
    money = Currency(row.currency.code, row.currency.symbol, row.currency.decimals)
    day = day_figures.today(session, scope, money, row.time_zone, now())
    waiting, oldest = home.waiting_since(scope)
    points = day_figures.points(session, scope, money, day.day) if _wide(scope) else None
    return {
        "day": day,
        "strip": day_chart.strip(day, waiting, oldest.isoformat() if oldest else ""),
        "bars": day_chart.bars(day),
        "bars_unit": day_chart.bars_unit(day),
        "bars_name": day_chart.bars_name(day),
        "usual_words": day_chart.usual_words(day) if day.weeks else "",
        "kinds": day_chart.kinds(day),
        "points": points,
        "best": day_chart.best(points) if points else [],
        "quiet": day_chart.quiet(points) if points else [],
        "points_report": day_chart.report("sales-statistics", group="point", order="amount", down="1"),
        "sales": home.last_sales(scope, day.day, LAST),
    }


def _set_up() -> dict[str, Any]:
    """The checklist, until its steps are done and something was sold."""
    first_steps.seen()
    open_yet = first_steps.may_set_up() and not steps.complete(current_scope())
    return {"steps": first_steps.leads() if open_yet else [], "sold": open_yet and steps.sold()}


def _opens(page: str) -> str | None:
    """Where a page begins; None while it does not exist."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    view = next((view for view in views if type(view).__name__ == page), None)
    return None if view is None else url_for(f"{view.endpoint}.{view.default_view}")
