"""Filters of lists: what the search panel can ask of a table, each by its own condition.

The search panel draws a control by the names of FAB's filter classes; ours carry the same names and
differ in what they accept: an unknown word finds nothing, and is never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import false, or_, select
from wtforms import DateField, StringField
from wtforms.widgets import TextInput

from app.access.current import current_scope
from app.access.permissions import LOOK_UP
from app.domain.calendar import day_start_utc
from app.domain.digits import ascii_digits
from app.extensions import db
from app.models import AppUser, Meter, Region
from app.models.base import UTCDateTime
from app.models.consumer import digits_of
from app.services import regions
from app.services.consumer_words import all_of
from app.views.fields import Row, Word
from app.views.installation import time_zone
from app.views.pickers import REGIONS, suggesting

PROGRAM = "system"  # what the log calls an actor who is nobody


def _column(flt: BaseFilter) -> Any:
    return getattr(flt.model, flt.column_name)


class FilterEqual(BaseFilter):
    """One member of a closed list, or yes and no."""

    name = _l("is")
    arg_name = "eq"

    def apply(self, query: Any, value: str) -> Any:
        """Keep the rows with this value; an unknown word keeps none."""
        column = _column(self)
        kind = getattr(column.type, "enum_class", None)
        if column.type.python_type is bool:
            return query.filter(column.is_(value in ("y", "1", "True")))
        try:
            return query.filter(column == (kind(value) if kind else value))
        except ValueError:
            return query.filter(false())


class FilterStartsWith(BaseFilter):
    """Text that begins so, whatever its case."""

    name = _l("begins with")
    arg_name = "sw"

    def apply(self, query: Any, value: str) -> Any:
        """Keep the rows whose column begins with it; a number counts in the digits of any script."""
        if not any(sign.isalpha() for sign in value):
            value = ascii_digits(value)
        return query.filter(_column(self).istartswith(value.strip(), autoescape=True))


class FilterContains(BaseFilter):
    """Text that holds these words; for small tables only."""

    name = _l("holds")
    arg_name = "ct"

    def apply(self, query: Any, value: str) -> Any:
        """Keep the rows whose column holds it."""
        return query.filter(_column(self).icontains(value.strip(), autoescape=True))


class FilterGreater(BaseFilter):
    """From this day on, the day included, in the installation's time zone."""

    name = _l("from")
    arg_name = "gt"

    def apply(self, query: Any, value: str) -> Any:
        """Keep the rows of this day and later."""
        day = _day(value)
        if day is None:
            return query.filter(false())
        return query.filter(_column(self) >= _edge(_column(self), day))


class FilterSmaller(BaseFilter):
    """Up to this day, the day included, in the installation's time zone."""

    name = _l("to")
    arg_name = "lt"

    def apply(self, query: Any, value: str) -> Any:
        """Keep the rows of this day and earlier."""
        day = _day(value)
        if day is None:
            return query.filter(false())
        return query.filter(_column(self) < _edge(_column(self), day + timedelta(days=1)))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year <= 2200 else None


def _edge(column: Any, day: date) -> date | datetime:
    return day_start_utc(day, time_zone()) if isinstance(column.type, UTCDateTime) else day


def _named(name: str, apply: Any) -> type[BaseFilter]:
    """A filter that the panel takes for FAB's of this name."""
    return type(name, (BaseFilter,), {"name": "", "arg_name": name, "apply": apply})


def _consumer_words(flt: BaseFilter, query: Any, value: str) -> Any:
    own = flt.model.__tablename__ == "consumer"
    column = flt.model.id if own else flt.model.consumer_id
    return query.filter(all_of(db.session(), value, column)) if value.strip() else query


def _digits(flt: BaseFilter, query: Any, value: str) -> Any:
    digits = digits_of(value)
    return query.filter(_column(flt).between(digits, digits + "~")) if digits else query.filter(false())


