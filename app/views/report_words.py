"""The words of reports: headings, cells and covers in the reader's language, and what is wrong with a question.

Figures come from below as whole numbers; here they become text, for the screen, for paper and for
the front sheet of a workbook alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.dates import format_skeleton, get_day_names
from flask_babel import get_domain, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.states import UNIT, Every, SaleStatus
from app.models import ReportSchedule
from app.reports.installation import Installation
from app.reports.names import Place
from app.reports.period import Period
from app.reports.question import Fault, InTheDrawer, Question
from app.reports.report import Report
from app.reports.speech import Cover
from app.reports.table import Answer, Chart, Column, Figure, Kind, Row
from app.views import choices, figures
from app.views.engineering_words import TOLD

WORDS: Mapping[str, Mapping[Any, Any]] = {
    "sale_kind": choices.SALE_KIND,
    "sale_status": choices.SALE_STATUS,
    "token_kind": choices.TOKEN_KIND,
    "function": {name: told.name for name, told in TOLD.items()},
    "slip": {"receipt": _l("Receipt")} | {name: told.name for name, told in TOLD.items()},
    "origin": {"sale": _l("with a sale"), "desk": _l("at the desk")},
    "sale_state": {
        "issued": _l("Sold"), "reversed": _l("Reversed"), "reversal": _l("Reversal"), "reserved": _l("Waiting"), "failed": _l("Failed"),
    },
    "undone": {"sold": _l("Sold"), "reversed": _l("Reversed")},
}
STATES: Mapping[Any, Any] = {**choices.SALE_STATUS, InTheDrawer.BOTH: _l("Sold or waiting")}
PERIODS: Mapping[str, Any] = {
    "today": _l("Today"), "yesterday": _l("Yesterday"), "this_week": _l("This week"), "last_week": _l("Last week"),
    "this_month": _l("This month"), "last_month": _l("Last month"), "this_year": _l("This year"),
    "days": _l("From … to …"),
}  # fmt: skip
GROUPS: Mapping[str, Any] = {
    "day": _l("By day"), "week": _l("By week"), "month": _l("By month"), "year": _l("By year"),
    "type": _l("By meter type"), "point": _l("By vending point"), "region": _l("By region"),
    "province": _l("By province or state"), "country": _l("By country"), "operator": _l("By operator"),
}  # fmt: skip
SHOWS: Mapping[str, Any] = {
    "money": _l("Money"), "units": _l("Units"),
    "none": _l("Bought nothing"), "less": _l("Bought far less than before"),
    "all": _l("All"), "differing": _l("Only what differs"),
}  # fmt: skip
FILTERS: Mapping[str, Any] = {
    "period": _l("Period"), "from": _l("From"), "to": _l("To"), "group": _l("Grouping"), "then": _l("and within it"),
    "show": _l("Show"), "type": _l("Meter type"), "region": _l("Region"), "within": _l("Places"), "point": _l("Vending point"),
    "operator": _l("Operator"), "tariff": _l("Tariff"), "consumer": _l("User number"), "meter": _l("Meter number"),
    "kind": _l("Kind"), "status": _l("State"), "less": _l("Less than … per cent"),
}  # fmt: skip
FAULTS: Mapping[str, Any] = {
    "unknown": _l("There is no such choice. Choose one of the list."),
    "no_day": _l("This is not a day. Write it as 2026-11-05."),
    "far_away": _l("No sale can be on that day. Choose one between 1993 and 2199."),
    "before_from": _l("The last day is before the first. Turn them round."),
    "too_long": _l("The period is longer than twenty years. Choose a shorter one."),
    "too_long_days": _l("The period is too long for this report. Choose a quarter at most."),
    "not_found": _l("Nothing of yours is found under this. Compare it, or leave the field empty."),
    "no_percent": _l("A whole number from 1 to 99."),
    "no_order": _l("The address asks for an order or a page that there is not."),
    "twice": _l("The address says one filter twice. Choose one of the two."),
    "unknown_filter": _l("The address asks for a filter that this report does not have."),
}
# Why a chart's bars are longer pieces of time than the rows.
DRAWN: Mapping[str, Any] = {
    "week": _l("Drawn by week, because a bar for each row would be too narrow to read."),
    "month": _l("Drawn by month, because a bar for each row would be too narrow to read."),
    "year": _l("Drawn by year, because a bar for each row would be too narrow to read."),
}
# How often a report is sent by e-mail.
EVERY: Mapping[Every, Any] = {Every.DAY: _l("Every day"), Every.WEEK: _l("Every week"), Every.MONTH: _l("Every month")}
NOTES: Mapping[str, tuple[str, Any]] = {
    "agrees": ("ok", _l("Sales, sums of the day, ledger and tokens agree.")),
    "same": ("ok", _l("Nothing differs.")),
    "differs": ("bad", _l("The books do not agree: look at the rows with a difference.")),
}


def fault(one: Fault) -> str:
    """What is wrong with a field, in a sentence."""
    return str(FAULTS[one.reason])


class ReportSpeech:
    """Implements app.reports.speech.Speech in the language of this request."""

    @property
    def rtl(self) -> bool:
        """Whether the language runs from right to left."""
        locale = get_locale()
        return locale is not None and locale.text_direction == "rtl"

    def say(self, text: str) -> str:
        """A heading that was said on the floor of the reports."""
        return str(get_domain().get_translations().ugettext(text)) if text else ""

    def heading(self, column: Column, answer: Answer) -> str:
        """A column's heading with its currency or unit, when all rows have the same."""
        title = str(choices.METER_TYPE[column.of]) if column.of is not None else self.say(column.title)
        if column.kind is Kind.MONEY and len(answer.currencies) == 1:
            return figures.bracketed(title, answer.currencies[0])
        if column.kind is Kind.UNITS and column.of is not None:
            return figures.bracketed(title, UNIT[column.of])
        return title

    def word(self, column: Column, value: Any) -> str:
        """A member of a closed list, or a kind of meter, in words."""
        if value is None:
            return ""
        if column.kind is Kind.TYPE:
            return str(choices.METER_TYPE[value])
        return str(WORDS[column.words].get(value, value))

    def cell(self, column: Column, row: Row, value: Any, answer: Answer) -> str:
        """A cell as people read it."""
        if value is None:
            return "" if row.level else self.say(column.none)
        if column.kind in WRITTEN:
            return WRITTEN[column.kind](value)
        if column.kind is Kind.MONEY:
            return figures.ltr(figures.money(value, answer.places(row.currency)))
        if column.kind is Kind.UNITS:
            unit = None if column.of is not None else row.meter_type
            return figures.ltr(figures.units(value) + (f"{figures.NBSP}{UNIT[unit]}" if unit else ""))
        if column.kind in (Kind.TYPE, Kind.WORD):
            return self.word(column, value)
        return str(value)

    def figure(self, figure: Figure, answer: Answer) -> tuple[str, str, str]:
        """Name, value and what it is compared with."""
        column = Column("figure", figure.title, figure.kind)
        row = Row((), figure.currency, figure.meter_type)
        name = self.say(figure.title)
        if figure.kind is Kind.MONEY or (figure.currency and len(answer.currencies) > 1):
            name = figures.bracketed(name, figure.currency)
        elif figure.kind is Kind.UNITS and figure.meter_type is not None:
            name = figures.bracketed(name, choices.METER_TYPE[figure.meter_type])
        return name, self.cell(column, row, figure.value, answer), self._compared(figure, column, row, answer)

    def _compared(self, figure: Figure, column: Column, row: Row, answer: Answer) -> str:
        days = "" if answer.before is None else figures.together(period_words(answer.before))
        if figure.was is None:
            return _("set against %(days)s", days=days) if days else ""
        was = self.cell(column, row, figure.was, answer)
        if figure.was <= 0:
            return _("before: %(was)s (%(days)s)", was=was, days=days)
        change = Fraction(figure.value - figure.was, figure.was) * 100
        sign = "+" if change > 0 else figures.MINUS if change < 0 else "±"
        percent = figures.ltr(f"{sign}{figures.number(abs(change), 1)}{figures.NBSP}%")
        return _("%(percent)s on %(was)s (%(days)s)", percent=percent, was=was, days=days)

    def chart(self, chart: Chart) -> tuple[str, str]:
        """What a chart is of, and a sentence where its bars are not the rows asked for."""
        title, notes = self.say(chart.title), []
        if chart.kind is Kind.MONEY:
            title = figures.bracketed(title, chart.currency)
        elif chart.kind is Kind.UNITS and chart.only is not None:
            title = figures.bracketed(title, choices.METER_TYPE[chart.only])  # there is one for each kind
        if chart.grouped:
            notes.append(str(DRAWN[chart.grouped]))
        elif chart.whole:
            shown, whole = (figures.number(count, 0) for count in (len(chart.categories), chart.whole))
            notes.append(_("The %(shown)s largest of %(whole)s.", shown=shown, whole=whole))
        if chart.unfinished:
            notes.append(_("The pale bar is of a period that is not over yet."))
        return title, " ".join(notes)

    def pair(self, name: str, value: str) -> str:
        """What something is called, and what it is, with the language's own colon."""
        return _("%(column)s: %(what)s", column=name, what=value)

    def page_of(self, page: int, pages: int) -> str:
        """The foot of a page of paper."""
        return _("Page %(page)s of %(pages)s", page=page, pages=pages)


