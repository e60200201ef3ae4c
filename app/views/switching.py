"""Switching a row off and on again, on its own page and from the refusal to delete it.

A row that has history is not deleted.  The refusal leads to the row's page, says what uses it
and offers to switch it off; the page of what is off offers to switch it on again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope
from app.access.permissions import Permission
from app.domain.errors import InUse, OutOfScope, Refusal
from app.models import (
    AppUser,
    Consumer,
    Currency,
    Manufacturer,
    Product,
    Tariff,
    UserGroup,
    VendingPoint,
)
from app.services import switching
from app.views.group_names import called
from app.views.messages import sentence
from app.views.uses import uses_of

KEPT = "kept"
OFF, ON, IS_OFF = _l("Switch off"), _l("Switch on again"), _l("This is switched off.")


@dataclass(frozen=True, slots=True)
class Words:
    """What switching one kind of row off means, and what the two acts are called."""

    meaning: Any
    off: Any = OFF
    on: Any = ON
    is_off: Any = IS_OFF


WORDS: Mapping[Any, Words] = {
    Manufacturer: Words(_l("It is not offered to new products any more. What there is of it stays as it is.")),
    Product: Words(_l("It is not offered to new meters any more. Meters of it stay as they are and go on buying.")),
    VendingPoint: Words(_l("It sells nothing any more. Its records, its people and its account stay.")),
    Tariff: Words(_l("It is not offered to meters any more. Meters that are on it go on buying by it.")),
    Consumer: Words(
        _l("Their meters are unbound and cannot buy until somebody has them again. What they bought stays in the books."),
        _l("Mark as left"), _l("Take back as a consumer"), _l("This consumer has left."),
    ),
    UserGroup: Words(_l("Nobody is put into it any more. Who is in it keeps what it may do.")),
    AppUser: Words(
        _l("The person cannot sign in any more, and is signed out everywhere. What they did keeps their name."),
        is_off=_l("This person may not sign in."),
    ),
    Currency: Words(_l("It is not offered any more. What was sold in it stays in it.")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Switch:
    """The switch of one row as its page shows it; `url` is empty for who may not use it."""

    on: bool
    name: str
    words: Words
    url: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Why the row was not deleted, and what uses it."""

    reason: str
    uses: list[tuple[str, str]]


def wanted() -> bool:
    """On or off, as the button said; a request that says neither switches nothing."""
    said = request.form.get("on", "")
    return said == "1" if said in ("0", "1") else abort(400)


class Switching:
    """The switch of a page of master data; mixed into `lists.Listed`."""

    datamodel: Any
    endpoint: str
    class_permission_name: str
    appbuilder: Any

    def __init__(self, **kwargs: Any) -> None:
        if self.datamodel.obj not in WORDS:  # no doors that lead nowhere
            self.exclude_route_methods = {*(self.exclude_route_methods or ()), "switch"}  # type: ignore[has-type]
        super().__init__(**kwargs)

    @expose("/switch/<pk>", methods=["POST"])
    @has_access
    def switch(self, pk: str) -> Any:
        """Switch the row off (`on` is 0), or on again (1)."""
        row, on = self._row(pk), wanted()  # type: ignore[attr-defined]
        key, name = row.id, called(row)
        back = redirect(url_for(f"{self.endpoint}.show", pk=key), 303)
        fault = self.why_not(row, on=on)
        if fault:
            flash(str(fault), "danger")
            return back
        try:
            switching.switch(type(row), key, current_scope(), on=on)
        except InUse:
            flash(_("%(name)s is in use by the installation itself. Nothing was changed.", name=name), "danger")
        except OutOfScope:
            flash(_("This is not possible from its present state. Nothing was changed."), "danger")
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            self.switched(self._row(pk), on=on)  # type: ignore[attr-defined]
            flash(_("%(name)s is switched on again.", name=name) if on else _("%(name)s is switched off.", name=name), "success")
        return back

    def why_not(self, row: Any, *, on: bool) -> Any:
        """The sentence that says why this reader may not switch the row, or nothing."""
        return None

    def switched(self, row: Any, *, on: bool) -> None:
        """What follows from the switch, once it is stored."""

    def switch_of(self, row: Any) -> Switch | None:
        """The switch of a row, for its page; nothing for what has none."""
        words = WORDS.get(type(row))
        if words is None:
            return None
        may = current_app.appbuilder.sm.has_access(*Permission("can_edit", self.class_permission_name))  # type: ignore[attr-defined]
        url = url_for(f"{self.endpoint}.switch", pk=row.id) if may else ""
        return Switch(switching.is_on(row), called(row), words, url)

    def kept_of(self, row: Any) -> Kept | None:
        """Why the row was not deleted; nothing on an ordinary visit of its page."""
        if request.args.get(KEPT) != "1":
            return None
        reason = self.why_kept(row)  # type: ignore[attr-defined]
        return Kept(str(reason), uses_of(row)) if reason else None
