"""A question of a report as the words of an address: for links, for what is saved, and for what is prepared later."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from flask import url_for

from app.models import SavedQuestion
from app.views import figures
from app.views.report_words import PERIODS

if TYPE_CHECKING:
    from app.views.reports import Read


def words_of(read: Read) -> dict[str, str]:
    """A question as the words of an address: whatever was typed first, the same question is the same words."""
    asked = read.question
    words = {"period": asked.named, "group": asked.group, "then": asked.then, "show": asked.show, "order": asked.order}
    if asked.named == "days":
        words |= {"from": asked.period.first.isoformat(), "to": asked.period.last.isoformat()}
    if asked.order:
        words["down"] = "1" if asked.descending else "0"
    words |= {field.name: field.value for field in read.fields if field.name in asked.picks}
    return {name: value for name, value in words.items() if value}


def frozen(read: Read) -> str:
    """The question as an address whose period is of fixed days."""
    period = read.question.period
    days = {"period": "days", "from": period.first.isoformat(), "to": period.last.isoformat()}
    return urlencode(sorted((words_of(read) | days).items()))


def address(read: Read) -> str:
    """The question as an address; a period by its name stays by its name."""
    return urlencode(sorted(words_of(read).items()))


def opened(row: SavedQuestion) -> str:
    """Where a saved question is read."""
    return url_for("ReportView.show", report=row.report, saved=row.id) + "&" + row.query


def span(row: SavedQuestion) -> str:
    """The period of a saved question, in words."""
    words = dict(parse_qsl(row.query))
    if words.get("period") != "days":
        return str(PERIODS.get(words.get("period", ""), ""))
    return figures.ltr(f"{words.get('from', '')} – {words.get('to', '')}")