def _month(day: date) -> str:
    return str(format_skeleton("yMMM", day, locale=figures.habits()))


WRITTEN: Mapping[Kind, Any] = {
    Kind.COUNT: lambda value: figures.ltr(figures.number(value, 0)),
    Kind.PERMILLE: lambda value: figures.ltr(f"{figures.number(Decimal(value).scaleb(-1), 1)}{figures.NBSP}%"),
    Kind.DAY: figures.date_of,
    Kind.WEEK: figures.date_of,
    Kind.MONTH: _month,
    Kind.YEAR: lambda value: str(value.year),
    Kind.MOMENT: figures.moment,
    Kind.METER: lambda value: figures.ltr(figures.meter_number(value)),
    Kind.TOKEN: lambda value: figures.ltr(figures.groups_of_four(value)),
}


def period_words(period: Period) -> str:
    """A period as people say it: a day, a whole month or year, or from-to."""
    if period.first == period.last:
        return figures.date_of(period.first)
    if period.whole_months and period.first.replace(day=1) == period.last.replace(day=1):
        return str(format_skeleton("yMMMM", period.first, locale=figures.habits()))
    if (period.first, period.last) == (date(period.first.year, 1, 1), date(period.first.year, 12, 31)):
        return str(period.first.year)
    return figures.span(period.first, period.last)


