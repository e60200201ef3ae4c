"""Choosing a meter's vending key: a row of what the modules hold, or another one that is typed.

Every row says what follows from it: algorithm, base date, key type, until when, in which module.  A
radio button for each needs no script.
"""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _
from markupsafe import Markup
from wtforms import Field
from wtforms.validators import ValidationError

from app.extensions import db
from app.services.meter_keys import HeldKey, held_keys
from app.views import choices
from app.views.fields import presence
from app.views.meter_words import KEY_TYPE

TYPED = "typed"


class _Table:
    """The keys as a table with a radio button in each row."""

    def __call__(self, field: KeyChoice, **_given: Any) -> Markup:
        """Draw it."""
        drawn = render_template("meters/_keys.html", field=field, words=choices, key_types=KEY_TYPE)
        return Markup(drawn)  # noqa: S704  (a template of ours)


class KeyChoice(Field):
    """The id of a held key as text, or `TYPED`."""

    widget = _Table()

    def __init__(self, label: Any, **more: Any):
        self._held: list[HeldKey] | None = None
        super().__init__(label, presence(required=True), **more)

    @property
    def rows(self) -> list[HeldKey]:
        """The keys of the modules, read once; those whose time is over come last."""
        if self._held is None:
            self._held = sorted(held_keys(db.session()), key=lambda key: key.state == "over")
        return self._held

    @property
    def held(self) -> HeldKey | None:
        """The key that is chosen, if it is one of a module."""
        return next((key for key in self.rows if str(key.row.id) == self.data), None)

    @property
    def in_words(self) -> str:
        """The choice as people read it."""
        if self.data == TYPED:
            return _("Another key")
        held = self.held
        return "" if held is None else key_label(held)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was chosen."""
        self.data = valuelist[0].strip()[:20] if valuelist else None

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not in the list."""
        if self.data and self.data != TYPED and self.held is None:
            raise ValidationError(_("Choose one of the list."))

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing by itself: the form knows which of both counts."""


def key_label(key: HeldKey) -> str:
    """SGC, KRN, algorithm and base date of a key."""
    return _(
        "%(sgc)s, KRN %(krn)d: %(algorithm)s, base date %(year)s",
        sgc=key.row.sgc, krn=key.row.krn, algorithm=str(choices.ALGORITHM[key.row.algorithm]),
        year=choices.BASE_YEAR.get(key.row.base_date, key.row.base_date),
    )  # fmt: skip
