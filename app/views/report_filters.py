"""The line of filters over a report: which fields it has, what each offers, what was asked and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.access import permissions as p
from app.access.scope import Scope
from app.reports import names
from app.reports.names import Place
from app.reports.question import ALONE, Fault, Question, is_day
from app.reports.report import Report
from app.views import choices
from app.views.pickers import REGIONS, suggesting
from app.views.report_words import FILTERS, GROUPS, PERIODS, SHOWS, STATES, fault

LISTS: Mapping[str, Mapping[Any, Any]] = {
    "type": choices.METER_TYPE, "status": STATES, "kind": choices.SALE_KIND,
}  # fmt: skip
DEFAULTS = {"status": "issued"}


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field: `options` as (value, words), or None for what is typed; `value` as it was asked."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...] | None = None
    error: str = ""
    kind: str = "text"
    # For the region: the words of the place, and the attributes of the script that finds places.
    shown: str = ""
    picker: Mapping[str, str] | None = None
    chosen: bool = False


def fields(
    report: Report, session: Session, scope: Scope, question: Question, faults: tuple[Fault, ...], given: Mapping[str, str]
) -> list[FilterField]:
    """Every field of this report's line, in order."""
    wrong = {one.field: fault(one) for one in faults}
    made = [
        _choice("period", _periods(report, question), question.named, wrong, default=report.choices.period),
        _day("from", given.get("from") or (question.period.first.isoformat() if question.named == "days" else ""), wrong),
        _day("to", given.get("to") or (question.period.last.isoformat() if question.named == "days" else ""), wrong),
    ]
    known = report.choices
    if len(known.groups) > 1:
        made.append(_choice("group", {key: GROUPS[key] for key in known.groups}, question.group, wrong, default=known.groups[0]))
    if known.thens:
        thens = {"": _("nothing more"), **{key: GROUPS[key] for key in known.thens if key != question.group}}
        made.append(_choice("then", thens, question.then, wrong, default=""))
    if known.shows:
        made.append(_choice("show", {key: SHOWS[key] for key in known.shows}, question.show, wrong, default=known.shows[0]))
    for name in known.filters:
        one = _filter(name, session, scope, question, wrong, given)
        if one is not None:
            made.append(one)
    return made


def _periods(report: Report, question: Question) -> Mapping[str, Any]:
    """Periods by name, without the year where a report takes no more than a quarter (unless it was asked for)."""
    short = report.choices.days_max < 366 and question.named != "this_year"
    return {name: said for name, said in PERIODS.items() if not (short and name == "this_year")}


def _choice(name: str, words: Mapping[str, Any], value: str, wrong: Mapping[str, str], *, default: str) -> FilterField:
    options = tuple((key, str(said)) for key, said in words.items())
    return FilterField(name, str(FILTERS[name]), value, options, wrong.get(name, ""), "list", chosen=value != default)


def _day(name: str, value: str, wrong: Mapping[str, str]) -> FilterField:
    # NB: a field for days shows nothing of what is none.
    kind = "date" if not value or is_day(value) else "words"
    return FilterField(name, str(FILTERS[name]), value, None, wrong.get(name, ""), kind, chosen=bool(value))


def _filter(
    name: str, session: Session, scope: Scope, question: Question, wrong: Mapping[str, str], given: Mapping[str, str]
) -> FilterField | None:
    value, label, error = given.get(name, "").strip(), str(FILTERS[name]), wrong.get(name, "")
    chosen = bool(value) and value != DEFAULTS.get(name)
    if name in LISTS:
        first = () if name in DEFAULTS else (("", _("no filter")),)
        options = (*first, *((key.value, str(said)) for key, said in LISTS[name].items()))
        return FilterField(name, label, value or DEFAULTS.get(name, ""), options, error, "list", chosen=chosen)
    if name == "region":
        place = question.picks.get("region")
        shown = given.get("region-text", "") if place is None else place.name
        may = current_app.appbuilder.sm.has_access(*p.LOOK_UP)  # type: ignore[attr-defined]
        if not (may or value):
            return None
        return FilterField(
            name, label, value, None, error, "region", shown, suggesting(REGIONS) if may else {}, chosen=chosen
        )
    if name == "within":
        # Only a figure that is of a place alone leads here with it.
        if not (name in question.picks or error):
            return None
        options = (("", str(_("with the places within it"))), (ALONE, str(_("the place alone"))))
        return FilterField(name, label, value, options, error, "list", chosen=chosen)
    if name in ("point", "operator", "tariff"):
        rows = names.choices(session, scope, name)
        if rows is not None:
            options = (("", _("no filter")), *((row.key, row.name) for row in rows))
            if value and value not in dict(options):
                options = (*options, (value, value))
            return FilterField(name, label, value, options, error, "list", chosen=chosen)
    return FilterField(name, label, value, None, error, "text", chosen=chosen)


def told(fields_: list[FilterField], question: Question) -> dict[str, str]:
    """What each filter that was asked for is called, for the covers of files."""
    words: dict[str, str] = {}
    for field in fields_:
        if field.name in question.picks:
            picked = question.picks[field.name]
            words[field.name] = picked.name if isinstance(picked, Place) else dict(field.options or ()).get(field.value, field.value)
    return {name: text for name, text in words.items() if text}
