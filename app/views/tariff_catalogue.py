"""Plans of real utilities to start from, each with its source and date."""

from __future__ import annotations

import re
from typing import Any

from flask import request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import lazy_gettext as _l

from app.access.fab import SafeBaseView
from app.extensions import db
from app.models import Tariff
from app.services import catalogue
from app.views import figures
from app.views.installation import currency
from app.views.plan_words import read_out

ADDRESS = re.compile(r"https?://[^\s,;)]+")


class TariffCatalogueView(SafeBaseView):
    """The catalogue; choosing an entry fills the plan page of the tariff that one came from."""

    route_base = "/tariff-catalogue"
    class_permission_name = "TariffView"
    default_view = "entries"
    title = list_title = _l("Plans of real utilities")

    @expose("/")
    @has_access
    @permission_name("edit")
    def entries(self) -> Any:
        """Every entry; for a tariff only those of its kind of meter."""
        given = request.args.get("tariff", "")
        known = given.isascii() and given.isdigit() and len(given) <= 9
        tariff = db.session.get(Tariff, int(given)) if known else None
        kind = tariff.meter_type if tariff else None
        shown = [one for one in catalogue.entries() if kind is None or one.meter_type is kind]
        return self.render_template(
            "tariffs/catalogue.html",
            entries=[(one, _in_words(one), _address(one.source), self._use(one, tariff)) for one in shown],
            country=_country,
            tariff=tariff,
            currency=currency(),
            back=url_for("TariffView.show", pk=tariff.id) if tariff else url_for("TariffView.list"),
        )

    def _use(self, one: catalogue.Entry, tariff: Tariff | None) -> str:
        if tariff is not None:
            return url_for("TariffPlanView.add", tariff_id=tariff.id, **{"from": one.key})
        return url_for("TariffView.add", **{"from": one.key})


def _in_words(one: catalogue.Entry) -> Any:
    """The entry's plan in words, in its own currency."""
    return read_out(catalogue.make_plan(one), one.meter_type, one.currency)


def _country(code: str) -> str:
    """The country's name in the reader's language."""
    locale = figures.habits()
    return str(locale.territories.get(code, code)) if locale is not None else code


def _address(source: str) -> str:
    """The first address that a source names, to follow; the text itself is shown whole."""
    found = ADDRESS.search(source)
    return found.group() if found else ""
