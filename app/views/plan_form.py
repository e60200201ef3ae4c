"""The plan page's form: the manual's plan (S6), and behind "More" what real utilities need.

The form is filled from a draft and gives one; whether the plan is sound the engine says, and its
words are put at the rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import BooleanField, HiddenField
from wtforms.validators import ValidationError

from app.access.versions import Versions
from app.domain.calendar import business_date, day_start_utc, next_month
from app.domain.states import ChargeMethod, Recovery, StepPeriod
from app.extensions import db
from app.models import Tariff, TariffPlan
from app.services import tariffs
from app.services.plan_drafts import PlanDraft, row_of
from app.services.plans import faults_of
from app.views import choices, figures, plan_codes, plan_faults
from app.views.fields import NEEDED, LocalMoment, Text, Word
from app.views.installation import time_zone
from app.views.numbers import Exact, PerCent, Price, Whole
from app.views.plan_rows import (
    FINES_MAX,
    NAMED_MAX,
    OUTER_MARK,
    SCHEDULES_MAX,
    STEPS_MAX,
    FeeRow,
    FineRow,
    LevyRow,
    PlanRows,
    ScheduleRow,
    StepRow,
    TaxRow,
    check_ranges,
    typed_in,
)
from app.views.plan_words import base_names

LISTS = ("steps", "fines", "fees", "levies", "taxes", "schedules")
# What the sums do not depend on.
BESIDE_THE_PRICE = frozenset({"name", "effective_from", "row_version", "row_base", "row_typed", "csrf_token"})


class PlanForm(FlaskForm):
    """A whole plan.  `tariff` and `plan` are set by the page before it validates."""

    name = Text(_l("Plan name"), most=100)
    effective_from = LocalMoment(
        _l("Effective time"), time_zone, description=_l("The plan holds from then until the next plan begins.")
    )
    fixed_fee = Price(_l("Charge price"), default=Decimal(0))
    fixed_method = Word(_l("Charge method"), choices.CHARGE_METHOD, default=ChargeMethod.MONTH)
    steps = PlanRows(StepRow, _l("Step price"), STEPS_MAX)
    fines = PlanRows(FineRow, _l("Fine"), FINES_MAX)
    row_version = HiddenField()
    row_base, row_typed = HiddenField(), HiddenField()

    # --- behind "More"
    step_period = Word(_l("Steps are counted"), choices.STEP_PERIOD, default=StepPeriod.MONTH, description=_l("After that time the next purchase begins at the first step again."))
    step_scale_days = Whole(
        _l("Steps are stated for a month of"), required=False, least=1, most=366, unit=_l("days"),
        description=_l("They then grow and shrink with the days of the month. Empty: they stay as they are."),
    )  # fmt: skip
    lifeline_adds_up = BooleanField(
        _l("The first step of months without a purchase adds up"),
        description=_l("After two months without a purchase the first step is three times as long."),
    )
    fee_recovery = Word(_l("Fees of missed periods are"), choices.RECOVERY, default=Recovery.WHOLE, description=_l("Months or days without a purchase: how the next purchase pays for them."))
    fee_cap_share = PerCent(
        _l("Share of the purchase"), required=False,
        description=_l("So much of a purchase goes to fees at most; the rest is carried to the next one."),
    )  # fmt: skip
    fee_cap_unit = Price(
        _l("or money on each unit"), required=False,
        description=_l("So much is taken with every unit bought until the fees are paid."),
    )  # fmt: skip
    fees = PlanRows(FeeRow, _l("Further fees"), NAMED_MAX)
    levies = PlanRows(LevyRow, _l("Levies for each unit"), NAMED_MAX)
    taxes = PlanRows(TaxRow, _l("Named taxes"), NAMED_MAX)
    tax_inclusive = BooleanField(
        _l("Prices hold their taxes"), description=_l("Steps, levies, fees and fines are then stated with tax.")
    )
    fines_taxed = BooleanField(_l("Fines are taxed"), description=_l("By the taxes of the highest step reached."))
    schedules = PlanRows(ScheduleRow, _l("Lifeline schedules"), SCHEDULES_MAX, mark=OUTER_MARK)
    unit_rounding = Word(_l("Units are rounded"), choices.UNIT_ROUNDING, default="up", description=_l("What the money buys is seldom a whole multiple; a token carries tenths."))
    unit_quantum = Exact(_l("To whole multiples of"), least=Decimal("0.00000001"), most=1000, default=Decimal("0.1"))
    money_rounding = Word(
        _l("Sums are rounded"), choices.ROUNDING, required=False, empty=_l("as the settings say"),
        description=_l("What a purchase by quantity costs; then the coins of the settings."),
    )
    money_quantum = Price(_l("To whole multiples of"), required=False, least=Decimal("0.00000001"))
    debt_share = PerCent(
        _l("Share that pays debts"), required=False,
        description=_l("So much of each purchase goes to what the consumer owes. Empty: nothing."),
    )  # fmt: skip

    tariff: Tariff
    plan: TariffPlan | None = None
    checked = False  # whether `errors` says all that is wrong
    stale = False  # somebody else saved the plan meanwhile; `versions` then holds both
    versions: Versions | None = None

    def validate_effective_from(self, field: Any) -> None:
        """One plan for one instant, and none that would begin in the middle of what was sold."""
        if self.tariff.id is None:
            return
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
        """At least one step (or a schedule), each with a price, each ending above where it begins."""
        if not field.rows and not self.schedules.rows:
            raise ValidationError(_("A plan needs at least one price step."))
        _require_few(field, _("At most %(most)d steps.", most=STEPS_MAX))
        if check_ranges(field.rows, "price", NEEDED):
            raise ValidationError(plan_faults.MARKED)

    def validate_fines(self, field: Any) -> None:
        """At most five fines (manual S6); the sentence stands at the first row that is too many."""
        _require_few(field, _("At most %(most)d fines.", most=FINES_MAX))
        if check_ranges(field.rows, "fine", NEEDED):
            raise ValidationError(plan_faults.MARKED)

    def validate_fees(self, field: Any) -> None:
        """A fee has a name and an amount."""
        _require_both(field, "name", "amount")

    def validate_levies(self, field: Any) -> None:
        """A levy has a name and a price."""
        _require_both(field, "name", "price")

    def validate_taxes(self, field: Any) -> None:
        """A tax has a name and a rate."""
        _require_both(field, "name", "rate")

    def validate_schedules(self, field: Any) -> None:
        """Each schedule has a limit above the one before, and steps as a plan has."""
        before, wrong = 0, False
        for row in field.rows:
            if row.up_to.data is None and not row.up_to.errors:
                row.fault("up_to", NEEDED)
            elif row.up_to.data is not None and row.up_to.data <= before:
                row.fault("up_to", _("The limit must be above %(limit)s.", limit=figures.units_short(before)))
            if not row.steps.rows:
                row.steps.errors = [*row.steps.errors, _("A schedule needs at least one price step.")]
            before = row.up_to.data or before
            rows_wrong = check_ranges(row.steps.rows, "price", NEEDED)
            wrong = wrong or rows_wrong or bool(row.up_to.errors) or not row.steps.rows
        if wrong:
            raise ValidationError(plan_faults.MARKED)

    def validate(self, extra_validators: Any = None) -> bool:
        """NB: an optional field's own rule would not run when it is empty, so pairs are asked here."""
        super().validate(extra_validators)
        self.checked = True
        share, each = self.fee_cap_share, self.fee_cap_unit
        if self.fee_recovery.data is Recovery.CAPPED and not (share.errors or each.errors):
            if share.data is None and each.data is None:
                share.errors = [NEEDED]
            elif share.data is not None and each.data is not None:
                each.errors = [_("Either a share or money on each unit, not both.")]
        if self.money_rounding.data is not None and self.money_quantum.data is None and not self.money_quantum.errors:
            self.money_quantum.errors = [NEEDED]
        if self.priceable:
            plan_faults.mark(self, faults_of(self.row(), self.tariff.meter_type))
        return not self.errors

    # --- what it holds --------------------------------------------------------------------

    @property
    def priceable(self) -> bool:
        """Whether everything that the sums depend on was found in order."""
        return self.checked and not (self.errors.keys() - BESIDE_THE_PRICE)

    def draft(self) -> PlanDraft:
        """The plan that was typed, once the form is priceable."""
        return plan_codes.draft_of_form(self, self.name.data or "", self.effective_from.data or first_start())

    def row(self) -> TariffPlan:
        """The plan as it would be stored, in no session."""
        return row_of(self.draft(), self.tariff.id)

    @property
    def more_is_set(self) -> bool:
        """Whether anything behind "More" is set, or wrong."""
        rows = any(self[name].rows or self[name].errors for name in LISTS if name not in ("steps", "fines"))
        return rows or any(
            self[name].errors or (typed_in(self[name]) and self[name].data != standard) for name, standard in MORE.items()
        )

    def taxable(self, row: Any) -> list[tuple[str, str]]:
        """What this tax can be taken of: code and name of the lines, fees, levies and earlier taxes."""
        found = list(base_names().items())
        found += [(one.code.data, one.name.data) for kind in (self.fees, self.levies) for one in kind.rows if one.name.data]
        for entry in self.taxes:
            if entry.form is row:
                break
            if entry.form.name.data and not entry.form.gross:
                found.append((entry.form.code.data, entry.form.name.data))
        return found

    def grow(self) -> None:
        """Empty rows at the end of each list, and a code for every row that has none."""
        for name in LISTS:
            self[name].grow()
        plan_codes.give_codes(self)

    def act(self, words: str) -> None:
        """A button of a row that was pressed without a script: "schedules-0-steps:up:2"."""
        path, _colon, rest = words.partition(":")
        act, _colon, at = rest.partition(":")
        rows: Any = self
        for part in path.split("-"):
            if isinstance(rows, PlanRows):
                rows = rows.entries[int(part)].form if part.isdigit() and int(part) < len(rows.entries) else None
            else:
                rows = rows[part] if rows is not None and part in rows else None
        if isinstance(rows, PlanRows) and act in ("add", "up", "down", "drop"):
            rows.act(act, int(at) if at.isdigit() and len(at) < 4 else -1)


