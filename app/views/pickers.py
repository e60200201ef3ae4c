"""Choosing one row out of thousands by its first letters: the field and its look-up.

With a script, suggestions come while typing; without one, what was typed must name exactly
one row when the form is sent.  Only rows of the reader's own scope are found or accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, jsonify, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms import Field
from wtforms.widgets import html_params

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.access.scope import Scope
from app.extensions import db
from app.models import Consumer, Region
from app.services import regions, registration
from app.views.fields import UNSTORABLE, presence

LIMIT = 10
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


REGIONS = Source(
    "regions",
    Region,
    lambda session, text, scope, limit: regions.visible(session, scope, text, limit),
    regions.may_see,
    lambda _region: "",
)
CONSUMERS = Source(
    "consumers",
    Consumer,
    registration.find_consumers,
    lambda consumer, scope: regions.may_see(consumer.region, scope),
    lambda consumer: " · ".join(x for x in (str(consumer.region), consumer.telephone) if x),
    lambda consumer: {"region": consumer.region},
)
SOURCES = {source.name: source for source in (REGIONS, CONSUMERS)}


class _Widget:
    """A text field with its hidden id; static/js/picker.js adds the list."""

    def __call__(self, field: Picker, **given: Any) -> Markup:
        """Draw both inputs."""
        described = [f"{field.id}-error"] * bool(field.errors) + [f"{field.id}-help"] * bool(field.description)
        shown = {
            "type": "text",
            "class": "input",
            "id": field.id,
            "name": f"{field.name}-text",
            "value": field.text,
            "autocomplete": "off",
            "spellcheck": "false",
            "maxlength": TEXT_MAX,
            "data-picker": url_for("PickView.pick", source=field.source.name),
            "data-none": _("Nothing is found."),
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
        found = self.source.rows(typed, 2)
        if not found:
            raise ValueError(_("Nothing is found by these words. Type fewer letters, or add it first."))
        exact = [other for other in found if str(other).casefold() == typed.casefold()]
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
        """At most ten rows as id, label, note, and what else follows from each."""
        known = SOURCES.get(source) or abort(404)
        rows = known.rows(request.args.get("q", ""))
        return jsonify(
            [
                {
                    "id": row.id,
                    "label": str(row),
                    "note": known.note(row),
                    "fills": {name: {"id": one.id, "label": str(one)} for name, one in known.fills(row).items()},
                }
                for row in rows
            ]
        )