def _meter_digits(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows of a meter by the first digits of its number; the rows are one's own, wherever the meter is today."""
    digits = digits_of(value)
    if not digits:
        return query.filter(false())
    found = select(Meter.id).where(Meter.meter_number.between(digits, digits + "~"))
    return query.filter(flt.model.meter_id.in_(found))


def _place(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows in a place and below it; words that are no full name stand for every place that holds them.

    A place that was merged away lies below the one it went into, and what keeps it is found there.
    """
    if not value.strip():
        return query
    session = db.session()
    place = regions.by_full_name(session, current_scope(), value)
    meant = regions.within(place.path) if place else regions.holds(value)
    (own,) = _column(flt).property.local_columns
    return query.filter(own.in_(select(Region.id).where(meant)))


def _row(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows of one row of a short list, by its key."""
    (own,) = _column(flt).property.local_columns
    return query.filter(own == int(value)) if re.fullmatch(r"[0-9]{1,9}", value) else query.filter(false())


def _person(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows of a person by user name; by what their names begin with, where nobody has exactly this one."""
    text = value.strip()
    exact = select(AppUser.id).where(AppUser.username == text)
    begun = or_(*[column.istartswith(text, autoescape=True) for column in (AppUser.username, AppUser.first_name, AppUser.last_name)])
    alike = select(AppUser.id).where(begun, ~exact.exists())
    return query.filter(_column(flt).in_(exact) | _column(flt).in_(alike))


def _actor(flt: BaseFilter, query: Any, value: str) -> Any:
    """Entries by who did it, as the log names them; those of the program also by its words on the page."""
    begun = value.strip()
    meant = _column(flt).istartswith(begun, autoescape=True)
    if begun and _("the program").casefold().startswith(begun.casefold()):
        meant = or_(meant, _column(flt) == PROGRAM)
    return query.filter(meant)


def _with_meters(flt: BaseFilter, query: Any, value: str) -> Any:
    """Consumers who have a meter, or who have none; a meter in another region counts as well."""
    meter = Meter.__table__.alias()  # NB: the table itself, which the wall does not narrow
    bound = select(meter.c.id).where(meter.c.consumer_id == flt.model.id).exists()
    return query.filter({YES: bound, NO: ~bound}.get(value, false()))


def _bound(_flt: BaseFilter, query: Any, value: str) -> Any:
    """Meters that somebody has, or that nobody has."""
    return query.filter({YES: Meter.consumer_id.is_not(None), NO: Meter.consumer_id.is_(None)}.get(value, false()))


def _owing(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows with money owed, or without."""
    return query.filter({YES: _column(flt) > 0, NO: _column(flt) == 0}.get(value, false()))


YES, NO = "yes", "no"
CONSUMER_WORDS = _named("FilterStartsWith", _consumer_words)
DIGITS = _named("FilterStartsWith", _digits)
METER_DIGITS = _named("FilterStartsWith", _meter_digits)
PLACE = _named("FilterContains", _place)
ACTOR = _named("FilterStartsWith", _actor)
PERSON = _named("FilterStartsWith", _person)
ROW = _named("FilterRelationOneToManyEqual", _row)
WITH_METERS = _named("FilterEqual", _with_meters)
BOUND = _named("FilterEqual", _bound)
OWING = _named("FilterEqual", _owing)

Found = tuple[Sequence[type[BaseFilter]], Any]


def words(label: Any) -> Found:
    """A column of text that holds what is typed."""
    return (FilterContains,), StringField(label, widget=TextInput())


def begins(label: Any) -> Found:
    """A column of text that begins with what is typed."""
    return (FilterStartsWith,), StringField(label, widget=TextInput())


class PlaceInput(TextInput):
    """A text box with the suggestions of the region picker; the panel knows it by its name."""


class Place(StringField):
    """A place by its full name, or by some words of it: the region control of the panels."""

    widget = PlaceInput()

    @property
    def suggesting(self) -> Mapping[str, str]:
        """The attributes that hang the suggestions under it, for who may look rows up."""
        may = current_app.appbuilder.sm.has_access(*LOOK_UP)  # type: ignore[attr-defined]
        return suggesting(REGIONS) if may else {}


def typed(kind: type[BaseFilter], label: Any) -> Found:
    """A text box with a filter of its own; a place is the region control."""
    return (kind,), Place(label) if kind is PLACE else StringField(label, widget=TextInput())


def one_of(label: Any, table: Mapping[Any, Any]) -> Found:
    """A closed list to choose from."""
    return (FilterEqual,), Word(label, table, required=False)


def one_row(label: Any, rows: Callable[[], Any], **more: Any) -> Found:
    """A row of a short list to choose from."""
    return (ROW,), Row(label, rows, required=False, **more)


def either(kind: type[BaseFilter], label: Any, yes: Any, no: Any) -> Found:
    """Yes or no, each in words of its own."""
    return (kind,), Word(label, {YES: yes, NO: no}, required=False)


def days(label: Any) -> Found:
    """From a day to a day, both included."""
    return (FilterGreater, FilterSmaller), DateField(label)
