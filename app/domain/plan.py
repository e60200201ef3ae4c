"""The price rules of a tariff plan, and what a meter's past means for the next purchase.

Everything is exact: quantities in tenths of the unit (kWh, m³, minute), money as Fractions
of the currency's major unit, rates and shares as Fractions (0.18 is 18 %).  A step or fine
states only where it starts; it reaches to the next one's start, and that shared end belongs
to the lower one.  Whether a plan is sound is `plan_check`'s to say.

>>> plan = Plan("demo", (Step(0, Fraction(3)), Step(1500, Fraction(4))), steps_end=20000)
>>> plan.steps[1].start
1500
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Final

from app.domain.money import Mode, Rounding
from app.domain.states import ChargeMethod, Recovery, StepPeriod

ENERGY: Final = "energy"
FIXED: Final = "fixed"
FINE: Final = "fine"
DEBT: Final = "debt"
ROUNDING: Final = "rounding"

TENTH_UP: Final = Rounding(Mode.UP, Fraction(1, 10))


@dataclass(frozen=True, slots=True)
class Step:
    """Units above `start` (tenths, counted over the step period) at `price` per unit.

    `taxes` names the taxes that apply to the energy of this step; None means all.
    """

    start: int | Fraction
    price: Fraction
    taxes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fine:
    """A single purchase of more than `start` tenths pays `amount` once."""

    start: int | Fraction
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Fee:
    """A fixed fee: `amount` times `times` (kVA, ampere) for every period of `method`.

    With `per_capacity` it is multiplied by the capacity of the meter as well, stated in
    `capacity_unit`; such a plan is priced only once `with_capacity` has put that in.
    """

    code: str
    name: str
    amount: Fraction
    method: ChargeMethod
    times: Fraction = Fraction(1)
    per_capacity: bool = False
    capacity_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Tax:
    """`rate` times the sum of the lines named in `bases`.

    A base is 'energy', 'fixed' (all fixed fees), 'fine', the code of a fee or levy, or the
    code of an earlier tax (tax on tax).  With `of_gross` it is a share of the money handed
    over instead (net = tender x (1 - rate)) and `bases` says nothing.
    """

    code: str
    name: str
    rate: Fraction
    bases: tuple[str, ...] = (ENERGY,)
    of_gross: bool = False


@dataclass(frozen=True, slots=True)
class Levy:
    """Money per unit for a third party, a line of its own."""

    code: str
    name: str
    price: Fraction


@dataclass(frozen=True, slots=True)
class Charge:
    """A flat channel or administration fee, taken before anything else."""

    code: str
    name: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Plan:
    """All rules that were in force at the moment of one sale."""

    name: str
    steps: tuple[Step, ...]
    steps_end: int | Fraction | None = None
    step_period: StepPeriod = StepPeriod.MONTH
    # The steps are stated for a month of so many days and scaled by the real days.
    step_scale_days: int | None = None
    fines: tuple[Fine, ...] = ()
    fines_end: int | Fraction | None = None
    fines_taxed: bool = False
    fees: tuple[Fee, ...] = ()
    fee_recovery: Recovery = Recovery.WHOLE
    # The cap of Recovery.CAPPED, one of the two: a share of the tender, or money on every unit.
    fee_cap_share: Fraction | None = None
    fee_cap_unit: Fraction | None = None
    taxes: tuple[Tax, ...] = ()
    levies: tuple[Levy, ...] = ()
    fees_first: tuple[Charge, ...] = ()
    # Lifeline schedules: the period's total, this purchase included, selects one of them;
    # beyond the last one the plan's own steps count, if it has any.
    by_total: tuple[Schedule, ...] = ()
    tax_inclusive: bool = False
    # Rule (b): how the units bought with an amount are rounded; None leaves them exact.
    unit_rounding: Rounding | None = TENTH_UP
    # Rule (a) before the settlement: the sum of a wished quantity, in major units.
    money_rounding: Rounding | None = None
    # First steps of whole months without units may be used later (`History.lifeline_months`).
    lifeline_adds_up: bool = False
    # The share of each purchase that goes to an old debt; None recovers none.
    debt_share: Fraction | None = None
    unit: str = "kWh"
    id: int | None = None

    @property
    def all_fees(self) -> tuple[Fee, ...]:
        """The plan's fees and those of its schedules, each code once: what history must tell of."""
        fees = {fee.code: fee for one in self.by_total for fee in one.plan.fees}
        return tuple({**fees, **{fee.code: fee for fee in self.fees}}.values())

    @property
    def capacity_fees(self) -> tuple[Fee, ...]:
        """The fees that go by the capacity of the meter."""
        return tuple(fee for fee in self.all_fees if fee.per_capacity)

    def with_capacity(self, capacity: Fraction) -> Plan:
        """The plan as it is for a meter of this capacity.

        >>> rent = Fee("rent", "", Fraction(600), ChargeMethod.MONTH, per_capacity=True)
        >>> Plan("x", (), fees=(rent,)).with_capacity(Fraction("2.2")).fees[0].times
        Fraction(11, 5)
        """
        fees = (
            replace(fee, times=fee.times * capacity, per_capacity=False) if fee.per_capacity else fee
            for fee in self.fees
        )
        below = (replace(one, plan=one.plan.with_capacity(capacity)) for one in self.by_total)
        return replace(self, fees=tuple(fees), by_total=tuple(below))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole plan that counts as long as the period's total is at most `up_to` tenths (None: any)."""

    up_to: int | Fraction | None
    plan: Plan


@dataclass(frozen=True, slots=True)
class FeeState:
    """What a meter owes of one fee: whole periods now due, and money carried from before."""

    periods_due: int = 1
    carried: Fraction = Fraction(0)
    paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class Debt:
    """An old debt (major units) and the share of each purchase that goes to it."""

    balance: Fraction
    share: Fraction


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a meter at the moment of purchase.

    `units_before` are the tenths its tokens carried in this step period (rule g).  A fee
    that is not named in `fees` is due for one period.
    """

    units_before: int | Fraction = 0
    fees: Mapping[str, FeeState] = field(default_factory=dict)
    days_in_month: int | None = None
    lifeline_months: int = 1
    debt: Debt | None = None
