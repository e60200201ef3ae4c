"""What contradicts itself in a plan, as a sentence at the row where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FormField

from app.domain.plan_check import Fault
from app.views.fields import NEEDED

SENTENCES: Mapping[str, Any] = {
    "missing": _l("A plan needs at least one price step."),
    "first_not_zero": _l("The first row begins at 0."),
    "not_ascending": _l("The rows are not in order: this one does not end above the one before."),
    "negative_start": _l("A row cannot begin below 0."),
    "end_before_start": _l("The row ends before it begins."),
    "gap": _l("There is a gap before this row."),
    "overlap": _l("This row overlaps the one before."),
    "negative": _l("It cannot be less than 0."),
    "rate_over_100": _l("More than the whole: at most 100 %."),
    "free_without_end": _l("Without an end and without a price, money would buy any number of units. Say where it ends, or what it costs."),
    "days_not_positive": _l("At least one day."),
    "unknown_tax": _l("A tax of this step is not in the plan any more."),
    "too_many": _l("Too many rows."),
    "falls": _l("The fine is lower than in the row before; then a larger purchase would cost less."),
    "code_taken": _l("Another line of this plan has this name. Choose another."),
    "unknown_unit": _l("This unit is not known."),
    "gross_too_high": _l("The taxes of the money received take all of it."),
    "unknown_base": _l("One of its taxed parts is not in the plan any more. Tick what is taxed."),
    "own_base": _l("A tax cannot be taken of itself."),
    "circle": _l("It is taken of a tax that is taken of it. Move the rows, or tick fewer lines."),
    "open_before_last": _l("Only the last row may stay open. Say where this one ends."),
    "nested": _l("A schedule holds no schedules."),
    "cap_not_a_share": _l("More than 0 and at most 100 %."),
    "cap_not_positive": _l("More than 0."),
    "two_caps": _l("Either a share or money on each unit, not both."),
    "debt_not_a_share": _l("More than 0 and at most 100 %."),
    "lifeline_needs_month": _l("This needs steps that are counted per calendar month."),
    "money_rounding_incomplete": _l("Say which way, and to which multiples."),
    "unknown_rounding": _l("This rounding is not known."),
    "quantum_not_positive": _l("More than 0."),
}  # fmt: skip
MARKED = _l("Look at the rows that are marked.")
OTHER = _l("The plan contradicts itself here.")
# Sentences that say nothing of where they belong; what the reading of a box says is one too.
NAMELESS = (NEEDED, SENTENCES["negative"], SENTENCES["rate_over_100"])
# Which field of the page a fault of the whole plan belongs to, and which of a row.
OF_PLAN: Mapping[str, str] = {
    "negative": "fixed_fee", "cap_not_a_share": "fee_cap_share", "cap_not_positive": "fee_cap_unit",
    "two_caps": "fee_cap_unit", "debt_not_a_share": "debt_share", "lifeline_needs_month": "lifeline_adds_up",
    "money_rounding_incomplete": "money_quantum", "unknown_rounding": "unit_rounding",
    "quantum_not_positive": "unit_quantum", "days_not_positive": "step_scale_days",
}  # fmt: skip
LISTS: Mapping[str, str] = {
    "step": "steps", "fine": "fines", "fee": "fees", "first": "fees", "levy": "levies", "tax": "taxes",
    "schedule": "schedules",
}  # fmt: skip
OF_ROW: Mapping[tuple[str, str], str] = {
    ("step", "free_without_end"): "price", ("step", "negative"): "price", ("step", "rate_over_100"): "tax_rate",
    ("fine", "falls"): "fine", ("fine", "negative"): "fine", ("fee", "negative"): "amount",
    ("fee", "code_taken"): "name", ("fee", "unknown_unit"): "capacity_unit", ("levy", "negative"): "price",
    ("levy", "code_taken"): "name", ("tax", "code_taken"): "name", ("tax", "unknown_base"): "bases",
    ("tax", "own_base"): "bases", ("tax", "circle"): "bases",
}  # fmt: skip
FIRST: Mapping[str, str] = {"step": "to", "fine": "to", "fee": "amount", "levy": "price", "tax": "rate", "schedule": "up_to"}


def sentence(reason: str) -> str:
    """The words for a fault."""
    return str(SENTENCES.get(reason, OTHER))


def mark(form: Any, faults: Iterable[Fault]) -> None:
    """Put every fault at its row; one that repeats what the form said itself is said once."""
    for fault in faults:
        *lists, field = _path(form, fault)
        _say(field, sentence(fault.reason))
        for rows in lists:  # a list with a wrong row is wrong itself
            _say(rows, str(MARKED))


def _say(field: Any, words: str) -> None:
    if words not in [str(error) for error in field.errors]:
        field.errors = [*field.errors, words]


def _path(form: Any, fault: Fault) -> list[Any]:
    """The lists down to the field that the fault belongs to, the field last."""
    if fault.where == "plan" or fault.reason == "days_not_positive":
        return [form[OF_PLAN.get(fault.reason, "steps")]]
    name = LISTS.get(fault.where, "steps")
    place, path, at = form, [], fault.row
    # NB: fines, levies and taxes of a schedule are the plan's own and stand there.
    if fault.schedule is not None and name in ("steps", "fees") and fault.schedule < len(form.schedules.rows):
        place, path = form.schedules.rows[fault.schedule], [form.schedules]
        if name == "fees" and at is not None:  # the plan's channel fees come first there
            at -= sum(1 for row in form.fees.rows if row.first.data)
    rows = place[name]
    if at is None or not 0 <= at < len(rows.rows):
        return [*path, rows]
    where = "fee" if fault.where == "first" else fault.where
    return [*path, rows, rows.rows[at][OF_ROW.get((where, fault.reason), FIRST[where])]]


def in_row(field: Any) -> list[str]:
    """The sentences of a box in a row: they stand under the whole row, so each says which box it means."""
    nameless = {str(words) for words in (*field.process_errors, *NAMELESS)}
    return [
        _("%(field)s: %(sentence)s", field=field.label.text, sentence=words) if words in nameless else words
        for words in map(str, field.errors)
    ]


def at_fields(form: Any, *, skip: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Every sentence of a form by the name of the box it belongs to; `skip` are sentences left out."""
    found: dict[str, list[str]] = {}
    for field in form:
        _collect(field, found, skip)
    return found


def _collect(field: Any, found: dict[str, list[str]], skip: frozenset[str]) -> None:
    row = isinstance(field, FormField)
    for one in field.form if row else getattr(field, "entries", ()):
        _collect(one, found, skip)
        if row and one.name in found and not hasattr(one, "entries"):
            found[one.name] = [words for words, bare in zip(in_row(one), one.errors, strict=True) if str(bare) not in skip]
    own = [str(error) for error in field.errors if not isinstance(error, dict | list | tuple)]
    said = [words for words in own if words not in skip]
    if said and not row:
        found[field.name] = said
