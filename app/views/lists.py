"""What lists share: finding rows by words, and keeping what has history.

The search panel draws a control by the names of FAB's filter classes; ours carry the same
names and differ in what they accept: an unknown word finds nothing, and is never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from flask import current_app
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import lazy_gettext as _l
from sqlalchemy import false, select
from wtforms import DateField, StringField
from wtforms.widgets import TextInput

from app.access.current import current_scope
from app.access.fab import Interface
from app.access.permissions import LOOK_UP
from app.domain.calendar import day_start_utc
from app.extensions import db
from app.models import Meter, Region
from app.models.base import UTCDateTime
from app.services import regions
from app.services.consumer_words import all_of
from app.views.fields import Row, Word
from app.views.installation import time_zone
from app.views.pickers import REGIONS, suggesting
from app.views.switching import Switching


def any_row(query: Any) -> bool:
    """Whether there is any such row, whoever owns it."""
    return db.session.execute(query.limit(1), execution_options={"unscoped": True}).first() is not None


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
        """Keep the rows whose column begins with it."""
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
    digits = "".join(c for c in value if c in "0123456789")
    return query.filter(_column(flt).startswith(digits)) if digits else query.filter(false())


def _meter_digits(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows of a meter by the first digits of its number; the meter must be one's own."""
    digits = "".join(c for c in value if c in "0123456789")
    if not digits:
        return query.filter(false())
    found = select(Meter.id).where(Meter.meter_number.startswith(digits))
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


CONSUMER_WORDS = _named("FilterStartsWith", _consumer_words)
def _row(flt: BaseFilter, query: Any, value: str) -> Any:
    """Rows of one row of a short list, by its key."""
    (own,) = _column(flt).property.local_columns
    return query.filter(own == int(value)) if re.fullmatch(r"[0-9]{1,9}", value) else query.filter(false())


DIGITS = _named("FilterStartsWith", _digits)
METER_DIGITS = _named("FilterStartsWith", _meter_digits)
PLACE = _named("FilterContains", _place)
ROW = _named("FilterRelationOneToManyEqual", _row)

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


def one_row(label: Any, rows: Callable[[], Any]) -> Found:
    """A row of a short list to choose from."""
    return (ROW,), Row(label, rows, required=False)


def days(label: Any) -> Found:
    """From a day to a day, both included."""
    return (FilterGreater, FilterSmaller), DateField(label)


class Rows(Interface):
    """Rows with columns that are worked out, and with words of closed lists left as they are.

    `computed` names a function of the row for each column that the table does not have.
    """

    def __init__(self, obj: Any, eager: Sequence[str] = (), computed: Mapping[str, Callable[[Any], Any]] | None = None):
        super().__init__(obj, eager=eager)
        self.computed = computed or {}

    def _get_attr_value(self, item: Any, col: str) -> Any:
        """The column of the row; FAB would turn an enumeration into its bare text."""
        if col in self.computed:
            return self.computed[col](item)
        return getattr(item, col)


class Listed(Switching):
    """A list whose search panel is told, column by column, what to find and how."""

    found_by: ClassVar[Mapping[str, Found]] = {}
    # Columns of figures that are written as text, and what the head of the table says once for all of them.
    figures: ClassVar[Mapping[str, Callable[[], str] | None]] = {}
    # Columns whose tile says enough without its word beside it.
    bare_tiles: ClassVar[frozenset[str]] = frozenset()
    add_template = "lists/add.html"
    edit_template = "lists/edit.html"

    def _init_properties(self) -> None:
        self.search_columns = list(self.found_by)
        self.search_form_extra_fields = {name: control for name, (_kinds, control) in self.found_by.items()}
        super()._init_properties()  # type: ignore[misc]
        filters = self._filters  # type: ignore[attr-defined]
        for name, (kinds, _control) in self.found_by.items():
            own = [kind(name, self.datamodel) for kind in kinds]  # type: ignore[attr-defined]
            filters._search_filters[name] = own  # noqa: SLF001  (FAB has no door for own filters)
            filters._all_filters[name] = own  # noqa: SLF001

    def beside(self, pk: str) -> dict[str, Any]:
        """What the page of one row shows beside its facts."""
        return {}

    def render_template(self, template: str, **kwargs: Any) -> Any:
        """Draw a page; that of one row gets what stands beside it, its switch, and why it was kept."""
        if template == self.show_template and "pk" in kwargs:  # type: ignore[attr-defined]
            row = self._row(kwargs["pk"])  # type: ignore[attr-defined]
            kwargs |= {"record": row, "switch": self.switch_of(row), "kept": self.kept_of(row)}
            kwargs.update(self.beside(kwargs["pk"]))
        return super().render_template(template, **kwargs)  # type: ignore[misc]

    # --- deleting -------------------------------------------------------------------------

    def why_kept(self, item: Any) -> Any:
        """The sentence that says why this row stays, or nothing when it may go."""
        return None

    def _delete(self, pk: Any) -> bool:
        """Delete the row unless it has history; its page then says why, and offers the switch."""
        return not self.why_kept(self._row(pk)) and super()._delete(pk)  # type: ignore[misc]
