"""Choosing one row out of thousands by its first letters: the field and its look-up.

With a script, suggestions come while typing, and regions can be walked through from the top
down; without one, what was typed must name exactly one row when the form is sent.  Only rows of
the reader's own scope are found or accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import abort, jsonify, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms import Field
from wtforms.validators import ValidationError
from wtforms.widgets import html_params

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.access.scope import Scope
from app.extensions import db
from app.models import Consumer, Region
from app.services import regions, registration
from app.views.fields import UNSTORABLE, presence

LIMIT = 10
BROWSED_MAX = 200
TEXT_MAX = 200
Find = Callable[[Session, str, Scope, int], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows are looked up, and how one is named and told apart."""

    name: str
    model: Any
    find: Find
    owns: Callable[[Any, Scope], bool]
    note: Callable[[Any], str]
    # Other fields of a form that follow from the row, while they are empty: name to row.
    fills: Callable[[Any], dict[str, Any]] = lambda _row: {}
    # What a row may be called besides its whole name, when that is unambiguous.
    short: Callable[[Any], str] = str
    # Rows that stand below a row (None: at the top), for who would rather walk than type.
    walk: Callable[[Session, Scope, Any | None], list[Any]] | None = None
    # Whether a row may be given to something new, and what is said of one that may not.
    offers: Callable[[Any], bool] = lambda _row: True
    off: Any = ""
    # Further words of the look-up's address.
    asked: tuple[tuple[str, Any], ...] = ()

    @property
    def url(self) -> str:
        """Where suggestions come from."""
        return url_for("PickView.pick", source=self.name, **dict(self.asked))

    def rows(self, text: str, limit: int = LIMIT) -> Sequence[Any]:
        """Rows of the reader's scope for what was typed."""
        if UNSTORABLE.search(text):
            return ()
        return self.find(db.session(), text[:TEXT_MAX], current_scope(), limit)

    def row(self, key: str) -> Any | None:
        """The row of this id, if it is the reader's; a forged id gives nothing."""
        if not (key.isascii() and key.isdigit() and len(key) <= 18):
            return None
        # NB: the ORM guard narrows what has an owner; regions have none and are asked here.
        row = db.session.get(self.model, int(key))
        return row if row is not None and self.owns(row, current_scope()) else None


LEVELS = (_l("Country"), _l("Province or state"), _l("City or town"))


def _walk_regions(session: Session, scope: Scope, above: Region | None) -> list[Region]:
    """The places directly below one; at the top the countries, or the highest place of one's own."""
    if above is None and not scope.sees_all:
        own = regions.root(session, scope)
        return [own] if own and regions.is_offered(session, own.id) else []
    rows, _count = regions.below(session, above, BROWSED_MAX, for_new=True)
    return rows


def _owns_region(region: Region, scope: Scope) -> bool:
    return region.merged_into_id is None and regions.may_see(region, scope)


REGIONS = Source(
    "regions",
    Region,
    lambda session, text, scope, limit: regions.visible(session, scope, text, limit, for_new=True),
    _owns_region,
    lambda region: str(LEVELS[region.level]),
    short=lambda region: region.name,
    walk=_walk_regions,
    offers=lambda region: regions.is_offered(db.session(), region.id),
    off=_l("This place is switched off, or one above it is. Choose another one."),
)


def regions_at(level: int) -> Source:
    """Regions of one level only, for changes of the tree itself: those that are switched off as well."""

    def find(session: Session, text: str, scope: Scope, limit: int) -> Sequence[Region]:
        return regions.visible(session, scope, text, limit, level=level)

    def owns(region: Region, scope: Scope) -> bool:
        return region.level == level and _owns_region(region, scope)

    return replace(REGIONS, find=find, owns=owns, walk=None, offers=lambda _region: True, asked=(("level", level),))


CONSUMERS = Source(
    "consumers",
    Consumer,
    registration.find_consumers,
    lambda consumer, scope: regions.may_see(consumer.region, scope),
    lambda consumer: " · ".join(x for x in (str(consumer.region), consumer.telephone) if x),
    lambda consumer: {"region": consumer.region},
    offers=lambda consumer: consumer.active,
    off=_l("This consumer has left. Take them back first, or choose somebody else."),
)
SOURCES = {source.name: source for source in (REGIONS, CONSUMERS)}


def suggesting(source: Source) -> dict[str, str]:
    """The attributes by which static/js/picker.js hangs its list under a field."""
    said = {"data-picker": source.url, "data-none": _("Nothing is found.")}
    if source.walk is not None:
        said |= {"data-open": _("Places below"), "data-back": _("Back")}
    return said