def when(row: ReportSchedule) -> str:
    """When it is sent, in words."""
    hour = f"{row.at_hour:02d}:00"
    if row.every is Every.WEEK:
        return _("Every week on %(day)s at %(hour)s", day=get_day_names("wide", locale=get_locale())[row.weekday], hour=hour)
    if row.every is Every.MONTH and row.month_day == 31:
        return _("Every month on the last day at %(hour)s", hour=hour)
    if row.every is Every.MONTH:
        return _("Every month on day %(day)s at %(hour)s", day=row.month_day, hour=hour)
    return _("Every day at %(hour)s", hour=hour)


def filter_words(question: Question, told: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The filters that were used, each with its name; `told` holds what an id is called."""
    lines: list[tuple[str, str]] = []
    for name, value in question.picks.items():
        if name == "status" and value is SaleStatus.ISSUED:
            continue
        lines.append((str(FILTERS[name]), told.get(name) or _picked(value)))
    grouped = [str(GROUPS[name]) for name in (question.group, question.then) if name]
    if grouped:
        lines.append((str(FILTERS["group"]), figures.listed(grouped)))
    if question.show:
        lines.append((str(FILTERS["show"]), str(SHOWS[question.show])))
    return tuple(lines)


def asked_words(question: Question, told: Mapping[str, str]) -> list[str]:
    """What is asked, in few words, for the line that stands for the folded filters."""
    span = period_words(question.period) if question.named in ("", "days") else str(PERIODS[question.named])
    chosen = [str(GROUPS[name]) for name in (question.group, question.then) if name]
    chosen += [str(SHOWS[question.show])] if question.show else []
    names = {str(FILTERS["group"]), str(FILTERS["show"])}
    pairs = [(name, value) for name, value in filter_words(question, told) if name not in names]
    return [span, *chosen, *(_("%(column)s: %(what)s", column=name, what=value) for name, value in pairs)]


def _picked(value: Any) -> str:
    if isinstance(value, Place):
        return value.name
    for table in (choices.METER_TYPE, STATES, choices.SALE_KIND):
        if value in table:
            return str(table[value])
    return str(value)


def cover(
    report: Report, question: Question, answer: Answer, house: Installation, told: Mapping[str, str], who: str
) -> Cover:
    """What stands before the table, for paper and files."""
    when = figures.moment(house.now)
    notes = [str(NOTES[code][1]) for code in answer.notes]
    if house.demonstration:
        notes.insert(0, _("Demonstration: no real money was taken."))
    if not answer.count:
        notes.append(_("Nothing in this period with these filters."))
    return Cover(
        title=ReportSpeech().say(report.title),
        utility=house.name,
        period=period_words(question.period),
        lines=filter_words(question, told),
        notes=tuple(notes),
        made=_("Made by %(who)s, %(when)s", who=figures.own(who), when=when),
        total=_("Total"),
        check=_("Check: rows less total"),
    )
