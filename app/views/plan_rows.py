"""The rows of the plan page: steps, fines, fees, levies, taxes, lifeline schedules.

A row that is empty is no row.  A step or a fine says where it ends and begins where the row above
ends, so gaps and overlaps cannot be typed.  Every list has a blank row to copy, whose number is a
mark; fees, levies and taxes carry a code under which other rows and later plans know them.
"""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from wtforms import BooleanField, Field, FieldList, Form, FormField, HiddenField
from wtforms.validators import ValidationError

from app.domain.plan import ENERGY
from app.domain.states import ChargeMethod
from app.views import choices, figures
from app.views.fields import Text, Word
from app.views.numbers import Exact, PerCent, Price, Tenths

STEPS_MAX = 20
FINES_MAX = 5
NAMED_MAX = 12
SCHEDULES_MAX = 4
SPARE_ROWS = 2
# What stands for the number in the row that is copied; schedules hold lists of their own.
MARK, OUTER_MARK = "__n__", "__s__"
NEW_CODE = re.compile(r"new-[0-9]{1,3}")
CODE = re.compile(r"[a-z0-9_]{1,30}")


def typed_in(field: Any) -> bool:
    """Whether something was typed into the field, or stands in it."""
    raw = (getattr(field, "raw_data", None) or [None])[0]
    if raw is not None:
        return bool(str(raw).strip())
    return field.data not in (None, "")


class PlanRow(Form):
    """A row; `asked` names the fields of which one at least must be filled to make it one."""

    asked: tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether nothing was typed in the row."""
        return not any(typed_in(self[name]) for name in self.asked)

    @property
    def said(self) -> str:
        """The row in words, for whoever compares two versions."""
        parts = [self[name] for name in self.asked if typed_in(self[name])]
        return figures.listed(f"{_text(part)}{figures.NBSP + str(part.unit) if getattr(part, 'unit', None) else ''}" for part in parts)

    def fault(self, name: str, sentence: Any) -> None:
        """Put one more sentence at a field of the row."""
        self[name].errors = [*self[name].errors, sentence]


class StepRow(PlanRow):
    """One price step."""

    asked = ("to", "price", "tax_rate")
    to = Tenths(_l("To, included"), required=False, least=0)
    price = Price(_l("Unit price"), required=False)
    tax_rate = PerCent(_l("Tax rate"), required=False)


class FineRow(PlanRow):
    """One fine."""

    asked = ("to", "fine")
    to = Tenths(_l("To, included"), required=False, least=0)
    fine = Price(_l("Fine"), required=False)


class FeeRow(PlanRow):
    """A further fee, or a channel fee that is taken before anything else."""

    asked = ("name", "amount")
    code = HiddenField(_l("Code"))
    name = Text(lazy_pgettext("thing", "Name"), most=60, required=False)
    amount = Price(_l("Amount"), required=False)
    method = Word(_l("Charge method"), choices.CHARGE_METHOD, default=ChargeMethod.MONTH)
    times = Exact(_l("Times"), required=False, most=1_000_000)
    capacity_unit = Word(_l("For each"), choices.CAPACITY, required=False, empty=_l("meter"))
    first = BooleanField(_l("channel fee, taken before anything else"))


class LevyRow(PlanRow):
    """Money per unit for a third party."""

    asked = ("name", "price")
    code = HiddenField(_l("Code"))
    name = Text(lazy_pgettext("thing", "Name"), most=60, required=False)
    price = Price(_l("Unit price"), required=False)


class Codes(Field):
    """The lines that a tax is taken of, as ticked boxes; which there are the form knows."""

    def _value(self) -> str:
        return ", ".join(self.data or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what has the shape of a code, each once."""
        self.data = tuple(dict.fromkeys(code for code in valuelist if CODE.fullmatch(code) or NEW_CODE.fullmatch(code)))

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """A form that was sent without one ticked box has none ticked."""
        self.process_errors = []
        self.process_data(tuple(data) if isinstance(data, tuple | list) else self.default)
        if formdata is not None and f"{self.name.rpartition('-')[0]}-name" in formdata:
            self.process_formdata(formdata.getlist(self.name))