# What stands behind "More" while nobody has touched it.
MORE: dict[str, Any] = {
    "step_period": StepPeriod.MONTH, "step_scale_days": None, "lifeline_adds_up": False, "fee_recovery": Recovery.WHOLE,
    "fee_cap_share": None, "fee_cap_unit": None, "tax_inclusive": False, "fines_taxed": False, "unit_rounding": "up",
    "unit_quantum": Decimal("0.1"), "money_rounding": None, "money_quantum": None, "debt_share": None,
}  # fmt: skip


def _require_few(rows: PlanRows, sentence: str) -> None:
    if len(rows.rows) > rows.most:
        rows.rows[rows.most].fault("to", sentence)
        raise ValidationError(sentence)


def _require_both(rows: PlanRows, *names: str) -> None:
    wrong = False
    for row in rows.rows:
        for name in names:
            if row[name].data is None and not row[name].errors:
                row.fault(name, NEEDED)
        wrong = wrong or any(field.errors for field in row)
    if wrong:
        raise ValidationError(plan_faults.MARKED)


def next_start(now: datetime | None = None) -> datetime:
    """When a following plan begins unless something else is typed: the next month's first day."""
    zone_name = time_zone()
    today = business_date(now or datetime.now(UTC), zone_name)
    return day_start_utc(next_month(today), zone_name)


def first_start(now: datetime | None = None) -> datetime:
    """When a tariff's first plan begins unless something else is typed: this minute."""
    return (now or datetime.now(UTC)).replace(second=0, microsecond=0)
