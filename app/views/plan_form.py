"""The plan page's form (manual S6): fixed fee, price steps, fines, and from when they hold.

A row says where it ends; it begins where the row above ends, so gaps and overlaps cannot be
typed.  The last row may stay open.  Only the starts are stored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, FieldList, Form, FormField, HiddenField
from wtforms.validators import ValidationError

from app.access.versions import Versions
from app.domain.calendar import business_date, day_start_utc, next_month
from app.domain.states import ChargeMethod, Recovery, StepPeriod
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import tariffs
from app.services.tariffs import FineDraft, PlanDraft, StepDraft
from app.views import choices, figures
from app.views.fields import NEEDED, LocalMoment, Text, Word
from app.views.installation import time_zone
from app.views.numbers import PerCent, Price, Tenths

STEPS_MAX = 20
FINES_MAX = 5
SPARE_ROWS = 2



class StepRow(Form):
    """One price step; an empty row is no row."""

    to = Tenths(_l("To, included"), required=False, least=0)
    price = Price(_l("Unit price"), required=False)
    tax_rate = PerCent(_l("Tax rate"), required=False)

    @property
    def blank(self) -> bool:
        """Whether nothing was typed in the row."""
        return not any((field.raw_data or [""])[0].strip() for field in (self.to, self.price, self.tax_rate))


class FineRow(Form):
    """One fine; an empty row is no row."""

    to = Tenths(_l("To, included"), required=False, least=0)
    fine = Price(_l("Fine"), required=False)

    @property
    def blank(self) -> bool:
        """Whether nothing was typed in the row."""
        return not any((field.raw_data or [""])[0].strip() for field in (self.to, self.fine))


def _text(field: Any) -> str:
    return str(field._value())  # noqa: SLF001  (WTForms' name for what stands in a field)


class PlanRows(FieldList):
    """Steps or fines; empty rows do not count."""

    @property
    def counted(self) -> list[tuple[Any, ...]]:
        """What tells one list of rows from another."""
        rows = [tuple(field.data for field in entry.form) for entry in self]
        # NB: a tax rate that was left empty is none.
        return [(row[0], *(part or 0 for part in row[1:])) for row in rows if any(part is not None for part in row)]

    @property
    def in_words(self) -> str:
        """The rows in one line: 0 – 100: 0.18 USD, 7.5 %; 100 – …: 0.27 USD, 7.5 %."""
        said, start = [], "0"
        for entry in self:
            end, *parts = entry.form
            if any(field.data is not None for field in entry.form):
                shown = ", ".join(f"{_text(part) or 0}{figures.NBSP}{part.unit}" for part in parts)
                said.append(f"{start} – {_text(end) or '…'}: {shown}")
                start = _text(end)
        return "; ".join(said)


class PlanForm(FlaskForm):
    """A whole plan.  `tariff` and `plan` are set by the page before it validates."""

    name = Text(_l("Plan name"), most=100)
    effective_from = LocalMoment(
        _l("Effective time"), time_zone, description=_l("The plan holds from then until the next plan begins.")
    )
    fixed_fee = Price(_l("Charge price"), default=Decimal(0))
    fixed_method = Word(_l("Charge method"), choices.CHARGE_METHOD, default=ChargeMethod.MONTH)
    fee_recovery = Word(_l("Fees of missed periods are"), choices.RECOVERY, default=Recovery.WHOLE)
    fee_cap_share = PerCent(_l("Share of the purchase"), required=False, description=_l("For the fixed fee, at most."))
    step_period = Word(_l("Steps are counted"), choices.STEP_PERIOD, default=StepPeriod.MONTH)
    fines_taxed = BooleanField(_l("Fines are taxed"))
    steps = PlanRows(FormField(StepRow), _l("Step price"), max_entries=STEPS_MAX + SPARE_ROWS)
    fines = PlanRows(FormField(FineRow), _l("Fine"), max_entries=FINES_MAX + SPARE_ROWS)
    row_version = HiddenField()

    tariff: Tariff
    plan: TariffPlan | None = None
    stale = False  # somebody else saved the plan meanwhile; `versions` then holds both
    versions: Versions | None = None

    def validate_effective_from(self, field: Any) -> None:
        """One plan for one instant, and none that would begin in the middle of what was sold."""
        own = self.plan.id if self.plan else 0
        same = select(TariffPlan.id).where(
            TariffPlan.tariff_id == self.tariff.id,
            TariffPlan.parent_id.is_(None),
            TariffPlan.effective_from == field.data,
            TariffPlan.id != own,
        )
        if db.session.execute(same).first():
            raise ValidationError(_("Another plan of this tariff begins at this time."))
        sold = tariffs.newest_sale(db.session(), self.tariff.id)
        if sold is not None and field.data <= sold:
            raise ValidationError(_("It was sold on this tariff after that, on %(when)s.", when=figures.moment(sold)))

    def validate_steps(self, field: Any) -> None:
        """At least one step, each with a price, each ending above where it begins."""
        rows = [entry.form for entry in field if not entry.form.blank]
        if not rows:
            raise ValidationError(_("A plan needs at least one price step."))
        if len(rows) > STEPS_MAX:
            raise ValidationError(_("At most %(most)d steps.", most=STEPS_MAX))
        _check(rows, "price")

    def validate_fines(self, field: Any) -> None:
        """At most five fines (manual S6)."""
        rows = [entry.form for entry in field if not entry.form.blank]
        if len(rows) > FINES_MAX:
            raise ValidationError(_("At most %(most)d fines.", most=FINES_MAX))
        _check(rows, "fine")

    def validate(self, extra_validators: Any = None) -> bool:
        """NB: the share is optional, so a rule of its own would not run when it is empty."""
        fine = super().validate(extra_validators)
        if self.fee_recovery.data is Recovery.CAPPED and self.fee_cap_share.data is None:
            if not self.fee_cap_share.errors:
                self.fee_cap_share.errors = [NEEDED]
            return False
        return fine

    def draft(self) -> PlanDraft:
        """The plan that was typed, once the form is valid."""
        steps = [entry.form for entry in self.steps if not entry.form.blank]
        fines = [entry.form for entry in self.fines if not entry.form.blank]
        capped = self.fee_recovery.data is Recovery.CAPPED
        return PlanDraft(
            name=self.name.data,
            effective_from=self.effective_from.data,
            fixed_fee=self.fixed_fee.data,
            fixed_method=self.fixed_method.data,
            steps=tuple(
                StepDraft(start, row.price.data, row.tax_rate.data or Decimal(0))
                for start, row in zip(starts(steps), steps, strict=True)
            ),
            steps_end=steps[-1].to.data,
            fines=tuple(FineDraft(start, row.fine.data) for start, row in zip(starts(fines), fines, strict=True)),
            fines_end=fines[-1].to.data if fines else None,
            step_period=self.step_period.data,
            fee_recovery=self.fee_recovery.data,
            fee_cap_share=self.fee_cap_share.data if capped else None,
            fines_taxed=bool(self.fines_taxed.data),
        )

    def grow(self, spare: int = SPARE_ROWS) -> None:
        """Empty rows at the end, so that rows can be added without a script."""
        for rows, most in ((self.steps, STEPS_MAX), (self.fines, FINES_MAX)):
            blank = 0
            for entry in reversed(rows.entries):
                if not entry.form.blank or any(field.data is not None for field in entry.form):
                    break
                blank += 1
            while blank < spare and len(rows) < most:
                rows.append_entry()
                blank += 1


def starts(rows: list[Any]) -> list[int]:
    """Where each row begins: at zero, then where the row above ends."""
    return ([0] + [row.to.data or 0 for row in rows[:-1]]) if rows else []


def _check(rows: list[Any], value: str) -> None:
    """Put the sentence at the row that is wrong; the list itself is then refused as well."""
    begin, wrong = 0, False
    for number, row in enumerate(rows, start=1):
        last = number == len(rows)
        field = getattr(row, value)
        if field.data is None and not field.errors:
            field.errors = [*field.errors, NEEDED]
        if row.to.data is None and not row.to.errors and not last:
            row.to.errors = [*row.to.errors, _("Only the last row may stay open. Say where this one ends.")]
        if row.to.data is not None and row.to.data <= begin:
            row.to.errors = [
                *row.to.errors,
                _(
                    "Row %(row)d ends at %(end)s, not above its start of %(start)s.",
                    row=number, end=figures.units_short(row.to.data), start=figures.units_short(begin),
                ),
            ]  # fmt: skip
        wrong = wrong or any(field.errors for field in row)
        begin = row.to.data if row.to.data is not None else begin
    if wrong:
        raise ValidationError(_("Look at the rows that are marked."))


def filled_from(plan: TariffPlan, *, effective_from: datetime, name: str) -> dict[str, Any]:
    """The form's values for a plan: to change it, or to begin the next one with it."""
    ends = [step.start for step in plan.steps[1:]] + [plan.steps_end]
    fine_ends = ([fine.start for fine in plan.fines[1:]] + [plan.fines_end]) if plan.fines else []
    return {
        "name": name,
        "effective_from": effective_from,
        "fixed_fee": plan.fixed_fee,
        "fixed_method": plan.fixed_method,
        "fee_recovery": plan.fee_recovery,
        "fee_cap_share": plan.fee_cap_share,
        "step_period": plan.step_period,
        "fines_taxed": plan.fines_taxed,
        "steps": [
            {"to": end, "price": step.price, "tax_rate": step.tax_rate}
            for step, end in zip(plan.steps, ends, strict=True)
        ],
        "fines": [{"to": end, "fine": fine.fine} for fine, end in zip(plan.fines, fine_ends, strict=True)],
        "row_version": str(plan.version),
    }


def next_start(now: datetime | None = None) -> datetime:
    """When a following plan begins unless something else is typed: the next month's first day."""
    zone_name = time_zone()
    today = business_date(now or datetime.now(UTC), zone_name)
    return day_start_utc(next_month(today), zone_name)


def first_start(now: datetime | None = None) -> datetime:
    """When a tariff's first plan begins unless something else is typed: this minute."""
    return (now or datetime.now(UTC)).replace(second=0, microsecond=0)
