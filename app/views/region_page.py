"""What the page of regions shows: a column for each level, a page of places in each, the chosen place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, ngettext
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms.validators import ValidationError

from app.access import permissions as p
from app.access.permissions import Permission
from app.access.scope import Scope
from app.domain.folding import fold
from app.extensions import db
from app.models import Region
from app.services import regions
from app.services.regions import Counts
from app.views.fields import Text
from app.views.pickers import Picker, regions_at

PAGE = 50
PAGE_MAX = 10_000
LEVELS = (
    (_l("Country"), _l("Country name"), ""),
    (_l("Province or state"), _l("Province or state name"), _l("Choose a country first.")),
    (_l("City or town"), _l("City or town name"), _l("Choose a province or state first.")),
)
# What belongs to a place or uses it; each a word for one and a word for many.
SAID: Mapping[str, Callable[[int], str]] = {
    "places": lambda n: ngettext("%(num)d place below it", "%(num)d places below it", n),
    "merged": lambda n: ngettext("%(num)d place that was merged into it", "%(num)d places that were merged into it", n),
    "vending_points": lambda n: ngettext("%(num)d vending point", "%(num)d vending points", n),
    "users": lambda n: ngettext("%(num)d user", "%(num)d users", n),
    "consumers": lambda n: ngettext("%(num)d consumer", "%(num)d consumers", n),
    "meters": lambda n: ngettext("%(num)d meter", "%(num)d meters", n),
    "sales": lambda n: ngettext("%(num)d sale", "%(num)d sales", n),
    "records": lambda n: ngettext("%(num)d engineering record", "%(num)d engineering records", n),
}
NAMES: Mapping[str, Any] = {
    "places": _l("Places"),
    "vending_points": _l("Vending points"),
    "users": _l("Users"),
    "consumers": _l("Consumers"),
    "meters": _l("Meters"),
}
# Where what is counted is listed: the page, and what opens it.
LISTS: Mapping[str, tuple[str, Permission]] = {
    "vending_points": ("VendingPointView.list", p.READ_VENDING_POINTS),
    "users": ("AppUserView.list", p.READ_USERS),
    "consumers": ("ConsumerView.list", p.READ_CONSUMERS),
    "meters": ("MeterView.list", p.READ_METERS),
}


class NameForm(FlaskForm):
    """The name of a place; `present` is the one it has."""

    name = Text(lazy_pgettext("thing", "Name"), most=100)
    present = ""

    def validate_name(self, field: Any) -> None:
        """A comma stands between the names of a full name, so that two places could be called alike."""
        if field.data and field.data != self.present and "," in fold(field.data):
            raise ValidationError(_("A comma stands between a place and the one above it. Write the name without a comma."))


class HomeForm(FlaskForm):
    """Where a province or a town belongs."""

    parent = Picker(_l("Belongs to"), regions_at(0))

    @classmethod
    def of(cls, place: Region, formdata: Any = None) -> HomeForm:
        """The form that offers the places of the level above."""
        own = type(cls.__name__, (cls,), {"parent": Picker(_l("Belongs to"), regions_at(place.level - 1))})
        return own(formdata=formdata)


@dataclass(slots=True)
class Column:
    """One level of the tree as the page shows it: a page of `rows` out of `count`."""

    title: Any
    prompt: Any
    hint: Any
    level: int
    parent: Region | None
    rows: list[Region]
    count: int
    page: int
    chosen: Region | None
    open: bool
    can_add: bool
    # Those of the rows that may be opened; places above one's own only show where it lies.
    doors: frozenset[int]
    form: NameForm | None = None

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.count // PAGE))

    def turned(self, page: int) -> str:
        """The address of another page of this column, with everything else as it is."""
        kept = {name: value for name, value in request.args.items() if name in ("at", "q", "p0", "p1", "p2")}
        return url_for("RegionView.tree", **{**kept, f"p{self.level}": page})


@dataclass(frozen=True, slots=True)
class Figure:
    """How many of a kind belong to a place, and where they are listed (nothing for who may not look)."""

    word: str
    name: Any
    count: int
    url: str


def columns(place: Region | None, scope: Scope, *, can_add: bool) -> list[Column]:
    """The three levels; each holds the places below the one chosen above it."""
    session = db.session()
    own = regions.root(session, scope)
    inside = place or own
    chain = [int(key) for key in inside.path.strip("/").split("/")] if inside else []
    above = {row.id: row for row in session.scalars(select(Region).where(Region.id.in_(chain)))}
    made: list[Column] = []
    for level, (title, prompt, hint) in enumerate(LEVELS):
        parent = above.get(chain[level - 1]) if 0 < level <= len(chain) else None
        chosen = above.get(chain[level]) if level < len(chain) else None
        opened = (level == 0 or parent is not None) and (scope.sees_all or own is not None)
        rows, count, page = _rows(level, parent, chosen, own) if opened else ([], 0, 0)
        mine = scope.sees_all if parent is None else regions.may_see(parent, scope)
        doors = frozenset(row.id for row in rows if regions.may_see(row, scope))
        made.append(
            Column(title, prompt, hint, level, parent, rows, count, page, chosen, opened, can_add and opened and mine, doors)
        )
    return made


def _rows(level: int, parent: Region | None, chosen: Region | None, own: Region | None) -> tuple[list[Region], int, int]:
    """One page of a level: that of the address, else where the chosen place stands."""
    if own is not None and level <= own.level:  # above one's own there is only the way to it
        return ([chosen] if chosen else []), 1, 0
    asked = request.args.get(f"p{level}", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 6:
        page = min(int(asked), PAGE_MAX)
    else:
        page = regions.standing_before(db.session(), chosen) // PAGE if chosen else 0
    rows, count = regions.below(db.session(), parent, PAGE, page * PAGE)
    return rows, count, page


def beside(counts: Counts | None) -> str:
    """What belongs to a place, in one line of the list."""
    if counts is None:
        return ""
    shown = ("consumers", "meters", "vending_points")
    said = counts.said()
    return " · ".join(SAID[word](said[word]) for word in shown if word in said)


def link(word: str, place: Region) -> str:
    """The list of what belongs to a place and below it; nothing for who may not open that list."""
    if word not in LISTS:
        return ""
    endpoint, permission = LISTS[word]
    may = current_app.appbuilder.sm.has_access(*permission)  # type: ignore[attr-defined]
    return url_for(endpoint, _flt_0_region=place.full_name) if may else ""


def figures(place: Region, counts: Counts) -> list[Figure]:
    """What belongs to the chosen place and below it."""
    return [
        Figure(word, name, getattr(counts, word), link(word, place) if getattr(counts, word) else "")
        for word, name in NAMES.items()
        if word != "places" or place.level < len(LEVELS) - 1
    ]