class _Widget:
    """A text field with its hidden id; static/js/picker.js adds the list."""

    def __call__(self, field: Picker, **given: Any) -> Markup:
        """Draw both inputs."""
        described = [f"{field.id}-error"] * bool(field.errors) + [f"{field.id}-help"] * bool(field.description)
        shown = {
            "type": "text",
            "dir": "auto",
            "class": "input",
            "id": field.id,
            "name": f"{field.name}-text",
            "value": field.text,
            "autocomplete": "off",
            "spellcheck": "false",
            "maxlength": TEXT_MAX,
            **suggesting(field.source),
            "placeholder": _("Type the first letters"),
        }
        if field.errors:
            shown["aria-invalid"] = "true"
        if field.flags.required:
            shown["aria-required"] = "true"
        if described:
            shown["aria-describedby"] = " ".join(described)
        key = "" if field.data is None else field.data.id
        return Markup('<div class="picker"><input type="hidden" {}><input {}></div>').format(
            Markup(html_params(name=field.name, value=key)),  # noqa: S704  (html_params escapes)
            Markup(html_params(**shown)),  # noqa: S704
        )


class Picker(Field):
    """One row of a source, chosen by its first letters; `data` is the row itself."""

    widget = _Widget()

    def __init__(self, label: Any, source: Source, *, required: bool = True, rules: Sequence[Any] = (), **more: Any):
        self.source = source
        self.typed: str | None = None
        self.present: Any = None
        super().__init__(label, [*presence(required), *rules], **more)

    @property
    def text(self) -> str:
        """What stands in the visible field."""
        if self.typed is not None:
            return self.typed
        return "" if self.data is None else str(self.data)

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Read the id and the words; the words win when they name something else."""
        self.process_errors = []
        self.offer_present(data)
        self.process_data(data if isinstance(data, self.source.model) else None)
        if formdata is None or not (self.name in formdata or f"{self.name}-text" in formdata):
            return
        key = formdata.get(self.name, "")
        self.typed = " ".join(formdata.get(f"{self.name}-text", "").split())
        # What InputRequired and Optional look at.
        self.raw_data = [self.typed or key]
        try:
            self.data = self._chosen(key, self.typed)
        except ValueError as refusal:
            self.data = None
            self.process_errors.append(str(refusal))

    def offer_present(self, row: Any) -> None:
        """Take what the row has now, too: it may have been switched off since it was chosen."""
        self.present = row

    def pre_validate(self, form: Any) -> None:
        """Refuse what is switched off: a page may be old, an id forged."""
        if self.data is not None and self.data is not self.present and not self.source.offers(self.data):
            raise ValidationError(self.source.off)

    def fill(self, row: Any) -> None:
        """Choose a row in the place of whoever left the field empty."""
        self.data, self.typed, self.raw_data = row, str(row), [str(row)]

    def _chosen(self, key: str, typed: str) -> Any | None:
        row = self.source.row(key) if key else None
        if key and row is None and not typed:
            raise ValueError(_("Choose one of the list."))
        if row is not None and typed in ("", str(row)):
            return row
        if not typed:
            return None
        found = self.source.rows(typed)
        if not found:
            raise ValueError(_("Nothing is found by these words. Type fewer letters, or add it first."))
        for called in (str, self.source.short):
            exact = [other for other in found if called(other).casefold() == typed.casefold()]
            if len(exact) == 1:
                return exact[0]
        if len(found) > 1:
            raise ValueError(_("Several are found by these words. Type more, or choose one of the list."))
        return found[0]


class PickView(SafeBaseView):
    """The look-up behind the pickers: for whoever fills in a form that has one."""

    route_base = "/pick"
    class_permission_name = "Pick"

    @expose("/<source>")
    @has_access
    @permission_name("pick")
    def pick(self, source: str) -> Any:
        """At most ten rows as id, label, note, and what else follows from each.

        Without words, what stands below the row `under`, or at the top.
        """
        known = SOURCES.get(source) or abort(404)
        level = request.args.get("level", "")
        if known is REGIONS and level in ("0", "1", "2"):
            known = regions_at(int(level))
        words, above = request.args.get("q", ""), None
        if request.args.get("under"):
            above = known.row(request.args["under"]) or abort(404)
        if known.walk is not None and not words.strip():
            rows: Sequence[Any] = known.walk(db.session(), current_scope(), above)
            holding = regions.holding(db.session(), [row.id for row in rows])
        else:
            rows, holding = known.rows(words), {}
        return jsonify([_told(known, row, holding.get(row.id, 0)) for row in rows])


def _told(source: Source, row: Any, below: int) -> dict[str, Any]:
    """One suggestion; `below` places can be walked into."""
    note = ngettext("%(num)d place below it", "%(num)d places below it", below) if below else source.note(row)
    return {
        "id": row.id,
        "label": str(row),
        "name": source.short(row) if source.walk is not None else str(row),
        "note": note,
        "below": below,
        "fills": {name: {"id": one.id, "label": str(one)} for name, one in source.fills(row).items()},
    }
