"""Form fields that FAB's own get wrong: exact decimals, and look-ups that respect the scope."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.fields import AJAXSelectField
from flask_appbuilder.forms import FieldConverter
from wtforms import DecimalField


class ExactDecimalField(DecimalField):
    """A decimal that is shown with every place it has.

    WTForms shows two: opening a price of 0.123456 and pressing Save would store 0.12.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("places", None)
        super().__init__(*args, **kwargs)


# Before any view is built: FAB's forms take their fields from this table.
FieldConverter.conversion_table = tuple(
    (kind, ExactDecimalField if field is DecimalField else field, widget)
    for kind, field, widget in FieldConverter.conversion_table
)


class ScopedAJAXField(AJAXSelectField):  # type: ignore[misc]
    """A row chosen by a look-up; only rows that `scope` (a list of FAB filters) and the guard allow.

    NB: the keyword must not be called `filters`: WTForms owns that name and the check would
    silently be empty.
    """

    def __init__(self, *args: Any, scope: Any = (), **kwargs: Any) -> None:
        self.scope = list(scope)
        super().__init__(*args, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the row with the posted key.  Raises ValueError when it is not one's own."""
        self.data = None
        if not valuelist or not valuelist[0]:
            return
        key = valuelist[0]
        if key.isascii() and key.isdigit() and len(key) <= 18:
            related = self.datamodel.get_related_interface(self.col_name)
            self.data = related.get(int(key), related.get_filters().add_filter_list(self.scope))
        if self.data is None:
            raise ValueError(self.gettext("Not a valid choice"))
