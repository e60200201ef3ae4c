"""What lists share: columns worked out and put in order, finding rows, and keeping what has history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from app.access.fab import Interface
from app.extensions import db
from app.views.list_filters import (
    ACTOR,
    BOUND,
    CONSUMER_WORDS,
    DIGITS,
    METER_DIGITS,
    OWING,
    PERSON,
    PLACE,
    ROW,
    WITH_METERS,
    FilterContains,
    FilterEqual,
    FilterGreater,
    FilterSmaller,
    FilterStartsWith,
    Found,
    begins,
    days,
    either,
    one_of,
    one_row,
    typed,
    words,
)
from app.views.many import offered
from app.views.switching import Switching

__all__ = [
    "ACTOR", "BOUND", "CONSUMER_WORDS", "DIGITS", "METER_DIGITS", "OWING", "PERSON", "PLACE", "ROW", "WITH_METERS", "FilterContains",
    "FilterEqual", "FilterGreater", "FilterSmaller", "FilterStartsWith", "Found", "Listed", "Rows", "any_row",
    "begins", "days", "either", "one_of", "one_row", "typed", "words",
]  # fmt: skip
# How a column is put in order: a relation to join for it (or None), and the columns, each to the end where empty.
Order = tuple[str | None, Sequence[Any]]


def any_row(query: Any) -> bool:
    """Whether there is any such row, whoever owns it."""
    return db.session.execute(query.limit(1), execution_options={"unscoped": True}).first() is not None


class Rows(Interface):
    """Rows with columns that are worked out, and with words of closed lists left as they are.

    `computed` names a function of the row for each column that the table does not have, `orders`
    how a relation or such a column is put in order.
    """

    def __init__(
        self,
        obj: Any,
        eager: Sequence[str] = (),
        computed: Mapping[str, Callable[[Any], Any]] | None = None,
        orders: Mapping[str, Order] | None = None,
    ):
        super().__init__(obj, eager=eager)
        self.computed = computed or {}
        self.orders = orders or {}

    def apply_order_by(self, query: Any, order_column: str, order_direction: str, **more: Any) -> Any:
        """Put rows in order; rows that are alike by their id, so that no page repeats one."""
        if order_column not in self.orders:
            return super().apply_order_by(query, order_column, order_direction, **more)
        relation, columns = self.orders[order_column]
        if relation is not None:
            query = self.joined(query, relation)
        falling = order_direction == "desc"
        wanted = [column.desc() if falling else column.asc() for column in columns]
        # NB: only where there may be none, because no index has them in that order.
        wanted = [one.nulls_last() if getattr(column, "nullable", True) else one for one, column in zip(wanted, columns, strict=True)]
        key = self.get_pk()
        return query.order_by(*wanted, key.desc() if falling else key.asc())

    def joined(self, query: Any, relation: str) -> Any:
        """The query with the relation that an order goes by."""
        return query.outerjoin(getattr(self.obj, relation))

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
    # The kind of record by which its rows are imported, exported and changed by the many.
    exchange: ClassVar[str] = ""
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

    def row_acts(self, pk: Any, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Further lines in the menu of a row: label, icon, url, and for a button `post` with its `ask` and `text`."""
        return ()

    def stays(self, pk: Any) -> bool:
        """Whether the list knows already that this row has history, so that its menu does not offer to delete it."""
        return False

    def beside(self, pk: str) -> dict[str, Any]:
        """What the page of one row shows beside its facts."""
        return {}

    def render_template(self, template: str, **kwargs: Any) -> Any:
        """Draw a page; that of one row gets what stands beside it, its switch, and why it was kept."""
        if template == self.show_template and "pk" in kwargs:  # type: ignore[attr-defined]
            row = self._row(kwargs["pk"])  # type: ignore[attr-defined]
            kwargs |= {"record": row, "switch": self.switch_of(row), "kept": self.kept_of(row)}
            kwargs.update(self.beside(kwargs["pk"]))
        if template == self.list_template and self.exchange:  # type: ignore[attr-defined]
            kwargs["bulk"] = offered(self.exchange, type(self).__name__)
        return super().render_template(template, **kwargs)  # type: ignore[misc]

    # --- deleting -------------------------------------------------------------------------

    def why_kept(self, item: Any) -> Any:
        """The sentence that says why this row stays, or nothing when it may go."""
        return None

    def _delete(self, pk: Any) -> bool:
        """Delete the row unless it has history; its page then says why, and offers the switch."""
        return not self.why_kept(self._row(pk)) and super()._delete(pk)  # type: ignore[misc]