class StepNumbers(Field):
    """Which steps a tax is for: "2, 3" or "2-4"; nothing means all of them."""

    unit = None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return ", ".join(str(number) for number in self.data or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read numbers and spans.  Raises ValueError with the sentence for the field."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        found: set[int] = set()
        for part in re.split(r"[,;\s]+", re.sub(r"\s*[-–]\s*", "-", text)):
            span = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", part)
            if span is None:
                raise ValueError(_("Numbers of steps, like 2, 3 or 2-4."))
            found.update(range(int(span[1]), int(span[2] or span[1]) + 1))
        if not found or 0 in found or max(found) > STEPS_MAX:
            raise ValueError(_("Numbers of steps, like 2, 3 or 2-4."))
        self.data = tuple(sorted(found))


class TaxRow(PlanRow):
    """A named tax of lines, or of the money handed over."""

    asked = ("name", "rate")
    code = HiddenField(_l("Code"))
    name = Text(lazy_pgettext("thing", "Name"), most=60, required=False)
    rate = PerCent(_l("Rate"), required=False)
    of_gross = Word(
        _l("Taken of"), {"gross": _l("the money received")}, required=False, empty=_l("the lines ticked")
    )
    bases = Codes(_l("Taxed parts"), default=(ENERGY,))
    only_steps = StepNumbers(_l("Only in steps"))

    def validate_bases(self, field: Any) -> None:
        """A tax is a share of something."""
        if not self.blank and not self.gross and not field.data:
            raise ValidationError(_("Tick at least one line that is taxed."))

    @property
    def gross(self) -> bool:
        """Whether it is a share of the money received."""
        return self.of_gross.data == "gross"


class PlanRows(FieldList):
    """Rows of one kind, at most `most`; empty ones do not count."""

    def __init__(self, kind: type[Form], label: Any, most: int, *, mark: str = MARK, **more: Any):
        self.kind, self.most, self.mark = kind, most, mark
        super().__init__(FormField(kind), label, max_entries=most + SPARE_ROWS, **more)

    @property
    def rows(self) -> list[Any]:
        """The rows that were filled in, in their order."""
        return [entry.form for entry in self if not entry.form.blank]

    @property
    def pattern(self) -> Any:
        """The blank row that a script copies."""
        place = {"name": f"{self.name}-{self.mark}", "id": f"{self.id}-{self.mark}"}
        entry = self.meta.bind_field(self._form, self.unbound_field, place | {"_meta": self.meta, "translations": self._translations})
        entry.short_name = self.mark
        entry.process(None)
        return entry.form

    @property
    def counted(self) -> list[Any]:
        """What tells one list of rows from another.  NB: a figure that was left empty is none."""
        return [tuple(_counted(field) for field in row if field.short_name != "code") for row in self.rows]

    @property
    def in_words(self) -> str:
        """The rows in one line: 100: 0.18 USD, 7.5 %; …: 0.27 USD, 7.5 %."""
        return figures.listed((row.said for row in self.rows), ";")

    def grow(self, spare: int = SPARE_ROWS) -> None:
        """Empty rows at the end, so that rows can be added without a script."""
        blank = 0
        for entry in reversed(self.entries):
            if not entry.form.blank:
                break
            blank += 1
        while blank < spare and len(self) < self.most:
            self.append_entry()
            blank += 1
        for entry in self:
            if hasattr(entry.form, "grow"):
                entry.form.grow()

    def act(self, act: str, at: int) -> None:
        """Add, remove or move a row, for a button that was pressed without a script."""
        if act == "add":
            self.grow(spare=SPARE_ROWS + 1)
        elif 0 <= at < len(self.entries):
            entry = self.entries.pop(at)
            if act == "up":
                self.entries.insert(max(at - 1, 0), entry)
            elif act == "down":
                self.entries.insert(at + 1, entry)
        self._compact_indices()  # names follow the places; what was typed stays in the rows


class ScheduleFeeRow(FeeRow):
    """A fee of a lifeline schedule; channel fees are the plan's."""

    first = None


class ScheduleRow(PlanRow):
    """A lifeline schedule: steps and fees that count while the month's total stays within `up_to`."""

    asked = ("up_to",)
    up_to = Tenths(_l("Up to a total of"), required=False, least=0)
    fixed_fee = Price(_l("Charge price"), required=False)
    fixed_method = Word(_l("Charge method"), choices.CHARGE_METHOD, default=ChargeMethod.MONTH)
    steps = PlanRows(StepRow, _l("Step price"), STEPS_MAX)
    fees = PlanRows(ScheduleFeeRow, _l("Further fees"), NAMED_MAX)

    @property
    def blank(self) -> bool:
        """Whether nothing was typed in it, nor in a row below."""
        return super().blank and not typed_in(self.fixed_fee) and not self.steps.rows and not self.fees.rows

    @property
    def said(self) -> str:
        """The limit, then the steps."""
        return _("%(column)s: %(what)s", column=f"≤ {_text(self.up_to)}", what=self.steps.in_words)

    def grow(self) -> None:
        """Empty rows in its lists."""
        self.steps.grow(1)
        self.fees.grow(1)


def _text(field: Any) -> str:
    return str(field._value())  # noqa: SLF001  (WTForms' name for what stands in a field)


def _counted(field: Any) -> Any:
    counted = getattr(field, "counted", field.data)
    return counted or 0


def check_ranges(rows: list[Any], value: str, needed: Any) -> bool:
    """Put at each row what is wrong with its end and its figure; say whether something is."""
    begin, wrong = 0, False
    for number, row in enumerate(rows, start=1):
        if row[value].data is None and not row[value].errors:
            row.fault(value, needed)
        if row.to.data is None and not row.to.errors and number < len(rows):
            row.fault("to", _("Only the last row may stay open. Say where this one ends."))
        if row.to.data is not None and row.to.data <= begin:
            row.fault(
                "to",
                _(
                    "Row %(row)d ends at %(end)s, not above its start of %(start)s.",
                    row=number, end=figures.units_short(row.to.data), start=figures.units_short(begin),
                ),
            )  # fmt: skip
        wrong = wrong or any(field.errors for field in row)
        begin = row.to.data if row.to.data is not None else begin
    return wrong


def starts(rows: list[Any]) -> list[int]:
    """Where each row begins: at zero, then where the row above ends."""
    return ([0] + [row.to.data or 0 for row in rows[:-1]]) if rows else []
